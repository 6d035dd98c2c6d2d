using System.CommandLine;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;
using Weft.Node.Storage;
using Weft.Server.Api;
using Weft.Storage;
using Weft.Storage.Sealing;

namespace Weft.Cli.Commands;

/// <summary>Reads everything and reports damage.</summary>
internal static class VerifyCommand
{
    public static Command Build()
    {
        var command = new WeftCommand("verify", "Read everything, report damage.")
        {
            Examples =
            [
                "weft verify", "weft verify --offline --data ./drill",
                "weft verify --offline --data ./drill --key-file weft.key",
            ],
            Resources = ["POST /verify"],
            Remarks = "Exit code 8 when something is damaged. The node goes on serving meanwhile.",
        };
        command.Options.Add(StoreKeyOptions.PassphraseFile);
        command.Options.Add(StoreKeyOptions.KeyFile);
        command.Run(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        if (context.Value(GlobalOptions.Offline))
        {
            return await VerifyFolderAsync(context, cancellationToken);
        }

        WeftClient client = await context.ConnectAsync(cancellationToken);
        using var progress = new ProgressLine(context.Host, context.Output);
        using JsonDocument answer = await ProgressAnswer.ReadAsync(
            client, WeftClient.Path("verify"),
            fields => progress.Report("verify", null, $"{Units.Count(fields)} fields"), cancellationToken);
        progress.Dispose();
        JsonElement root = answer.RootElement;
        return Print(context.Output, new VerifyReport(
            root.Long("fields"), root.Long("bytes"),
            [
                .. root.Items("damages").Select(damage => new Damage(
                    damage.Text("file") ?? "", damage.Text("where") ?? "", damage.Text("what") ?? "",
                    [.. damage.Items("souls").Select(soul => soul.ToString())])),
            ],
            TimeSpan.FromMilliseconds(root.Number("durationMs"))));
    }

    /// <summary>
    /// Reads the files without starting a node on them, so that a folder too damaged to open can be judged, too.
    /// </summary>
    private static async Task<int> VerifyFolderAsync(CommandContext context, CancellationToken cancellationToken)
    {
        using StoreSecret? secret = StoreKeyOptions.ForExisting(context, context.Settings.DataFolder);
        using var progress = new ProgressLine(context.Host, context.Output);
        VerifyReport report = await StorageEngine.VerifyFolderAsync(
            context.Settings.DataFolder, StoreKeyOptions.Encryption(secret), new Told(progress), cancellationToken);
        progress.Dispose();
        return Print(context.Output, report);
    }

    private static int Print(CliOutput output, VerifyReport report)
    {
        IReadOnlyList<Damage> damages = report.Damages;
        int exit = damages.Count > 0 ? ExitCode.Damage : ExitCode.Done;
        if (output.IsJson)
        {
            output.Json(writer => WriteJson(writer, report));
            return exit;
        }

        output.Cells(
            damages.Count == 0 ? "ok" : "DAMAGED", $"{Units.Count(report.Fields)} fields", Units.Size(report.Bytes),
            Units.Duration(report.Duration),
            damages.Count == 1 ? "1 damaged place" : $"{damages.Count} damaged places");
        var table = new TextTable("file", "where", "what", "nodes");
        foreach (Damage damage in damages)
        {
            table.Add(damage.File, damage.Where, damage.What, string.Join(' ', damage.Souls.Take(5)));
        }

        if (damages.Count > 0)
        {
            output.Table(table);
            output.Note("damaged parts are never served; weft restore FILE --data NEW brings back a backup");
        }

        return exit;
    }

    private static void WriteJson(Utf8JsonWriter writer, VerifyReport report)
    {
        writer.WriteStartObject();
        VerifyReportJson.WriteMembers(writer, report);
        writer.WriteEndObject();
    }

    private sealed class Told(ProgressLine line) : IProgress<long>
    {
        public void Report(long value) => line.Report("verify", null, Units.Size(value));
    }
}
