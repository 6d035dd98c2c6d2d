using System.Text.Json;
using Weft.Testing;

namespace Weft.Integration.Tests.Network;

public sealed class NetworkUpTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Up_tells_its_real_addresses_in_the_start_line_the_run_file_and_id_show()
    {
        await using WeftProcess node = await WeftProcess.StartAsync(
            _folder["a"], "--listen", "/ip4/127.0.0.1/tcp/0", "--listen", "/ip4/127.0.0.1/tcp/0/ws");
        JsonElement ready = JsonDocument.Parse(
            node.Lines.First(text => text.Contains("\"ready\"", StringComparison.Ordinal))).RootElement;
        string peer = ready.GetProperty("peerId").GetString()!;
        string[] addresses = Texts(ready, "addresses");
        WeftRun show = await WeftProcess.RunAsync("id", "show", "--data", _folder["a"], "--json");
        JsonElement shown = JsonDocument.Parse(show.Out).RootElement;
        JsonElement file = JsonDocument.Parse(
            await File.ReadAllTextAsync(Path.Combine(_folder["a"], "running.json"))).RootElement;

        Assert.Equal(2, addresses.Length);
        Assert.Matches($"^/ip4/127.0.0.1/tcp/[1-9][0-9]*/p2p/{peer}$", addresses[0]);
        Assert.Matches($"^/ip4/127.0.0.1/tcp/[1-9][0-9]*/ws/p2p/{peer}$", addresses[1]);
        Assert.Equal(addresses, Texts(shown, "addresses"));
        Assert.Equal(peer, shown.GetProperty("peerId").GetString());
        Assert.Equal(addresses, Texts(file, "addresses"));
        Assert.Equal(0, await node.StopAsync(TimeSpan.FromSeconds(20)));

        WeftRun away = await WeftProcess.RunAsync("id", "show", "--data", _folder["a"], "--json");
        Assert.Equal(peer, JsonDocument.Parse(away.Out).RootElement.GetProperty("peerId").GetString());
    }

    [Theory]
    [InlineData("--listen", "127.0.0.1:8766", "W3102")]
    [InlineData("--bootstrap", "ws://127.0.0.1/gun", "W3102")]
    [InlineData("--profile", "fast", "W1002")]
    public async Task Up_names_what_it_does_not_understand(string option, string value, string code)
    {
        WeftRun up = await WeftProcess.RunAsync(
            "up", "--data", _folder["b"], "--http", "127.0.0.1:0", option, value, "--json");

        Assert.NotEqual(0, up.Exit);
        Assert.Contains(code, up.Error, StringComparison.Ordinal);
        Assert.Contains(value, up.Error, StringComparison.Ordinal);
    }

    private static string[] Texts(JsonElement root, string name) =>
        [.. root.GetProperty(name).EnumerateArray().Select(item => item.GetString()!)];
}
