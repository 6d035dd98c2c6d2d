using System.CommandLine;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;
using Weft.Node.Storage;
using Weft.Storage;
using Weft.Storage.Sealing;

namespace Weft.Cli.Commands;

/// <summary>Rebuilds what damage left, and fetches the rest from peers.</summary>
internal static class RepairCommand
{
    private static readonly Option<string?> From = new("--from")
    {
        Description = "Where to fetch from what is lost: peers. For a node that runs.",
        HelpName = "peers",
    };

    public static Command Build()
    {
        var command = new WeftCommand("repair", "Rebuild what can be rebuilt, fetch the rest from peers.")
        {
            Examples = ["weft repair --offline --data ./weft", "weft repair --from peers"],
            Resources = ["POST /repair"],
            Remarks = "With --offline the files of a stopped node are rebuilt from what can be read; the damaged ones go "
                + "into its folder \"quarantine\". With --from peers a running node gets back from connected peers what "
                + "its damaged nodes lost. Exit code 8 when something is still missing.",
        };
        command.Options.Add(From);
        command.Options.Add(StoreKeyOptions.PassphraseFile);
        command.Options.Add(StoreKeyOptions.KeyFile);
        command.Run(RunAsync);
        return command;
    }

    private static Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        bool isOffline = context.Value(GlobalOptions.Offline);
        return (isOffline, context.Value(From)) switch
        {
            (true, null) => RebuildAsync(context, cancellationToken),
            (false, "peers") => FetchAsync(context, cancellationToken),
            _ => throw CliException.Usage(
                "weft repair takes either --offline, for a stopped node, or --from peers, for a running one",
                "weft repair --offline", "weft repair --from peers"),
        };
    }

    private static async Task<int> FetchAsync(CommandContext context, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using var progress = new ProgressLine(context.Host, context.Output);
        using JsonDocument answer = await ProgressAnswer.ReadAsync(
            client, WeftClient.Path("repair"), bytes => progress.Report("repair", null, Units.Size(bytes)),
            cancellationToken);
        progress.Dispose();
        JsonElement report = answer.RootElement;
        int exit = report.Flag("ok") ? ExitCode.Done : ExitCode.Damage;
        if (context.Output.IsJson)
        {
            context.Output.Json(report);
            return exit;
        }

        context.Output.Cells(
            report.Flag("ok") ? "ok" : "STILL DAMAGED", $"{report.Long("souls")} damaged nodes",
            $"{report.Long("repaired")} repaired", $"{report.Long("fields")} fields from {report.Long("peers")} peers");
        foreach (JsonElement soul in report.Items("unrepaired"))
        {
            context.Output.Cells("not repaired", soul.GetString() ?? "");
        }

        foreach (JsonElement damage in report.Items("left"))
        {
            context.Output.Cells(
                "left", damage.Text("file") ?? "", damage.Text("where") ?? "", damage.Text("what") ?? "");
        }

        if (exit != ExitCode.Done)
        {
            context.Output.Note("a damaged file: stop the node and run weft repair --offline; "
                + "what no peer has: weft restore FILE --data NEW brings back a backup");
        }

        return exit;
    }

    private static async Task<int> RebuildAsync(CommandContext context, CancellationToken cancellationToken)
    {
        string folder = context.Settings.DataFolder;
        using StoreSecret? secret = StoreKeyOptions.ForExisting(context, folder);
        StoreEncryption? encryption = StoreKeyOptions.Encryption(secret);
        VerifyReport before = await StorageEngine.VerifyFolderAsync(folder, encryption, null, cancellationToken);
        SalvageReport? rebuilt = null;
        bool isLogDamaged = before.Damages.Any(damage => damage.File != "graph.db");
        if (before.Damages.Any(damage => damage.File == "graph.db"))
        {
            rebuilt = await StorageEngine.SalvageAsync(folder, encryption, cancellationToken);
        }

        bool hasLost = false;
        if (before.Damages.Count > 0)
        {
            var options = new StorageOptions { Path = folder, Encryption = encryption, AcceptLogDamage = true };
            await using StorageEngine engine = await StorageEngine.OpenAsync(options);
            hasLost = engine.HasLost;
            Node.Sync.SyncMarks.Forget(engine); // What peers gave may be among what is lost: the next start compares.
        }

        Print(context.Output, before, rebuilt, isLogDamaged, hasLost);
        bool isWhole = !hasLost && rebuilt is null or { BlocksLost: 0, RowsLost: false, IsPartial: false };
        return isWhole ? ExitCode.Done : ExitCode.Damage;
    }

    private static void Print(
        CliOutput output, VerifyReport before, SalvageReport? rebuilt, bool isLogDamaged, bool hasLost)
    {
        if (output.IsJson)
        {
            output.Json(json =>
            {
                json.WriteStartObject();
                json.WriteNumber("damages", before.Damages.Count);
                json.WriteBoolean("rebuilt", rebuilt is not null);
                json.WriteNumber("nodes", rebuilt?.Nodes ?? 0);
                json.WriteNumber("fields", rebuilt?.Fields ?? before.Fields);
                json.WriteNumber("blocksLost", rebuilt?.BlocksLost ?? 0);
                json.WriteBoolean("rowsLost", rebuilt?.RowsLost ?? false);
                json.WriteBoolean("partial", rebuilt?.IsPartial ?? false);
                json.WriteBoolean("commitsLost", hasLost);
                json.WriteString("aside", rebuilt?.Aside);
                json.WriteStartArray("souls");
                foreach (string soul in rebuilt?.Souls ?? [])
                {
                    json.WriteStringValue(soul);
                }

                json.WriteEndArray();
                json.WriteEndObject();
            });
            return;
        }

        if (before.Damages.Count == 0)
        {
            output.Cells("ok", $"{Units.Count(before.Fields)} fields", "nothing is damaged");
            return;
        }

        if (rebuilt is not null)
        {
            output.Cells(
                "rebuilt", "graph.db", $"{Units.Count(rebuilt.Nodes)} nodes", $"{Units.Count(rebuilt.Fields)} fields",
                $"{rebuilt.BlocksLost} blocks lost");
            output.Cells("aside", rebuilt.Aside);
            if (rebuilt.IsPartial)
            {
                output.Cells("lost", "a part of the nodes, whose names are not known");
            }

            if (rebuilt.RowsLost)
            {
                output.Cells("lost", "rows of logs or of the DHT");
            }
        }

        if (isLogDamaged)
        {
            output.Cells("log", hasLost ? "acknowledged commits are lost" : "nothing that was acknowledged is lost");
        }

        output.Note("start the node where its peers can be reached, and run weft repair --from peers");
    }
}
