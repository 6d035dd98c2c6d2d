using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;
using Weft.Primitives;

namespace Weft.Cli.Commands;

/// <summary>The versions of a node that are kept: listed, compared, followed.</summary>
internal static class HistoryCommand
{
    private const int PageMax = 1_000;

    private static readonly Argument<string> Soul = new("soul") { Description = "The node." };

    private static readonly Argument<string?> Field = new("field")
    {
        Description = "Only versions that changed this field.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<int> Limit = new("--limit")
    {
        Description = "How many versions, the newest first; 0 for all.",
        HelpName = "N",
        DefaultValueFactory = _ => 100,
    };

    private static readonly Option<string?> Diff = new("--diff")
    {
        Description = "What differs between two versions or times; without the second, to now.",
        HelpName = "A..B",
    };

    private static readonly Option<bool> Follow = new("--follow")
    {
        Description = "Print each version as it comes, after those that are here.",
    };

    private static readonly Option<long> After = new("--after")
    {
        Description = "With --follow: begin after this version.",
        HelpName = "VERSION",
    };

    private static readonly Option<bool> Proof = new("--proof")
    {
        Description = "Check here, by its signed log, that every version shown stands there and none is left out.",
    };

    public static Command Build()
    {
        var command = new WeftCommand("history", "Versions kept of a node, with author and time.")
        {
            Examples =
            [
                "weft history document-123", "weft history document-123 status", "weft history document-123 --diff 1..3",
                "weft history document-123 --diff 10m", "weft history document-123 --proof",
                "weft history document-123 --follow --after 3 --json",
            ],
            Resources = ["GET /history", "GET /history/diff", "GET /history/follow"],
            Remarks = "A prefix keeps versions once weft retain, or its signed policy, says so.",
        };
        command.Arguments.Add(Soul);
        command.Arguments.Add(Field);
        command.Options.Add(Limit);
        command.Options.Add(Diff);
        command.Options.Add(Follow);
        command.Options.Add(After);
        command.Options.Add(Proof);
        command.Run((context, cancellationToken) =>
            context.Value(Diff) is { } range ? DiffAsync(context, range, cancellationToken)
            : context.Value(Follow) ? FollowAsync(context, cancellationToken)
            : context.Value(Proof) ? HistoryProofs.RunAsync(
                context, context.Value(Soul)!, context.Value(Limit), cancellationToken)
            : ListAsync(context, cancellationToken));
        return command;
    }

    /// <summary>A version or a moment as the API takes it: "3", "10m" (so long ago), or a time.</summary>
    internal static string Moment(CommandContext context, string text)
    {
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out _))
        {
            return text;
        }

        string ago = text.EndsWith(" ago", StringComparison.Ordinal) ? text[..^4] : text;
        if (char.IsAsciiLetter(ago[^1]) && ago[^1] != 'Z' && Units.TryDuration(ago, out TimeSpan back))
        {
            return Time(context.Host.Time.GetUtcNow() - back);
        }

