using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Weft.Protocols.Peers;
using Weft.Testing;
using Weft.Transports.Names;

namespace Weft.Integration.Tests.Transports;

public sealed class NameResolverTests : IAsyncLifetime, IDisposable
{
    private const string Peer = "12D3KooWM6CgA9iBFZmcYAHA6A2qvbAxqfkmrYiRQuz3XEsk4Ksv";
    private const string Other = "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N";

    private readonly TinyDns _dns = new();
    private readonly TempFolder _folder = new();

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _dns.DisposeAsync();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Addresses_in_texts_are_read_and_only_those_of_the_peer_that_is_asked_for()
    {
        _dns.Texts["_dnsaddr.peers.example"] =
        [
            $"dnsaddr=/ip4/192.0.2.1/tcp/4001/p2p/{Peer}", $"dnsaddr=/dnsaddr/deep.example/p2p/{Peer}",
            $"dnsaddr=/ip4/192.0.2.2/tcp/4001/p2p/{Other}", "dnsaddr=/ip4/192.0.2.3/tcp/4001", "dnsaddr=nonsense",
            $"v=spf1 {new string('x', 300)}",
        ];

        Assert.Equal(
            [$"/ip4/192.0.2.1/tcp/4001/p2p/{Peer}", $"/dnsaddr/deep.example/p2p/{Peer}"],
            await FindAsync($"/dnsaddr/peers.example/p2p/{Peer}"));
        Assert.Equal(4, (await FindAsync("/dnsaddr/PEERS.example")).Length);
        Assert.Empty(await FindAsync("/dnsaddr/nobody.example"));
    }

    [Fact]
    public async Task An_answer_that_is_cut_off_is_asked_for_again_by_tcp()
    {
        _dns.Texts["_dnsaddr.many.example"] = [.. Enumerable.Range(1, 60)
            .Select(i => $"dnsaddr=/ip4/192.0.2.{i}/tcp/4001/p2p/{Peer}")];
        _dns.Bend = static answer =>
        {
            byte[] cut = answer[..12];
            cut[2] |= 0x02;
            cut[7] = 0;
            return cut;
        };

        Assert.Equal(60, (await FindAsync("/dnsaddr/many.example")).Length);
        Assert.Equal(8, (await FindAsync("/dnsaddr/many.example", options => options.AddressesMax = 8)).Length);
    }

    [Fact]
    public async Task Answers_to_other_questions_are_not_taken_and_silence_ends()
    {
        _dns.Texts["_dnsaddr.peers.example"] = [$"dnsaddr=/ip4/192.0.2.1/tcp/4001/p2p/{Peer}"];
        _dns.Bend = static answer =>
        {
            answer[0] ^= 1; // Another number.
            return answer;
        };
        await Assert.ThrowsAsync<IOException>(
            () => FindAsync("/dnsaddr/peers.example", options => options.Timeout = TimeSpan.FromMilliseconds(100)));
        Assert.Equal(2, _dns.Questions);

        _dns.Bend = static answer =>
        {
            answer[3] = 2; // The server failed.
            return answer;
        };
        await Assert.ThrowsAsync<IOException>(() => FindAsync("/dnsaddr/peers.example"));
        Assert.Equal(4, _dns.Questions);
        using var over = new CancellationTokenSource();
        _dns.Bend = static _ => null;
        ValueTask<IReadOnlyList<Multiaddr>> asking = new NameResolver(Options()).ResolveAsync(
            Multiaddr.Parse("/dnsaddr/peers.example"), over.Token);
        await over.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await asking);
    }

    [Fact]
    public async Task Hosts_are_looked_up_by_family_and_what_stands_behind_them_stays()
    {
        Assert.Equal(["/ip4/127.0.0.1/tcp/4001"], await FindAsync("/dns4/localhost/tcp/4001"));
        Assert.Equal(
            [$"/ip4/127.0.0.1/tcp/443/tls/sni/localhost/ws/p2p/{Peer}"],
            await FindAsync($"/dns4/localhost/tcp/443/wss/p2p/{Peer}"));
        Assert.Contains("/ip4/127.0.0.1/tcp/80/ws", await FindAsync("/dns/localhost/tcp/80/ws"));
        Assert.Equal(["/ip4/192.0.2.1/tcp/1"], await FindAsync("/ip4/192.0.2.1/tcp/1"));
    }

    [Fact]
    public async Task Weft_up_bootstraps_by_a_name_whose_texts_say_where_the_peer_is()
    {
        await using WeftProcess far = await WeftProcess.StartAsync(_folder["far"], "--listen", "/ip4/127.0.0.1/tcp/0");
        string address = JsonDocument.Parse(far.Lines.First(text => text.Contains("\"ready\"", StringComparison.Ordinal)))
            .RootElement.GetProperty("addresses")[0].GetString()!;
        string peer = address[(address.LastIndexOf('/') + 1)..];
        _dns.Texts["_dnsaddr.peers.example"] =
            [$"dnsaddr=/ip4/127.0.0.1/tcp/1/p2p/{Other}", $"dnsaddr={address}"];
        await using WeftProcess near = await WeftProcess.StartAsync(
            _folder["near"], "--bootstrap", $"/dnsaddr/peers.example/p2p/{peer}", "--dns", _dns.Address.ToString());

        Assert.Equal(0, (await near.CallAsync("put", "room/1", "topic=tea")).Exit);
        Assert.Equal(0, (await near.CallAsync("sync", "--wait", "--timeout", "50s")).Exit);
        Assert.Contains("tea", (await far.CallAsync("get", "room/1", "topic")).Out, StringComparison.Ordinal);
        WeftRun ping = await near.CallAsync("peers", "ping", "/dnsaddr/peers.example", "--json");
        Assert.Contains(peer, ping.Out, StringComparison.Ordinal);
    }

    private NameResolverOptions Options(Action<NameResolverOptions>? change = null)
    {
        var options = new NameResolverOptions { Timeout = TimeSpan.FromSeconds(20), Servers = { _dns.Address } };
        change?.Invoke(options);
        return options;
    }

    private async Task<string[]> FindAsync(string address, Action<NameResolverOptions>? change = null)
    {
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        IReadOnlyList<Multiaddr> found = await new NameResolver(Options(change))
            .ResolveAsync(Multiaddr.Parse(address), late.Token);
        return [.. found.Select(one => one.ToString())];
    }
}
