using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;
using Weft.Primitives;

namespace Weft.Cli.Commands;

/// <summary>What relays have kept: <c>weft topic history|latest|retain|relays</c>.</summary>
internal static class TopicKeptCommand
{
    private static readonly Argument<string> Key = new("key") { Description = "The key.", HelpName = "KEY" };

    private static readonly Option<string?> From = new("--from")
    {
        Description = "Begin here: last:N, -1h, or a cursor. Default: all.",
        HelpName = "WHERE",
    };

    private static readonly Option<int> Limit = new("--limit", "-n")
    {
        Description = "Stop after so many messages; 0, the default, for all.",
        HelpName = "N",
    };

    private static readonly Option<int?> Messages = new("--messages")
    {
        Description = "Events that are kept; 0 keeps the last values of keys only.",
        HelpName = "N",
    };

    private static readonly Option<int?> Keys = new("--keys")
    {
        Description = "Keys whose last value is kept.",
        HelpName = "N",
    };

    private static readonly Option<string?> Age = new("--age")
    {
        Description = "How long events are kept, such as 12h or 90d.",
        HelpName = "DURATION",
    };

    private static readonly Option<string?> Bytes = new("--bytes")
    {
        Description = "Bytes of the topic, such as 32MiB.",
        HelpName = "SIZE",
    };

    private static readonly Option<string?> AuthorBytes = new("--author-bytes")
    {
        Description = "Bytes of one author, such as 1MiB.",
        HelpName = "SIZE",
    };

    private static readonly Option<bool> Default = new("--default")
    {
        Description = "Take back what was set.",
    };

    public static IEnumerable<Command> Build()
    {
        var history = new WeftCommand("history", "Print what relays have kept of a topic, oldest first, and end.")
        {
            Examples =
            [
                "weft topic history lobby", "weft topic history lobby --from -1h", "weft topic history lobby -n 20 --json",
            ],
            Resources = ["GET /topics/{name}/history"],
            Remarks = "A gap says where messages are missing. The cursor at the end is where --from goes on later.",
        };
        history.Arguments.Add(TopicCommand.Topic);
        history.Options.Add(From);
        history.Options.Add(Limit);
        history.Run(HistoryAsync);
        yield return history;
        var latest = new WeftCommand("latest", "Print the last value of a key, by two relays.")
        {
            Examples = ["weft topic latest people ada"],
            Resources = ["GET /topics/{name}/latest"],
        };
        latest.Arguments.Add(TopicCommand.Topic);
        latest.Arguments.Add(Key);
        latest.Run(LatestAsync);
        yield return latest;
        var retain = new WeftCommand("retain", "Show or set what this node keeps of a topic.")
        {
            Examples =
            [
                "weft topic retain lobby", "weft topic retain \"chat/*\" --age 90d --bytes 1GiB",
                "weft topic retain people --messages 0", "weft topic retain lobby --default",
            ],
            Resources =
            [
                "GET /topics/{name}/retention", "PUT /topics/{name}/retention", "DELETE /topics/{name}/retention",
            ],
            Remarks = "A star at the end stands for all topics that begin so; a longer name wins. What is not named stays "
                + "as it is in force. Only a node of the profile super keeps topics.",
        };
        retain.Arguments.Add(TopicCommand.Topic);
        foreach (Option option in (Option[])[Messages, Keys, Age, Bytes, AuthorBytes, Default])
        {
            retain.Options.Add(option);
        }

        retain.Run(RetainAsync);
        yield return retain;
        var relays = new WeftCommand("relays", "The relays of topics, and what was compared with them.")
        {
            Examples = ["weft topic relays", "weft topic relays --json"],
            Resources = ["GET /topics/relays"],
        };
        relays.Run(RelaysAsync);
        yield return relays;
    }

    private static async Task<int> HistoryAsync(CommandContext context, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        int limit = context.Value(Limit);
        string? from = context.Value(From);
        (int messages, int gaps) = (0, 0);
        bool isComplete = false;
        while (!isComplete && (limit == 0 || messages < limit))
        {
            int size = limit == 0 ? 1_000 : Math.Min(1_000, limit - messages);
            using JsonDocument answer = await client.GetAsync(
                TopicCommand.PathOf(
                    context, "history", ("from", from), ("limit", size.ToString(CultureInfo.InvariantCulture))),
                cancellationToken);
            foreach (JsonElement item in answer.RootElement.Items("items"))
            {
                bool isGap = item.TryGetProperty("gap", out _);
                (messages, gaps) = isGap ? (messages, gaps + 1) : (messages + 1, gaps);
                if (context.Output.IsJson)
                {
                    context.Output.Json(item);
                }
                else if (isGap)
                {
                    context.Output.Note($"! gap: {item.Text("gap")} messages or more are missing here");
                }
                else
                {
                    TopicCommand.ShowMessage(context, item);
                }
            }

            string? next = answer.RootElement.Text("cursor");
            isComplete = answer.RootElement.Text("complete") == "true" || next is null || next == from;
            from = next ?? from;
        }

        context.Output.Note(
            $"{messages} messages, {gaps} gaps{(from is null ? "" : ", go on with --from " + from)}");
        return ExitCode.Done;
    }

