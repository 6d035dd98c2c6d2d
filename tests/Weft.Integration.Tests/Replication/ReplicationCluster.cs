using System.Net;
using System.Text;
using System.Text.Json;
using Weft.Crypto;
using Weft.Node.Network;
using Weft.Primitives;
using Weft.Protocols.Kad;
using Weft.Protocols.Replication;
using Weft.Testing;

namespace Weft.Integration.Tests.Replication;

/// <summary>
/// Eight processes of <c>weft up</c>, three of which follow everything, and beside them the owner of the data, embedded in
/// this process. The owner keeps no records for others.
/// </summary>
internal sealed class ReplicationCluster : IAsyncDisposable
{
    public const int Count = 8;
    private const string Loopback = "/ip4/127.0.0.1/tcp/0";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private readonly TempFolder _folder = new();
    private readonly List<WeftProcess> _nodes = [];
    private readonly Dictionary<WeftProcess, HttpClient> _clients = [];

    /// <summary>The owner of the data.</summary>
    public WeftPeer Owner { get; private set; } = null!;

    /// <summary>The processes that run, those that follow everything first.</summary>
    public IReadOnlyList<WeftProcess> Nodes => _nodes;

    public static async Task<ReplicationCluster> StartAsync()
    {
        var cluster = new ReplicationCluster();
        try
        {
            await cluster.StartNodesAsync();
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>A process's peer id.</summary>
    public static PeerId PeerOf(WeftProcess node) =>
        PeerId.TryParse(AddressOf(node).AsSpan(AddressOf(node).LastIndexOf('/') + 1), out PeerId peer)
            ? peer
            : throw new FormatException(AddressOf(node));

    /// <summary>The key of a soul's record.</summary>
    public string KeyOf(string soul) =>
        Encoding.ASCII.GetString(GraphRecord.KeyOf(Owner.Node.Crypto, Owner.Node.NetworkId.Span, soul));

    /// <summary>The running processes that keep a soul's record.</summary>
    public async Task<List<WeftProcess>> HoldersOfAsync(string soul)
    {
        List<WeftProcess> holders = [];
        foreach (WeftProcess node in _nodes)
        {
            JsonElement records = await JsonAsync(node, $"dht/records?prefix={Uri.EscapeDataString(KeyOf(soul))}");
            if (records.GetProperty("items").GetArrayLength() > 0)
            {
                holders.Add(node);
            }
        }

        return holders;
    }

    /// <summary>What a process reads, asking others for as long as is given; null for nothing.</summary>
    public async Task<string?> ReadAsync(WeftProcess node, string soul, string wait = "0ms")
    {
        using HttpResponseMessage answer = await _clients[node].GetAsync(
            $"api/v1/field?soul={Uri.EscapeDataString(soul)}&name=text&wait={wait}");
        return answer.IsSuccessStatusCode
            ? JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement.GetString()
            : answer.StatusCode == HttpStatusCode.NotFound ? null
            : throw new HttpRequestException($"{answer.StatusCode}: {await answer.Content.ReadAsStringAsync()}");
    }

    public async Task<JsonElement> JsonAsync(WeftProcess node, string path) =>
        JsonDocument.Parse(await _clients[node].GetStringAsync("api/v1/" + path)).RootElement;

    public async Task<JsonElement> PutAsync(WeftProcess node, string soul, string text, string query = "")
    {
        using var body = new StringContent(JsonSerializer.Serialize(text), Encoding.UTF8, "application/json");
        using HttpResponseMessage answer = await _clients[node].PutAsync(
            $"api/v1/field?soul={Uri.EscapeDataString(soul)}&name=text{query}", body);
        string json = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.IsSuccessStatusCode, json);
        return JsonDocument.Parse(json).RootElement;
    }

    public async Task KillAsync(WeftProcess node)
    {
        _nodes.Remove(node);
        await node.KillAsync();
        await node.DisposeAsync();
    }

    /// <summary>Several processes: there is no event to wait for.</summary>
    public static async Task UntilAsync(Func<Task<bool>> test)
    {
        using var late = new CancellationTokenSource(Patience);
        while (!await test())
        {
            await Task.Delay(100, late.Token);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (HttpClient client in _clients.Values)
        {
            client.Dispose();
        }

        if (Owner is not null)
        {
            await Owner.DisposeAsync();
        }

        foreach (WeftProcess node in _nodes)
        {
            await node.DisposeAsync();
        }

        _folder.Dispose();
    }

    private static string AddressOf(WeftProcess node) => JsonDocument
        .Parse(node.Lines.First(text => text.Contains("\"ready\"", StringComparison.Ordinal)))
        .RootElement.GetProperty("addresses")[0].GetString()!;

    private async Task StartNodesAsync()
    {
        WeftProcess first = await StartNodeAsync(0);
        Add(first);
        string address = AddressOf(first);
        foreach (WeftProcess node in await Task.WhenAll(
            Enumerable.Range(1, Count - 1).Select(i => StartNodeAsync(i, "--bootstrap", address))))
        {
            Add(node);
        }

        var options = new WeftOptions { Store = WeftStoreKind.Memory };
        options.Network.Listen.Add(Loopback);
        options.Network.Profile = NetworkProfile.Test;
        options.Network.Dht.Mode = KadMode.Client;
        options.Network.RedialMax = TimeSpan.FromSeconds(1);
        foreach (WeftProcess node in _nodes)
        {
            options.Network.Bootstrap.Add(AddressOf(node));
        }

        Owner = await WeftPeer.StartAsync(options);
        foreach (WeftProcess node in _nodes)
        {
            await UntilAsync(async () => (await JsonAsync(node, "dht/routes"))
                .GetProperty("items").GetArrayLength() >= Count - 1);
        }

        await UntilAsync(() => Task.FromResult(Owner.Sync.ListPeers().Count == Count));
    }

    private void Add(WeftProcess node)
    {
        _nodes.Add(node);
        _clients.Add(node, node.Client());
    }

    private Task<WeftProcess> StartNodeAsync(int number, params string[] more) => WeftProcess.StartAsync(
        _folder[$"node{number}"],
        ["--listen", Loopback, "--profile", "test", .. number < 3 ? [] : (string[])["--want", "weft:"], .. more]);
}
