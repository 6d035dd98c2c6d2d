using System.Buffers;
using Weft.Crypto;
using Weft.Primitives;
using Weft.Protocols.Peers;
using Weft.Protocols.Protobuf;
using Weft.Protocols.Relay;

namespace Weft.Tests.Protocols.Relay;

public sealed class RelayCodecTests
{
    private static readonly ICrypto Crypto = PlatformCrypto.Create();
    private static readonly PeerId Peer = PeerId.FromEd25519(Enumerable.Repeat((byte)7, 32).ToArray());

    [Fact]
    public void A_reservation_comes_back_as_it_was_written()
    {
        var message = new HopMessage(HopKind.Status)
        {
            Status = RelayStatus.Ok,
            Reservation = new(1_900_000_000, [Multiaddr.Parse("/ip4/192.0.2.1/tcp/1")], new byte[] { 1, 2, 3 }),
            Limit = new(TimeSpan.FromMinutes(2), 131_072),
        };

        Assert.True(RelayCodec.TryReadHop(Bytes(message), out HopMessage? read));
        Assert.Equal(HopKind.Status, read.Kind);
        Assert.Equal(RelayStatus.Ok, read.Status);
        Assert.Equal(message.Limit, read.Limit);
        Assert.Equal(1_900_000_000, read.Reservation!.ExpiresAt);
        Assert.Equal(message.Reservation.Addresses, read.Reservation.Addresses);
        Assert.Equal(message.Reservation.Voucher.ToArray(), read.Reservation.Voucher.ToArray());
    }

    [Fact]
    public void The_bytes_are_those_of_the_specification()
    {
        Assert.Equal("0800", Convert.ToHexStringLower(Bytes(new HopMessage(HopKind.Reserve))));
        Assert.Equal(
            "0801" + "1228" + "0a26" + Convert.ToHexStringLower(Peer.Span),
            Convert.ToHexStringLower(Bytes(new HopMessage(HopKind.Connect) { Peer = Peer })));
        Assert.Equal("080228cc01", Convert.ToHexStringLower(
            Bytes(new HopMessage(HopKind.Status) { Status = RelayStatus.NoReservation })));
        Assert.Equal("08012064", Convert.ToHexStringLower(
            Bytes(new StopMessage(StopKind.Status) { Status = RelayStatus.Ok })));
        Assert.Equal("0800" + "1a06" + "0878" + "10808008", Convert.ToHexStringLower(
            Bytes(new StopMessage(StopKind.Connect) { Limit = new(TimeSpan.FromSeconds(120), 131_072) })));
    }

    [Fact]
    public void A_request_to_the_peer_at_the_end_comes_back_as_it_was_written()
    {
        var message = new StopMessage(StopKind.Connect) { Peer = Peer, Limit = new(TimeSpan.FromSeconds(1), 1) };

        Assert.True(RelayCodec.TryReadStop(Bytes(message), out StopMessage? read));
        Assert.Equal(message, read);
    }

    [Theory]
    [InlineData("")] // No kind.
    [InlineData("0803")] // A kind that is none.
    [InlineData("08011202")] // A peer that breaks off.
    [InlineData("080112020a00")] // A peer id of no bytes.
    [InlineData("08011200")] // A peer without an id.
    [InlineData("0a00")] // A kind of another form.
    [InlineData("08022a0100")] // A status of another form.
    public void What_is_malformed_is_refused(string hex) =>
        Assert.False(RelayCodec.TryReadHop(Convert.FromHexString(hex), out _));

    [Fact]
    public void A_message_beyond_the_ceiling_is_refused()
    {
        byte[] fits = [8, 0, 0x3A, 0xFA, 0x1F, .. new byte[RelayCodec.MessageBytesMax - 5 - 1]]; // An unknown field.
        byte[] exact = [8, 0, 0x3A, 0xFB, 0x1F, .. new byte[RelayCodec.MessageBytesMax - 5]];
        byte[] over = [8, 0, 0x3A, 0xFC, 0x1F, .. new byte[RelayCodec.MessageBytesMax - 4]];

        Assert.True(RelayCodec.TryReadHop(fits, out _));
        Assert.True(RelayCodec.TryReadHop(exact, out _));
        Assert.False(RelayCodec.TryReadHop(over, out _));
    }

    [Fact]
    public void More_addresses_than_the_ceiling_are_left_out()
    {
        var inner = new ArrayBufferWriter<byte>();
        for (int i = 0; i < 100; i++)
        {
            new ProtobufWriter(inner).Bytes(2, Multiaddr.Parse($"/ip4/192.0.2.1/tcp/{i}").Bytes);
        }

        var output = new ArrayBufferWriter<byte>();
        new ProtobufWriter(output).Number(1, 2);
        new ProtobufWriter(output).Bytes(3, inner.WrittenSpan);

        Assert.True(RelayCodec.TryReadHop(output.WrittenSpan, out HopMessage? read));
        Assert.Equal(RelayCodec.AddressesMax, read.Reservation!.Addresses.Count);
    }

    [Fact]
    public void A_voucher_opens_only_when_the_relay_it_names_has_signed_it()
    {
        using var key = new Ed25519KeyPair(Crypto, Enumerable.Repeat((byte)3, 32).ToArray());
        var voucher = new RelayVoucher(key.PublicKey.ToPeerId(), Peer, 1_900_000_000);
        byte[] good = voucher.Seal(key, Crypto);

        Assert.True(RelayVoucher.TryOpen(good, Crypto, out RelayVoucher? opened));
        Assert.Equal(voucher, opened);
        for (int at = 0; at < good.Length; at++)
        {
            byte[] bad = [.. good];
            bad[at] ^= 1;
            Assert.False(RelayVoucher.TryOpen(bad, Crypto, out _), $"byte {at}");
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => (voucher with { Relay = Peer }).Seal(key, Crypto));
        Assert.False(PeerRecord.TryOpen(good, Crypto, out _));
    }

    [Fact]
    public void A_voucher_in_the_name_of_another_relay_does_not_open()
    {
        using var key = new Ed25519KeyPair(Crypto, Enumerable.Repeat((byte)3, 32).ToArray());
        var payload = new ArrayBufferWriter<byte>();
        var writer = new ProtobufWriter(payload);
        writer.Bytes(1, Peer.Span);
        writer.Bytes(2, Peer.Span);
        writer.Number(3, 1);
        byte[] forged = SignedEnvelope.Seal(key, Crypto, "libp2p-relay-rsvp", [3, 2], payload.WrittenSpan);

        Assert.False(RelayVoucher.TryOpen(forged, Crypto, out _));
    }

    private static byte[] Bytes(HopMessage message)
    {
        var output = new ArrayBufferWriter<byte>();
        RelayCodec.Write(message, output);
        return output.WrittenSpan.ToArray();
    }

    private static byte[] Bytes(StopMessage message)
    {
        var output = new ArrayBufferWriter<byte>();
        RelayCodec.Write(message, output);
        return output.WrittenSpan.ToArray();
    }
}
