using System.Text.Json;
using Weft.Testing;

namespace Weft.Integration.Tests.Dht;

/// <summary>`weft dht` against real processes.</summary>
public sealed class DhtCommandTests : IDisposable
{
    private const string Loopback = "/ip4/127.0.0.1/tcp/0";

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_value_of_one_process_is_read_in_another_and_survives_a_kill_of_its_publisher()
    {
        await using WeftProcess first = await StartAsync("first");
        await using WeftProcess second = await StartAsync("second", "--bootstrap", AddressOf(first));
        WeftProcess third = await StartAsync("third", "--bootstrap", AddressOf(first));
        await RoutesAsync(first, 2);
        await RoutesAsync(second, 2);
        await RoutesAsync(third, 2);

        WeftRun put = await third.CallAsync("dht", "put", "profile", "Ada", "--quorum", "all", "--json");
        Assert.True(put.Exit == 0, put.Out + put.Error);
        JsonElement answer = JsonDocument.Parse(put.Out).RootElement;
        Assert.Equal(3, answer.GetProperty("copies").GetInt32());
        string key = answer.GetProperty("key").GetString()!;
        Assert.StartsWith("/weft/12D3Koo", key, StringComparison.Ordinal);
        WeftRun get = await second.CallAsync("dht", "get", key, "--quorum", "majority", "--remote");
        Assert.Equal((0, "Ada\n"), (get.Exit, get.Out));

        // Killed, not stopped: what was acknowledged is in the log.
        await third.KillAsync();
        await third.DisposeAsync();
        Assert.Equal("Ada\n", (await second.CallAsync("dht", "get", key, "--remote")).Out);
        await using WeftProcess again = await StartAsync("third");
        WeftRun own = await again.CallAsync("dht", "records", "--own", "--json");
        JsonElement record = JsonDocument.Parse(own.Out).RootElement;
        Assert.Equal((key, true), (record.GetProperty("key").GetString(), record.GetProperty("own").GetBoolean()));
        Assert.Equal("Ada\n", (await again.CallAsync("dht", "get", "profile")).Out);
    }

    [Fact]
    public async Task Providers_peers_routes_and_maintenance_are_told_by_the_command_line()
    {
        await using WeftProcess first = await StartAsync("first");
        await using WeftProcess second = await StartAsync("second", "--bootstrap", AddressOf(first));
        await RoutesAsync(first, 1);
        await RoutesAsync(second, 1);
        string peer = AddressOf(second)[(AddressOf(second).LastIndexOf('/') + 1)..];

        Assert.Equal(0, (await second.CallAsync("dht", "provide", "maps")).Exit);
        WeftRun providers = await first.CallAsync("dht", "providers", "maps", "--json");
        Assert.Equal(peer, JsonDocument.Parse(providers.Out).RootElement.GetProperty("peer").GetString());
        Assert.Equal(3, (await first.CallAsync("dht", "providers", "nothing of the kind")).Exit);
        Assert.Equal(0, (await first.CallAsync("dht", "find", peer)).Exit);
        Assert.Contains(peer, (await first.CallAsync("dht", "routes")).Out, StringComparison.Ordinal);
        Assert.Contains("server", (await first.CallAsync("dht")).Out, StringComparison.Ordinal);
        WeftRun maintained = await first.CallAsync("dht", "maintain", "--json");
        Assert.Equal(0, JsonDocument.Parse(maintained.Out).RootElement.GetProperty("removed").GetInt32());
        Assert.Equal(0, (await second.CallAsync("dht", "provide", "maps", "--stop")).Exit);
        Assert.Equal(3, (await second.CallAsync("dht", "provide", "maps", "--stop")).Exit);
    }

    [Fact]
    public async Task What_is_refused_absent_or_alone_has_its_exit_code()
    {
        await using WeftProcess alone = await StartAsync("alone");

        WeftRun refused = await alone.CallAsync("dht", "put", "/unknown/key", "x");
        Assert.Contains("W4125", refused.Error, StringComparison.Ordinal);
        WeftRun foreign = await alone.CallAsync("dht", "put", "/weft/12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5/x", "x");
        Assert.Contains("W4125", foreign.Error, StringComparison.Ordinal);
        Assert.Equal(3, (await alone.CallAsync("dht", "get", "nothing")).Exit);
        Assert.Equal(2, (await alone.CallAsync("dht", "put", "a", "b", "--ttl", "soon")).Exit);
        WeftRun kept = await alone.CallAsync("dht", "put", "a", "b");
        Assert.Equal(7, kept.Exit); // Kept here, and put again when there is somebody.
        await using WeftProcess off = await WeftProcess.StartAsync(_folder["off"]);
        Assert.Contains("W4120", (await off.CallAsync("dht", "get", "a")).Error, StringComparison.Ordinal);
    }

    private static string AddressOf(WeftProcess node) => JsonDocument
        .Parse(node.Lines.First(text => text.Contains("\"ready\"", StringComparison.Ordinal))).RootElement
        .GetProperty("addresses")[0].GetString()!;

    private Task<WeftProcess> StartAsync(string name, params string[] more) => WeftProcess.StartAsync(
        _folder[name], ["--listen", Loopback, "--profile", "test", .. more]);

    private static async Task RoutesAsync(WeftProcess node, int count)
    {
        using HttpClient client = node.Client();
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (true)
        {
            using JsonDocument routes = JsonDocument.Parse(await client.GetStringAsync("/api/v1/dht/routes", late.Token));
            if (routes.RootElement.GetProperty("items").GetArrayLength() >= count)
            {
                return;
            }

            await Task.Delay(50, late.Token);
        }
    }
}
