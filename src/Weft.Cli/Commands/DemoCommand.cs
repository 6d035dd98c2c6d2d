using System.CommandLine;
using Weft.Cli.App;
using Weft.Cli.Demo;

namespace Weft.Cli.Commands;

/// <summary>A small network in this process, and a tour of what it does.</summary>
internal static class DemoCommand
{
    private static readonly Option<int> Peers = new("--peers")
    {
        Description = "How many peers: 4 to 20. Default: 5.",
        HelpName = "N",
        DefaultValueFactory = _ => 5,
    };

    private static readonly Option<double?> Pause = new("--pause")
    {
        Description = "Seconds between the steps: 0 to 60. Default: 1 on a terminal, else 0.",
        HelpName = "SECONDS",
    };

    public static Command Build()
    {
        var command = new WeftCommand("demo", "Five peers in one process: write, partition, heal, and see them agree.")
        {
            Examples = ["weft demo", "weft demo --peers 8 --pause 0", "weft demo --json"],
            Remarks = "Real nodes over TCP on loopback, with stores in memory; nothing is left when it ends. Exit code 8 "
                + "when a step did not come out as it should.",
        };
        command.Options.Add(Peers);
        command.Options.Add(Pause);
        command.Run(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        int peers = context.Value(Peers);
        double pause = context.Value(Pause) ?? (context.Output.IsTerminal ? 1 : 0);
        if (peers is < 4 or > 20 || pause is < 0 or > 60 or double.NaN)
        {
            throw CliException.Usage("--peers takes 4 to 20, --pause 0 to 60 seconds");
        }

        await using DemoWorld world = await DemoWorld.StartAsync(peers, cancellationToken);
        var tour = new DemoTour(world, context.Output, context.Host.Time, TimeSpan.FromSeconds(pause));
        return await tour.RunAsync(cancellationToken) ? ExitCode.Done : ExitCode.Damage;
    }
}