        return DateTimeOffset.TryParse(
            text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeLocal, out DateTimeOffset at)
            ? Time(at)
            : throw CliException.Usage(
                $"\"{text}\" is no version and no time; write for example 3, 10m, 2026-11-20 or 2026-11-20T18:00:00Z");
    }

    private static string Time(DateTimeOffset at) =>
        at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    private static async Task<int> ListAsync(CommandContext context, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        int wanted = context.Value(Limit);
        int left = wanted == 0 ? int.MaxValue : wanted;
        long? before = null;
        bool isFirst = true;
        var table = new TextTable(">version", "time", "field", "value", "was", "author");
        while (left > 0)
        {
            using JsonDocument answer = await client.GetAsync(
                WeftClient.Path(
                    "history", ("soul", context.Value(Soul)), ("name", context.Value(Field)),
                    ("limit", Text(Math.Min(left, PageMax))), ("before", before is { } end ? Text(end) : null)),
                cancellationToken);
            JsonElement root = answer.RootElement;
            if (isFirst && root.Long("newest") == 0)
            {
                throw Nothing(context, root);
            }

            foreach (JsonElement version in root.Items("items"))
            {
                Print(context, version, table);
                left--;
            }

            isFirst = false;
            before = root.Member("next") is null ? null : root.Long("next");
            if (before is null)
            {
                PrintEnd(context, root, table);
                return ExitCode.Done;
            }
        }

        Draw(context, table);
        context.Output.Note($"only the newest {wanted}; --limit 0 shows all");
        return ExitCode.Done;
    }

    private static void PrintEnd(CommandContext context, JsonElement root, TextTable table)
    {
        Draw(context, table);
        context.Output.Note(
            $"kept: {root.Text("kept")}; begins with version {root.Long("first")}, history since {root.Text("began")}");
    }

    private static void Draw(CommandContext context, TextTable table)
    {
        if (!context.Output.IsJson)
        {
            context.Output.Table(table);
        }
    }

    private static void Print(CommandContext context, JsonElement version, TextTable table)
    {
        if (context.Output.IsJson)
        {
            context.Output.Json(version);
            return;
        }

        foreach (JsonElement change in version.Items("changes"))
        {
            table.Add(Row(context, version, change));
        }
    }

    private static string[] Row(CommandContext context, JsonElement version, JsonElement change) =>
    [
        version.Long("version").ToString(CultureInfo.InvariantCulture), version.Text("time") ?? "",
        change.Text("field") ?? "", LossTable.Value(change, context.Output),
        change.TryGetProperty("was", out JsonElement was)
            ? context.Output.IsTerminal ? PlainText.Cut(ValueText.Shown(was), 40) : was.GetRawText()
            : "",
        LossTable.Author(change),
    ];

    private static async Task<int> DiffAsync(
        CommandContext context, string range, CancellationToken cancellationToken)
    {
        int dots = range.IndexOf("..", StringComparison.Ordinal);
        string from = dots < 0 ? range : range[..dots];
        string? to = dots < 0 || dots + 2 == range.Length ? null : range[(dots + 2)..];
        if (from.Length == 0)
        {
            throw CliException.Usage("--diff takes A..B, versions or times; for example 1..3, 10m, 2026-11-20..2026-11-21");
        }

        WeftClient client = await context.ConnectAsync(cancellationToken);
        using JsonDocument answer = await client.GetAsync(
            WeftClient.Path(
                "history/diff", ("soul", context.Value(Soul)), ("from", Moment(context, from)),
                ("to", to is null ? null : Moment(context, to))),
            cancellationToken);
        JsonElement root = answer.RootElement;
        if (context.Output.IsJson)
        {
            context.Output.Json(root);
            return ExitCode.Done;
        }

        var table = new TextTable("field", $"version {root.Long("from")}", $"version {root.Long("to")}");
        foreach (JsonElement field in root.Items("items"))
        {
            if (context.Value(Field) is not { } only || field.Text("field") == only)
            {
                table.Add(field.Text("field") ?? "", Value(context, field, "before"), Value(context, field, "after"));
            }
        }

        context.Output.Table(table);
        if (table.Rows.Count == 0)
        {
            context.Output.Note($"versions {root.Long("from")} and {root.Long("to")} are the same");
        }

        return ExitCode.Done;
    }

    private static string Value(CommandContext context, JsonElement field, string name) =>
        !field.TryGetProperty(name, out JsonElement value) ? ""
        : context.Output.IsTerminal ? PlainText.Cut(ValueText.Shown(value), 60)
        : value.GetRawText();

    private static async Task<int> FollowAsync(CommandContext context, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        long after = context.Value(After);
        int failures = 0;
        try
        {
            while (true)
            {
                try
                {
                    using HttpResponseMessage answer = await client.OpenAsync(
                        HttpMethod.Get,
                        WeftClient.Path("history/follow", ("soul", context.Value(Soul)), ("after", Text(after))),
                        null, "application/x-ndjson", cancellationToken);
                    using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync(cancellationToken));
                    failures = 0;
                    while (await reader.ReadLineAsync(cancellationToken) is { } line)
                    {
                        using JsonDocument version = JsonDocument.Parse(line);
                        Tell(context, version.RootElement);
                        after = version.RootElement.Long("version");
                    }
                }
                catch (Exception broken) when (failures < 60 && broken is IOException or HttpRequestException)
                {
                    failures++;
                }

                await Task.Delay(TimeSpan.FromSeconds(Math.Min(5, 1 + failures)), context.Host.Time, cancellationToken);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return ExitCode.Done;
        }
    }

    private static void Tell(CommandContext context, JsonElement version)
    {
        if (context.Output.IsJson)
        {
            context.Output.Json(version);
            return;
        }

        foreach (JsonElement change in version.Items("changes"))
        {
            context.Output.Cells(Row(context, version, change));
        }
    }

    private static CliException Nothing(CommandContext context, JsonElement root)
    {
        string soul = context.Value(Soul)!;
        return root.Text("kept") is "none"
            ? new CliException(WeftError.Absent, $"no history of \"{soul}\" is kept here")
            {
                Try = [$"weft retain \"{soul}\" --last 10", "weft retain"],
            }
            : new CliException(
                WeftError.Absent, $"nothing was written to \"{soul}\" since its history is kept ({root.Text("kept")})");
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
