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
    public async Task Wrong_words_are_wrong_usage(params string[] words) =>
        Assert.Equal(ExitCode.Usage, await new CliCall().RunAsync(words));

    private static string Trace(CliCall call) =>
        JsonDocument.Parse(call.Out).RootElement.GetProperty("trace").GetString()!;
}
