using Weft.Simulation;
using Xunit.Abstractions;

namespace Weft.Simulation.Tests.Scenarios;

/// <summary>
/// A DHT of many peers; the checks and their bars are in the scenarios. `weft sim` plays them larger.
/// </summary>
public sealed class KadScenarioTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("kad", 1_000)]
    [InlineData("kad-kill", 300)]
    [InlineData("kad-adversaries", 500)]
    [InlineData("kad-sybils", 500)]
    [InlineData("kad-churn", 150)]
    [InlineData("capacity", 100)]
    public void What_a_dht_promises_holds(string name, int nodes)
    {
        SimReport report = Scenario.Find(name)!.Run(nodes, seed: 20_260_401);

        output.WriteLine(report.ToString());
        Assert.True(report.IsOk, report.ToString());
    }
}
