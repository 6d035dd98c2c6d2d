using System.Buffers;
using Weft.Crypto;
using Weft.Primitives;
using Weft.Protocols.Kad;
using Weft.Protocols.Kad.Rules;
using Weft.Protocols.Peers;

namespace Weft.Tests.Protocols.Kad;

public sealed class KadCodecTests
{
    private static readonly PlatformCrypto Crypto = PlatformCrypto.Create();
    private static readonly PeerId Peer = PeerId.FromEd25519(new byte[32]);

    [Fact]
    public void A_message_with_everything_in_it_comes_back()
    {
        KadPeer[] peers = [new(Peer, [Multiaddr.Parse("/ip4/10.0.0.1/tcp/4001")], KadConnection.CanConnect)];
        var message = new KadMessage(
            KadMessageKind.GetProviders, new byte[] { 1, 2 }, KadRecord.Make("k"u8, "v"u8, Peer), 77, peers, peers);

        KadMessage read = Read(Write(message));

        Assert.Equal((message.Kind, message.RecordTtlSeconds), (read.Kind, read.RecordTtlSeconds));
        Assert.Equal(message.Record, read.Record);
        Assert.Equal(Peer, read.Record.Publisher);
        Assert.Equal(message.Key.ToArray(), read.Key.ToArray());
        foreach (KadPeer peer in (KadPeer[])[Assert.Single(read.Closer!), Assert.Single(read.Providers!)])
        {
            Assert.Equal((Peer, KadConnection.CanConnect), (peer.Id, peer.Connection));
            Assert.Equal("/ip4/10.0.0.1/tcp/4001", Assert.Single(peer.Addresses).ToString());
        }
    }

    [Fact]
    public void The_bytes_are_those_of_the_specification()
    {
        byte[] bytes = Write(new(KadMessageKind.PutValue, "k"u8.ToArray(), KadRecord.Make("k"u8, "v"u8)));

        Assert.Equal("0d" + "0800" + "12016b" + "1a06" + "0a016b" + "120176", Convert.ToHexStringLower(bytes));
    }

    [Fact]
    public void What_others_leave_out_or_add_is_read()
    {
        Assert.True(KadCodec.TryRead(Convert.FromHexString("0804" + "120161" + "5001" + "9a0603616263"), out KadMessage read));
        Assert.Equal((KadMessageKind.FindNode, true, 0), (read.Kind, read.Record.IsEmpty, read.Closer?.Count ?? 0));
        Assert.True(KadCodec.TryRead([], out KadMessage empty));
        Assert.Equal(KadMessageKind.PutValue, empty.Kind);
    }

    [Fact]
    public void Elements_beyond_the_ceilings_are_left_out_and_lengths_beyond_them_refused()
    {
        var many = new KadPeer[100];
        Array.Fill(many, new(Peer, [.. Enumerable.Repeat(Multiaddr.Parse("/ip4/10.0.0.1/tcp/1"), 40)]));
        KadMessage read = Read(Write(new(KadMessageKind.FindNode, new byte[1], Closer: many)));

        Assert.Equal(KadCodec.PeersMax, read.Closer!.Count);
        Assert.All(read.Closer, peer => Assert.Equal(KadCodec.AddressesMax, peer.Addresses.Count));
        Assert.False(KadCodec.TryRead(Write(new(KadMessageKind.FindNode, new byte[1_025])).AsSpan(2), out _));
        Assert.Equal(OperationStatus.InvalidData, KadCodec.ReadFrame([0x81, 0x80, 0x04], out _, out _));
        Assert.Equal(OperationStatus.NeedMoreData, KadCodec.ReadFrame([0x80, 0x80, 0x04], out _, out int length));
        Assert.Equal(KadCodec.MessageBytesMax, length);
    }

