using System.Buffers;
using Weft.Crypto;
using Weft.Primitives;
using Weft.Protocols.Peers;
using Weft.Protocols.Protobuf;

namespace Weft.Tests.Protocols.Peers;

public sealed class PeerRecordTests : IDisposable
{
    private static readonly ICrypto Crypto = PlatformCrypto.Create();

    private readonly Ed25519KeyPair _key = new(Crypto, Enumerable.Repeat((byte)7, 32).ToArray());

    public void Dispose() => _key.Dispose();

    [Fact]
    public void A_record_is_opened_as_it_was_signed()
    {
        PeerRecord record = Record(42);
        Assert.True(PeerRecord.TryOpen(record.Seal(_key, Crypto), Crypto, out PeerRecord? opened));

        Assert.Equal(record.Peer, opened.Peer);
        Assert.Equal(42ul, opened.Sequence);
        Assert.Equal(record.Addresses, opened.Addresses);
    }

    [Fact]
    public void Any_changed_byte_is_refused_or_changes_nothing()
    {
        byte[] good = Record(42).Seal(_key, Crypto);
        for (int at = 0; at < good.Length; at++)
        {
            byte[] bad = [.. good];
            bad[at] ^= 0x01;
            Assert.False(PeerRecord.TryOpen(bad, Crypto, out _), $"byte {at}");
        }
    }

    [Fact]
    public void A_record_about_another_peer_is_refused_however_well_signed()
    {
        using var other = new Ed25519KeyPair(Crypto, Enumerable.Repeat((byte)8, 32).ToArray());
        var payload = new ArrayBufferWriter<byte>();
        var writer = new ProtobufWriter(payload);
        writer.Bytes(1, other.PublicKey.ToPeerId().Span);
        writer.Number(2, 1);
        byte[] forged = SignedEnvelope.Seal(_key, Crypto, "libp2p-peer-record", [0x03, 0x01], payload.WrittenSpan);

        Assert.True(SignedEnvelope.TryOpen(forged, "libp2p-peer-record", [0x03, 0x01], Crypto, out _));
        Assert.False(PeerRecord.TryOpen(forged, Crypto, out _));
        Assert.Throws<ArgumentOutOfRangeException>(() => (Record(1) with { Peer = other.PublicKey.ToPeerId() }).Seal(_key, Crypto));
    }

    [Fact]
    public void A_signature_for_one_purpose_is_worth_nothing_for_another()
    {
        byte[] envelope = SignedEnvelope.Seal(_key, Crypto, "libp2p-relay-rsvp", [0x03, 0x02], [1, 2, 3]);

        Assert.True(SignedEnvelope.TryOpen(envelope, "libp2p-relay-rsvp", [0x03, 0x02], Crypto, out SignedEnvelope? opened));
        Assert.Equal([1, 2, 3], opened.Payload.ToArray());
        Assert.False(SignedEnvelope.TryOpen(envelope, "libp2p-peer-record", [0x03, 0x02], Crypto, out _));
        Assert.False(SignedEnvelope.TryOpen(envelope, "libp2p-relay-rsvp", [0x03, 0x01], Crypto, out _));
    }

    [Fact]
    public void Addresses_beyond_the_ceiling_are_left_out()
    {
        var payload = new ArrayBufferWriter<byte>();
        var writer = new ProtobufWriter(payload);
        writer.Bytes(1, _key.PublicKey.ToPeerId().Span);
        for (int i = 0; i <= PeerRecord.AddressesMax; i++)
        {
            byte[] address = [.. Multiaddr.OfTcp([10, 0, 0, 1], i).Bytes];
            writer.Bytes(3, [0x0A, (byte)address.Length, .. address]);
        }

        byte[] envelope = SignedEnvelope.Seal(_key, Crypto, "libp2p-peer-record", [0x03, 0x01], payload.WrittenSpan);
        Assert.True(PeerRecord.TryOpen(envelope, Crypto, out PeerRecord? record));
        Assert.Equal(PeerRecord.AddressesMax, record.Addresses.Count);
    }

    [Fact]
    public void No_bytes_ever_throw()
    {
        var random = new WeftRandom(23);
        byte[] good = Record(1).Seal(_key, Crypto);
        for (int round = 0; round < 5_000; round++)
        {
            byte[] bytes = [.. good.AsSpan(0, random.Next(good.Length + 1))];
            for (int change = random.Next(4); change > 0 && bytes.Length > 0; change--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            bool isOpen = PeerRecord.TryOpen(bytes, Crypto, out _);
            Assert.Equal(bytes.AsSpan().SequenceEqual(good), isOpen);
        }
    }

    private PeerRecord Record(ulong sequence) => new(
        _key.PublicKey.ToPeerId(), sequence,
        [Multiaddr.Parse("/ip4/192.0.2.0/tcp/42"), Multiaddr.Parse("/dns4/example.com/tcp/443/wss")]);
}
