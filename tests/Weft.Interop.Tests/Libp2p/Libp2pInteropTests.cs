using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Weft.Libp2p;
using Weft.Libp2p.Connections;
using Weft.Libp2p.Streams;
using Weft.Primitives;
using Weft.Protocols.Identify;
using Weft.Protocols.Peers;

namespace Weft.Interop.Tests.Libp2p;

/// <summary>
/// Weft and unmodified js-libp2p over TCP and WebSocket, Noise and Yamux; each as the one who dials and the one who
/// listens.
/// </summary>
public sealed class Libp2pInteropTests
{
    private const int Large = 100 * 1_000 * 1_000;
    private const int Many = 1_000;

    [GunTheory]
    [InlineData(Libp2pPeer.Tcp)]
    [InlineData(Libp2pPeer.Ws)]
    public async Task Weft_dials_js_identifies_pings_and_is_echoed(string listen)
    {
        await using Libp2pPeer pair = await Libp2pPeer.StartAsync(listen: listen);
        PeerConnection connection = await pair.DialAsync();
        Assert.Equal(pair.Id, connection.Remote);

        IdentifyMessage identity = await Libp2pPeer.UntilAsync(() => connection.Identity);
        Assert.Contains("/ipfs/ping/1.0.0", identity.Protocols);
        Assert.StartsWith("js-libp2p", identity.AgentVersion, StringComparison.Ordinal);
        Assert.Equal(connection.LocalAddress.PortOf(MultiaddrCode.Tcp), identity.ObservedAddress!.PortOf(MultiaddrCode.Tcp));
        Assert.True(PeerRecord.TryOpen(
            identity.SignedRecord.Span, Weft.Crypto.PlatformCrypto.Create(), out PeerRecord? record));
        Assert.Equal(pair.Id, record.Peer);

        Assert.True(await pair.Host.PingAsync(pair.Id) > TimeSpan.Zero);
        Assert.Equal("héllo", Encoding.UTF8.GetString(await AskAsync(pair, "/echo/1.0.0", Encoding.UTF8.GetBytes("héllo"))));
    }

    [GunTheory]
    [InlineData(Libp2pPeer.Tcp)]
    [InlineData(Libp2pPeer.Ws)]
    public async Task Js_dials_Weft_identifies_pings_and_is_echoed(string listen)
    {
        await using Libp2pPeer pair = await Libp2pPeer.StartAsync(listen: listen);
        JsonElement echoed = await pair.Js.RunAsync($"return await echo({pair.HostAddress}, 'héllo')");
        Assert.Equal("héllo", echoed.GetString());

        JsonElement roundTrip = await pair.Js.RunAsync($"return await node.services.ping.ping(to({pair.HostAddress}))");
        Assert.InRange(roundTrip.GetDouble(), 0, 10_000);
        JsonElement known = await pair.Js.RunAsync(
            $"""
            const id = peerIdFromString('{pair.Host.Id}')
            const peer = await until(async () => (await node.peerStore.has(id)) &&
              (await node.peerStore.get(id)).metadata.has('AgentVersion') && node.peerStore.get(id))
            const agent = Buffer.from(peer.metadata.get('AgentVersion')).toString()
            return [agent, peer.protocols, peer.addresses.map(a => [a.multiaddr.toString(), a.isCertified])]
            """);
        Assert.Equal("weft-interop/1", known[0].GetString());
        Assert.Contains("/echo/1.0.0", known[1].EnumerateArray().Select(one => one.GetString()));
        string bare = pair.Host.Addresses[0].WithoutPeer()!.ToString();
        Assert.Contains(known[2].EnumerateArray(), one => one[0].GetString() == bare && one[1].GetBoolean());
        PeerConnection connection = Assert.Single(pair.Host.Connections);
        Assert.True(connection.IsInbound);
        Assert.Equal(pair.Id, connection.Remote);
    }

