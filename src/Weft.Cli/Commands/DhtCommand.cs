using System.CommandLine;
using System.Text;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;
using Weft.Primitives;

namespace Weft.Cli.Commands;

/// <summary>Values, peers and providers in the DHT, and the records this node keeps.</summary>
internal static class DhtCommand
{
    private const string Keys =
        "A key that begins with \"/\" is taken as it stands; any other text is a name of this node's own, /weft/ID/name, "
        + "and its value is signed.";

    private static readonly Argument<string> Key = new("key")
    {
        Description = "A name of this node's own, or a whole key such as /weft/12D3Koo…/profile.",
        HelpName = "KEY",
    };

    private static readonly Argument<string> Value = new("value")
    {
        Description = "The value as text; - reads it from stdin, bytes as they are.",
        HelpName = "VALUE",
    };

    private static readonly Argument<string> Target = new("target")
    {
        Description = "A peer id, or a key: then the peers closest to it.",
        HelpName = "PEER|KEY",
    };

    private static readonly Argument<string> Content = new("content")
    {
        Description = "A multihash (Qm…), or any text, which stands for its SHA-256.",
        HelpName = "CONTENT",
    };

    private static readonly Option<string?> Quorum = new("--quorum")
    {
        Description = "How many peers must keep or give it: one (default), majority, all, or a number.",
        HelpName = "QUORUM",
    };

    private static readonly Option<string?> Ttl = new("--ttl")
    {
        Description = "How long the record lives, for example 2h or 2d.",
        HelpName = "DURATION",
    };

    private static readonly Option<bool> Remote = new("--remote")
    {
        Description = "Ask other peers though this node has it.",
    };

    private static readonly Option<bool> Stop = new("--stop") { Description = "Provide it no more." };

    private static readonly Option<int> Limit = new("--limit", "-n")
    {
        Description = "At most so many.",
        HelpName = "N",
        DefaultValueFactory = _ => 100,
    };

    private static readonly Option<string?> Prefix = new("--prefix")
    {
        Description = "Only records whose keys begin so.",
        HelpName = "PREFIX",
    };

    private static readonly Option<string?> Publisher = new("--publisher")
    {
        Description = "Only records of this peer.",
        HelpName = "PEER",
    };

    private static readonly Option<bool> Own = new("--own") { Description = "Only records this node published." };

    public static Command Build()
    {
        var command = new WeftCommand("dht", "Values, peers and providers in the DHT; the records kept here.")
        {
            Examples = ["weft dht", "weft dht put profile \"Ada\" --quorum majority", "weft dht get /weft/12D3Koo…/profile"],
            Resources = ["GET /dht"],
            Remarks = "Without a verb: mode, routing table and record store in short. The node needs --listen, --bootstrap or "
                + "--profile.",
        };
        foreach (WeftCommand sub in (WeftCommand[])
            [.. Values(), .. Lookups(), .. Store()])
        {
            command.Subcommands.Add(sub);
        }

        command.Run(HealthAsync);
        return command;
    }

    private static IEnumerable<WeftCommand> Values()
    {
        var put = new WeftCommand("put", "Publish a value: kept here, and by the peers it belongs to.")
        {
            Examples = ["weft dht put profile \"Ada\"", "weft dht put photo - --quorum 3 < photo.jpg"],
            Resources = ["PUT /dht/value"],
            Remarks = Keys + " Fewer copies than the quorum: exit code 7, and the node puts it again by itself.",
        };
        put.Arguments.Add(Key);
        put.Arguments.Add(Value);
        put.Options.Add(Quorum);
        put.Options.Add(Ttl);
        put.Run(PutAsync);
        var get = new WeftCommand("get", "Get a value; of several the best, by the rule of its namespace.")
        {
            Examples = ["weft dht get profile", "weft dht get /weft/12D3Koo…/profile --quorum majority --remote"],
            Resources = ["GET /dht/value"],
            Remarks = Keys + " Peers that had an older value, or none, are given the best one.",
        };
        get.Arguments.Add(Key);
        get.Options.Add(Quorum);
        get.Options.Add(Remote);
        get.Run(GetAsync);
        return [put, get];
    }

    private static IEnumerable<WeftCommand> Lookups()
    {
        var find = new WeftCommand("find", "Find a peer, or the peers closest to a key.")
        {
            Examples = ["weft dht find 12D3Koo…", "weft dht find /weft/12D3Koo…/profile"],
            Resources = ["GET /dht/find"],
        };
        find.Arguments.Add(Target);
        find.Run(FindAsync);
        var providers = new WeftCommand("providers", "Who provides some content.")
        {
            Examples = ["weft dht providers maps", "weft dht providers QmYwAPJ… -n 3"],
            Resources = ["GET /dht/providers"],
        };
        providers.Arguments.Add(Content);
        providers.Options.Add(Limit);
        providers.Run(ProvidersAsync);
        var provide = new WeftCommand("provide", "Announce that this node provides some content, again every 22 h.")
        {
            Examples = ["weft dht provide maps", "weft dht provide maps --stop"],
            Resources = ["POST /dht/providers", "DELETE /dht/providers"],
        };
        provide.Arguments.Add(Content);
        provide.Options.Add(Stop);
        provide.Run(ProvideAsync);
        return [find, providers, provide];
    }

