using System.Buffers;
using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;
using Weft.Primitives;

namespace Weft.Cli.Commands;

/// <summary>Shows, makes and ends connections to peers.</summary>
internal static class PeersCommand
{
    private static readonly Argument<string> Address = new("url")
    {
        Description = "For example ws://192.168.1.20:8765/gun.",
        HelpName = "URL",
    };

    private static readonly Argument<string> Leaving = new("peer")
    {
        Description = "The number in the list, or the URL.",
        HelpName = "ID|URL",
    };

    public static Command Build()
    {
        var list = new WeftCommand("ls", "Table of connections.")
        {
            Examples = ["weft peers ls"],
            Resources = ["GET /peers"],
        };
        list.Run(ListAsync);
        var add = new WeftCommand("add", "Connect to a peer, now and whenever the link breaks.")
        {
            Examples = ["weft peers add ws://192.168.1.20:8765/gun"],
            Resources = ["POST /peers"],
        };
        add.Arguments.Add(Address);
        add.Run(AddAsync);
        var remove = new WeftCommand("rm", "Hang up, and do not dial again.")
        {
            Examples = ["weft peers rm 3"],
            Resources = ["DELETE /peers"],
        };
        remove.Arguments.Add(Leaving);
        remove.Run(RemoveAsync);
        var command = new WeftCommand("peers", "Table of connections; add and remove peers.")
        {
            Examples = ["weft peers", "weft peers add ws://relay:8765/gun"],
        };
        command.Subcommands.Add(list);
        command.Subcommands.Add(add);
        command.Subcommands.Add(remove);
        command.Run(ListAsync);
        return command;
    }

    private static async Task<int> ListAsync(CommandContext context, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using JsonDocument answer = await client.GetAsync(WeftClient.Path("peers"), cancellationToken);
        var table = new TextTable(">id", "name", "way", "address", "state", ">rtt", ">in", ">out", ">up");
        int count = 0;
        foreach (JsonElement peer in answer.RootElement.Items("items"))
        {
            count++;
            if (context.Output.IsJson)
            {
                context.Output.Json(peer);
                continue;
            }

            table.Add(
                peer.Text("id") ?? "", peer.Text("name") ?? "", peer.Text("direction") ?? "",
                peer.Text("url") ?? peer.Text("address") ?? "", peer.Text("state") ?? "", Rtt(peer),
                Units.Size(peer.Number("bytesIn")), Units.Size(peer.Number("bytesOut")), Since(context, peer));
        }

        if (table.Rows.Count > 0)
        {
            context.Output.Table(table);
        }

        context.Output.Note(count == 1 ? "1 peer" : $"{count} peers");
        return ExitCode.Done;
    }

    private static async Task<int> AddAsync(CommandContext context, CancellationToken cancellationToken)
    {
        string url = CheckPeer(context.Value(Address)!);
        var body = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(body, JsonForm.Writer))
        {
            writer.WriteStartObject();
            writer.WriteString("url", url);
            writer.WriteEndObject();
        }

        WeftClient client = await context.ConnectAsync(cancellationToken);
        using JsonDocument answer = await client.SendAsync(
            HttpMethod.Post, WeftClient.Path("peers"), body.WrittenMemory, cancellationToken);
        if (context.Output.IsJson)
        {
            context.Output.Json(answer.RootElement);
        }
        else
        {
            context.Output.Cells(url, answer.RootElement.Text("state") ?? "dialling");
        }

        return ExitCode.Done;
    }

    private static async Task<int> RemoveAsync(CommandContext context, CancellationToken cancellationToken)
    {
        string peer = context.Value(Leaving)!;
        bool isNumber = long.TryParse(peer, NumberStyles.None, CultureInfo.InvariantCulture, out _);
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using HttpResponseMessage answer = await client.OpenAsync(
            HttpMethod.Delete, WeftClient.Path("peers", (isNumber ? "id" : "url", peer)), null, null,
            cancellationToken);
        if (context.Output.IsJson)
        {
            context.Output.Json(writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("removed", peer);
                writer.WriteEndObject();
            });
        }
        else
        {
            context.Output.Cells(peer, "removed");
        }

        return ExitCode.Done;
    }

    /// <summary>Checks a peer's address before it is sent anywhere.</summary>
    /// <exception cref="CliException">Not a WebSocket URL.</exception>
    internal static string CheckPeer(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out Uri? url) && url.Scheme is "ws" or "wss" or "http" or "https"
            ? text
            : throw new CliException(WeftError.AddressInvalid, $"\"{text}\" is not the URL of a peer")
            {
                Try = ["ws://HOST:PORT/gun"],
            };

    private static string Rtt(JsonElement peer) =>
        peer.Member("rttMs") is { } ? Units.Duration(TimeSpan.FromMilliseconds(peer.Number("rttMs"))) : "–";

    private static string Since(CommandContext context, JsonElement peer) =>
        DateTimeOffset.TryParse(peer.Text("since"), CultureInfo.InvariantCulture, out DateTimeOffset since)
            ? Units.Duration(context.Host.Time.GetUtcNow() - since)
            : "–";
}
