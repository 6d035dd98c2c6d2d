using System.CommandLine;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;
using Weft.Primitives;

namespace Weft.Cli.Commands;

/// <summary>Tells why a value won.</summary>
internal static class WhyCommand
{
    private static readonly Argument<string> Soul = new("soul") { Description = "The node." };
    private static readonly Argument<string> Field = new("field") { Description = "The field." };

    public static Command Build()
    {
        var command = new WeftCommand("why", "Why this value won; the losing writes.")
        {
            Examples = ["weft why alice name"],
            Resources = ["GET /why"],
        };
        command.Arguments.Add(Soul);
        command.Arguments.Add(Field);
        command.Run(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        string soul = context.Value(Soul)!;
        string field = context.Value(Field)!;
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using JsonDocument answer = await client.GetAsync(
            WeftClient.Path("why", ("soul", soul), ("name", field)), cancellationToken);
        JsonElement root = answer.RootElement;
        JsonElement[] losses = [.. root.Items("losses")];
        JsonElement? current = root.Member("current");
        if (current is null && losses.Length == 0)
        {
            throw new CliException(WeftError.Absent, $"\"{soul}\" has no field \"{field}\" here");
        }

        if (context.Output.IsJson)
        {
            context.Output.Json(root);
            return ExitCode.Done;
        }

        var table = new TextTable("", "value", "state", "written", "author", "from", "why");
        DateTimeOffset now = context.Host.Time.GetUtcNow();
        if (current is { } value)
        {
            table.Add(
                "won", LossTable.Value(value, context.Output), value.Text("state") ?? "",
                ValueText.Age(value.Number("state"), now), LossTable.Author(value), "", "");
        }

        foreach (JsonElement loss in losses)
        {
            table.Add(
                "lost", LossTable.Value(loss, context.Output), loss.Text("state") ?? "",
                ValueText.Age(loss.Number("state"), now), LossTable.Author(loss), loss.Text("from") ?? "",
                LossTable.Reason(loss));
        }

        context.Output.Table(table);
        if (losses.Length == 0)
        {
            context.Output.Note("no losing write is in the journal: nobody contested this value");
        }

        return ExitCode.Done;
    }
}

/// <summary>Cells of losing writes.</summary>
internal static class LossTable
{
    /// <summary>The value of a field or a loss.</summary>
    public static string Value(JsonElement item, CliOutput output) =>
        item.Flag("valueCut") ? "(long)"
        : !item.TryGetProperty("value", out JsonElement value) ? ""
        : output.IsTerminal ? PlainText.Cut(ValueText.Shown(value), 60)
        : value.GetRawText();

    /// <summary>Why a write lost.</summary>
    public static string Reason(JsonElement loss) =>
        $"{loss.Text("code")} {Reason(loss.Text("reason"))}{Kind(loss.Text("kind"))}".Trim();

    /// <summary>Who wrote it, with the author's own number: enough of the key to tell people apart.</summary>
    public static string Author(JsonElement item) => item.Text("author") is not { Length: > 0 } author ? ""
        : item.Number("authorSequence") > 0 ? $"{author[..Math.Min(12, author.Length)]} #{item.Text("authorSequence")}"
        : author[..Math.Min(12, author.Length)];

    private static string Kind(string? kind) => kind switch
    {
        "stale" => ", seen by the winner",
        "concurrent" => ", written at the same time",
        _ => "",
    };

    private static string Reason(string? reason) => reason switch
    {
        "smaller" => "same state, smaller text",
        "policy" => "kept by the policy",
        _ => "older state",
    };
}