    private static IEnumerable<WeftCommand> Store()
    {
        var routes = new WeftCommand("routes", "The routing table.")
        {
            Examples = ["weft dht routes", "weft dht routes --json"],
            Resources = ["GET /dht/routes"],
        };
        routes.Run(RoutesAsync);
        var records = new WeftCommand("records", "The records kept here, own ones and others.")
        {
            Examples = ["weft dht records --own", "weft dht records --prefix /weft/ --json"],
            Resources = ["GET /dht/records"],
        };
        records.Options.Add(Prefix);
        records.Options.Add(Publisher);
        records.Options.Add(Own);
        records.Options.Add(Limit);
        records.Run(RecordsAsync);
        var maintain = new WeftCommand("maintain", "Remove expired records now, and say what that freed.")
        {
            Examples = ["weft dht maintain"],
            Resources = ["POST /dht/maintain"],
            Remarks = "The node does so by itself every minute.",
        };
        maintain.Run(MaintainAsync);
        return [routes, records, maintain];
    }

    private static async Task<int> HealthAsync(CommandContext context, CancellationToken cancellationToken)
    {
        using JsonDocument answer = await GetAsync(context, "dht", cancellationToken);
        JsonElement health = answer.RootElement;
        if (context.Output.IsJson)
        {
            context.Output.Json(health);
            return ExitCode.Done;
        }

        JsonElement records = health.Member("records") ?? default;
        context.Output.Cells("protocol", health.Text("protocol") ?? "");
        context.Output.Cells("mode", health.Text("mode") ?? "");
        context.Output.Cells("routes", health.Text("routes") ?? "");
        context.Output.Cells("records", $"{records.Text("count")} of {records.Text("countMax")}, {records.Text("own")} own");
        context.Output.Cells("utilisation", FormattableString.Invariant($"{records.Number("utilisation") * 100:0.0} %"));
        return ExitCode.Done;
    }

    private static async Task<int> PutAsync(CommandContext context, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        byte[]? bytes = context.Value(Value) == "-" ? await ReadInputAsync(context, cancellationToken) : null;
        string? ttl = context.Value(Ttl);
        TimeSpan life = default;
        if (ttl is not null && !Units.TryDuration(ttl, out life))
        {
            throw new CliException(WeftError.Usage, $"\"{ttl}\" is no duration") { Try = ["--ttl 2h"] };
        }

        using JsonDocument answer = await client.SendAsync(
            HttpMethod.Put, WeftClient.Path("dht/value"), JsonBuild.Object(json =>
            {
                json.WriteString("key", context.Value(Key));
                if (bytes is null)
                {
                    json.WriteString("text", context.Value(Value));
                }
                else
                {
                    json.WriteBase64String("data", bytes);
                }

                json.WriteString("quorum", context.Value(Quorum) ?? "one");
                if (ttl is not null)
                {
                    json.WriteNumber("ttlSeconds", (long)life.TotalSeconds);
                }

                if (context.Settings.Timeout is { } timeout)
                {
                    json.WriteNumber("timeoutMs", (long)Math.Clamp(timeout.TotalMilliseconds * 0.9, 1, 60_000));
                }
            }),
            cancellationToken);
        JsonElement put = answer.RootElement;
        if (context.Output.IsJson)
        {
            context.Output.Json(put);
        }
        else
        {
            context.Output.Cells(put.Text("key") ?? "", $"{put.Text("copies")} of {put.Text("wanted")} copies");
        }

        if (put.Text("status") == "done")
        {
            return ExitCode.Done;
        }

        context.Output.Note($"{put.Text("status")}: the node keeps the record and puts it again by itself");
        return ExitCode.Deadline;
    }

    private static async Task<int> GetAsync(CommandContext context, CancellationToken cancellationToken)
    {
        using JsonDocument answer = await GetAsync(
            context, "dht/value", cancellationToken,
            ("key", context.Value(Key)), ("quorum", context.Value(Quorum)),
            ("remote", context.Value(Remote) ? "true" : null));
        JsonElement value = answer.RootElement;
        if (context.Output.IsJson)
        {
            context.Output.Json(value);
        }
        else if (value.Member("data") is { } data)
        {
            context.Output.Bytes.Write(data.GetBytesFromBase64());
            context.Output.Bytes.Flush();
        }
        else
        {
            context.Output.Line(value.Text("text") ?? "");
        }

        return value.Text("status") == "done" ? ExitCode.Done : ExitCode.Deadline;
    }

    private static async Task<int> FindAsync(CommandContext context, CancellationToken cancellationToken)
    {
        using JsonDocument answer = await GetAsync(
            context, "dht/find", cancellationToken, ("key", context.Value(Target)));
        PrintPeers(context, answer.RootElement);
        bool isMissing = answer.RootElement.Member("found") is { } found ? !found.GetBoolean()
            : !answer.RootElement.Items("items").Any();
        return isMissing ? ExitCode.NothingThere : ExitCode.Done;
    }

