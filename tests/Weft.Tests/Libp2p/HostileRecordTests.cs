using System.Buffers;
using Weft.Crypto;
using Weft.Libp2p;
using Weft.Libp2p.Discovery;
using Weft.Libp2p.Streams;
using Weft.Libp2p.Transport;
using Weft.Primitives;
using Weft.Protocols.Identify;
using Weft.Protocols.Mdns;
using Weft.Protocols.Peers;
using Weft.Protocols.Pex;
using Weft.Protocols.Protobuf;
using Weft.Protocols.Relay;
using Weft.Protocols.Rendezvous;

namespace Weft.Tests.Libp2p;

/// <summary>What brought other implementations down by what a peer says, rather than by how it says it.</summary>
public sealed class HostileRecordTests
{
    private static readonly ICrypto Crypto = PlatformCrypto.Create();

    /// <summary>GHSA-gcq9-qqwx-rgj3 of go-libp2p: valid records of unrelated keys were stored for ever.</summary>
    [Fact]
    public async Task A_peer_that_tells_of_masses_of_strangers_fills_nothing()
    {
        const int PeersMax = 300;
        var transport = new InMemoryTransport();
        await using Libp2pHost hostile = await HostPair.HostAsync(transport, isListening: true);
        await using Libp2pHost host = await HostPair.HostAsync(
            transport, isListening: true, options => options.Book.PeersMax = PeersMax);
        await using var exchange = new PexService(host, new() { SharePrivate = true }, TimeSpan.Zero);
        await exchange.StartAsync();
        int next = 0;
        hostile.Handle(PexCodec.Protocol, async (stream, token) =>
        {
            var output = new ArrayBufferWriter<byte>();
            PexCodec.Write(
                new(false, 0, [.. Enumerable.Range(0, 32).Select(_ => (ReadOnlyMemory<byte>)Stranger(next++))]), output);
            await StreamMessages.WriteAsync(stream, output, token);
        });
        await host.ConnectAsync(hostile.Addresses[0]);
        await HostPair.UntilAsync(() => exchange.Count == 1);

        int told = 0;
        for (int i = 0; i < 60; i++)
        {
            told += (await exchange.AskAsync(hostile.Id, wanted: 32)).Count;
        }

        Assert.Equal(60 * 32, told); // Every one of them was valid.
        Assert.InRange(host.Book.Count, 1, PeersMax);
        Assert.Equal(1, exchange.Count); // Nothing of it is handed on.
        Assert.NotEmpty(host.Book.Addresses(hostile.Id)); // Who is connected is not driven out.
    }

    /// <summary>GO-2023-2000 of go-libp2p: RSA keys of any size were computed with.</summary>
    [Theory]
    [InlineData(16_384)]
    [InlineData(65_536)]
    [InlineData(1_024)]
    public void Keys_beyond_their_bounds_are_refused_before_any_arithmetic(int bits)
    {
        var output = new ArrayBufferWriter<byte>();
        var writer = new ProtobufWriter(output);
        writer.Number(1, (ulong)PeerKeyType.Rsa);
        writer.Bytes(2, new byte[(bits / 8) + 38]); // As long as such a key is.

        Assert.False(PeerPublicKey.TryDecode(output.WrittenSpan, out _));
    }

    /// <summary>CVE-2026-86040 of js-libp2p: a small frame became millions of entries.</summary>
    [Fact]
    public void Masses_of_empty_entries_cost_no_memory()
    {
        Costs(4_000, field: 3, bytes => new IdentifyReader().TryRead(Prefixed(bytes), out _));
        Costs(4_000, field: 2, bytes => new IdentifyReader().TryRead(Prefixed(bytes), out _));
        Costs(2_000, field: 3, bytes => RelayCodec.TryReadHop(bytes, out _));
        Costs(16_000, field: 2, bytes => PexCodec.TryRead(bytes, out _));
        Costs(100_000, field: 1, bytes => RendezvousCodec.TryRead([8, 4, 0x32, .. Prefixed(bytes)], out _));
        byte[] questions = [0, 0, 0, 0, 0x0F, 0xFF, 0, 0, 0, 0, 0, 0, .. Enumerable.Repeat((byte)0, 8_900)];
        Assert.InRange(Allocated(() => DnsCodec.TryRead(questions, out _)), 0, 1_000);
    }

    private static void Costs(int entries, byte field, Action<byte[]> read)
    {
        byte[] bytes = [.. Enumerable.Repeat(new byte[] { (byte)((field << 3) | 2), 0 }, entries).SelectMany(one => one)];
        read(bytes);
        Assert.InRange(Allocated(() => read(bytes)), 0, (16 * bytes.Length) + 65_536);
    }

    private static long Allocated(Action action)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        action();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    private static byte[] Prefixed(byte[] bytes)
    {
        Span<byte> prefix = stackalloc byte[Uvarint.BytesMax];
        return [.. prefix[..Uvarint.Write(prefix, (ulong)bytes.Length)], .. bytes];
    }

    private static byte[] Stranger(int number)
    {
        byte[] seed = new byte[32];
        BitConverter.TryWriteBytes(seed, number + 1);
        using var key = new Ed25519KeyPair(Crypto, seed);
        return new PeerRecord(key.PublicKey.ToPeerId(), 1, [Multiaddr.Parse($"/memory/{number + 1_000}")]).Seal(key, Crypto);
    }
}
