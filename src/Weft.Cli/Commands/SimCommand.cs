using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Output;
using Weft.Simulation;

namespace Weft.Cli.Commands;

/// <summary>Plays scenarios with the production cores in virtual time, and prints what held.</summary>
internal static class SimCommand
{
    private static readonly Argument<string> Name = new("scenario") { Description = "A name from weft sim ls." };

    private static readonly Option<int?> Nodes = new("--nodes")
    {
        Description = "How many nodes: 2 to 10000. Default: what the scenario is meant for.",
        HelpName = "N",
    };

    private static readonly Option<double?> Hours = new("--hours")
    {
        Description = "Virtual hours, 0.01 to 240, of a scenario that can be shorter or longer (kad-churn, heal). "
            + "Default: what it is meant for.",
        HelpName = "N",
    };

    private static readonly Option<ulong> Seed = new("--seed")
    {
        Description = "The same seed gives the same run. Default: 1.",
        HelpName = "N",
        DefaultValueFactory = _ => 1,
    };

    public static Command Build()
    {
        var command = new WeftCommand("sim", "Run simulated networks with a seed; without a name all scenarios.")
        {
            Examples = ["weft sim --nodes 20 --seed 42", "weft sim run partition --nodes 100 --seed 7", "weft sim ls"],
            Remarks = "Exit code 8 when a promise did not hold; the report ends with the command that plays the run "
                + "again.",
        };
        var run = new WeftCommand("run", "Play one scenario.")
        {
            Examples = ["weft sim run partition-heal --seed 42", "weft sim run kad-churn --nodes 2000 --hours 24"],
        };
        run.Arguments.Add(Name);
        foreach (Command target in (Command[])[command, run])
        {
            target.Options.Add(Nodes);
            target.Options.Add(Seed);
            target.Options.Add(Hours);
        }

        run.Run((context, cancellationToken) => PlayAsync(context, [Find(context.Value(Name)!)], cancellationToken));
        var list = new WeftCommand("ls", "List the scenarios.") { Examples = ["weft sim ls"] };
        list.Run((context, _) => Task.FromResult(List(context.Output)));
        command.Subcommands.Add(run);
        command.Subcommands.Add(list);
        command.Run((context, cancellationToken) => PlayAsync(context, Scenario.All, cancellationToken));
        return command;
    }

    private static Scenario Find(string name) => Scenario.Find(name)
        ?? throw CliException.Usage(
            $"there is no scenario \"{name}\"{Suggestion.For(name, Scenario.All.Select(one => one.Name))}",
            "weft sim ls");

    private static int List(CliOutput output)
    {
        var table = new TextTable("name", ">nodes", "what happens");
        foreach (Scenario scenario in Scenario.All)
        {
            if (output.IsJson)
            {
                output.Json(writer =>
                {
                    writer.WriteStartObject();
                    writer.WriteString("name", scenario.Name);
                    writer.WriteNumber("nodes", scenario.NodesDefault);
                    writer.WriteString("summary", scenario.Summary);
                    writer.WriteEndObject();
                });
                continue;
            }

            table.Add(scenario.Name, scenario.NodesDefault.ToString(CultureInfo.InvariantCulture), scenario.Summary);
        }

        output.Table(table);
        return ExitCode.Done;
    }

    private static async Task<int> PlayAsync(
        CommandContext context, IReadOnlyList<Scenario> scenarios, CancellationToken cancellationToken)
    {
        int? nodes = context.Value(Nodes);
        if (nodes is < 2 or > 10_000)
        {
            throw CliException.Usage("--nodes takes 2 to 10000");
        }

        double? hours = context.Value(Hours);
        if (hours is not (null or (>= 0.01 and <= 240)))
        {
            throw CliException.Usage("--hours takes 0.01 to 240");
        }

        bool isOk = true;
        foreach (Scenario scenario in scenarios)
        {
            using var progress = new ProgressLine(context.Host, context.Output);
            var told = new Told(progress);
            ulong seed = context.Value(Seed);

            // A run is pure computing; off this thread, so that Ctrl+C is seen at once.
            SimReport report = await Task.Run(
                () => scenario.Run(
                    nodes ?? scenario.NodesDefault, seed, hours is { } some ? TimeSpan.FromHours(some) : null, told,
                    context.IsVerbose ? context.Trace : null, cancellationToken),
                cancellationToken);
            progress.Dispose();
            isOk &= report.IsOk;
            Print(context.Output, report);
        }

        return isOk ? ExitCode.Done : ExitCode.Damage;
    }

    private static void Print(CliOutput output, SimReport report)
    {
        if (output.IsJson)
        {
            output.Json(writer => WriteJson(writer, report));
            return;
        }

        foreach (string line in report.ToLines())
        {
            int color = line.StartsWith("FAIL", StringComparison.Ordinal) ? 31
                : line.StartsWith("ok", StringComparison.Ordinal) ? 32
                : 0;
            output.Line(color == 0 ? line : output.Paint(line[..4], color) + line[4..]);
        }

        output.Line("");
    }

    private static void WriteJson(Utf8JsonWriter writer, SimReport report)
    {
        writer.WriteStartObject();
        writer.WriteString("scenario", report.Scenario);
        writer.WriteNumber("nodes", report.Nodes);
        writer.WriteNumber("seed", report.Seed);
        writer.WriteBoolean("ok", report.IsOk);
        writer.WriteString("world", report.World);
        writer.WriteNumber("simulatedSeconds", report.Simulated.TotalSeconds);
        writer.WriteNumber("elapsedSeconds", Math.Round(report.Elapsed.TotalSeconds, 3));
        writer.WriteString("trace", report.TraceHash.ToString("x16", CultureInfo.InvariantCulture));
        writer.WriteStartObject("counts");
        foreach ((string name, double value) in report.Counts)
        {
            writer.WriteNumber(name, value);
        }

        writer.WriteEndObject();
        writer.WriteStartArray("passed");
        foreach (string line in report.Passed)
        {
            writer.WriteStringValue(line);
        }

        writer.WriteEndArray();
        writer.WriteStartArray("violations");
        foreach (SimViolation violation in report.Violations)
        {
            writer.WriteStringValue(violation.ToString());
        }

        writer.WriteEndArray();
        writer.WriteNumber("violationCount", report.ViolationCount);
        writer.WriteString("replay", report.Replay);
        writer.WriteEndObject();
    }

    /// <summary>
    /// Draws progress from the thread that computes; the usual class would post it elsewhere, late and out of order.
    /// </summary>
    private sealed class Told(ProgressLine line) : IProgress<SimProgress>
    {
        public void Report(SimProgress value) => line.Report(
            value.Phase,
            value.End.Microseconds > 0 ? value.At.Microseconds / (double)value.End.Microseconds : null,
            string.Create(CultureInfo.InvariantCulture, $"{value.At.Microseconds / 1e6:0.0} s simulated"));
    }
}