    private static async Task<int> ProvidersAsync(CommandContext context, CancellationToken cancellationToken)
    {
        using JsonDocument answer = await GetAsync(
            context, "dht/providers", cancellationToken,
            ("key", context.Value(Content)), ("limit", $"{Math.Clamp(context.Value(Limit), 1, 100)}"));
        PrintPeers(context, answer.RootElement);
        return answer.RootElement.Items("items").Any() ? ExitCode.Done : ExitCode.NothingThere;
    }

    private static async Task<int> ProvideAsync(CommandContext context, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        string content = context.Value(Content)!;
        if (context.Value(Stop))
        {
            using HttpResponseMessage stopped = await client.OpenAsync(
                HttpMethod.Delete, WeftClient.Path("dht/providers", ("key", content)), null, null, cancellationToken);
            context.Output.Note("provided no more");
            return ExitCode.Done;
        }

        using JsonDocument answer = await client.SendAsync(
            HttpMethod.Post, WeftClient.Path("dht/providers"),
            JsonBuild.Object(json => json.WriteString("key", content)), cancellationToken);
        if (context.Output.IsJson)
        {
            context.Output.Json(answer.RootElement);
        }
        else
        {
            context.Output.Cells(content, $"announced to {answer.RootElement.Text("copies")} peers");
        }

        return answer.RootElement.Text("status") == "done" ? ExitCode.Done : ExitCode.Deadline;
    }

    private static async Task<int> RoutesAsync(CommandContext context, CancellationToken cancellationToken)
    {
        using JsonDocument answer = await GetAsync(context, "dht/routes", cancellationToken);
        var table = new TextTable(">bucket", "peer", "state", ">failures", "address");
        Print(context, answer.RootElement, table, route => table.Add(
            route.Text("bucket") ?? "", route.Text("peer") ?? "", route.Flag("connected") ? "connected" : "known",
            route.Text("failures") ?? "", FirstAddress(route)));
        return ExitCode.Done;
    }

    private static async Task<int> RecordsAsync(CommandContext context, CancellationToken cancellationToken)
    {
        using JsonDocument answer = await GetAsync(
            context, "dht/records", cancellationToken,
            ("prefix", context.Value(Prefix)), ("publisher", context.Value(Publisher)),
            ("own", context.Value(Own) ? "true" : null), ("limit", $"{Math.Clamp(context.Value(Limit), 1, 1_000)}"));
        var table = new TextTable("key", ">bytes", "whose", "expires");
        Print(context, answer.RootElement, table, record => table.Add(
            record.Text("key") ?? "", record.Text("bytes") ?? "",
            record.Flag("own") ? "own" : record.Text("publisher") ?? "–", record.Text("expires") ?? ""));
        return ExitCode.Done;
    }

    private static async Task<int> MaintainAsync(CommandContext context, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using JsonDocument answer = await client.SendAsync(
            HttpMethod.Post, WeftClient.Path("dht/maintain"), cancellationToken);
        if (context.Output.IsJson)
        {
            context.Output.Json(answer.RootElement);
        }
        else
        {
            context.Output.Cells(
                $"{answer.RootElement.Text("removed")} removed", $"{answer.RootElement.Text("bytesFreed")} B freed");
        }

        return ExitCode.Done;
    }

    private static async Task<JsonDocument> GetAsync(
        CommandContext context,
        string resource,
        CancellationToken cancellationToken,
        params (string Name, string? Value)[] query)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        if (context.Settings.Timeout is { } timeout && query.Length > 0 && resource != "dht/records")
        {
            // A little less than the command's own time, so that what there is by then is still told.
            query = [.. query, ("timeout", $"{(long)Math.Clamp(timeout.TotalMilliseconds * 0.9, 1, 60_000)}ms")];
        }

        return await client.GetAsync(WeftClient.Path(resource, query), cancellationToken);
    }

    private static async Task<byte[]> ReadInputAsync(CommandContext context, CancellationToken cancellationToken)
    {
        using var bytes = new MemoryStream();
        await context.Host.InBytes.CopyToAsync(bytes, cancellationToken);
        return bytes.ToArray();
    }

    private static void PrintPeers(CommandContext context, JsonElement answer)
    {
        var table = new TextTable("peer", "address");
        Print(context, answer, table, peer => table.Add(peer.Text("peer") ?? "", FirstAddress(peer)));
    }

    private static void Print(CommandContext context, JsonElement answer, TextTable table, Action<JsonElement> add)
    {
        foreach (JsonElement item in answer.Items("items"))
        {
            if (context.Output.IsJson)
            {
                context.Output.Json(item);
            }
            else
            {
                add(item);
            }
        }

        if (table.Rows.Count > 0)
        {
            context.Output.Table(table);
        }
    }

    private static string FirstAddress(JsonElement peer) =>
        peer.Items("addresses").FirstOrDefault() is { ValueKind: JsonValueKind.String } address
            ? address.GetString() ?? ""
            : "";
}
