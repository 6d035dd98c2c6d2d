using System.Text.Json;
using Weft.Integration.Tests.Cli;
using Weft.Node.Network;
using Weft.Server;
using Weft.Testing;

namespace Weft.Integration.Tests.Guide;

/// <summary>docs/guide/which.md: what each row promises, by the commands that it shows.</summary>
public sealed class WhichOneTests : IAsyncLifetime
{
    private const string Token = "test-token-0123456789abcdef";

    private readonly TempFolder _folder = new();
    private WeftServer _server = null!;

    public async Task InitializeAsync()
    {
        var options = new ServerOptions { Http = "127.0.0.1:0", Token = Token };
        options.Peer.Path = _folder["node"];
        options.Peer.Network.Profile = NetworkProfile.Super;
        _server = await WeftServer.StartAsync(options);
    }

    public async Task DisposeAsync()
    {
        await _server.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task Sessions_are_present_values_and_gone_when_they_are_removed()
    {
        await RunAsync("put", "session/7f3a", "user=ada");
        Assert.Contains("ada", await RunAsync("get", "session/7f3a", "user"), StringComparison.Ordinal);
        await RunAsync("rm", "session/7f3a", "--yes");
        await FailAsync("get", "session/7f3a", "user");
    }

    [Fact]
    public async Task A_cache_keeps_the_last_value_of_each_key_within_its_bytes()
    {
        await RunAsync("topic", "retain", "cache/*", "--messages", "0", "--bytes", "4KiB");
        for (int i = 0; i < 12; i++)
        {
            await RunAsync("topic", "pub", "cache/pages", new string('x', 800), "--key", $"page{i}", "--stored", "1");
        }

        Assert.Contains("xxx", await RunAsync("topic", "latest", "cache/pages", "page11"), StringComparison.Ordinal);
        await FailAsync("topic", "latest", "cache/pages", "page0");
    }

    [Fact]
    public async Task Configuration_is_checked_by_a_signed_policy()
    {
        string prefix = await OwnPrefixAsync("config/");
        string policy = Write("""{"weft":1,"class":"protected","rules":{"v":1,"fields":{"port":{"type":"number","max":65535}}}}""");
        await RunAsync("policy", "set", prefix, policy);
        await RunAsync("put", prefix + "web", "port:=8080");
        await FailAsync("put", prefix + "web", "port:=99999");
        Assert.Contains("8080", await RunAsync("get", prefix + "web", "port"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Live_data_is_sent_and_not_kept()
    {
        await RunAsync("topic", "retain", "live/*", "--messages", "0", "--keys", "0");
        await RunAsync("topic", "pub", "live/cursor", "10,20");
        await FailAsync("topic", "pub", "live/cursor", "10,21", "--stored", "1");
        Assert.Equal("", await RunAsync("topic", "history", "live/cursor", "--json"));
    }

    [Fact]
    public async Task A_counter_only_grows_whatever_comes_late()
    {
        string prefix = await OwnPrefixAsync("likes/");
        await RunAsync("policy", "set", prefix, Write("""{"weft":1,"class":"protected","merge":{"*":"max"}}"""));
        await RunAsync("put", prefix + "post1", "phone:=5", "laptop:=2");
        await FailAsync("put", prefix + "post1", "phone:=3"); // An older count, written later.
        Assert.Contains("5", await RunAsync("get", prefix + "post1", "phone"), StringComparison.Ordinal);
        Assert.Contains("2", await RunAsync("get", prefix + "post1", "laptop"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_audit_log_is_appended_to_and_verified()
    {
        await RunAsync("log", "new", "audit");
        await RunAsync("log", "append", "audit", "ada read file 7");
        await RunAsync("log", "append", "audit", "bob read file 9");
        Assert.Contains("bob read file 9", await RunAsync("log", "read", "audit"), StringComparison.Ordinal);
        await RunAsync("log", "verify", "audit");
    }

    [Fact]
    public async Task Collaboration_loses_nobodys_addition_and_its_talk_is_read_by_who_comes_later()
    {
        await RunAsync("set", "add", "board/1", "card/a");
        await RunAsync("set", "add", "board/1", "card/b");
        string cards = await RunAsync("set", "ls", "board/1");
        Assert.Contains("card/a", cards, StringComparison.Ordinal);
        Assert.Contains("card/b", cards, StringComparison.Ordinal);
        await RunAsync("topic", "pub", "talk/1", "shall we ship?", "--stored", "1");
        Assert.Contains("shall we ship?", await RunAsync("topic", "history", "talk/1"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_published_is_found_by_its_key_as_long_as_a_relay_lives()
    {
        await RunAsync("topic", "retain", "articles", "--messages", "0", "--age", "3650d");
        await RunAsync("topic", "pub", "articles", "first edition", "--key", "weaving", "--stored", "1");
        await RunAsync("topic", "pub", "articles", "second edition", "--key", "weaving", "--stored", "1");
        Assert.Contains(
            "second edition", await RunAsync("topic", "latest", "articles", "weaving"), StringComparison.Ordinal);
        Assert.DoesNotContain("first", await RunAsync("topic", "history", "articles"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Versions_are_read_back_one_by_one()
    {
        await RunAsync("retain", "document-", "--last", "10");
        await RunAsync("put", "document-123", "status=Draft");
        await RunAsync("put", "document-123", "status=Final");
        Assert.Contains("Draft", await RunAsync("get", "document-123", "status", "--at", "1"), StringComparison.Ordinal);
        Assert.Contains("Final", await RunAsync("get", "document-123", "status"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ledger/", "ledger/2026", "amount:=100", "amount:=90")]      // Finance.
    [InlineData("record/", "record/ada", "finding=well", "finding=recovered")] // Medicine.
    public async Task Finance_and_medicine_keep_every_version_with_a_proof(
        string prefix, string soul, string first, string second)
    {
        await RunAsync("retain", prefix, "--log");
        await RunAsync("put", soul, first);
        await RunAsync("put", soul, second);
        string history = await RunAsync("history", soul, "--proof");
        Assert.Contains(first.Split('=')[1], history, StringComparison.Ordinal);
        Assert.Contains(second.Split('=')[1], history, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_time_series_is_read_by_time()
    {
        await RunAsync("retain", "sensor/", "--days", "30");
        await RunAsync("series", "sensor/1", "celsius", "21.5");
        await RunAsync("series", "sensor/1", "celsius", "22.5");
        string points = await RunAsync("series", "sensor/1", "celsius", "--from", "24h");
        Assert.Contains("21.5", points, StringComparison.Ordinal);
        Assert.Contains("22.5", points, StringComparison.Ordinal);
        Assert.Contains(
            "22", await RunAsync("series", "sensor/1", "celsius", "--from", "24h", "--step", "1h"),
            StringComparison.Ordinal);
    }

    private async Task<string> OwnPrefixAsync(string rest)
    {
        string shown = await RunAsync("id", "show", "--json");
        return "$" + JsonDocument.Parse(shown).RootElement.GetProperty("key").GetString() + "/" + rest;
    }

    private string Write(string text)
    {
        string path = _folder[$"{Guid.NewGuid():N}.json"];
        File.WriteAllText(path, text);
        return path;
    }

    private async Task<string> RunAsync(params string[] arguments)
    {
        CliCall call = Call();
        int exit = await call.RunAsync(arguments);
        Assert.True(exit == 0, $"weft {string.Join(' ', arguments)}: {call.Error}");
        return call.Out;
    }

    private async Task FailAsync(params string[] arguments) => Assert.NotEqual(0, await Call().RunAsync(arguments));

    private CliCall Call() =>
        new CliCall().With("WEFT_URL", _server.Url.AbsoluteUri).With("WEFT_TOKEN", Token);
}
