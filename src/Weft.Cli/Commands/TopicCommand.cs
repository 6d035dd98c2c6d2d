using System.CommandLine;
using System.Net.ServerSentEvents;
using System.Text;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;
using Weft.Primitives;

namespace Weft.Cli.Commands;

/// <summary>Lists joined topics, publishes to one, and prints what comes.</summary>
internal static class TopicCommand
{
    private const int LineMax = 48 * 1024;

    internal static readonly Argument<string> Topic = new("topic")
    {
        Description = "The topic's name: 1 to 256 bytes.",
        HelpName = "TOPIC",
    };

    private static readonly Argument<string?> Message = new("message")
    {
        Description = "The message; without it, each line of stdin is one.",
        HelpName = "MESSAGE",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<int> Count = new("--count", "-n")
    {
        Description = "Stop after so many messages; 0 for never.",
        HelpName = "N",
    };

    private static readonly Option<string?> From = new("--from")
    {
        Description = "Begin with what relays have kept: all, last, last:N, -1h, or a cursor. Default: now.",
        HelpName = "WHERE",
    };

    private static readonly Option<int> Stored = new("--stored")
    {
        Description = "Return when so many relays hold the message durably; fail with fewer.",
        HelpName = "N",
    };

    private static readonly Option<string?> Key = new("--key")
    {
        Description = "Make the message the present value of this key; relays keep it until the next.",
        HelpName = "KEY",
    };

    private static readonly Option<bool> End = new("--end")
    {
        Description = "End the key: it has no value any more.",
    };

    public static Command Build()
    {
        var list = new WeftCommand("ls", "The joined topics, their peers and mesh links, and what is kept of them here.")
        {
            Examples = ["weft topic ls", "weft topic ls --json"],
            Resources = ["GET /topics"],
        };
        list.Run(ListAsync);
        var publish = new WeftCommand("pub", "Publish a message, or each line of stdin.")
        {
            Examples =
            [
                "weft topic pub lobby \"tea at five\"", "tail -f log.txt | weft topic pub logs",
                "weft topic pub people \"Ada Lovelace\" --key ada --stored 2",
            ],
            Resources = ["POST /topics/{name}/messages"],
            Remarks = "The message is signed by the node. Only --stored says that anybody got it.",
        };
        publish.Arguments.Add(Topic);
        publish.Arguments.Add(Message);
        publish.Options.Add(Stored);
        publish.Options.Add(Key);
        publish.Options.Add(End);
        publish.Run(PublishAsync);
        var subscribe = new WeftCommand("sub", "Print each message of a topic as it comes.")
        {
            Examples =
            [
                "weft topic sub lobby", "weft topic sub lobby --from last:20",
                "weft topic sub lobby --json -n 1 --timeout 30s",
            ],
            Resources = ["GET /topics/{name}/messages"],
            Remarks = "Ctrl+C ends it with exit code 0. "
                + "With --timeout it fails when fewer than --count messages came in time.",
        };
        subscribe.Arguments.Add(Topic);
        subscribe.Options.Add(Count);
        subscribe.Options.Add(From);
        subscribe.Run(SubscribeAsync);
        var command = new WeftCommand("topic", "Signed messages for everyone who has joined.")
        {
            Examples = ["weft topic sub lobby", "weft topic pub lobby hello"],
        };
        command.Subcommands.Add(list);
        command.Subcommands.Add(publish);
        command.Subcommands.Add(subscribe);
        foreach (Command kept in TopicKeptCommand.Build())
        {
            command.Subcommands.Add(kept);
        }

        return command;
    }

    private static async Task<int> ListAsync(CommandContext context, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using JsonDocument answer = await client.GetAsync(WeftClient.Path("topics"), cancellationToken);
        var table = new TextTable("topic", ">peers", ">mesh", ">readers", ">kept", ">gaps", ">forks");
        int count = 0;
        foreach (JsonElement topic in answer.RootElement.Items("items"))
        {
            count++;
            if (context.Output.IsJson)
            {
                context.Output.Json(topic);
                continue;
            }

            JsonElement? kept = topic.Member("kept");
            table.Add(
                topic.Text("topic") ?? "", topic.Text("peers") ?? "", topic.Text("mesh") ?? "",
                topic.Text("subscriptions") ?? "", kept?.Text("messages") ?? "–", kept?.Text("gaps") ?? "–",
                kept?.Text("forks") ?? "–");
        }

        if (table.Rows.Count > 0)
        {
            context.Output.Table(table);
        }

        context.Output.Note(count == 1 ? "1 topic" : $"{count} topics");
        return ExitCode.Done;
    }

    private static async Task<int> PublishAsync(CommandContext context, CancellationToken cancellationToken)
    {
        if (context.Value(End) && (context.Value(Key) is null || context.Value(Message) is not null))
        {
            throw CliException.Usage("--end needs --key, and no message");
        }

        WeftClient client = await context.ConnectAsync(cancellationToken);
        if (context.Value(End))
        {
            await SendAsync(context, client, "", cancellationToken);
            return ExitCode.Done;
        }

        if (context.Value(Message) is { } message)
        {
            await SendAsync(context, client, message, cancellationToken);
            return ExitCode.Done;
        }

        long sent = 0;
        using var reader = new StreamReader(
            context.Host.InBytes, new UTF8Encoding(false), false, 4_096, leaveOpen: true);
        while (await reader.ReadLineAsync(cancellationToken).AsTask().WaitAsync(cancellationToken) is { } line)
        {
            await SendAsync(context, client, line, cancellationToken);
            sent++;
        }

        context.Output.Note(sent == 1 ? "1 message" : $"{sent} messages");
        return ExitCode.Done;
    }

    private static async Task SendAsync(
        CommandContext context, WeftClient client, string message, CancellationToken cancellationToken)
    {
        int wanted = context.Value(Stored);
        if (Encoding.UTF8.GetByteCount(message) > LineMax)
        {
            throw new CliException(WeftError.TooLarge, $"A message on the command line has at most {LineMax} bytes.");
        }

        using JsonDocument answer = await client.SendAsync(
            HttpMethod.Post, PathOf(context, "messages"), JsonBuild.Object(json =>
            {
                if (context.Value(Key) is { } key)
                {
                    json.WriteString("key", key);
                }

                if (context.Value(End))
                {
                    json.WriteBoolean("end", true);
                }
                else
                {
                    json.WriteString("text", message);
                }

                json.WriteNumber("stored", wanted);
            }),
            cancellationToken);
        if (answer.RootElement.Long("stored") < wanted)
        {
            throw new CliException(
                WeftError.DeadlinePassed,
                $"{answer.RootElement.Text("stored")} of {wanted} relays hold the message; it was sent.");
        }

        if (context.Output.IsJson)
        {
            context.Output.Json(answer.RootElement);
        }
        else
        {
            context.Output.Cells(
                answer.RootElement.Text("sequence") ?? "", $"to {answer.RootElement.Text("peers")} peers");
        }
    }

    private static async Task<int> SubscribeAsync(CommandContext context, CancellationToken cancellationToken)
    {
        int wanted = context.Value(Count);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        if (context.Settings.Timeout is { } timeout)
        {
            deadline.CancelAfter(timeout);
        }

        WeftClient client = await context.ConnectAsync(deadline.Token);
        int got = 0;
        try
        {
            using HttpResponseMessage answer = await client.OpenAsync(
                HttpMethod.Get, PathOf(context, "messages", ("from", context.Value(From))), null, "text/event-stream",
                deadline.Token);
            await using Stream body = await answer.Content.ReadAsStreamAsync(deadline.Token);
            await foreach (SseItem<string> item in SseParser.Create(body).EnumerateAsync(deadline.Token))
            {
                got += Show(context, item) ? 1 : 0;
                if (wanted > 0 && got >= wanted)
                {
                    break;
                }
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Interrupted: that is how it ends.
        }
        catch (OperationCanceledException)
        {
            if (got < wanted)
            {
                throw new CliException(WeftError.DeadlinePassed, $"{got} of {wanted} messages came in time.");
            }
        }

        context.Output.Note(got == 1 ? "1 message" : $"{got} messages");
        return ExitCode.Done;
    }

    /// <summary>Prints one event.</summary>
    /// <returns>True for a message.</returns>
    private static bool Show(CommandContext context, SseItem<string> item)
    {
        using JsonDocument document = JsonDocument.Parse(item.Data);
        JsonElement data = document.RootElement;
        switch (item.EventType)
        {
            case "message" when context.Output.IsJson:
                context.Output.Json(data);
                return true;
            case "message":
                ShowMessage(context, data);
                return true;
            case "gap":
                context.Output.Note(
                    $"! gap: {data.Text("missed")} messages or more are missing here: "
                    + "this reader was slow, or no relay has them");
                return false;
            case "live":
                context.Output.Note("joined; waiting for messages");
                return false;
            case "bye":
                context.Output.Note("the node says goodbye: " + data.Text("reason"));
                return false;
            default:
                return false;
        }
    }

    /// <summary>Prints one message: its author, its key if it has one, and what it says.</summary>
    internal static void ShowMessage(CommandContext context, JsonElement data)
    {
        string from = Short(context, data.Text("from") ?? "");
        string text = data.Text("ended") == "true" ? "(ended)" : data.Text("text") ?? "base64:" + data.Text("data");
        if (data.Text("key") is { } key)
        {
            context.Output.Cells(from, PlainText.OneLine(key), PlainText.OneLine(text));
        }
        else
        {
            context.Output.Cells(from, PlainText.OneLine(text));
        }
    }

    // A pipe gets the whole id; a person knows a peer by its end.
    private static string Short(CommandContext context, string id) =>
        context.Output.IsTerminal && id.Length > 16 ? $"{id[..4]}…{id[^6..]}" : id;

    internal static string PathOf(
        CommandContext context, string resource, params (string Name, string? Value)[] query)
    {
        string topic = context.Value(Topic)!;
        return topic.Length == 0 || topic.Contains('%', StringComparison.Ordinal) || topic is "." or ".."
            ? throw new CliException(
                WeftError.Usage, "A topic is not empty, not \".\" or \"..\", and has no percent sign.")
            : WeftClient.Path($"topics/{Uri.EscapeDataString(topic)}/{resource}", query);
    }
}
