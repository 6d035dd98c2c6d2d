using System.Text.Json;
using Weft.Cli.App;
using Weft.Simulation;

namespace Weft.Integration.Tests.Cli;

public sealed class SimCommandTests
{
    [Fact]
    public async Task Same_seed_gives_the_same_report()
    {
        string name = Scenario.All[0].Name;
        var first = new CliCall();
        var second = new CliCall();
        var other = new CliCall();

        Assert.Equal(0, await first.RunAsync("sim", "run", name, "--nodes", "5", "--seed", "42", "--json"));
        Assert.Equal(0, await second.RunAsync("sim", "run", name, "--nodes", "5", "--seed", "42", "--json"));
        Assert.Equal(0, await other.RunAsync("sim", "run", name, "--nodes", "5", "--seed", "43", "--json"));

        Assert.Equal(Trace(first), Trace(second));
        Assert.NotEqual(Trace(first), Trace(other));
    }

    [Fact]
    public async Task A_length_counts_for_a_story_that_has_one_and_stands_in_its_replay()
    {
        var longer = new CliCall();
        var shorter = new CliCall();

        Assert.Equal(0, await longer.RunAsync("sim", "run", "kad-churn", "--nodes", "4", "--hours", "0.5", "--json"));
        Assert.Equal(0, await shorter.RunAsync("sim", "run", "kad-churn", "--nodes", "4", "--hours", "0.2", "--json"));

        Assert.True(Number(longer, "simulatedSeconds") > Number(shorter, "simulatedSeconds") + 1_000);
        Assert.EndsWith(" --hours 0.5", JsonDocument.Parse(longer.Out).RootElement.GetProperty("replay").GetString());
    }

    [Fact]
    public async Task Without_a_name_every_scenario_is_played()
    {
        var call = new CliCall();

        Assert.Equal(0, await call.RunAsync("sim", "--nodes", "3", "--seed", "1", "--json"));

        Assert.Equal(
            Scenario.All.Select(scenario => scenario.Name),
            call.Lines.Select(line => JsonDocument.Parse(line).RootElement.GetProperty("scenario").GetString()));
    }

    [Theory]
    [InlineData("sim", "run", "los")]
    [InlineData("sim", "--nodes", "1")]
    [InlineData("sim", "--nodes", "10001")]
    [InlineData("sim", "--seed", "-1")]
    [InlineData("sim", "--hours", "0")]
    [InlineData("sim", "--hours", "241")]
    public async Task Wrong_words_are_wrong_usage(params string[] words) =>
        Assert.Equal(ExitCode.Usage, await new CliCall().RunAsync(words));

    private static double Number(CliCall call, string name) =>
        JsonDocument.Parse(call.Out).RootElement.GetProperty(name).GetDouble();

    private static string Trace(CliCall call) =>
        JsonDocument.Parse(call.Out).RootElement.GetProperty("trace").GetString()!;
}
