using Weft.Simulation;
using Xunit.Abstractions;

namespace Weft.Simulation.Tests.Scenarios;

/// <summary>Relays that keep a topic, a third of them hostile; the checks are in the scenario.</summary>
public sealed class TopicScenarioTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(9, 1)]
    [InlineData(6, 4)]
    public void Honest_relays_heal_and_readers_get_everything_from_them_whatever_a_third_of_the_relays_does(
        int relays, ulong seed)
    {
        SimReport report = Scenario.Find("topics")!.Run(relays, seed);

        output.WriteLine(report.ToString());
        Assert.True(report.IsOk, report.ToString());
    }

    [Fact]
    public void The_same_seed_gives_the_same_run()
    {
        Scenario scenario = Scenario.Find("topics")!;
        Assert.Equal(scenario.Run(3, seed: 5).TraceHash, scenario.Run(3, seed: 5).TraceHash);
    }
}
