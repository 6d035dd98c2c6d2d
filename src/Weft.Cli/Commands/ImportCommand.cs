using System.CommandLine;
using System.Globalization;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Import;
using Weft.Cli.Output;

namespace Weft.Cli.Commands;

/// <summary>Brings in JSON lines: streaming, several requests at once, resumable.</summary>
internal static class ImportCommand
{
    private static readonly Argument<string> Source = new("file")
    {
        Description = "A file of JSON lines, one node per line; - for stdin.",
        HelpName = "FILE",
    };

    private static readonly Option<bool> Resume = new("--resume")
    {
        Description = "Go on where the last import of this file stopped.",
    };

    private static readonly Option<bool> SkipBad = new("--skip-bad")
    {
        Description = "Leave out lines that are refused, report them, and exit with 1 at the end.",
    };

    private static readonly Option<bool> Sign = new("--sign")
    {
        Description = "Sign lines that carry no proof with the node's key, 16 at a time; slower.",
    };

    private static readonly Option<int> InFlight = new("--in-flight")
    {
        Description = "Requests at once: 1 to 64. Default: 4.",
        HelpName = "N",
        DefaultValueFactory = _ => 4,
    };

    private static readonly Option<string> BatchSize = new("--batch")
    {
        Description = "Bytes of one request: 4KiB to 16MiB. Default: 1MiB.",
        HelpName = "SIZE",
        DefaultValueFactory = _ => "1MiB",
    };

    private static readonly Option<string?> Ack = new("--ack")
    {
        Description = "How firmly a batch is held before it counts: memory, buffered or disk.",
        HelpName = "LEVEL",
    };

    public static Command Build()
    {
        var command = new WeftCommand("import", "Bring in JSON lines, with progress, resumable.")
        {
            Examples =
            [
                "weft import packages.jsonl", "zcat big.jsonl.gz | weft import -", "weft import big.jsonl --resume",
            ],
            Resources = ["POST /nodes:batch"],
            Remarks = "A line is {\"soul\":\"…\",\"fields\":{name:value},\"states\":{name:number}}; a link is "
                + "{\"#\":\"soul\"}; states may be left out. Where a field comes twice without states, use "
                + "--in-flight 1: the later line wins.",
        };
        Ack.AcceptOnlyFromAmong("memory", "buffered", "disk");
        command.Arguments.Add(Source);
        foreach (Option option in (Option[])[Resume, SkipBad, Sign, InFlight, BatchSize, Ack])
        {
            command.Options.Add(option);
        }

        command.Run(RunAsync);
        return command;
    }

    /// <summary>Imports from a stream that cannot be resumed.</summary>
    internal static Task<int> RunStreamAsync(
        CommandContext context, Stream source, CancellationToken cancellationToken) =>
        RunAsync(context, source, length: null, checkpoint: null, start: default, cancellationToken);

    private static async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        string path = context.Value(Source)!;
        if (path == "-")
        {
            return context.Value(Resume)
                ? throw CliException.Usage("stdin cannot be resumed")
                : await RunStreamAsync(context, context.Host.InBytes, cancellationToken);
        }

        if (!File.Exists(path))
        {
            throw CliException.Usage($"there is no file {path}");
        }