    [GunFact]
    public async Task Muxers_are_negotiated_the_old_way_where_the_handshake_names_none()
    {
        await using Libp2pPeer pair = await Libp2pPeer.StartAsync(options => options.EarlyMuxer = false);
        JsonElement echoed = await pair.Js.RunAsync($"return await echo({pair.HostAddress}, 'in')");
        Assert.Equal("in", echoed.GetString());

        await using Libp2pHost second = await Libp2pPeer.StartHostAsync(options => options.EarlyMuxer = false);
        PeerConnection connection = await second.DialAsync(pair.Address);
        await using PeerStream stream = await second.OpenStreamAsync(connection, ["/echo/1.0.0"]);
        await stream.WriteAsync("out"u8.ToArray());
        await stream.CompleteWritesAsync();
        Assert.Equal("out"u8.ToArray(), await ReadAllAsync(stream));
    }

    [GunFact]
    public async Task A_peer_with_an_RSA_key_is_verified() => await MeetsAsync("RSA", PeerKeyType.Rsa);

    [GunFact]
    public async Task A_peer_with_a_secp256k1_key_is_verified() => await MeetsAsync("secp256k1", PeerKeyType.Secp256k1);

    [GunTheory]
    [InlineData(Libp2pPeer.Tcp)]
    [InlineData(Libp2pPeer.Ws)]
    public async Task Each_way_of_a_stream_ends_on_its_own(string listen)
    {
        await using Libp2pPeer pair = await Libp2pPeer.StartAsync(listen: listen);
        pair.Host.Handle("/sum/1.0.0", SumAsync);
        await pair.DialAsync();

        // Both answer only after the other side's end, so an end that closed both ways would lose the answer.
        byte[] answer = await AskAsync(pair, "/sum/1.0.0", Pattern(100_000));
        Assert.Equal($"100000 {Hash(Pattern(100_000))}", Encoding.UTF8.GetString(answer));
        JsonElement back = await pair.Js.RunAsync(
            $"return (await ask({pair.HostAddress}, '/sum/1.0.0', pattern(100000))).toString()");
        Assert.Equal($"100000 {Hash(Pattern(100_000))}", back.GetString());
    }

    [GunTheory]
    [InlineData(Libp2pPeer.Tcp)]
    [InlineData(Libp2pPeer.Ws)]
    public async Task A_reset_ends_the_stream_and_nothing_else(string listen)
    {
        await using Libp2pPeer pair = await Libp2pPeer.StartAsync(listen: listen);
        pair.Host.Handle("/reset/1.0.0", async (stream, token) =>
        {
            await stream.ReadExactlyAsync(new byte[1], token);
            stream.Abort();
        });
        await pair.DialAsync();
        await using PeerStream stream = await pair.Host.OpenStreamAsync(pair.Id, ["/reset/1.0.0"]);
        await stream.WriteAsync(new byte[1]);
        PeerStreamException reset = await Assert.ThrowsAsync<PeerStreamException>(
            async () => await stream.ReadExactlyAsync(new byte[1]));
        Assert.Equal(StreamEnd.RemoteReset, reset.End);

        JsonElement status = await pair.Js.RunAsync(
            $$"""
            const stream = await open({{pair.HostAddress}}, '/reset/1.0.0')
            stream.send(new Uint8Array(1))
            await until(() => stream.status !== 'open')
            return stream.status
            """);
        Assert.Equal("reset", status.GetString());
        Assert.Equal("still there"u8.ToArray(), await AskAsync(pair, "/echo/1.0.0", "still there"u8.ToArray()));
    }

    [GunFact]
    public async Task A_protocol_nobody_serves_is_refused_and_the_next_best_is_taken()
    {
        await using Libp2pPeer pair = await Libp2pPeer.StartAsync();
        await pair.DialAsync();
        Libp2pException refused = await Assert.ThrowsAsync<Libp2pException>(
            () => pair.Host.OpenStreamAsync(pair.Id, ["/nobody/1.0.0"]));
        Assert.Equal(WeftError.ProtocolUnsupported, refused.Error);

        await using PeerStream stream = await pair.Host.OpenStreamAsync(pair.Id, ["/echo/2.0.0", "/echo/1.0.0"]);
        Assert.Equal("/echo/1.0.0", stream.Protocol);
        JsonElement name = await pair.Js.RunAsync(
            $"return (await open({pair.HostAddress}, ['/echo/2.0.0', '/echo/1.0.0'])).protocol");
        Assert.Equal("/echo/1.0.0", name.GetString());
        JsonElement failed = await pair.Js.RunAsync(
            $"try {{ await open({pair.HostAddress}, '/nobody/1.0.0'); return '' }} catch (error) {{ return error.name }}");
        Assert.Equal("UnsupportedProtocolError", failed.GetString());
    }

