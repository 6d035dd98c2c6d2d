using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;
using Weft.Primitives;

namespace Weft.Cli.Commands;

/// <summary>What goes into signed logs and what comes out: append, read, follow, prove.</summary>
internal static class LogDataCommand
{
    private const int LinesPerCall = 1_000;
    private const int BytesPerCall = 1 << 20;

    private static readonly Argument<string[]> Texts = new("text")
    {
        Description = "Blocks, one each; nothing reads lines from stdin.",
        HelpName = "TEXT",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private static readonly Option<string?> FromFile = new("--file")
    {
        Description = "Append the whole file as one block.",
        HelpName = "FILE",
    };

    private static readonly Option<string?> Ack = new("--ack")
    {
        Description = "How firmly a block must be held before the answer: disk, buffered or memory.",
        HelpName = "LEVEL",
    };

    private static readonly Argument<long?> Index = new("index")
    {
        Description = "One block only, as its bytes are.",
        HelpName = "N",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Argument<long> Proven = new("index") { Description = "The block.", HelpName = "N" };

    private static readonly Option<long?> From = new("--from") { Description = "The first block.", HelpName = "N" };

    private static readonly Option<long?> To = new("--to")
    {
        Description = "The block after the last.",
        HelpName = "N",
    };

    private static readonly Option<string?> Wait = new("--wait")
    {
        Description = "How long peers may take to give a block that is not here, such as 5s.",
        HelpName = "TIME",
    };

    private static readonly Option<int> Count = new("--count", "-n")
    {
        Description = "Stop after so many blocks; 0 for never.",
        HelpName = "N",
    };

    private static readonly Option<string?> Out = new("--out")
    {
        Description = "Where to; nothing for stdout.",
        HelpName = "FILE",
    };

    public static IEnumerable<Command> Build()
    {
        var append = new WeftCommand("append", "Append blocks: words, a file, or the lines of stdin.")
        {
            Examples = ["weft log append audit \"door opened\"", "tail -f app.log | weft log append app"],
            Resources = ["POST /log/blocks"],
        };
        append.Arguments.Add(LogCommand.Log);
        append.Arguments.Add(Texts);
        append.Options.Add(FromFile);
        append.Options.Add(Ack);
        append.Run(AppendAsync);
        yield return append;
        var read = new WeftCommand("read", "Print a log, a stretch of it, or one block.")
        {
            Examples =
            [
                "weft log read audit", "weft log read audit --from 100 --json", "weft log read audit 17 --wait 5s",
            ],
            Resources = ["GET /log/blocks", "GET /log/block", "GET /log"],
        };
        read.Arguments.Add(LogCommand.Log);
        read.Arguments.Add(Index);
        read.Options.Add(From);
        read.Options.Add(To);
        read.Options.Add(Wait);
        read.Run((context, cancellationToken) => context.Value(Index) is { } index
            ? ReadOneAsync(context, index, cancellationToken)
            : CopyAsync(context, "log/blocks", context.Value(To), 0, cancellationToken));
        yield return read;
        var follow = new WeftCommand("follow", "Print a log, then each block as it comes.")
        {
            Examples = ["weft log follow audit", "weft log follow audit --from 100 -n 5"],
            Resources = ["GET /log/follow"],
            Remarks = "Goes on by itself after the node restarts. Ctrl+C ends it with exit code 0.",
        };
        follow.Arguments.Add(LogCommand.Log);
        follow.Options.Add(From);
        follow.Options.Add(Count);
        follow.Run(FollowAsync);
        yield return follow;
        var prove = new WeftCommand("prove", "Write a proof of one block, which anyone with the log's key can check.")
        {
            Examples = ["weft log prove audit 17 --out block-17.proof"],
            Resources = ["GET /log/proof"],
        };
        prove.Arguments.Add(LogCommand.Log);
        prove.Arguments.Add(Proven);
        prove.Options.Add(Out);
        prove.Run(ProveAsync);
        yield return prove;
    }

    private static async Task<int> AppendAsync(CommandContext context, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        string path = WeftClient.Path(
            "log/blocks", ("log", context.Value(LogCommand.Log)), ("ack", context.Value(Ack)));
        string[] texts = context.Value(Texts) ?? [];
        if (context.Value(FromFile) is { } file)
        {
            byte[] bytes = await File.ReadAllBytesAsync(file, cancellationToken);
            ReadOnlyMemory<byte> body = JsonBuild.Object(json => json.WriteBase64String("base64", bytes));
            await SendAsync(context, client, path, body.ToArray(), cancellationToken);
            return ExitCode.Done;
        }

        using var lines = new MemoryStream();
        if (texts.Length > 0)
        {
            Array.ForEach(texts, text => WriteLine(lines, text));
            await SendAsync(context, client, path, lines.ToArray(), cancellationToken);
            return ExitCode.Done;
        }

        await AppendLinesAsync(context, client, path, lines, cancellationToken);
        return ExitCode.Done;
    }

    private static async Task AppendLinesAsync(
        CommandContext context, WeftClient client, string path, MemoryStream lines,
        CancellationToken cancellationToken)
    {
        using var reader = new StreamReader(context.Host.InBytes, Encoding.UTF8, leaveOpen: true);
        int count = 0;
        while (await reader.ReadLineAsync(cancellationToken) is { } line)
        {
            WriteLine(lines, line);

            // Lines that are here already go together; the last of them does not wait for one that is not.
            if (++count >= LinesPerCall || lines.Length >= BytesPerCall || reader.Peek() < 0)
            {
                await SendAsync(context, client, path, lines.ToArray(), cancellationToken);
                lines.SetLength(0);
                count = 0;
            }
        }

        if (count > 0)
        {
            await SendAsync(context, client, path, lines.ToArray(), cancellationToken);
        }
    }

    private static void WriteLine(MemoryStream lines, string text)
    {
        using (var json = new Utf8JsonWriter(lines, JsonForm.Writer))
        {
            json.WriteStringValue(text);
        }

        lines.WriteByte((byte)'\n');
    }

    private static async Task SendAsync(
        CommandContext context, WeftClient client, string path, byte[] lines, CancellationToken cancellationToken)
    {
        using JsonDocument answer = await client.SendAsync(
            HttpMethod.Post, path, lines, cancellationToken, "application/x-ndjson");
        JsonElement done = answer.RootElement;
        if (context.Output.IsJson)
        {
            context.Output.Json(done);
            return;
        }

        context.Output.Cells(
            context.Value(LogCommand.Log)!, $"{Units.Count(done.Long("count"))} at {done.Long("index")}",
            done.Text("durable") == "disk" ? "on disk" : done.Text("durable") ?? "");
    }

    private static async Task<int> ReadOneAsync(
        CommandContext context, long index, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using HttpResponseMessage answer = await client.OpenAsync(
            HttpMethod.Get,
            WeftClient.Path(
                "log/block", ("log", context.Value(LogCommand.Log)), ("index", Text(index)),
                ("wait", context.Value(Wait))),
            null, "application/octet-stream", cancellationToken);
        byte[] block = await answer.Content.ReadAsByteArrayAsync(cancellationToken);
        if (context.Output.IsJson)
        {
            context.Output.Json(json =>
            {
                json.WriteStartObject();
                json.WriteNumber("index", index);
                json.WriteBase64String("base64", block);
                json.WriteEndObject();
            });
            return ExitCode.Done;
        }

        await context.Output.Bytes.WriteAsync(block, cancellationToken);
        if (context.Output.IsTerminal)
        {
            await context.Output.Bytes.WriteAsync("\n"u8.ToArray(), cancellationToken);
        }

        await context.Output.Bytes.FlushAsync(cancellationToken);
        return ExitCode.Done;
    }

    private static async Task<int> FollowAsync(CommandContext context, CancellationToken cancellationToken)
    {
        try
        {
            return await CopyAsync(context, "log/follow", null, context.Value(Count), cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return ExitCode.Done;
        }
    }

    /// <summary>Prints lines of a log; a stream that breaks off is taken up where it was.</summary>
    private static async Task<int> CopyAsync(
        CommandContext context, string resource, long? to, int count, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        bool isFollowing = resource == "log/follow";
        long next = context.Value(From) ?? 0;
        int failures = 0;
        int left = count == 0 ? int.MaxValue : count;
        while (true)
        {
            try
            {
                using HttpResponseMessage answer = await client.OpenAsync(
                    HttpMethod.Get,
                    WeftClient.Path(
                        resource, ("log", context.Value(LogCommand.Log)), ("from", Text(next)),
                        ("to", to is { } end ? Text(end) : null)),
                    null, "application/x-ndjson", cancellationToken);
                using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync(cancellationToken));
                failures = 0;
                while (left > 0 && await reader.ReadLineAsync(cancellationToken) is { } line)
                {
                    using JsonDocument entry = JsonDocument.Parse(line);
                    Print(context, entry.RootElement);
                    left--;
                    next = entry.RootElement.Long("index") + (entry.RootElement.Flag("truncated") ? 0 : 1);
                    if (entry.RootElement.Flag("stopped"))
                    {
                        return ExitCode.Conflict;
                    }
                }

                if (!isFollowing || left == 0)
                {
                    return ExitCode.Done;
                }
            }
            catch (Exception broken) when (isFollowing && failures < 60 && IsBreak(broken))
            {
                failures++;
            }

            await Task.Delay(TimeSpan.FromSeconds(Math.Min(5, 1 + failures)), context.Host.Time, cancellationToken);
        }
    }

    private static bool IsBreak(Exception broken) => broken is IOException or HttpRequestException
        || broken is CliException { Error: WeftError.NodeUnreachable or WeftError.NodeUnavailable };

    private static void Print(CommandContext context, JsonElement entry)
    {
        if (context.Output.IsJson)
        {
            context.Output.Json(entry);
            return;
        }

        string what = entry.Flag("missing") ? "(not here)"
            : entry.Flag("truncated") ? "(cut back to here)"
            : entry.Flag("stopped") ? "(the log contradicts itself and has stopped)"
            : entry.Text("text") ?? $"base64:{entry.Text("base64")}";
        context.Output.Cells(entry.Text("index") ?? "", what);
    }

    private static async Task<int> ProveAsync(CommandContext context, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using HttpResponseMessage answer = await client.OpenAsync(
            HttpMethod.Get,
            WeftClient.Path(
                "log/proof", ("log", context.Value(LogCommand.Log)), ("index", Text(context.Value(Proven)))),
            null, "application/octet-stream", cancellationToken);
        byte[] proof = await answer.Content.ReadAsByteArrayAsync(cancellationToken);
        if (context.Value(Out) is { } path)
        {
            await File.WriteAllBytesAsync(path, proof, cancellationToken);
            context.Output.Note($"{Units.Size(proof.Length)} written to {path}");
            return ExitCode.Done;
        }

        await context.Output.Bytes.WriteAsync(proof, cancellationToken);
        await context.Output.Bytes.FlushAsync(cancellationToken);
        return ExitCode.Done;
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
