using System.Globalization;
using Weft.Simulation;
using Xunit.Abstractions;

namespace Weft.Simulation.Tests.Scenarios;

/// <summary>
/// Twenty nodes under each kind of fault, over many seeds, and a thousand nodes once. The checkers live in the
/// simulator; a failure prints its seed and the command that plays it again.
/// </summary>
/// <remarks>
/// WEFT_NIGHTLY makes the runs long: 500 seeds of 20 nodes for each scenario and 20 of 1,000 nodes, from WEFT_SEED on.
/// </remarks>
public sealed class ConvergenceScenarios(ITestOutputHelper output)
{
    private static readonly bool IsNightly = Environment.GetEnvironmentVariable("WEFT_NIGHTLY") is not null;

    private static readonly ulong FirstSeed =
        Environment.GetEnvironmentVariable("WEFT_SEED") is { } seed ? ulong.Parse(seed, CultureInfo.InvariantCulture) : 1;

    public static TheoryData<string> Names => [.. Scenario.All.Select(scenario => scenario.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Twenty_nodes_converge_and_lose_nothing_on_every_seed(string name)
    {
        ulong seeds = IsNightly ? 500u : 4u;
        for (ulong seed = FirstSeed; seed < FirstSeed + seeds; seed++)
        {
            Check(Scenario.Find(name)!.Run(20, seed));
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Small_worlds_do_so_too(string name)
    {
        ulong seeds = IsNightly ? 2_000u : 12u;
        for (ulong seed = FirstSeed + 1_000; seed < FirstSeed + 1_000 + seeds; seed++)
        {
            Check(Scenario.Find(name)!.Run(2 + (int)(seed % 5), seed));
        }
    }

    [Fact]
    public void A_thousand_nodes_are_equal_within_thirty_seconds_after_the_split_heals()
    {
        ulong seeds = IsNightly ? 20u : 1u;
        for (ulong seed = FirstSeed; seed < FirstSeed + seeds; seed++)
        {
            Check(Scenario.Find("partition-heal")!.Run(1_000, seed));
        }
    }

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
        output.WriteLine(report.ToLines().ElementAt(0) + "; " + report.ToLines().ElementAt(1));
        Assert.True(report.IsOk, report.ToString());
    }
}
