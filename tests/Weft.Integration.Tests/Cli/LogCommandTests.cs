using System.Text.Json;
using Weft.Cli.App;
using Weft.Testing;

namespace Weft.Integration.Tests.Cli;

public sealed class LogCommandTests(CliNode node) : IClassFixture<CliNode>
{
    [Fact]
    public async Task What_append_writes_read_prints()
    {
        await node.Call().RunAsync("log", "new", "l1");
        CliCall words = node.Call();
        CliCall lines = node.Call(input: "third\nfourth \"quoted\"\n");

        Assert.Equal(0, await words.RunAsync("log", "append", "l1", "first", "second"));
        Assert.Equal(0, await lines.RunAsync("log", "append", "l1", "--json"));

        Assert.StartsWith("l1\t2 at 0\t", words.Out, StringComparison.Ordinal);
        JsonElement answer = JsonDocument.Parse(lines.Out).RootElement;
        Assert.Equal((2L, 2L, 4L), (Number(answer, "index"), Number(answer, "count"), Number(answer, "length")));
        CliCall read = node.Call();
        CliCall one = node.Call();
        CliCall part = node.Call();
        Assert.Equal(0, await read.RunAsync("log", "read", "l1"));
        Assert.Equal(0, await one.RunAsync("log", "read", "l1", "3"));
        Assert.Equal(0, await part.RunAsync("log", "read", "l1", "--from", "1", "--to", "2", "--json"));
        Assert.Equal("0\tfirst\n1\tsecond\n2\tthird\n3\tfourth \"quoted\"\n", read.Out);
        Assert.Equal("fourth \"quoted\"", one.Out);
        Assert.Equal("second", JsonDocument.Parse(part.Out).RootElement.GetProperty("text").GetString());
    }

    [Fact]
    public async Task Follow_prints_what_is_there_and_what_comes()
    {
        await node.Call().RunAsync("log", "new", "l2");
        await node.Call().RunAsync("log", "append", "l2", "before");
        CliCall follow = node.Call();
        Task<int> following = follow.RunAsync("log", "follow", "l2", "-n", "2");
        await node.Call().RunAsync("log", "append", "l2", "after");

        Assert.Equal(0, await following.WaitAsync(TimeSpan.FromSeconds(60)));
        Assert.Equal("0\tbefore\n1\tafter\n", follow.Out);
    }