    [GunTheory]
    [InlineData(Libp2pPeer.Tcp)]
    [InlineData(Libp2pPeer.Ws)]
    public async Task Another_peer_than_the_one_dialled_is_refused_by_both(string listen)
    {
        await using Libp2pPeer pair = await Libp2pPeer.StartAsync(listen: listen);
        await using Libp2pHost other = await Libp2pPeer.StartHostAsync();
        Libp2pException wrong = await Assert.ThrowsAsync<Libp2pException>(
            () => pair.Host.DialAsync(pair.Address.WithPeer(other.Id)));
        Assert.Equal(WeftError.PeerWrong, wrong.Error);
        Assert.Empty(pair.Host.Connections);

        string address = pair.Host.Addresses[0].WithPeer(other.Id).ToString();
        JsonElement refused = await pair.Js.RunAsync(
            $"try {{ await node.dial(to('{address}')); return '' }} catch (error) {{ return String(error) }}");
        Assert.NotEqual("", refused.GetString());
        JsonElement count = await pair.Js.RunAsync("return node.getConnections().length");
        Assert.Equal(0, count.GetInt32());
    }

    [GunTheory]
    [InlineData(Libp2pPeer.Tcp)]
    [InlineData(Libp2pPeer.Ws)]
    public async Task A_thousand_streams_at_once_from_either_side(string listen)
    {
        await using Libp2pPeer pair = await Libp2pPeer.StartAsync(options => options.UseTestProfile(), listen: listen);
        await pair.DialAsync();
        var streams = new List<PeerStream>();
        for (int i = 0; i < Many; i++)
        {
            streams.Add(await pair.Host.OpenStreamAsync(pair.Id, ["/echo/1.0.0"])); // All are open before one is used.
        }

        Assert.Equal(Many, streams.Distinct().Count());
        await Task.WhenAll(streams.Select((stream, i) => EchoAsync(stream, $"stream {i} ")));

        JsonElement right = await pair.Js.RunAsync(
            $$"""
            const streams = []
            for (let i = 0; i < {{Many}}; i++) streams.push(await open({{pair.HostAddress}}, '/echo/1.0.0'))
            const answers = await Promise.all(streams.map(async (stream, i) => {
              const answer = readAll(stream)
              await write(stream, Buffer.from(`stream ${i} ` + 'x'.repeat(1000)))
              await stream.close()
              return (await answer).toString()
            }))
            return answers.filter((answer, i) => answer === `stream ${i} ` + 'x'.repeat(1000)).length
            """);
        Assert.Equal(Many, right.GetInt32());
        await Libp2pPeer.UntilAsync(() => pair.Host.Use is { InboundStreams: 0, OutboundStreams: 0 } ? "" : null);
    }

    [GunTheory]
    [InlineData(Libp2pPeer.Tcp)]
    [InlineData(Libp2pPeer.Ws)]
    public async Task A_hundred_megabytes_go_to_js_and_come_back_unchanged(string listen)
    {
        await using Libp2pPeer pair = await Libp2pPeer.StartAsync(listen: listen);
        await pair.DialAsync();
        byte[] data = Pattern(Large);
        Assert.Equal($"{Large} {Hash(data)}", Encoding.UTF8.GetString(await AskAsync(pair, "/sum/1.0.0", data)));
        byte[] given = await AskAsync(pair, "/give/1.0.0", Encoding.UTF8.GetBytes($"{Large}"));
        Assert.Equal(Hash(data), Hash(given));
    }

