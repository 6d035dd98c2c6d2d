using System.Text.Json;
using Weft.Testing;

namespace Weft.Integration.Tests.Network;

/// <summary>Real nodes, real sockets, real restarts: what is written on one is read on the others.</summary>
public sealed class SyncProcessTests : IDisposable
{
    private const string Loopback = "/ip4/127.0.0.1/tcp/0";

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task What_was_written_while_a_peer_was_down_is_there_when_it_is_back()
    {
        await using WeftProcess a = await WeftProcess.StartAsync(_folder["a"], "--listen", Loopback);
        string address = AddressOf(a);
        await using (WeftProcess b = await WeftProcess.StartAsync(
            _folder["b"], "--listen", Loopback, "--bootstrap", address))
        {
            Assert.Equal(0, (await a.CallAsync("put", "room/1", "first=here")).Exit);
            await ReadsAsync(b, "room/1", "first", "\"here\"");
            Assert.Equal(0, await b.StopAsync(TimeSpan.FromSeconds(20)));
        }

        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(0, (await a.CallAsync("put", $"room/{i}", $"while=away{i}")).Exit);
        }

        await using WeftProcess back = await WeftProcess.StartAsync(
            _folder["b"], "--listen", Loopback, "--bootstrap", address);
        for (int i = 0; i < 3; i++)
        {
            await ReadsAsync(back, $"room/{i}", "while", $"\"away{i}\"");
        }
    }

    [Fact]
    public async Task A_write_crosses_a_line_of_three_nodes_over_tcp_and_websocket()
    {
        await using WeftProcess a = await WeftProcess.StartAsync(_folder["a"], "--listen", Loopback);
        await using WeftProcess b = await WeftProcess.StartAsync(
            _folder["b"], "--listen", Loopback + "/ws", "--bootstrap", AddressOf(a));
        await using WeftProcess c = await WeftProcess.StartAsync(_folder["c"], "--bootstrap", AddressOf(b));

        Assert.Equal(0, (await a.CallAsync("put", "from/a", "x=1")).Exit);
        Assert.Equal(0, (await c.CallAsync("put", "from/c", "x=2")).Exit);

        await ReadsAsync(c, "from/a", "x", "\"1\"");
        WeftRun waited = await b.CallAsync("sync", "--wait", "--json");
        Assert.Equal(0, waited.Exit);
        JsonElement result = JsonDocument.Parse(waited.Out).RootElement;
        Assert.True(result.GetProperty("complete").GetBoolean());
        Assert.Equal(2, result.GetProperty("peers").GetInt32());
        Assert.Contains("synced", (await b.CallAsync("sync")).Out, StringComparison.Ordinal);
        WeftRun alone = await c.CallAsync("sync", "--wait", "--any", "--deadline", "6d");
        Assert.Contains("W1004", alone.Error, StringComparison.Ordinal);
        await ReadsAsync(a, "from/c", "x", "\"2\"");
    }

    private static string AddressOf(WeftProcess node) => JsonDocument
        .Parse(node.Lines.First(text => text.Contains("\"ready\"", StringComparison.Ordinal)))
        .RootElement.GetProperty("addresses")[0].GetString()!;

    // Several processes and sockets: there is no event to wait for.
    private static async Task ReadsAsync(WeftProcess node, string soul, string field, string json)
    {
        using HttpClient client = node.Client();
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        string path = $"api/v1/field?soul={Uri.EscapeDataString(soul)}&name={field}&wait=0ms";
        while (true)
        {
            using HttpResponseMessage answer = await client.GetAsync(path, late.Token);
            if (answer.IsSuccessStatusCode && await answer.Content.ReadAsStringAsync(late.Token) == json)
            {
                return;
            }

            await Task.Delay(50, late.Token);
        }
    }
}
