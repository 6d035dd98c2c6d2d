using System.CommandLine;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;

namespace Weft.Cli.Commands;

/// <summary>The commands of <c>weft peers</c> that are about libp2p peers alone: ban, unban, bans, ping.</summary>
internal static class PeerBanCommand
{
    private static readonly Argument<string> Peer = new("peer")
    {
        Description = "The peer id: 12D3Koo….",
        HelpName = "PEER",
    };

    private static readonly Argument<string> Target = new("peer")
    {
        Description = "The peer id of a connected peer, or a multiaddr.",
        HelpName = "PEER|ADDRESS",
    };

    private static readonly Option<string?> Reason = new("--reason")
    {
        Description = "Why, for those who look at the list: at most 200 characters.",
        HelpName = "TEXT",
    };

    private static readonly Option<int> Count = new("--count")
    {
        Description = "Pings to send: 1 to 1000.",
        HelpName = "N",
        DefaultValueFactory = _ => 1,
    };

    public static IEnumerable<Command> Build()
    {
        var ban = new WeftCommand("ban", "Close every connection with a libp2p peer, and take none from now on.")
        {
            Examples = ["weft peers ban 12D3Koo… --reason flood"],
            Resources = ["POST /peers/bans"],
            Remarks = "The ban holds across restarts, until unban.",
        };
        ban.Arguments.Add(Peer);
        ban.Options.Add(Reason);
        ban.Run(BanAsync);
        var unban = new WeftCommand("unban", "Allow a libp2p peer again.")
        {
            Examples = ["weft peers unban 12D3Koo…"],
            Resources = ["DELETE /peers/bans"],
        };
        unban.Arguments.Add(Peer);
        unban.Run(UnbanAsync);
        var bans = new WeftCommand("bans", "List the banned peers.")
        {
            Examples = ["weft peers bans"],
            Resources = ["GET /peers/bans"],
        };
        bans.Run(ListAsync);
        var ping = new WeftCommand("ping", "Measure the round trip to a libp2p peer.")
        {
            Examples = ["weft peers ping 12D3Koo… --count 5", "weft peers ping /ip4/192.168.1.20/tcp/8766"],
            Resources = ["POST /peers/ping"],
        };
        ping.Arguments.Add(Target);
        ping.Options.Add(Count);
        ping.Run(PingAsync);
        return [ban, unban, bans, ping];
    }

    private static async Task<int> BanAsync(CommandContext context, CancellationToken cancellationToken)
    {
        string peer = context.Value(Peer)!;
        string? reason = context.Value(Reason);
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using JsonDocument answer = await client.SendAsync(
            HttpMethod.Post,
            WeftClient.Path("peers/bans"),
            JsonBuild.Object(json =>
            {
                json.WriteString("peer", peer);
                json.WriteString("reason", reason ?? "");
            }),
            cancellationToken);
        Print(context, answer.RootElement, "banned");
        return ExitCode.Done;
    }

    private static async Task<int> UnbanAsync(CommandContext context, CancellationToken cancellationToken)
    {
        string peer = context.Value(Peer)!;
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using HttpResponseMessage answer = await client.OpenAsync(
            HttpMethod.Delete, WeftClient.Path("peers/bans", ("peer", peer)), null, null, cancellationToken);
        context.Output.Done("unbanned", peer, "allowed");
        return ExitCode.Done;
    }

    private static async Task<int> ListAsync(CommandContext context, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using JsonDocument answer = await client.GetAsync(WeftClient.Path("peers/bans"), cancellationToken);
        int count = 0;
        foreach (JsonElement ban in answer.RootElement.Items("items"))
        {
            count++;
            Print(context, ban, "since " + ban.Text("since"));
        }

        context.Output.Note(count == 1 ? "1 peer is banned" : $"{count} peers are banned");
        return ExitCode.Done;
    }

    private static async Task<int> PingAsync(CommandContext context, CancellationToken cancellationToken)
    {
        string target = context.Value(Target)!;
        int count = context.Value(Count);
        if (count is < 1 or > 1_000)
        {
            throw CliException.Usage($"--count takes 1 to 1000, not {count}");
        }

        WeftClient client = await context.ConnectAsync(cancellationToken);
        for (int i = 0; i < count; i++)
        {
            using JsonDocument answer = await client.SendAsync(
                HttpMethod.Post, WeftClient.Path("peers/ping"),
                JsonBuild.Object(json => json.WriteString("peer", target)), cancellationToken);
            if (context.Output.IsJson)
            {
                context.Output.Json(answer.RootElement);
            }
            else
            {
                context.Output.Cells(
                    answer.RootElement.Text("peer") ?? target,
                    Units.Duration(TimeSpan.FromMilliseconds(answer.RootElement.Number("rttMs"))));
            }
        }

        return ExitCode.Done;
    }

    private static void Print(CommandContext context, JsonElement ban, string word)
    {
        if (context.Output.IsJson)
        {
            context.Output.Json(ban);
        }
        else
        {
            context.Output.Cells(ban.Text("peer") ?? "", word, ban.Text("reason") ?? "");
        }
    }
}
