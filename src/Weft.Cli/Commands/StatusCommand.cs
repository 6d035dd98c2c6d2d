using System.CommandLine;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;
using Weft.Primitives;

namespace Weft.Cli.Commands;

/// <summary>One screen: who the node is, whether it is well, who is connected.</summary>
internal static class StatusCommand
{
    public static Command Build()
    {
        var command = new WeftCommand("status", "One screen: who am I, is it healthy, who is connected.")
        {
            Examples = ["weft status", "weft status --json"],
            Resources = ["GET /stats", "GET /peers"],
            Remarks = "Exit code 5 when no node answers, 9 when it answers and is not ready.",
        };
        command.Run(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using JsonDocument stats = await client.GetAsync(WeftClient.Path("stats"), cancellationToken);
        using JsonDocument peers = await client.GetAsync(WeftClient.Path("peers"), cancellationToken);
        string? notReady = await WhyNotReadyAsync(client, cancellationToken);
        JsonElement root = stats.RootElement;
        int peerCount = peers.RootElement.Items("items").Count();
        if (context.Output.IsJson)
        {
            context.Output.Json(writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("url", client.Url.AbsoluteUri);
                writer.WriteBoolean("ready", notReady is null);
                writer.WriteNumber("peerCount", peerCount);
                foreach (JsonProperty property in root.EnumerateObject())
                {
                    property.WriteRaw(writer);
                }

                writer.WriteEndObject();
            });
        }
        else
        {
            Print(context, client, root, peerCount, notReady);
        }

        return notReady is null ? ExitCode.Done : ExitCode.Warning;
    }

    private static void Row(CliOutput output, string name, string text) =>
        output.Line(output.IsTerminal ? $"  {name,-8} {text}" : $"{name}\t{text}");

    private static async Task<string?> WhyNotReadyAsync(WeftClient client, CancellationToken cancellationToken)
    {
        try
        {
            using HttpResponseMessage ready =
                await client.OpenAsync(HttpMethod.Get, "health/ready", null, null, cancellationToken);
            return null;
        }
        catch (CliException error) when (error.Error != WeftError.NodeUnreachable)
        {
            return error.Message;
        }
    }

    private static void Print(
        CommandContext context, WeftClient client, JsonElement stats, int peers, string? notReady)
    {
        JsonElement store = stats.Member("storage") ?? default;
        CliOutput output = context.Output;
        string health = notReady is null ? output.Paint("ready", 32) : output.Paint("NOT READY", 31) + " " + notReady;
        Row(output, "node", PlainText.OneLine($"{stats.Text("name")}  weft {stats.Text("version")}"));
        Row(output, "state", health);
        Row(output, "url", client.Url.AbsoluteUri);
        Row(output, "up", Units.Duration(TimeSpan.FromMilliseconds(stats.Number("uptimeMs"))));
        Row(output, "data", $"{Units.Count(store.Number("nodes"))} nodes, "
            + $"{Units.Count(store.Number("fields"))} fields, {Units.Size(store.Number("diskBytes"))}, "
            + $"durability {stats.Text("durability")}");
        JsonElement process = stats.Member("process") ?? default;
        Row(output, "memory", $"{Units.Size(store.Number("memoryBytes"))} of "
            + $"{Units.Size(store.Number("memoryBytesMax"))}, process {Units.Size(process.Number("rssBytes"))}");
        Row(output, "peers", $"{peers}");
        if (stats.Member("network") is { } network)
        {
            PrintNetwork(output, network);
        }
    }

    private static void PrintNetwork(CliOutput output, JsonElement network)
    {
        Row(output, "libp2p",
            $"{network.Text("peerId")}  profile {network.Text("profile")}, security {network.Text("security")}");
        if (network.Member("partition") is { } partition && partition.Flag("active"))
        {
            Row(output, "mesh", output.Paint("PARTITIONED", 31)
                + $" since {partition.Text("since")}: {partition.Items("away").Count()} peers are unreachable");
        }

        foreach (JsonElement address in network.Items("addresses"))
        {
            Row(output, "listens", PlainText.OneLine(address.GetString() ?? ""));
        }

        Row(output, "chosen", $"{Units.Count(network.Number("outboundChosen"))} of "
            + $"{Units.Count(network.Number("outboundTarget"))} outbound connections of its own choice");
        foreach (JsonElement way in network.Items("discovery"))
        {
            bool isActive = way.Member("active") is { ValueKind: JsonValueKind.True };
            Row(output, "finds", $"{way.Text("source")}: {(isActive ? "on" : "off")}, "
                + $"{Units.Count(way.Number("found"))} found");
        }

        foreach (JsonElement relay in (network.Member("relays") ?? default).Items("items"))
        {
            bool isReserved = relay.Member("reserved") is { ValueKind: JsonValueKind.True };
            Row(output, "relay", PlainText.OneLine($"{relay.Text("address")}  {(isReserved ? "reserved" : "asking")}"));
        }

        foreach (JsonElement limit in network.Items("limits"))
        {
            Row(output, "limit", $"{limit.Text("scope")} {limit.Text("what")}: "
                + $"{Units.Count(limit.Number("used"))} of {Units.Count(limit.Number("max"))}");
        }
    }
}