    [GunTheory]
    [InlineData(Libp2pPeer.Tcp)]
    [InlineData(Libp2pPeer.Ws)]
    public async Task A_hundred_megabytes_come_from_js_and_go_back_unchanged(string listen)
    {
        await using Libp2pPeer pair = await Libp2pPeer.StartAsync(listen: listen);
        pair.Host.Handle("/sum/1.0.0", SumAsync);
        JsonElement sum = await pair.Js.RunAsync(
            $"return (await ask({pair.HostAddress}, '/sum/1.0.0', pattern({Large}))).toString()");
        Assert.Equal($"{Large} {Hash(Pattern(Large))}", sum.GetString());

        JsonElement length = await pair.Js.RunAsync(
            $$"""
            const wanted = Buffer.alloc(8)
            wanted.writeBigUInt64BE({{Large}}n)
            return (await ask({{pair.HostAddress}}, '/perf/1.0.0', wanted)).length
            """);
        Assert.Equal(Large, length.GetInt32());
    }

    [GunFact]
    public async Task A_new_protocol_is_pushed_to_js_and_from_js()
    {
        await using Libp2pPeer pair = await Libp2pPeer.StartAsync();
        PeerConnection connection = await pair.DialAsync();
        await Libp2pPeer.UntilAsync(() => connection.Identity);
        pair.Host.Handle("/new-here/1", (_, _) => Task.CompletedTask);
        JsonElement seen = await pair.Js.RunAsync(
            $"""
            const id = peerIdFromString('{pair.Host.Id}')
            return await until(async () => (await node.peerStore.get(id)).protocols.includes('/new-here/1'))
            """);
        Assert.True(seen.GetBoolean());

        await pair.Js.RunAsync("await node.handle('/new-there/1', () => {})");
        await Libp2pPeer.UntilAsync(() => connection.Identity!.Protocols.Contains("/new-there/1") ? "" : null);
    }

    [GunFact]
    public async Task A_js_peer_that_stops_is_seen_to_go_and_its_room_is_free_again()
    {
        await using Libp2pPeer pair = await Libp2pPeer.StartAsync();
        PeerConnection connection = await pair.DialAsync();
        await pair.Js.RunAsync("await node.stop()");
        ConnectionEnd end = await connection.Closed.WaitAsync(TimeSpan.FromSeconds(20));

        Assert.Contains(end, new[] { ConnectionEnd.Remote, ConnectionEnd.Broken });
        Assert.Empty(pair.Host.Connections);
        Assert.Equal(default, pair.Host.Use);
    }

    private static async Task MeetsAsync(string keyType, PeerKeyType expected)
    {
        await using Libp2pPeer pair = await Libp2pPeer.StartAsync(keyType: keyType);
        PeerConnection connection = await pair.DialAsync();
        Assert.Equal(expected, connection.RemoteKey.Type);
        Assert.Equal(pair.Id, connection.Remote);
        Assert.Equal("hi"u8.ToArray(), await AskAsync(pair, "/echo/1.0.0", "hi"u8.ToArray()));
    }

    private static async Task EchoAsync(PeerStream stream, string start)
    {
        byte[] text = Encoding.UTF8.GetBytes(start + new string('x', 1_000));
        await stream.WriteAsync(text);
        await stream.CompleteWritesAsync();
        Assert.Equal(text, await ReadAllAsync(stream).WaitAsync(TimeSpan.FromSeconds(60)));
        await stream.DisposeAsync();
    }

    private static async Task<byte[]> AskAsync(Libp2pPeer pair, string protocol, byte[] data)
    {
        await using PeerStream stream = await pair.Host.OpenStreamAsync(pair.Id, [protocol]);
        Task<byte[]> answer = ReadAllAsync(stream);
        await stream.WriteAsync(data);
        await stream.CompleteWritesAsync();
        return await answer.WaitAsync(TimeSpan.FromSeconds(60));
    }

    private static async Task<byte[]> ReadAllAsync(PeerStream stream)
    {
        var all = new MemoryStream();
        await stream.CopyToAsync(all);
        return all.ToArray();
    }

    private static async Task SumAsync(PeerStream stream, CancellationToken token)
    {
        var all = new MemoryStream();
        await stream.CopyToAsync(all, token);
        await stream.WriteAsync(Encoding.UTF8.GetBytes($"{all.Length} {Hash(all.ToArray())}"), token);
    }

    private static byte[] Pattern(int length)
    {
        byte[] data = new byte[length];
        for (int i = 0; i < length; i++)
        {
            data[i] = (byte)(i % 251);
        }

        return data;
    }

    private static string Hash(byte[] data) => Convert.ToHexStringLower(SHA256.HashData(data));
}
