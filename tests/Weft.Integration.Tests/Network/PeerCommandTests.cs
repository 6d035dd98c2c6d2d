using System.Text.Json;
using Weft.Testing;

namespace Weft.Integration.Tests.Network;

public sealed class PeerCommandTests : IDisposable
{
    private const string Loopback = "/ip4/127.0.0.1/tcp/0";

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Peers_are_listed_pinged_banned_over_a_restart_and_allowed_again()
    {
        await using WeftProcess far = await WeftProcess.StartAsync(_folder["far"], "--listen", Loopback + "/ws");
        string address = AddressOf(far);
        string peer = address[(address.LastIndexOf('/') + 1)..];
        await using (WeftProcess near = await WeftProcess.StartAsync(
            _folder["near"], "--listen", Loopback, "--bootstrap", address, "--profile", "test"))
        {
            JsonElement seen = await UntilAsync(
                near, item => item.GetProperty("state").GetString() == "connected"
                    && item.GetProperty("agent").ValueKind == JsonValueKind.String);
            Assert.Equal(peer, seen.GetProperty("peer").GetString());
            Assert.Equal("ws", seen.GetProperty("via").GetString());
            Assert.True(seen.GetProperty("kept").GetBoolean());
            Assert.Contains(
                seen.GetProperty("protocols").EnumerateArray(), item => item.GetString() == "/ipfs/ping/1.0.0");

            JsonElement pong = JsonDocument.Parse((await near.CallAsync("peers", "ping", peer, "--json")).Out).RootElement;
            Assert.True(pong.GetProperty("rttMs").GetDouble() > 0);
            Assert.Contains(peer, (await near.CallAsync("peers")).Out, StringComparison.Ordinal);
            WeftRun status = await near.CallAsync("status");
            Assert.Contains("outbound connections: 1 of", status.Out, StringComparison.Ordinal);

            WeftRun ban = await near.CallAsync("peers", "ban", peer, "--reason", "too loud");
            Assert.Equal(0, ban.Exit);
            await UntilAsync(near, item => item.GetProperty("lastError").GetString() == "it is banned");
            Assert.Equal(0, await near.StopAsync(TimeSpan.FromSeconds(20)));
        }

        await using WeftProcess again = await WeftProcess.StartAsync(
            _folder["near"], "--listen", Loopback, "--bootstrap", address);
        Assert.Contains("too loud", (await again.CallAsync("peers", "bans")).Out, StringComparison.Ordinal);
        Assert.Contains("W4121", (await again.CallAsync("peers", "ping", peer)).Error, StringComparison.Ordinal);
        Assert.Equal(0, (await again.CallAsync("peers", "unban", peer)).Exit);
        await UntilAsync(again, item => item.GetProperty("state").GetString() == "connected");
        Assert.Equal(3, (await again.CallAsync("peers", "unban", peer)).Exit);
    }

    [Fact]
    public async Task Added_peers_of_both_kinds_are_there_after_a_restart_until_they_are_removed()
    {
        const string gun = "ws://127.0.0.1:1/gun";
        const string libp2p = "/ip4/127.0.0.1/tcp/1";
        await using (WeftProcess first = await WeftProcess.StartAsync(_folder["a"], "--profile", "default"))
        {
            Assert.Equal(0, (await first.CallAsync("peers", "add", gun)).Exit);
            Assert.Equal(0, (await first.CallAsync("peers", "add", libp2p)).Exit);
            await first.StopAsync(TimeSpan.FromSeconds(20));
        }

        await using (WeftProcess second = await WeftProcess.StartAsync(_folder["a"], "--profile", "default"))
        {
            WeftRun list = await second.CallAsync("peers");
            Assert.Contains(gun, list.Out, StringComparison.Ordinal);
            Assert.Contains(libp2p, list.Out, StringComparison.Ordinal);
            Assert.Equal(0, (await second.CallAsync("peers", "rm", gun)).Exit);
            Assert.Equal(0, (await second.CallAsync("peers", "rm", libp2p)).Exit);
            Assert.Equal(3, (await second.CallAsync("peers", "rm", libp2p)).Exit);
            await second.StopAsync(TimeSpan.FromSeconds(20));
        }

        await using WeftProcess third = await WeftProcess.StartAsync(_folder["a"]);
        Assert.DoesNotContain("127.0.0.1", (await third.CallAsync("peers")).Out, StringComparison.Ordinal);
        Assert.Contains("W4120", (await third.CallAsync("peers", "add", libp2p)).Error, StringComparison.Ordinal);
    }

    private static string AddressOf(WeftProcess node) => JsonDocument
        .Parse(node.Lines.First(text => text.Contains("\"ready\"", StringComparison.Ordinal)))
        .RootElement.GetProperty("addresses")[0].GetString()!;

    // Two processes and sockets: there is no event to wait for.
    private static async Task<JsonElement> UntilAsync(WeftProcess node, Func<JsonElement, bool> test)
    {
        using HttpClient client = node.Client();
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (true)
        {
            using JsonDocument answer = JsonDocument.Parse(await client.GetStringAsync("api/v1/peers", late.Token));
            foreach (JsonElement item in answer.RootElement.GetProperty("items").EnumerateArray())
            {
                if (item.GetProperty("kind").GetString() == "libp2p" && test(item))
                {
                    return item.Clone();
                }
            }

            await Task.Delay(50, late.Token);
        }
    }
}
