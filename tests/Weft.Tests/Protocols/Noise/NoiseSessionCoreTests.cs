using System.Buffers;
using System.Buffers.Binary;
using Weft.Crypto;
using Weft.Primitives;
using Weft.Protocols.Noise;

namespace Weft.Tests.Protocols.Noise;

public sealed class NoiseSessionCoreTests
{
    private static readonly ICrypto Crypto = PlatformCrypto.Create();

    private readonly Side _dialler = new(1, ["/yamux/1.0.0"]);
    private readonly Side _listener = new(2, ["/yamux/1.0.0"]);

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(100_000)]
    public void Two_peers_prove_themselves_whatever_the_pieces(int piece)
    {
        Run(_dialler.Begin(true, _listener.Peer), _listener.Begin(false), piece);

        Assert.Equal(NoiseSessionState.Complete, _dialler.Core.State);
        Assert.Equal(NoiseSessionState.Complete, _listener.Core.State);
        Assert.Equal(_listener.Peer, _dialler.Core.RemotePeer);
        Assert.Equal(_dialler.Peer, _listener.Core.RemotePeer);
        Assert.Equal("/yamux/1.0.0", _dialler.Core.Muxer);
        Assert.Equal("/yamux/1.0.0", _listener.Core.Muxer);
        (NoiseCipher send, NoiseCipher receive) = _dialler.Core.Split();
        (NoiseCipher answer, NoiseCipher hear) = _listener.Core.Split();
        Carries(send, hear);
        Carries(answer, receive);
    }

    [Theory]
    [InlineData(new[] { "/yamux/1.0.0" }, new string[0], null)]
    [InlineData(new string[0], new[] { "/yamux/1.0.0" }, null)]
    [InlineData(new[] { "/b", "/a" }, new[] { "/a", "/b" }, "/b")]
    [InlineData(new[] { "/c", "/a" }, new[] { "/a", "/b" }, "/a")]
    public void The_initiators_best_muxer_is_taken(string[] initiator, string[] responder, string? expected)
    {
        var dialler = new Side(1, initiator);
        var listener = new Side(2, responder);
        Run(dialler.Begin(true), listener.Begin(false));

        Assert.Equal((expected, expected), (dialler.Core.Muxer, listener.Core.Muxer));
        Assert.Equal(NoiseSessionState.Complete, listener.Core.State);
    }

    [Fact]
    public void No_muxer_in_common_fails()
    {
        var other = new Side(2, ["/mplex/6.7.0"]);
        Run(_dialler.Begin(true), other.Begin(false));

        Assert.Equal(NoiseFailure.Muxer, _dialler.Core.Failure);
    }

    [Fact]
    public void Another_peer_than_the_one_dialled_is_refused_before_it_learns_who_dials()
    {
        Run(_dialler.Begin(true, new Side(3, []).Peer), _listener.Begin(false));

        Assert.Equal(NoiseFailure.WrongPeer, _dialler.Core.Failure);
        Assert.Equal(NoiseSessionState.Running, _listener.Core.State);
        Assert.True(_listener.Core.RemotePeer.IsEmpty);
    }

    [Fact]
    public void A_peer_that_reaches_itself_is_told_so()
    {
        Run(_dialler.Begin(true), new Side(1, []).Begin(false));

        Assert.Equal(NoiseFailure.Self, _dialler.Core.Failure);
    }

    [Fact]
    public void An_identity_signed_for_another_key_is_refused()
    {
        // A thief who has seen the listener's payload shows it over a Noise key of his own.
        using var key = new Ed25519KeyPair(Crypto, Enumerable.Repeat((byte)2, 32).ToArray());
        using var seen = new NoiseIdentity(Crypto, key, Enumerable.Repeat((byte)52, 32).ToArray(), []);
        byte[] secret = Enumerable.Repeat((byte)99, 32).ToArray();
        using var thief = new NoiseHandshake(Crypto, NoisePattern.XX, isInitiator: false, secret, secret);
        var first = new ArrayBufferWriter<byte>();
        _dialler.Begin(true).Core.Start(first);
        Assert.True(thief.TryRead(first.WrittenSpan[2..], new ArrayBufferWriter<byte>()));
        var second = new ArrayBufferWriter<byte>();
        Assert.True(thief.TryWrite(seen.Payload, second));

        byte[] frame = [(byte)(second.WrittenCount >> 8), (byte)second.WrittenCount, .. second.WrittenSpan];
        _dialler.Core.OnBytes(frame, new ArrayBufferWriter<byte>());
        Assert.Equal(NoiseFailure.Signature, _dialler.Core.Failure);
    }

    [Fact]
    public void Lengths_are_unsigned_and_one_beyond_the_ceiling_is_refused_at_once()
    {
        _listener.Begin(false);
        var output = new ArrayBufferWriter<byte>();
        Assert.Equal(0, _listener.Core.OnBytes([0x10, 0x00], output)); // 4,096: waited for.
        Assert.Equal(NoiseSessionState.Running, _listener.Core.State);

        _listener.Core.OnBytes([0xFF, 0xFF], output);
        Assert.Equal(NoiseFailure.Handshake, _listener.Core.Failure);
    }

    [Fact]
    public void What_follows_the_last_message_is_left_for_the_ciphers()
    {
        var toListener = new ArrayBufferWriter<byte>();
        var toDialler = new ArrayBufferWriter<byte>();
        _dialler.Begin(true).Core.Start(toListener);
        _listener.Begin(false).Core.OnBytes(toListener.WrittenSpan, toDialler);
        toListener.ResetWrittenCount();
        _dialler.Core.OnBytes(toDialler.WrittenSpan, toListener);
        int length = toListener.WrittenCount;
        toListener.Write("tail"u8);

        Assert.Equal(length, _listener.Core.OnBytes(toListener.WrittenSpan, toDialler));
        Assert.Equal(NoiseSessionState.Complete, _listener.Core.State);
    }

    [Fact]
    public void Any_changed_byte_of_any_message_fails()
    {
        for (int at = 0; at < 400; at += 3)
        {
            var dialler = new Side(1, ["/yamux/1.0.0"]);
            var listener = new Side(2, ["/yamux/1.0.0"]);
            Run(dialler.Begin(true), listener.Begin(false), change: at);
            bool isDone = dialler.Core.State == NoiseSessionState.Complete
                && listener.Core.State == NoiseSessionState.Complete;
            Assert.False(isDone, $"byte {at}");
        }
    }

    [Fact]
    public void No_bytes_ever_throw()
    {
        var random = new WeftRandom(5);
        for (int round = 0; round < 2_000; round++)
        {
            byte[] bytes = new byte[random.Next(2, 300)];
            random.Fill(bytes);
            BinaryPrimitives.WriteUInt16BigEndian(bytes, (ushort)random.Next(bytes.Length + 5));
            bool isDialler = round % 2 == 0;
            Side side = new Side(1, []).Begin(isDialler);
            side.Core.Start(new ArrayBufferWriter<byte>());
            int taken = side.Core.OnBytes(bytes, new ArrayBufferWriter<byte>());
            Assert.InRange(taken, 0, bytes.Length);
            Assert.NotEqual(NoiseSessionState.Complete, side.Core.State);
        }
    }

    private static void Run(Side dialler, Side listener, int piece = 100_000, int change = -1)
    {
        var toListener = new ArrayBufferWriter<byte>();
        var toDialler = new ArrayBufferWriter<byte>();
        dialler.Core.Start(toListener);
        var forListener = new List<byte>();
        var forDialler = new List<byte>();
        int carried = 0;
        for (int end = piece; end < 2_000 + (2 * piece); end += piece)
        {
            Carry(toListener, forListener);
            forListener.RemoveRange(0, listener.Core.OnBytes(forListener.ToArray(), toDialler));
            Carry(toDialler, forDialler);
            forDialler.RemoveRange(0, dialler.Core.OnBytes(forDialler.ToArray(), toListener));
        }

        void Carry(ArrayBufferWriter<byte> from, List<byte> to)
        {
            foreach (byte one in from.WrittenSpan[..Math.Min(piece, from.WrittenCount)])
            {
                to.Add(carried++ == change ? (byte)(one ^ 0x40) : one);
            }

            byte[] rest = from.WrittenSpan[Math.Min(piece, from.WrittenCount)..].ToArray();
            from.ResetWrittenCount();
            from.Write(rest);
        }
    }

    private static void Carries(NoiseCipher from, NoiseCipher to)
    {
        byte[] message = new byte[5 + NoiseCipher.TagLength];
        byte[] plain = new byte[5];
        from.Seal("hello"u8, [], message);

        Assert.True(to.TryOpen(message, [], plain));
        Assert.Equal("hello"u8.ToArray(), plain);
    }

    private sealed class Side(byte number, string[] muxers)
    {
        private readonly byte[] _seed = Enumerable.Repeat(number, 32).ToArray();
        private readonly byte[] _staticSecret = Enumerable.Repeat((byte)(number + 50), 32).ToArray();

        public NoiseSessionCore Core { get; private set; } = null!;

        public PeerId Peer
        {
            get
            {
                using var key = new Ed25519KeyPair(Crypto, _seed);
                return key.PublicKey.ToPeerId();
            }
        }

        public Side Begin(bool isDialler, PeerId expected = default)
        {
            using var key = new Ed25519KeyPair(Crypto, _seed);
            var identity = new NoiseIdentity(Crypto, key, _staticSecret, muxers);
            byte[] ephemeral = Enumerable.Repeat((byte)(number + 100), 32).ToArray();
            Core = new(Crypto, identity, Peer, isDialler, ephemeral, expected);
            return this;
        }
    }
}
