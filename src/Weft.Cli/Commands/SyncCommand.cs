using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;

namespace Weft.Cli.Commands;

/// <summary>How far libp2p peers are, and waiting until they are there.</summary>
internal static class SyncCommand
{
    private static readonly Option<bool> Wait = new("--wait")
    {
        Description = "Wait until connected peers have what the node has now, durably, and it has what they have.",
    };

    private static readonly Option<bool> Any = new("--any") { Description = "With --wait: one peer is enough." };

    private static readonly Option<bool> Known = new("--known")
    {
        Description = "With --wait: wait for peers that were here before and are away, too.",
    };

    private static readonly Option<string?> Prefix = new("--prefix")
    {
        Description = "Only souls that begin so.",
        HelpName = "PREFIX",
    };

    private static readonly Option<string?> Soul = new("--soul") { Description = "Only this node.", HelpName = "SOUL" };

    private static readonly Option<string?> Deadline = new("--deadline")
    {
        Description = "How long to wait: up to 10m. Default: 30s.",
        HelpName = "DURATION",
    };

    public static Command Build()
    {
        var command = new WeftCommand("sync", "Lag per libp2p peer; --wait until synced, with a deadline.")
        {
            Examples =
            [
                "weft sync", "weft sync --wait", "weft sync --wait --prefix room/ --deadline 5s",
                "weft sync --wait --any",
            ],
            Resources = ["GET /sync", "POST /sync"],
            Remarks = "With --wait: exit code 7 when the deadline passes first. GUN links are not part of it: weft peers.",
        };
        command.Options.Add(Wait);
        command.Options.Add(Any);
        command.Options.Add(Known);
        AddScope(command);
        command.Options.Add(Deadline);
        command.Run(RunAsync);
        return command;
    }

    /// <summary>Gives a command the options that name a part of the graph.</summary>
    internal static void AddScope(Command command)
    {
        command.Options.Add(Prefix);
        command.Options.Add(Soul);
    }

    /// <summary>Writes that part into the body of a request.</summary>
    internal static void WriteScope(CommandContext context, Utf8JsonWriter json)
    {
        if (context.Value(Prefix) is { } prefix)
        {
            json.WriteString("prefix", prefix);
        }

        if (context.Value(Soul) is { } soul)
        {
            json.WriteString("soul", soul);
        }
    }

    private static async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        if (context.Value(Wait))
        {
            return await WaitAsync(context, client, cancellationToken);
        }

        using JsonDocument answer = await client.GetAsync(WeftClient.Path("sync"), cancellationToken);
        var table = new TextTable("peer", "state", ">lag", ">behind", ">in", ">out", ">refused", ">up");
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
                peer.Text("peer") ?? "", peer.Flag("caughtUp") ? "synced" : "catching up", peer.Text("lag") ?? "",
                peer.Text("behind") ?? "", peer.Text("fieldsIn") ?? "", peer.Text("fieldsOut") ?? "",
                (peer.Long("refusedHere") + peer.Long("refusedThere")).ToString(CultureInfo.InvariantCulture),
                DateTimeOffset.TryParse(peer.Text("since"), CultureInfo.InvariantCulture, out DateTimeOffset since)
                    ? Units.Duration(context.Host.Time.GetUtcNow() - since)
                    : "–");
        }

        foreach (JsonElement away in answer.RootElement.Items("away"))
        {
            if (context.Output.IsJson)
            {
                context.Output.Json(away);
                continue;
            }

            table.Add(
                away.Text("peer") ?? "", "away", away.Text("lag") ?? "", "", "", "", "",
                DateTimeOffset.TryParse(away.Text("seen"), CultureInfo.InvariantCulture, out DateTimeOffset seen)
                    ? Units.Duration(context.Host.Time.GetUtcNow() - seen) + " ago"
                    : "–");
        }

        if (table.Rows.Count > 0)
        {
            context.Output.Table(table);
        }

        context.Output.Note(count == 1 ? "1 peer" : $"{count} peers");
        return ExitCode.Done;
    }

    private static async Task<int> WaitAsync(
        CommandContext context, WeftClient client, CancellationToken cancellationToken)
    {
        byte[] body = JsonBuild.Object(json =>
        {
            json.WriteString("timeout", context.Value(Deadline) ?? "30s");
            json.WriteString("until", context.Value(Any) ? "any" : context.Value(Known) ? "known" : "all");
            WriteScope(context, json);
        });
        using JsonDocument answer = await client.SendAsync(
            HttpMethod.Post, WeftClient.Path("sync"), body, cancellationToken);
        JsonElement result = answer.RootElement;
        bool isComplete = result.Flag("complete");
        if (context.Output.IsJson)
        {
            context.Output.Json(result);
        }
        else
        {
            context.Output.Cells(
                isComplete ? "synced" : "not synced", $"{result.Long("peers")} peers",
                Units.Duration(TimeSpan.FromMilliseconds(result.Number("elapsedMs"))));
            foreach (JsonElement lag in result.Items("behind"))
            {
                context.Output.Cells(
                    lag.Text("peer") ?? "", $"lacks {lag.Long("operations")}", $"has {lag.Long("missing")} more",
                    lag.Flag("connected") ? "" : "away");
            }
        }

        return isComplete ? ExitCode.Done : ExitCode.Deadline;
    }
}
