using System.CommandLine;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;

namespace Weft.Cli.Commands;

/// <summary>Reads everything and reports damage.</summary>
internal static class VerifyCommand
{
    public static Command Build()
    {
        var command = new WeftCommand("verify", "Read everything, report damage.")
        {
            Examples = ["weft verify", "weft verify --offline --data ./drill"],
            Resources = ["POST /verify"],
            Remarks = "Exit code 8 when something is damaged. The node goes on serving meanwhile.",
        };
        command.Run(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using var progress = new ProgressLine(context.Host, context.Output);
        using JsonDocument answer = await ProgressAnswer.ReadAsync(
            client, WeftClient.Path("verify"),
            fields => progress.Report("verify", null, $"{Units.Count(fields)} fields"), cancellationToken);
        progress.Dispose();
        JsonElement report = answer.RootElement;
        JsonElement[] damages = [.. report.Items("damages")];
        if (context.Output.IsJson)
        {
            context.Output.Json(report.WriteTo);
            return damages.Length > 0 ? ExitCode.Damage : ExitCode.Done;
        }

        context.Output.Cells(
            damages.Length == 0 ? "ok" : "DAMAGED", $"{Units.Count(report.Long("fields"))} fields",
            Units.Size(report.Number("bytes")), Units.Duration(TimeSpan.FromMilliseconds(report.Number("durationMs"))),
            damages.Length == 1 ? "1 damaged place" : $"{damages.Length} damaged places");
        var table = new TextTable("file", "where", "what", "nodes");
        foreach (JsonElement damage in damages)
        {
            table.Add(
                damage.Text("file") ?? "", damage.Text("where") ?? "", damage.Text("what") ?? "",
                string.Join(' ', damage.Items("souls").Take(5).Select(soul => soul.ToString())));
        }

        if (damages.Length > 0)
        {
            context.Output.Table(table);
            context.Output.Note("the damaged parts were set aside and are never served; weft restore FILE --data NEW brings a backup");
        }

        return damages.Length > 0 ? ExitCode.Damage : ExitCode.Done;
    }
}
