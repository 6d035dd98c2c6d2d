using Weft.Simulation;
using Xunit.Abstractions;

namespace Weft.Simulation.Tests.Scenarios;

/// <summary>
/// Replicas after faults: equal in time, and for few bytes. The bars are in the scenario; `weft sim run heal --nodes 1000`
/// plays ten minutes of it.
/// </summary>
public sealed class HealScenarioTests(ITestOutputHelper output)
{
    [Fact]
    public void A_hundred_replicas_are_equal_soon_and_little_more_is_sent_than_was_missing()
    {
        SimReport report = Scenario.Find("heal")!.Run(100, seed: 20_260_401, length: TimeSpan.FromSeconds(20));

        output.WriteLine(report.ToString());
        Assert.True(report.IsOk, report.ToString());
    }
}
