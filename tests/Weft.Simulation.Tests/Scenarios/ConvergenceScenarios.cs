using Weft.Simulation;
using Xunit.Abstractions;

namespace Weft.Simulation.Tests.Scenarios;

/// <summary>
/// Twenty nodes under each kind of fault, over many seeds, and a thousand nodes once. The checkers live in the simulator;
/// a failure prints its seed and the command that plays it again.
/// </summary>
public sealed class ConvergenceScenarios(ITestOutputHelper output)
{
    public static TheoryData<string> Names => [.. Scenario.All.Select(scenario => scenario.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Twenty_nodes_converge_and_lose_nothing_on_every_seed(string name)
    {
        for (ulong seed = 1; seed <= 4; seed++)
        {
            Check(Scenario.Find(name)!.Run(20, seed));
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Small_worlds_do_so_too(string name)
    {
        for (ulong seed = 1_000; seed < 1_012; seed++)
        {
            Check(Scenario.Find(name)!.Run(2 + (int)(seed % 5), seed));
        }
    }

    [Fact]
    public void A_thousand_nodes_are_equal_within_thirty_seconds_after_the_split_heals() =>
        Check(Scenario.Find("partition-heal")!.Run(1_000, 20_260_401));

    [Theory]
    [MemberData(nameof(Names))]
    public void Same_seed_same_trace(string name)
    {
        Scenario scenario = Scenario.Find(name)!;

        SimReport first = scenario.Run(6, 42);
        SimReport again = scenario.Run(6, 42);
        SimReport other = scenario.Run(6, 43);

        Assert.Equal(first.TraceHash, again.TraceHash);
        Assert.Equal(first.Counts, again.Counts);
        Assert.NotEqual(first.TraceHash, other.TraceHash);
    }

    private void Check(SimReport report)
    {
        output.WriteLine(report.ToString());
        Assert.True(report.IsOk, report.ToString());
    }
}
