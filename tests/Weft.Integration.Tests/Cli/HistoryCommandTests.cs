using System.Text.Json;
using Weft.Cli.App;

namespace Weft.Integration.Tests.Cli;

public sealed class HistoryCommandTests(CliNode node) : IClassFixture<CliNode>
{
    [Fact]
    public async Task Versions_are_listed_read_compared_and_proven()
    {
        Assert.Equal(ExitCode.NothingThere, await node.Call().RunAsync("history", "document-123"));
        await OkAsync("retain", "document-", "--log");
        foreach (string status in (string[])["Draft", "Review", "Final"])
        {
            await OkAsync("put", "document-123", $"status={status}");
        }

        CliCall list = await OkAsync("history", "document-123");
        Assert.Equal(3, list.Lines.Length);
        Assert.StartsWith("3\t", list.Lines[0], StringComparison.Ordinal);
        Assert.Contains("\tstatus\t\"Final\"\t\"Review\"\t", list.Lines[0], StringComparison.Ordinal);
        Assert.Equal("Draft", (await OkAsync("get", "document-123", "status", "--at", "1")).Lines.Single());
        Assert.Equal("Review", (await OkAsync("get", "document-123", "status", "--at", "2")).Lines.Single());
        Assert.Equal("Final", (await OkAsync("get", "document-123", "status", "--at", "0s ago")).Lines.Single());
        Assert.Equal(
            "status\t\"Draft\"\t\"Final\"",
            (await OkAsync("history", "document-123", "--diff", "1..3")).Lines.Single());
        CliCall proven = await OkAsync("history", "document-123", "--proof", "--json");
        Assert.All(
            proven.Lines, line => Assert.True(JsonDocument.Parse(line).RootElement.GetProperty("proven").GetBoolean()));
        Assert.Equal(3, proven.Lines.Length);
        Assert.Equal(ExitCode.NothingThere, await node.Call().RunAsync("get", "document-123", "--at", "9"));
        Assert.Equal(ExitCode.NothingThere, await node.Call().RunAsync("get", "document-123", "--at", "2001-01-01"));
        Assert.Equal(ExitCode.Usage, await node.Call().RunAsync("get", "document-123", "--at", "yesterday"));
    }

    [Fact]
    public async Task Rules_are_set_shown_dropped_and_pruned()
    {
        CliCall set = await OkAsync("retain", "rules/", "--last", "2");
        Assert.StartsWith("rules/\tlast 2\tthis node\t", set.Lines.Single(), StringComparison.Ordinal);
        for (int i = 0; i < 4; i++)
        {
            await OkAsync("put", "rules/1", $"n:={i}");
        }

        Assert.Equal(2, (await OkAsync("history", "rules/1")).Lines.Length);
        await OkAsync("retain", "rules/", "--last", "1");
        Assert.Contains("1 versions removed", (await OkAsync("retain", "--prune")).Out, StringComparison.Ordinal);
        await OkAsync("retain", "rules/", "--forget");
        Assert.DoesNotContain("rules/", (await OkAsync("retain")).Out, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Usage, await node.Call().RunAsync("retain", "rules/", "--last", "0"));
        Assert.Equal(ExitCode.Usage, await node.Call().RunAsync("retain", "rules/", "--last", "3", "--none"));
        Assert.Equal(ExitCode.Usage, await node.Call().RunAsync("retain", "--last", "3"));
    }

    [Fact]
    public async Task A_series_is_appended_to_and_read()
    {
        Assert.NotEqual(0, await node.Call().RunAsync("series", "sensor/1", "celsius", "20"));
        await OkAsync("retain", "sensor/", "--days", "30");
        foreach (string value in (string[])["20", "21.5", "-3"])
        {
            await OkAsync("series", "sensor/1", "celsius", value);
        }

        CliCall all = await OkAsync("series", "sensor/1", "celsius", "--from", "1h");
        Assert.Equal(["20", "21.5", "-3"], all.Lines.Select(line => line.Split('\t')[1]));
        CliCall hours = await OkAsync("series", "sensor/1", "celsius", "--from", "1h", "--step", "2h", "--json");
        JsonElement bucket = JsonDocument.Parse(hours.Lines.Single()).RootElement;
        Assert.Equal((3, -3, 21.5), (bucket.GetProperty("count").GetInt32(), bucket.GetProperty("last").GetDouble(),
            bucket.GetProperty("max").GetDouble()));
        Assert.Equal("-3", (await OkAsync("get", "sensor/1", "celsius")).Lines.Single());
        Assert.Equal(ExitCode.Usage, await node.Call().RunAsync("series", "sensor/1", "celsius", "warm"));
        Assert.Equal(ExitCode.Usage, await node.Call().RunAsync("series", "sensor/1", "celsius", "--step", "1h"));
    }

    [Fact]
    public async Task What_is_kept_goes_into_the_signed_policy_and_the_rest_of_it_stays()
    {
        CliCall id = node.Call();
        Assert.Equal(0, await id.RunAsync("id", "show", "--json"));
        string prefix = $"${JsonDocument.Parse(id.Lines[0]).RootElement.GetProperty("key").GetString()}/docs/";

        await OkAsync("retain", prefix, "--last", "7", "--signed");
        await OkAsync("retain", prefix, "--log", "--signed");

        Assert.Equal(
            "{\"class\":\"protected\",\"history\":\"log\",\"weft\":1}",
            (await OkAsync("policy", "show", prefix)).Lines.Single());
        Assert.Contains("log\tsigned policy", (await OkAsync("retain", prefix)).Out, StringComparison.Ordinal);
        await OkAsync("put", prefix + "1", "title=a");
        Assert.Single((await OkAsync("history", prefix + "1", "--proof")).Lines);
        Assert.Equal(ExitCode.Usage, await node.Call().RunAsync("retain", prefix, "--forget", "--signed"));
    }

    private async Task<CliCall> OkAsync(params string[] words)
    {
        CliCall call = node.Call();
        int exit = await call.RunAsync(words);
        Assert.True(exit == 0, $"{string.Join(' ', words)}: {exit} {call.Error}");
        return call;
    }
}
