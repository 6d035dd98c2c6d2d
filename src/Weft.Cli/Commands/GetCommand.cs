using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;
using Weft.Primitives;

namespace Weft.Cli.Commands;

/// <summary>Reads a node or one field, and says why there is nothing.</summary>
internal static class GetCommand
{
    private static readonly Argument<string> Soul = new("soul") { Description = "The node." };

    private static readonly Argument<string?> Field = new("field")
    {
        Description = "One field: prints just its value.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<string?> Wait = new("--wait")
    {
        Description = "How long peers may take when this node has nothing. Default 1s; 0 asks nobody.",
        HelpName = "DURATION",
    };

    private static readonly Option<string?> At = new("--at")
    {
        Description = "As it was in a version or at a time, where its history is kept: 3, 10m (ago), 2026-11-20T18:00Z.",
        HelpName = "WHEN",
    };

    private static readonly Option<bool> Deleted = new("--deleted") { Description = "Show deleted fields too." };

    public static Command Build()
    {
        var command = new WeftCommand("get", "Read a node or one field.")
        {
            Examples =
            [
                "weft get alice", "weft get alice name", "weft get alice --json | jq .fields",
                "weft get document-123 --at 2",
            ],
            Resources = ["GET /node", "GET /field", "GET /history/at"],
            Remarks = "Exit code 3 when nothing is there; the message says whether it is absent, deleted or unknown.",
        };
        command.Arguments.Add(Soul);
        command.Arguments.Add(Field);
        command.Options.Add(Wait);
        command.Options.Add(Deleted);
        command.Options.Add(At);
        command.Run(RunAsync);
        return command;
    }

    /// <summary>A duration as the API takes it, or null.</summary>
    internal static string? WaitText(CommandContext context, Option<string?> option)
    {
        string? text = context.Value(option);
        return text is null ? null
            : Units.TryDuration(text, out TimeSpan wait)
                ? ((long)wait.TotalMilliseconds).ToString(CultureInfo.InvariantCulture)
                : throw CliException.Usage($"\"{text}\" is not a duration; write for example 500ms, 5s or 2m");
    }

    private static async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        string soul = context.Value(Soul)!;
        string? field = context.Value(Field);
        WeftClient client = await context.ConnectAsync(cancellationToken);
        long start = context.Host.Time.GetTimestamp();
        using JsonDocument answer = await client.GetAsync(
            context.Value(At) is { } moment
                ? WeftClient.Path(
                    "history/at", ("soul", soul), ("name", field), ("at", HistoryCommand.Moment(context, moment)),
                    ("deleted", context.Value(Deleted) || field is not null ? "true" : null))
                : WeftClient.Path(
                    "node", ("soul", soul), ("wait", WaitText(context, Wait)),
                    ("from", field), ("to", field), ("limit", field is null ? "10000" : "1"),
                    ("deleted", context.Value(Deleted) || field is not null ? "true" : null)),
            cancellationToken);
        JsonElement node = answer.RootElement;
        return field is null
            ? PrintNode(context, soul, node, context.Host.Time.GetElapsedTime(start))
            : PrintField(context, soul, field, node, context.Host.Time.GetElapsedTime(start));
    }

    private static int PrintNode(CommandContext context, string soul, JsonElement node, TimeSpan elapsed)
    {
        JsonProperty[] fields = [.. node.Members("fields")];
        if (fields.Length == 0)
        {
            return Nothing(context, $"\"{soul}\"", node, elapsed);
        }

        DateTimeOffset now = context.Host.Time.GetUtcNow();
        if (context.Output.IsJson)
        {
            context.Output.Json(writer => WriteNode(writer, soul, fields, node));
            return ExitCode.Done;
        }

        if (context.Output.IsTerminal)
        {
            string head = $"{context.Output.Paint(PlainText.OneLine(soul), 1)}   {WrittenAnswer.Fields(fields.Length)}";
            context.Output.Line(head + (node.Flag("more") ? " and more" : ""));
        }

        var table = new TextTable("", "", "");
        foreach (JsonProperty property in fields)
        {
            double state = StateOf(node, property.Name);
            table.Add(context.Output.IsTerminal
                ? [property.Name, PlainText.Cut(ValueText.Shown(property.Value), 400), ValueText.Age(state, now)]
                : [property.Name, property.Value.GetRawText(), state.ToString("R", CultureInfo.InvariantCulture)]);
        }

        context.Output.Table(table);
        if (node.Flag("more"))
        {
            context.Output.Note($"only the first {fields.Length} fields; weft export --prefix shows all");
        }

        return ExitCode.Done;
    }

    private static int PrintField(
        CommandContext context, string soul, string field, JsonElement node, TimeSpan elapsed)
    {
        JsonProperty[] found = [.. node.Members("fields").Where(property => property.Name == field)];
        if (found.Length == 0 || found[0].Value.ValueKind == JsonValueKind.Null)
        {
            string? status = found.Length > 0 ? "deleted" : node.Text("status") is "found" ? "absent" : null;
            return Nothing(context, $"\"{soul}\" field \"{field}\"", node, elapsed, status);
        }

        if (context.Output.IsJson)
        {
            context.Output.Json(writer => WriteNode(writer, soul, found, node));
        }
        else
        {
            string raw = ValueText.Raw(found[0].Value);
            context.Output.Line(context.Output.IsTerminal ? PlainText.OneLine(raw) : raw);
        }

        return ExitCode.Done;
    }

    private static int Nothing(
        CommandContext context, string what, JsonElement node, TimeSpan elapsed, string? status = null)
    {
        long asked = node.Long("peersAsked");
        string peers = asked == 1 ? "1 peer" : $"{asked} peers";
        string reason = (status ?? node.Text("status")) switch
        {
            "deleted" => "was deleted",
            "unknown" => "is unknown: not here, and there is no peer to ask",
            "timeout" => $"is unknown: not here, and {peers} did not answer in time",
            _ when asked > 0 => $"is absent: not here, {peers} asked, none has it",
            _ => "is absent: not here, no peer was asked",
        };
        throw new CliException(WeftError.Absent, $"{what} {reason} ({Units.Duration(elapsed)})")
        {
            Try = ["weft ls", "weft peers"],
        };
    }

    private static void WriteNode(Utf8JsonWriter writer, string soul, JsonProperty[] fields, JsonElement node)
    {
        writer.WriteStartObject();
        writer.WriteString("soul", soul);
        writer.WriteStartObject("fields");
        foreach (JsonProperty property in fields)
        {
            writer.WriteStartObject(property.Name);
            writer.WritePropertyName("value");
            property.Value.WriteRaw(writer);
            writer.WriteNumber("state", StateOf(node, property.Name));
            writer.WriteEndObject();
        }

        writer.WriteEndObject();
        writer.WriteString("source", node.Text("source"));
        writer.WriteBoolean("more", node.Flag("more"));
        writer.WriteEndObject();
    }

    private static double StateOf(JsonElement node, string field) =>
        node.Member("states") is { } states ? states.Number(field) : 0;
}
