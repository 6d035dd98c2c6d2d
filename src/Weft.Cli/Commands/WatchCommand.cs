using System.CommandLine;
using System.Globalization;
using System.Net.ServerSentEvents;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;
using Weft.Primitives;

namespace Weft.Cli.Commands;

/// <summary>Prints the snapshot, then each change, until interrupted.</summary>
internal static class WatchCommand
{
    private static readonly Argument<string> Target = new("soul")
    {
        Description = "A node; one that ends with / or * means all souls that start so.",
        HelpName = "SOUL|PREFIX",
    };

    private static readonly Option<string?> Field = new("--field")
    {
        Description = "One field only.",
        HelpName = "NAME",
    };

    private static readonly Option<string?> After = new("--after")
    {
        Description = "Resume behind this cursor (the \"cursor\" of --json) instead of a snapshot.",
        HelpName = "CURSOR",
    };

    private static readonly Option<int> Count = new("--count", "-n")
    {
        Description = "Stop after so many changes (the snapshot does not count); 0 for never.",
        HelpName = "N",
    };

    private static readonly Option<bool> Prefix = new("--prefix") { Description = "Take the word as a prefix." };

    public static Command Build()
    {
        var command = new WeftCommand("watch", "Print the snapshot, then each change.")
        {
            Examples = ["weft watch room/lobby", "weft watch room/ --json", "weft watch room/lobby --field topic -n 1"],
            Resources = ["GET /watch"],
            Remarks = "Goes on by itself after the node restarts, and misses nothing. Ctrl+C ends it with exit code 0.",
        };
        command.Arguments.Add(Target);
        command.Options.Add(Field);
        command.Options.Add(After);
        command.Options.Add(Count);
        command.Options.Add(Prefix);
        command.Run(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        var view = new WatchView(context, IsPrefix(context), context.Value(Count));
        string? cursor = context.Value(After);
        long start = context.Host.Time.GetTimestamp();
        int failures = 0;
        while (!cancellationToken.IsCancellationRequested && !view.IsDone)
        {
            try
            {
                cursor = await FollowAsync(context, client, view, cursor, cancellationToken);
                failures = 0;
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                break;
            }
            catch (CliException error)
                when (error.Error is WeftError.NodeUnreachable or WeftError.NodeUnavailable
                    && view.HasStarted && failures < 60)
            {
                failures++;
            }

            if (view.IsDone)
            {
                break;
            }

            view.Cursor = cursor = view.Cursor ?? cursor;
            context.Output.Note("the stream ended; connecting again");
            await PauseAsync(context, failures, cancellationToken);
        }

        TimeSpan span = context.Host.Time.GetElapsedTime(start);
        context.Output.Note($"{view.Changes} changes in {Units.Duration(span)}, {view.Gaps} gaps");
        return ExitCode.Done;
    }

    private static async Task PauseAsync(CommandContext context, int failures, CancellationToken cancellationToken)
    {
        try
        {
            await Task.Delay(TimeSpan.FromSeconds(Math.Min(5, 1 + failures)), context.Host.Time, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            // The loop sees it.
        }
    }

    private static async Task<string?> FollowAsync(
        CommandContext context, WeftClient client, WatchView view, string? cursor, CancellationToken cancellationToken)
    {
        string target = context.Value(Target)!.TrimEnd('*');
        bool isPrefix = IsPrefix(context);
        using HttpResponseMessage answer = await client.OpenAsync(
            HttpMethod.Get,
            WeftClient.Path(
                "watch", (isPrefix ? "prefix" : "soul", target), ("name", context.Value(Field)), ("after", cursor)),
            null, "text/event-stream", cancellationToken);
        await using Stream body = await answer.Content.ReadAsStreamAsync(cancellationToken);
        SseParser<string> parser = SseParser.Create(body);
        try
        {
            await foreach (SseItem<string> item in parser.EnumerateAsync(cancellationToken))
            {
                view.Show(item);
                if (view.IsDone)
                {
                    break;
                }
            }
        }
        catch (IOException)
        {
            // The node went away without a word; the caller connects again behind the last cursor.
        }

        return view.Cursor;
    }

    private static bool IsPrefix(CommandContext context) =>
        context.Value(Prefix) || context.Value(Target)! is [.., '/' or '*'];

    /// <summary>Prints events and remembers what the mock-up of a change needs: the value before.</summary>
    private sealed class WatchView(CommandContext context, bool isPrefix, int countMax)
    {
        private const int RememberedMax = 10_000;

        private readonly Dictionary<(string Soul, string Field), string> _known = [];
        private long _snapshot;
        private bool _wasSynced;

        public long Changes { get; private set; }

        public long Gaps { get; private set; }

        public string? Cursor { get; set; }

        public bool HasStarted { get; private set; }

        public bool IsDone => countMax > 0 && Changes >= countMax;

        public void Show(SseItem<string> item)
        {
            HasStarted = true;
            Cursor = item.EventId is { Length: > 0 } id ? id : Cursor;
            using JsonDocument document = JsonDocument.Parse(item.Data);
            JsonElement data = document.RootElement;
            if (context.Output.IsJson)
            {
                WriteJson(item, data);
            }

            switch (item.EventType)
            {
                case "snapshot":
                    _snapshot++;
                    Print(data, isSnapshot: true);
                    break;
                case "change":
                    Changes++;
                    Print(data, isSnapshot: false);
                    break;
                case "gap":
                    Gaps++;
                    context.Output.Note("! gap: intermediate changes were dropped because this reader was slow; "
                        + "the last value of each field follows");
                    break;
                case "synced" when !_wasSynced:
                    _wasSynced = true;
                    context.Output.Note($"snapshot complete: {WrittenAnswer.Fields(_snapshot)}; watching");
                    break;
                case "bye":
                    context.Output.Note("the node says goodbye: " + data.Text("reason"));
                    break;
            }
        }

        private void WriteJson(SseItem<string> item, JsonElement data) => context.Output.Json(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("event", item.EventType);
            if (item.EventId is { Length: > 0 } cursor)
            {
                writer.WriteString("cursor", cursor);
            }

            foreach (JsonProperty property in data.EnumerateObject())
            {
                property.WriteRaw(writer);
            }

            writer.WriteEndObject();
        });

        private void Print(JsonElement data, bool isSnapshot)
        {
            if (context.Output.IsJson)
            {
                return;
            }

            string soul = data.Text("soul") ?? "";
            string field = data.Text("field") ?? "";
            JsonElement value = data.TryGetProperty("value", out JsonElement found) ? found : default;
            string shown = context.Output.IsTerminal
                ? PlainText.Cut(ValueText.Shown(value), 200)
                : value.GetRawText();
            bool hadBefore = _known.TryGetValue((soul, field), out string? before);
            if (_known.Count < RememberedMax || hadBefore)
            {
                _known[(soul, field)] = shown;
            }

            string mark = value.ValueKind == JsonValueKind.Null ? "-" : isSnapshot ? " " : hadBefore ? "~" : "+";
            if (!context.Output.IsTerminal)
            {
                context.Output.Cells(
                    isSnapshot ? "snapshot" : "change", soul, field, shown,
                    data.Number("state").ToString("R", CultureInfo.InvariantCulture));
                return;
            }

            string time = WallClock.FromState(data.Number("state")) is { } at
                ? TimeZoneInfo.ConvertTime(at, context.Host.Time.LocalTimeZone)
                    .ToString("HH:mm:ss", CultureInfo.InvariantCulture)
                : "";
            string change = hadBefore && !isSnapshot && before != shown && before!.Length + shown.Length < 100
                ? $"{before} → {shown}"
                : shown;
            string name = isPrefix ? soul + "  " + field : field;
            string origin = data.Long("origin") == 0 ? "here" : "peer " + data.Long("origin");
            context.Output.Line(PlainText.OneLine($"  {mark} {name,-20}  {change,-24}  {time}  {origin}"));
        }
    }
}
