using System.CommandLine;
using Weft.Cli.App;
using Weft.Cli.Doctor;
using Weft.Cli.Http;
using Weft.Cli.Output;

namespace Weft.Cli.Commands;

/// <summary>Checks machine, folder and node.</summary>
internal static class DoctorCommand
{
    public static Command Build()
    {
        var command = new WeftCommand("doctor", "Check data folder, limits, ports, clocks, storage and versions.")
        {
            Examples = ["weft doctor", "weft doctor --json"],
            Resources = ["GET /stats", "GET /peers"],
            Remarks = "Exit code 8 for a failure, 9 for a warning.",
        };
        command.Run(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        string folder = context.Settings.DataFolder;
        RunInfo? running = RunInfo.Read(folder);
        var findings = new List<Finding>
        {
            FolderChecks.Folder(folder),
            FolderChecks.Lock(folder, running, context.Host.Time.GetUtcNow()),
            FolderChecks.Token(folder),
            FolderChecks.OpenFiles(),
        };
        bool isHeld = findings[1].Text.StartsWith("held", StringComparison.Ordinal);
        WeftClient client = await context.ConnectAsync(cancellationToken);
        (Finding port, bool answers) = await NodeChecks.PortAsync(client, isHeld, cancellationToken);
        findings.Add(port);
        if (answers)
        {
            await AskNodeAsync(context, client, findings, cancellationToken);
        }

        return Print(context.Output, findings);
    }

    private static async Task AskNodeAsync(
        CommandContext context, WeftClient client, List<Finding> findings, CancellationToken cancellationToken)
    {
        try
        {
            findings.Add(await NodeChecks.ClockAsync(context, client, cancellationToken));
            findings.AddRange(await NodeChecks.StatsAsync(client, cancellationToken));
        }
        catch (CliException error)
        {
            findings.Add(new(FindingKind.Fail, "node", error.Message, $"{error.Code} weft explain {error.Code}"));
        }
    }

    private static int Print(CliOutput output, List<Finding> findings)
    {
        int failures = findings.Count(finding => finding.Kind == FindingKind.Fail);
        int warnings = findings.Count(finding => finding.Kind == FindingKind.Warn);
        foreach (Finding finding in findings)
        {
            if (output.IsJson)
            {
                output.Json(writer =>
                {
                    writer.WriteStartObject();
                    writer.WriteString("check", finding.Name);
                    writer.WriteString("result", Word(finding.Kind));
                    writer.WriteString("text", finding.Text);
                    if (finding.Hint is not null)
                    {
                        writer.WriteString("hint", finding.Hint);
                    }

                    writer.WriteEndObject();
                });
                continue;
            }

            Print(output, finding);
        }

        output.Note($"{Count(failures, "failure")}, {Count(warnings, "warning")}");
        return failures > 0 ? ExitCode.Damage : warnings > 0 ? ExitCode.Warning : ExitCode.Done;
    }

    private static void Print(CliOutput output, Finding finding)
    {
        string word = Word(finding.Kind);
        string text = PlainText.OneLine(finding.Hint is null ? finding.Text : $"{finding.Text}  {finding.Hint}");
        int color = finding.Kind switch
        {
            FindingKind.Fail => 31,
            FindingKind.Warn => 33,
            _ => 32,
        };
        output.Line(output.IsTerminal
            ? $"  {output.Paint(word.PadRight(5), color)} {finding.Name,-14} {text}"
            : $"{word}\t{finding.Name}\t{text}");
    }

    private static string Count(int count, string word) => count == 1 ? $"1 {word}" : $"{count} {word}s";

    private static string Word(FindingKind kind) => kind switch
    {
        FindingKind.Fail => "FAIL",
        FindingKind.Warn => "warn",
        _ => "ok",
    };
}