        await using var file = new FileStream(
            path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0,
            FileOptions.Asynchronous | FileOptions.SequentialScan);
        var checkpoint = new Checkpoint(Checkpoint.PathOf(path), file.Length);
        (long Bytes, long Lines) start = context.Value(Resume) ? checkpoint.Read() : default;
        file.Seek(start.Bytes, SeekOrigin.Begin);
        return await RunAsync(context, file, file.Length, checkpoint, start, cancellationToken);
    }

    private static async Task<int> RunAsync(
        CommandContext context,
        Stream source,
        long? length,
        Checkpoint? checkpoint,
        (long Bytes, long Lines) start,
        CancellationToken cancellationToken)
    {
        int inFlight = context.Parse.GetResult(InFlight) is null ? 4 : context.Value(InFlight);
        string batchText = (context.Parse.GetResult(BatchSize) is null ? null : context.Value(BatchSize)) ?? "1MiB";
        if (!Units.TrySize(batchText, out long batchBytes) || batchBytes is < 4_096 or > 16 << 20)
        {
            throw CliException.Usage($"\"{batchText}\" is not a size of 4KiB to 16MiB");
        }

        if (inFlight is < 1 or > 64)
        {
            throw CliException.Usage("--in-flight takes 1 to 64");
        }

        WeftClient client = await context.ConnectAsync(cancellationToken);
        var run = new ImportRun(context, client, inFlight, context.Value(SkipBad), context.Value(Sign), context.Value(Ack));
        using var progress = new ProgressLine(context.Host, context.Output);
        long began = context.Host.Time.GetTimestamp();
        long saved = began;
        try
        {
            var batcher = new LineBatcher(source, (int)batchBytes, start.Lines + 1, start.Bytes);
            await run.RunAsync(batcher, start, OnProgress, cancellationToken);
        }
        catch (Exception error)
        {
            bool isSaved = run.BytesDone > 0 && checkpoint?.TryWrite(run.BytesDone, run.LinesDone) == true;
            progress.Dispose();
            context.Output.Note($"stored so far: the first {Units.Count(run.LinesDone)} lines"
                + (isSaved ? "; go on with --resume" : ""));
            return ErrorPrinter.Print(context.Output, error, context.IsVerbose);
        }

        checkpoint?.Delete();
        progress.Dispose();
        return Report(context, run.Totals, context.Host.Time.GetElapsedTime(began));

        void OnProgress()
        {
            TimeSpan elapsed = context.Host.Time.GetElapsedTime(began);
            double rate = run.Totals.Fields / Math.Max(0.001, elapsed.TotalSeconds);
            progress.Report(
                "import", length > 0 ? run.BytesDone / (double)length : null,
                $"{Units.Count(run.Totals.Fields)} fields  {Units.Count(rate)}/s");
            if (checkpoint is not null && context.Host.Time.GetElapsedTime(saved).TotalSeconds > 1)
            {
                saved = context.Host.Time.GetTimestamp();
                checkpoint.TryWrite(run.BytesDone, run.LinesDone);
            }
        }
    }

    private static int Report(CommandContext context, ImportTotals totals, TimeSpan elapsed)
    {
        double rate = totals.Fields / Math.Max(0.001, elapsed.TotalSeconds);
        foreach ((_, string text) in totals.Errors)
        {
            context.Output.ErrorLine(PlainText.OneLine(text));
        }

        if (context.Output.IsJson)
        {
            context.Output.Json(writer =>
            {
                writer.WriteStartObject();
                writer.WriteNumber("nodes", totals.Nodes);
                writer.WriteNumber("fields", totals.Fields);
                writer.WriteNumber("applied", totals.Applied);
                writer.WriteNumber("kept", totals.Kept);
                writer.WriteNumber("deferred", totals.Deferred);
                writer.WriteNumber("refused", totals.Refused);
                writer.WriteString("durable", totals.Durable);
                writer.WriteNumber("seconds", Math.Round(elapsed.TotalSeconds, 3));
                writer.WriteNumber("fieldsPerSecond", Math.Round(rate));
                writer.WriteEndObject();
            });
        }
        else if (context.Output.IsTerminal)
        {
            context.Output.Line(
                $"{Units.Count(totals.Nodes)} nodes, {Units.Count(totals.Fields)} fields  "
                + $"on {totals.Durable ?? "disk"}  {Units.Duration(elapsed)}  {Units.Count(rate)} fields/s"
                + (totals.Kept > 0 ? $"  {Units.Count(totals.Kept)} kept" : "")
                + (totals.Refused > 0 ? $"  {Units.Count(totals.Refused)} refused" : ""));
        }
        else
        {
            context.Output.Cells(
                totals.Nodes.ToString(CultureInfo.InvariantCulture),
                totals.Fields.ToString(CultureInfo.InvariantCulture), totals.Durable ?? "",
                elapsed.TotalSeconds.ToString("0.000", CultureInfo.InvariantCulture));
        }

        return totals.Refused > 0 ? ExitCode.Failed : ExitCode.Done;
    }
}
