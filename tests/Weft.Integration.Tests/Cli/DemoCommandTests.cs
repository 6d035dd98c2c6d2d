using System.Text.Json;
using Weft.Testing;

namespace Weft.Integration.Tests.Cli;

public sealed class DemoCommandTests
{
    [Fact]
    public async Task The_tour_ends_with_every_step_as_it_should_be()
    {
        WeftRun run = await WeftProcess.RunAsync("demo", "--json");

        JsonElement[] steps = [.. run.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonDocument.Parse(line).RootElement)];
        Assert.Equal(
            ["meet", "write", "synced", "partition", "apart", "heal", "audit"],
            steps.Select(step => step.GetProperty("step").GetString()));
        Assert.All(steps, step => Assert.True(step.GetProperty("ok").GetBoolean(), step.ToString()));
        Assert.Equal(5, steps[0].GetProperty("peers").GetArrayLength());
        Assert.Equal([3, 3, 2, 2, 2], steps[3].GetProperty("away").EnumerateArray().Select(one => one.GetInt32()));
        Assert.Equal("wine at six", steps[5].GetProperty("winner").GetString());
        Assert.Equal((0, ""), (run.Exit, run.Error));
    }

    [Fact]
    public async Task Bounds_are_said_before_anything_starts()
    {
        Assert.Equal(2, (await WeftProcess.RunAsync("demo", "--peers", "3")).Exit);
        Assert.Equal(2, (await WeftProcess.RunAsync("demo", "--pause", "99")).Exit);
    }
}
