using System.CommandLine;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;

namespace Weft.Cli.Commands;

/// <summary>Writes the graph, or a part of it, as JSON lines.</summary>
internal static class ExportCommand
{
    private const int BufferBytes = 256 * 1024;
    private const int TailBytesMax = 32 << 20;

    private static readonly Argument<string?> Target = new("file")
    {
        Description = "Where to; - or nothing for stdout.",
        HelpName = "FILE",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<string?> Prefix = new("--prefix")
    {
        Description = "Only nodes whose soul starts so.",
        HelpName = "PREFIX",
    };

    private static readonly Option<bool> Resume = new("--resume")
    {
        Description = "Go on at the end of an unfinished file.",
    };

    private static readonly Option<bool> Force = new("--force") { Description = "Write over an existing file." };

    public static Command Build()
    {
        var command = new WeftCommand(
            "export", "Write the graph as JSON lines, with states; import gives the same graph.")
        {
            Examples =
            [
                "weft export all.jsonl", "weft export --prefix users/ | gzip > users.jsonl.gz",
                "weft export all.jsonl --resume",
            ],
            Resources = ["GET /nodes"],
        };
        command.Arguments.Add(Target);
        command.Options.Add(Prefix);
        command.Options.Add(Resume);
        command.Options.Add(Force);
        command.Run(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        string? path = context.Value(Target) is "-" ? null : context.Value(Target);
        bool isResumed = context.Value(Resume);
        if (path is null)
        {
            return isResumed
                ? throw CliException.Usage("stdout cannot be resumed; name a file")
                : await CopyAsync(context, context.Output.Bytes, default, cancellationToken);
        }

        if (File.Exists(path) && !isResumed && !context.Value(Force))
        {
            throw new CliException(Primitives.WeftError.TargetNotEmpty, $"{path} exists already; nothing was written")
            {
                Try = ["weft export OTHER", "repeat with --force, or with --resume to go on"],
            };
        }

        await using var file = new FileStream(
            path, isResumed ? FileMode.OpenOrCreate : FileMode.Create, FileAccess.ReadWrite, FileShare.Read,
            BufferBytes, FileOptions.Asynchronous);
        (string? Soul, bool IsWhole) last = isResumed ? await FindLastAsync(file, cancellationToken) : default;
        int exit = await CopyAsync(context, file, last, cancellationToken);
        file.Flush(flushToDisk: true);
        return exit;
    }

    private static async Task<int> CopyAsync(
        CommandContext context, Stream target, (string? Soul, bool IsWhole) last, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        long began = context.Host.Time.GetTimestamp();
        using HttpResponseMessage answer = await client.OpenAsync(
            HttpMethod.Get,
            WeftClient.Path(
                "nodes", ("prefix", context.Value(Prefix)), ("after", last.IsWhole ? last.Soul : null),
                ("from", last.IsWhole ? null : last.Soul)),
            null, "application/x-ndjson", cancellationToken);
        await using Stream body = await answer.Content.ReadAsStreamAsync(cancellationToken);
        using var progress = new ProgressLine(context.Host, context.Output);
        byte[] buffer = new byte[BufferBytes];
        long lines = 0;
        long bytes = 0;
        byte final = (byte)'\n';
        int read;
        while ((read = await body.ReadAsync(buffer, cancellationToken)) > 0)
        {
            await target.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
            lines += buffer.AsSpan(0, read).Count((byte)'\n');
            bytes += read;
            final = buffer[read - 1];
            progress.Report("export", null, $"{Units.Count(lines)} nodes  {Units.Size(bytes)}");
        }

        await target.FlushAsync(cancellationToken);
        progress.Dispose();
        if (final != (byte)'\n')
        {
            throw new CliException(Primitives.WeftError.NodeUnreachable, "the export broke off inside a line")
            {
                Try = ["repeat with --resume"],
            };
        }

        TimeSpan elapsed = context.Host.Time.GetElapsedTime(began);
        context.Output.Note($"{Units.Count(lines)} nodes, {Units.Size(bytes)}, {Units.Duration(elapsed)}");
        return ExitCode.Done;
    }

    /// <summary>Cuts a half line off the end, and tells which node the last whole line holds.</summary>
    private static async Task<(string? Soul, bool IsWhole)> FindLastAsync(
        FileStream file, CancellationToken cancellationToken)
    {
        int length = (int)Math.Min(file.Length, TailBytesMax);
        byte[] tail = new byte[length];
        file.Seek(-length, SeekOrigin.End);
        await file.ReadExactlyAsync(tail, cancellationToken);
        int end = tail.AsSpan().LastIndexOf((byte)'\n');
        if (end < 0)
        {
            if (file.Length > length)
            {
                throw CliException.Usage("the end of the file is not JSON lines; it was left alone");
            }

            file.SetLength(0);
            return (null, true);
        }

        int start = tail.AsSpan(0, end).LastIndexOf((byte)'\n') + 1;
        try
        {
            using JsonDocument line = JsonDocument.Parse(tail.AsMemory(start, end - start));
            file.SetLength(file.Length - length + end + 1);
            file.Seek(0, SeekOrigin.End);
            return (line.RootElement.Text("soul"), !line.RootElement.Flag("more"));
        }
        catch (JsonException)
        {
            throw CliException.Usage("the last line of the file is not JSON; it was left alone");
        }
    }
}