    private static async Task<int> LatestAsync(CommandContext context, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using JsonDocument answer = await client.GetAsync(
            TopicCommand.PathOf(context, "latest", ("key", context.Value(Key))), cancellationToken);
        if (context.Output.IsJson)
        {
            context.Output.Json(answer.RootElement);
        }
        else
        {
            TopicCommand.ShowMessage(context, answer.RootElement);
        }

        return ExitCode.Done;
    }

    private static async Task<int> RetainAsync(CommandContext context, CancellationToken cancellationToken)
    {
        byte[]? wish = Wish(context);
        bool isDefault = context.Value(Default);
        if (isDefault && wish is not null)
        {
            throw CliException.Usage("--default stands alone");
        }

        WeftClient client = await context.ConnectAsync(cancellationToken);
        string path = TopicCommand.PathOf(context, "retention");
        using JsonDocument answer = isDefault
            ? await client.SendAsync(HttpMethod.Delete, path, null, cancellationToken)
            : wish is not null
                ? await client.SendAsync(HttpMethod.Put, path, wish, cancellationToken)
                : await client.GetAsync(path, cancellationToken);
        JsonElement root = answer.RootElement;
        if (context.Output.IsJson)
        {
            context.Output.Json(root);
            return ExitCode.Done;
        }

        string pattern = root.Text("pattern") ?? "";
        var table = new TextTable("what", ">kept");
        table.Add("set by", pattern.Length == 0 ? "default" : PlainText.OneLine(pattern));
        table.Add("messages", root.Text("messages") ?? "");
        table.Add("keys", root.Text("keys") ?? "");
        table.Add("age", Units.Duration(TimeSpan.FromSeconds(root.Number("ageSeconds"))));
        table.Add("bytes", Units.Size(root.Number("bytes")));
        table.Add("bytes of an author", Units.Size(root.Number("authorBytes")));
        context.Output.Table(table);
        return ExitCode.Done;
    }

    private static byte[]? Wish(CommandContext context)
    {
        (int? messages, int? keys) = (context.Value(Messages), context.Value(Keys));
        (long? bytes, long? authorBytes) = (SizeOf(context, Bytes), SizeOf(context, AuthorBytes));
        long? age = null;
        if (context.Value(Age) is { } text)
        {
            age = Units.TryDuration(text, out TimeSpan duration)
                ? (long)duration.TotalSeconds
                : throw CliException.Usage($"\"{text}\" is no duration such as 12h or 90d");
        }

        if (messages is null && keys is null && bytes is null && authorBytes is null && age is null)
        {
            return null;
        }

        return JsonBuild.Object(json =>
        {
            Write(json, "messages", messages);
            Write(json, "keys", keys);
            Write(json, "bytes", bytes);
            Write(json, "authorBytes", authorBytes);
            Write(json, "ageSeconds", age);
        });
    }

    private static void Write(Utf8JsonWriter json, string name, long? value)
    {
        if (value is { } number)
        {
            json.WriteNumber(name, number);
        }
    }

    private static long? SizeOf(CommandContext context, Option<string?> option) =>
        context.Value(option) is not { } text ? null
        : Units.TrySize(text, out long bytes) ? bytes
        : throw CliException.Usage($"\"{text}\" is no size such as 64KiB or 2GiB");

    private static async Task<int> RelaysAsync(CommandContext context, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using JsonDocument answer = await client.GetAsync(WeftClient.Path("topics/relays"), cancellationToken);
        var table = new TextTable("peer", "state", ">taken", ">given", ">withheld", "compared");
        int count = 0;
        foreach (JsonElement relay in answer.RootElement.Items("items"))
        {
            count++;
            if (context.Output.IsJson)
            {
                context.Output.Json(relay);
                continue;
            }

            table.Add(
                relay.Text("peer") ?? "",
                (relay.Text("connected") == "true" ? "connected" : "away")
                    + (relay.Text("configured") == "true" ? ", configured" : ""),
                relay.Text("taken") ?? "–", relay.Text("given") ?? "–", relay.Text("withheld") ?? "–",
                relay.Text("problem") is { } problem ? PlainText.OneLine(problem) : relay.Text("comparedAt") ?? "–");
        }

        if (table.Rows.Count > 0)
        {
            context.Output.Table(table);
        }

        context.Output.Note(count == 1 ? "1 relay" : $"{count} relays");
        return ExitCode.Done;
    }
}
