using System.CommandLine;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;

namespace Weft.Cli.Commands;

/// <summary>Shows, adds and removes the relays through which the node is reached.</summary>
internal static class RelayCommand
{
    private static readonly Argument<string> Address = new("address")
    {
        Description = "Where the relay is, with its peer id: /ip4/192.0.2.7/tcp/8766/p2p/12D3Koo….",
        HelpName = "MULTIADDR",
    };

    private static readonly Argument<string> Leaving = new("relay")
    {
        Description = "Its peer id or its address.",
        HelpName = "PEER|MULTIADDR",
    };

    public static Command Build()
    {
        var list = new WeftCommand("ls", "The relays at which a place is kept, and what this node gives as a relay.")
        {
            Examples = ["weft relay", "weft relay ls --json"],
            Resources = ["GET /relays"],
        };
        list.Run(ListAsync);
        var add = new WeftCommand("add", "Keep a place at a relay, until the node stops; --relay of weft up is for every start.")
        {
            Examples = ["weft relay add /ip4/192.0.2.7/tcp/8766/p2p/12D3Koo…"],
            Resources = ["POST /relays"],
        };
        add.Arguments.Add(Address);
        add.Run(AddAsync);
        var remove = new WeftCommand("rm", "Give the place at a relay up.")
        {
            Examples = ["weft relay rm 12D3Koo…"],
            Resources = ["DELETE /relays"],
        };
        remove.Arguments.Add(Leaving);
        remove.Run(RemoveAsync);
        var command = new WeftCommand("relay", "Relays through which others reach this node.")
        {
            Examples = ["weft relay", "weft relay add /ip4/192.0.2.7/tcp/8766/p2p/12D3Koo…"],
            Resources = ["GET /relays"],
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
        using JsonDocument answer = await client.GetAsync(WeftClient.Path("relays"), cancellationToken);
        if (context.Output.IsJson)
        {
            context.Output.Json(answer.RootElement);
            return ExitCode.Done;
        }

        foreach (JsonElement relay in answer.RootElement.Items("items"))
        {
            Print(context, relay);
        }

        JsonElement? serving = answer.RootElement.Member("serving");
        context.Output.Note(serving is { } given
            ? $"relay for others: {Units.Count(given.Number("places"))} places, {Units.Count(given.Number("circuits"))} "
                + $"circuits, {Units.Size(given.Number("bytes"))} carried"
            : "no relay for others");
        return ExitCode.Done;
    }

    private static async Task<int> AddAsync(CommandContext context, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using JsonDocument answer = await client.SendAsync(
            HttpMethod.Post, WeftClient.Path("relays"),
            JsonBuild.Object(json => json.WriteString("address", context.Value(Address)!)), cancellationToken);
        if (context.Output.IsJson)
        {
            context.Output.Json(answer.RootElement);
        }
        else
        {
            Print(context, answer.RootElement);
        }

        return ExitCode.Done;
    }

    private static async Task<int> RemoveAsync(CommandContext context, CancellationToken cancellationToken)
    {
        string relay = context.Value(Leaving)!;
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using HttpResponseMessage answer = await client.OpenAsync(
            HttpMethod.Delete, WeftClient.Path("relays", ("relay", relay)), null, null, cancellationToken);
        context.Output.Done("removed", relay, "removed");
        return ExitCode.Done;
    }

    private static void Print(CommandContext context, JsonElement relay)
    {
        bool isReserved = relay.Member("reserved") is { ValueKind: JsonValueKind.True };
        context.Output.Cells(relay.Text("address") ?? "", isReserved ? "reserved" : "asking");
    }
}