    [Fact]
    public async Task A_proof_is_checked_with_the_key_alone()
    {
        using var folder = new TempFolder();
        CliCall made = node.Call();
        await made.RunAsync("log", "new", "l3", "--json");
        string key = JsonDocument.Parse(made.Out).RootElement.GetProperty("key").GetString()!;
        await node.Call().RunAsync("log", "append", "l3", "a", "b", "c");

        Assert.Equal(0, await node.Call().RunAsync("log", "prove", "l3", "1", "--out", folder["proof"]));
        CliCall good = new();
        Assert.Equal(0, await good.RunAsync("log", "verify", key, "--proof", folder["proof"]));
        Assert.StartsWith("ok\tblock 1\tof 3\t1 bytes", good.Out, StringComparison.Ordinal);
        byte[] proof = await File.ReadAllBytesAsync(folder["proof"]);
        proof[^1] ^= 1;
        await File.WriteAllBytesAsync(folder["proof"], proof);
        CliCall bad = new();
        Assert.Equal(ExitCode.Damage, await bad.RunAsync("log", "verify", key, "--proof", folder["proof"]));
        CliCall whole = node.Call();
        Assert.Equal(0, await whole.RunAsync("log", "verify", "l3"));
        Assert.StartsWith("ok\t3 blocks hold", whole.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_log_is_pulled_whole_in_part_and_live()
    {
        var other = new CliNode();
        await other.InitializeAsync();
        try
        {
            CliCall made = node.Call();
            await made.RunAsync("log", "new", "l4", "--json");
            string key = JsonDocument.Parse(made.Out).RootElement.GetProperty("key").GetString()!;
            await node.Call(input: string.Join('\n', Enumerable.Range(0, 500))).RunAsync("log", "append", "l4", "-q");
            CliCall serve = node.Call();
            Assert.Equal(0, await serve.RunAsync("log", "serve", "127.0.0.1:0", "--json"));
            string address = JsonDocument.Parse(serve.Out).RootElement.GetProperty("address").GetString()!;

            CliCall part = other.Call();
            Assert.Equal(
                0, await part.RunAsync("log", "pull", key, "--from", address, "--range", "100..110", "--json"));
            Assert.Equal(10, Number(JsonDocument.Parse(part.Out).RootElement, "here"));
            CliCall whole = other.Call();
            Assert.Equal(0, await whole.RunAsync("log", "pull", key, "--from", address, "--live", "--json"));
            Assert.Equal(500, Number(JsonDocument.Parse(whole.Out).RootElement, "here"));
            await node.Call().RunAsync("log", "append", "l4", "live");
            CliCall follow = other.Call();
            Task<int> following = follow.RunAsync("log", "follow", key, "--from", "499", "-n", "2");
            Assert.Equal(0, await following.WaitAsync(TimeSpan.FromSeconds(60)));
            Assert.Equal("499\t499\n500\tlive\n", follow.Out);
            CliCall refused = other.Call();
            Assert.Equal(ExitCode.Refused, await refused.RunAsync("log", "append", key, "mine"));
            Assert.Contains("W2402", refused.Error, StringComparison.Ordinal);
            CliCall late = other.Call();
            string nobody = new('0', 64);
            Assert.Equal(
                ExitCode.Deadline, await late.RunAsync("log", "pull", nobody, "--from", address, "--for", "1s"));
            CliCall links = node.Call();
            Assert.Equal(0, await links.RunAsync("log", "links", "--json"));
            Assert.Contains("\"direction\":\"in\"", links.Out, StringComparison.Ordinal);
            Assert.Equal(0, await node.Call().RunAsync("log", "serve", address, "--stop"));
        }
        finally
        {
            await other.DisposeAsync();
        }
    }

    [Fact]
    public async Task Logs_are_cut_back_and_cleared_when_someone_says_yes()
    {
        await node.Call().RunAsync("log", "new", "l5", "--encrypt");
        await node.Call().RunAsync("log", "append", "l5", "a", "b", "c", "d");
        CliCall asked = node.Call();
        CliCall cut = node.Call();
        CliCall cleared = node.Call();
        CliCall read = node.Call();

        Assert.Equal(ExitCode.Usage, await asked.RunAsync("log", "truncate", "l5", "--length", "3"));
        Assert.Equal(0, await cut.RunAsync("log", "truncate", "l5", "--length", "3", "--yes"));
        Assert.Equal(0, await cleared.RunAsync("log", "clear", "l5", "--to", "1", "--yes"));
        Assert.Equal(0, await node.Call().RunAsync("log", "recover", "l5", "--yes"));
        Assert.Equal(0, await read.RunAsync("log", "read", "l5"));

        Assert.Equal("0\t(not here)\n1\tb\n2\tc\n", read.Out);
        CliCall list = node.Call();
        Assert.Equal(0, await list.RunAsync("log", "ls"));
        Assert.Contains("own, encrypted", list.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(3, "log", "read", "nowhere")]
    [InlineData(3, "log", "append", "nowhere", "text")]
    [InlineData(2, "log", "pull", "short", "--from", "127.0.0.1:1")]
    [InlineData(2, "log", "verify", "name", "--proof", "file")]
    public async Task What_is_not_there_or_not_understood_has_its_exit_code(int exit, params string[] arguments) =>
        Assert.Equal(exit, await node.Call().RunAsync(arguments));

    private static long Number(JsonElement element, string name) => element.GetProperty(name).GetInt64();
}
