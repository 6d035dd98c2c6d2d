using Weft.Simulation;
using Xunit.Abstractions;

namespace Weft.Simulation.Tests.Scenarios;

/// <summary>Topics of many peers; the checks and their bars are in the scenarios.</summary>
public sealed class GossipScenarioTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("gossip", 1_000)]
    [InlineData("gossip-deaths", 1_000)]
    [InlineData("gossip-attack", 200)]
    public void Every_message_reaches_every_honest_peer(string name, int nodes)
    {
        SimReport report = Scenario.Find(name)!.Run(nodes, seed: 20_260_401);

        output.WriteLine(report.ToString());
        Assert.True(report.IsOk, report.ToString());
    }
}
