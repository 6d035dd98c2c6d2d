using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;
using Weft.Primitives;

namespace Weft.Cli.Commands;

/// <summary>Shows, makes, ends and forbids connections to peers, GUN's and libp2p's.</summary>
internal static class PeersCommand
{
    private static readonly Argument<string> Address = new("address")
    {
        Description = "For example ws://192.168.1.20:8765/gun, or /ip4/192.168.1.20/tcp/8766/p2p/12D3Koo….",
        HelpName = "ADDRESS",
    };

    private static readonly Argument<string> Leaving = new("peer")
    {
        Description = "The number in the list, the URL or multiaddr, or the peer id.",
        HelpName = "ID|ADDRESS|PEER",
    };

    public static Command Build()
    {
        var list = new WeftCommand("ls", "Table of connections.")
        {
            Examples = ["weft peers ls", "weft peers --json"],
            Resources = ["GET /peers"],
        };
        list.Run(ListAsync);
        var add = new WeftCommand("add", "Connect to a peer, now, whenever the connection breaks, and after a restart.")
        {
            Examples =
            [
                "weft peers add ws://192.168.1.20:8765/gun", "weft peers add /ip4/192.168.1.20/tcp/8766/p2p/12D3Koo…",
            ],
            Resources = ["POST /peers"],
        };
        add.Arguments.Add(Address);
        add.Run(AddAsync);
        var remove = new WeftCommand("rm", "Hang up, and do not dial again.")
        {
            Examples = ["weft peers rm 3", "weft peers rm 12D3Koo…"],
            Resources = ["DELETE /peers"],
        };
        remove.Arguments.Add(Leaving);
        remove.Run(RemoveAsync);
        var command = new WeftCommand("peers", "Table of connections; add, remove, ban and ping peers.")
        {
            Examples = ["weft peers", "weft peers add ws://relay:8765/gun"],
            Remarks = "An address that begins with \"/\" and a peer id are libp2p's; a URL is GUN's.",
        };
        foreach (Command sub in (Command[])[list, add, remove, .. PeerBanCommand.Build()])
        {
            command.Subcommands.Add(sub);
        }

        command.Run(ListAsync);
        return command;
    }

    /// <summary>Checks the address of a GUN peer before it is sent anywhere.</summary>
    /// <exception cref="CliException">Not a WebSocket URL.</exception>
    internal static string CheckPeer(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out Uri? url) && url.Scheme is "ws" or "wss" or "http" or "https"
            ? text
            : throw new CliException(WeftError.AddressInvalid, $"\"{text}\" is not the URL of a peer")
            {
                Try = ["ws://HOST:PORT/gun"],
            };

    private static async Task<int> ListAsync(CommandContext context, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using JsonDocument answer = await client.GetAsync(WeftClient.Path("peers"), cancellationToken);
        var table = new TextTable(
            ">id", "peer", "name", "via", "way", "address", "state", ">rtt", ">score", ">streams", ">up");
        int count = 0;
        foreach (JsonElement peer in answer.RootElement.Items("items"))
        {
            count++;
            if (context.Output.IsJson)
            {
                context.Output.Json(peer);
                continue;
            }

            bool isLibp2p = peer.Text("kind") == "libp2p";
            table.Add(
                isLibp2p ? "–" : peer.Text("id") ?? "", Short(context, peer.Text("peer") ?? peer.Text("pid") ?? ""),
                peer.Text("agent") ?? peer.Text("kind") ?? "", peer.Text("via") ?? "", peer.Text("direction") ?? "",
                peer.Text("address") ?? "", peer.Text("state") ?? "", Rtt(peer),
                peer.Text("score") ?? "–", isLibp2p ? peer.Text("streams") ?? "" : "–", Since(context, peer));
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
        string address = context.Value(Address)!;
        address = PeerLinks.IsLibp2p(address) ? address : CheckPeer(address);
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using JsonDocument answer = await client.SendAsync(
            HttpMethod.Post, WeftClient.Path("peers"), JsonBuild.Object(json => json.WriteString("url", address)),
            cancellationToken);
        if (context.Output.IsJson)
        {
            context.Output.Json(answer.RootElement);
        }
        else
        {
            context.Output.Cells(address, answer.RootElement.Text("state") ?? "dialling");
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
        context.Output.Done("removed", peer, "removed");
        return ExitCode.Done;
    }

    // A pipe gets the whole id; a person knows a peer by its end.
    private static string Short(CommandContext context, string id) =>
        context.Output.IsTerminal && id.Length > 16 ? $"{id[..4]}…{id[^6..]}" : id;

    private static string Rtt(JsonElement peer) =>
        peer.Member("rttMs") is { } ? Units.Duration(TimeSpan.FromMilliseconds(peer.Number("rttMs"))) : "–";

    private static string Since(CommandContext context, JsonElement peer) =>
        DateTimeOffset.TryParse(peer.Text("since"), CultureInfo.InvariantCulture, out DateTimeOffset since)
            ? Units.Duration(context.Host.Time.GetUtcNow() - since)
            : "–";
}
