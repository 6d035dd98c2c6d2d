using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;
using Weft.Log;
using Weft.Primitives;

namespace Weft.Cli.Commands;

/// <summary>Signed logs between peers: serve them to hypercore peers, and pull those of others.</summary>
internal static class LogNetCommand
{
    private const string ServeDefault = "127.0.0.1:8767";

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    private static readonly Argument<string?> Address = new("address")
    {
        Description = $"IP address and port to listen at; {ServeDefault} when not given, port 0 takes a free one.",
        HelpName = "ADDRESS",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<bool> Stop = new("--stop") { Description = "Stop to serve at that address." };

    private static readonly Argument<string> Key = new("key")
    {
        Description = "The log's key, 64 hexadecimal digits.",
        HelpName = "KEY",
    };

    private static readonly Option<string> From = new("--from")
    {
        Description = "Who serves it: host and port.",
        HelpName = "HOST:PORT",
        Required = true,
    };

    private static readonly Option<string?> Name = new("--name")
    {
        Description = "A name for it on this node.",
        HelpName = "NAME",
    };

    private static readonly Option<string?> Range = new("--range")
    {
        Description = "Only blocks A up to B, B not included.",
        HelpName = "A..B",
    };

    private static readonly Option<bool> Live = new("--live")
    {
        Description = "Keep the connection, and download what comes, also after a restart.",
    };

    private static readonly Option<string?> For = new("--for")
    {
        Description = "Give up after so long, such as 30s; the download goes on when --live was given.",
        HelpName = "TIME",
    };

    public static IEnumerable<Command> Build()
    {
        var serve = new WeftCommand(
            "serve", "Serve the logs of this node to hypercore peers; without an address list where.")
        {
            Examples = ["weft log serve 127.0.0.1:8767", "weft log serve", "weft log serve 127.0.0.1:8767 --stop"],
            Resources = ["GET /logs/servers", "POST /logs/servers", "DELETE /logs/servers"],
            Remarks = "Until the node stops; weft up --log-listen serves from the start. Who does not know a log's key "
                + "learns nothing of it.",
        };
        serve.Arguments.Add(Address);
        serve.Options.Add(Stop);
        serve.Run(ServeAsync);
        yield return serve;
        var pull = new WeftCommand("pull", "Download a log from a Weft node or a hypercore peer.")
        {
            Examples =
            [
                "weft log pull KEY --from 192.168.1.20:8767", "weft log pull KEY --from host:8767 --range 100..200",
                "weft log pull KEY --from host:8767 --live --name audit",
            ],
            Resources = ["POST /logs", "POST /logs/links", "DELETE /logs/links", "POST /log/download"],
        };
        pull.Arguments.Add(Key);
        foreach (Option option in (Option[])[From, Name, Range, Live, For, LogCommand.SecretOption])
        {
            pull.Options.Add(option);
        }

        pull.Run(PullAsync);
        yield return pull;
        var links = new WeftCommand("links", "Table of connections over which logs are replicated.")
        {
            Examples = ["weft log links"],
            Resources = ["GET /logs/links"],
        };
        links.Run(LinksAsync);
        yield return links;
    }

    private static async Task<int> ServeAsync(CommandContext context, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        string? address = context.Value(Address);
        if (context.Value(Stop))
        {
            using HttpResponseMessage stopped = await client.OpenAsync(
                HttpMethod.Delete, WeftClient.Path("logs/servers", ("address", address ?? ServeDefault)), null, null,
                cancellationToken);
            context.Output.Note("stopped");
            return ExitCode.Done;
        }

        if (address is null)
        {
            using JsonDocument list = await client.GetAsync(WeftClient.Path("logs/servers"), cancellationToken);
            List<JsonElement> served = [.. list.RootElement.Items("items")];
            if (served.Count > 0)
            {
                served.ForEach(one => Print(context, one));
                return ExitCode.Done;
            }
        }

        using JsonDocument answer = await client.SendAsync(
            HttpMethod.Post, WeftClient.Path("logs/servers"),
            JsonBuild.Object(json => json.WriteString("address", address ?? ServeDefault)), cancellationToken);
        Print(context, answer.RootElement);
        return ExitCode.Done;
    }

    private static void Print(CommandContext context, JsonElement server)
    {
        if (context.Output.IsJson)
        {
            context.Output.Json(server);
            return;
        }

        context.Output.Cells(server.Text("address") ?? "", "served");
    }

    private static async Task<int> PullAsync(CommandContext context, CancellationToken cancellationToken)
    {
        string key = context.Value(Key)!;
        (long Start, long End)? range = ParseRange(context.Value(Range));
        TimeSpan? most = context.Value(For) is { } text
            ? WeftOptionsReader.ParseDuration(text)
                ?? throw CliException.Usage($"--for {text} is no duration, such as 30s")
            : null;
        if (!Hash32.TryParse(key, out _))
        {
            throw CliException.Usage("a log's key has 64 hexadecimal digits");
        }

        string? secret = LogCommand.ReadSecret(context);
        WeftClient client = await context.ConnectAsync(cancellationToken);
        bool isLive = context.Value(Live);
        using (await client.SendAsync(
            HttpMethod.Post, WeftClient.Path("logs"),
            JsonBuild.Object(json =>
            {
                json.WriteString("key", key);
                json.WriteString("name", context.Value(Name));
                json.WriteString("secret", secret);
                json.WriteBoolean("follow", isLive && range is null);
            }),
            cancellationToken))
        {
        }

        string from = context.Value(From)!;
        using JsonDocument link = await client.SendAsync(
            HttpMethod.Post, WeftClient.Path("logs/links"),
            JsonBuild.Object(json => json.WriteString("address", from)), cancellationToken);

        try
        {
            return await WaitAsync(context, client, key, range, most, cancellationToken);
        }
        finally
        {
            if (!isLive && link.RootElement.Flag("new")) // One that was kept before is not ours to end.
            {
                using HttpResponseMessage released = await client.OpenAsync(
                    HttpMethod.Delete, WeftClient.Path("logs/links", ("address", from)), null, null,
                    CancellationToken.None);
            }
        }
    }

    private static async Task<int> WaitAsync(
        CommandContext context, WeftClient client, string key, (long Start, long End)? range, TimeSpan? most,
        CancellationToken cancellationToken)
    {
        long began = context.Host.Time.GetTimestamp();
        using var progress = new ProgressLine(context.Host, context.Output);
        Task<bool>? download = null;
        while (true)
        {
            using JsonDocument answer = await client.GetAsync(
                WeftClient.Path("log", ("log", key)), cancellationToken);
            JsonElement log = answer.RootElement;
            long length = log.Long("length");
            if (log.Flag("stopped"))
            {
                throw new CliException(WeftError.LogStopped, "the log contradicts itself and has stopped");
            }

            if (download is { IsCompleted: true } && await download)
            {
                progress.Dispose();
                LogCommand.Print(context, log);
                return ExitCode.Done;
            }

            bool isKnown = log.Member("behind") is { ValueKind: JsonValueKind.False } && length >= (range?.End ?? 0);
            if (isKnown && download is null or { IsCompleted: true })
            {
                download = TryDownloadAsync(client, key, range?.Start ?? 0, range?.End ?? length, cancellationToken);
            }

            progress.Report(
                "pull", length == 0 ? null : (double)log.Long("here") / length,
                $"{Units.Count(log.Long("here"))} of {Units.Count(length)} blocks");
            if (most is { } time && context.Host.Time.GetElapsedTime(began) > time)
            {
                throw new CliException(
                    WeftError.DeadlinePassed,
                    $"{log.Long("here")} of {length} blocks came within {Units.Duration(time)}");
            }

            Task pause = Task.Delay(Interval, cancellationToken);
            await Task.WhenAny(download ?? pause, pause);
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    private static async Task<bool> TryDownloadAsync(
        WeftClient client, string key, long from, long to, CancellationToken cancellationToken)
    {
        try
        {
            using JsonDocument done = await client.SendAsync(
                HttpMethod.Post,
                WeftClient.Path(
                    "log/download", ("log", key), ("from", Text(from)), ("to", Text(to)),
                    ("wait", "5s")),
                cancellationToken);
            return true;
        }
        catch (CliException late) when (late.Error == WeftError.DeadlinePassed)
        {
            return false;
        }
    }

    private static async Task<int> LinksAsync(CommandContext context, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using JsonDocument answer = await client.GetAsync(WeftClient.Path("logs/links"), cancellationToken);
        var table = new TextTable(">id", "address", "way", "peer", ">in", ">out");
        foreach (JsonElement link in answer.RootElement.Items("items"))
        {
            if (context.Output.IsJson)
            {
                context.Output.Json(link);
                continue;
            }

            table.Add(
                link.Text("id") ?? "", link.Text("address") ?? "", link.Text("direction") ?? "",
                link.Text("peer") ?? "–", Units.Size(link.Long("bytesIn")), Units.Size(link.Long("bytesOut")));
        }

        if (table.Rows.Count > 0)
        {
            context.Output.Table(table);
        }

        return ExitCode.Done;
    }

    private static (long Start, long End)? ParseRange(string? text)
    {
        if (text is null)
        {
            return null;
        }

        string[] parts = text.Split("..");
        return parts.Length == 2
            && long.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out long start)
            && long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out long end) && start < end
            ? (start, end)
            : throw CliException.Usage($"--range {text} is not A..B, such as 100..200");
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