    [Fact]
    public void Every_prefix_and_every_flipped_bit_is_read_or_refused_without_a_throw()
    {
        byte[] whole = Write(new(
            KadMessageKind.GetValue, new byte[9], KadRecord.Make("k"u8, "v"u8, Peer), 5, [new(Peer, [])]));
        for (int length = 0; length < whole.Length; length++)
        {
            KadCodec.TryRead(whole.AsSpan(0, length), out _);
        }

        int refused = 0;
        for (int bit = 0; bit < whole.Length * 8; bit++)
        {
            byte[] bent = [.. whole];
            bent[bit / 8] ^= (byte)(1 << (bit % 8));
            refused += KadCodec.TryRead(bent.AsSpan(1), out _) ? 0 : 1;
        }

        Assert.InRange(refused, 1, whole.Length * 8);
    }

    [Fact]
    public void A_signed_value_holds_for_its_key_alone_and_no_bit_of_it_can_change()
    {
        using Ed25519KeyPair owner = KeyGenerator.NewEd25519(Crypto);
        using Ed25519KeyPair stranger = KeyGenerator.NewEd25519(Crypto);
        byte[] key = SignedValue.KeyOf(owner.PublicKey.ToPeerId(), "profile");
        byte[] value = SignedValue.Seal(owner, Crypto, key, 7, "me"u8);

        Assert.True(SignedValue.TryOpen(key, value, Crypto, out SignedValue? opened));
        Assert.Equal((7UL, owner.PublicKey.ToPeerId()), (opened!.Sequence, opened.Owner));
        Assert.Equal("me"u8.ToArray(), opened.Payload.ToArray());
        Assert.False(SignedValue.TryOpen(SignedValue.KeyOf(owner.PublicKey.ToPeerId(), "other"), value, Crypto, out _));
        Assert.False(SignedValue.TryOpen(
            key, SignedValue.Seal(stranger, Crypto, key, 9, "me"u8), Crypto, out _)); // The key names another owner.
        for (int bit = 0; bit < value.Length * 8; bit++)
        {
            byte[] bent = [.. value];
            bent[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(SignedValue.TryOpen(key, bent, Crypto, out _), $"bit {bit}");
        }

        Assert.False(SignedValue.TryOpen(key, [.. value, 0x30, 1], Crypto, out _)); // Nothing unsigned beside it.
    }

    [Fact]
    public void Of_two_signed_values_the_higher_number_stands_whatever_the_order()
    {
        using Ed25519KeyPair owner = KeyGenerator.NewEd25519(Crypto);
        byte[] key = SignedValue.KeyOf(owner.PublicKey.ToPeerId(), "n");
        RecordRules rules = RecordRules.Default(Crypto);
        IRecordRule rule = rules.Find(key)!;
        byte[] older = SignedValue.Seal(owner, Crypto, key, 1, "a"u8, endMs: 50);
        byte[] newer = SignedValue.Seal(owner, Crypto, key, 2, "b"u8);

        Assert.Equal(newer, rule.Merge(key, older, newer).ToArray());
        Assert.Equal(newer, rule.Merge(key, newer, older).ToArray());
        Assert.True(rule.IsValid(key, older, 49));
        Assert.False(rule.IsValid(key, older, 50)); // It says itself when it ends.
        Assert.Null(rules.Find("/unknown/x"u8));
        Assert.Null(rules.Find("no slashes"u8));
        byte[] pk = [.. "/pk/"u8, .. owner.PublicKey.ToPeerId().Span];
        Assert.True(rules.Find(pk)!.IsValid(pk, PeerPublicKey.FromEd25519(owner.PublicKey).Encoded, 0));
        Assert.False(rules.Find(pk)!.IsValid(pk, newer, 0));
    }

    private static byte[] Write(KadMessage message)
    {
        var buffer = new ArrayBufferWriter<byte>();
        KadCodec.Write(message, buffer);
        return buffer.WrittenSpan.ToArray();
    }

    private static KadMessage Read(byte[] framed)
    {
        Assert.Equal(OperationStatus.Done, KadCodec.ReadFrame(framed, out int start, out int length));
        Assert.True(KadCodec.TryRead(framed.AsSpan(start, length), out KadMessage message));
        return message;
    }
}
