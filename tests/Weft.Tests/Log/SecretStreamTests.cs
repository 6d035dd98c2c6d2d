using System.Text.Json;
using Weft.Crypto;
using Weft.Log.Wire;
using Weft.Primitives;

namespace Weft.Tests.Log;

/// <summary>The encrypted connection against npm's secret-stream, and against changes.</summary>
public sealed class SecretStreamTests
{
    private static readonly JsonElement Vector = LogVectors.At("noise");

    [Fact]
    public void Ed25519_keys_agree_as_in_the_reference()
    {
        JsonElement results = Vector.GetProperty("dh");
        byte[] initiator = Vector.Bytes("initiatorStaticSeed");
        byte[] responder = Vector.Bytes("responderStaticSeed");
        byte[] initiatorOnce = Vector.Bytes("initiatorEphemeralSeed");
        byte[] responderOnce = Vector.Bytes("responderEphemeralSeed");

        Assert.Equal(results.Text("ee"), Agree(initiatorOnce, responderOnce));
        Assert.Equal(results.Text("ee"), Agree(responderOnce, initiatorOnce));
        Assert.Equal(results.Text("es"), Agree(initiatorOnce, responder));
        Assert.Equal(results.Text("es"), Agree(responder, initiatorOnce));
        Assert.Equal(results.Text("se"), Agree(initiator, responderOnce));
        Assert.Equal(results.Text("se"), Agree(responderOnce, initiator));
    }

    [Fact]
    public void What_one_provider_seals_every_other_opens_short_and_long()
    {
        byte[] key = [.. Enumerable.Range(1, SecretStream.KeyLength).Select(i => (byte)i)];
        byte[] header = [.. Enumerable.Range(7, SecretStream.HeaderLength).Select(i => (byte)i)];
        using var sealing = new SecretStream(new BouncyCastleCrypto(), key, header);
        SecretStream[] opening =
        [
            new(PlatformCrypto.Create(), key, header), new(PlatformCrypto.Create(useSodium: false), key, header),
            new(new BouncyCastleCrypto(), key, header),
        ];
        foreach (int length in (int[])[0, 1, 15, 16, 17, 63, 64, 100, 4_031, 4_032, 4_033, 5_000, 65_536, 3])
        {
            byte[] plain = [.. Enumerable.Range(0, length).Select(i => (byte)(i * 3))];
            byte[] message = new byte[length + SecretStream.Overhead];
            sealing.Seal(plain, message);
            foreach (SecretStream one in opening)
            {
                byte[] opened = new byte[length];
                message[length / 2] ^= 1;
                Assert.False(one.TryOpen(message, opened));
                Assert.All(opened, value => Assert.Equal(0, value)); // Nothing leaves before the check has passed.
                message[length / 2] ^= 1;
                Assert.True(one.TryOpen(message, opened));
                Assert.Equal(plain, opened);
            }
        }

        Array.ForEach(opening, one => one.Dispose());
    }

    [Fact]
    public void Both_sides_of_any_pair_agree_and_bad_points_do_not()
    {
        var random = new WeftRandom(3);
        byte[] first = new byte[32];
        byte[] second = new byte[32];
        for (int i = 0; i < 100; i++)
        {
            random.Fill(first);
            random.Fill(second);
            Assert.Equal(Agree(first, second), Agree(second, first));
        }

        byte[] shared = new byte[32];
        byte[] one = new byte[32];
        one[0] = 1; // The neutral point.
        Assert.False(Ed25519Agreement.TryAgree(LogVectors.Crypto, first, one, shared));
        byte[] beyond = [.. Enumerable.Repeat((byte)0xff, 32)]; // No canonical form.
        Assert.False(Ed25519Agreement.TryAgree(LogVectors.Crypto, first, beyond, shared));
        int refused = 0;
        for (int i = 0; i < 100; i++)
        {
            random.Fill(second);
            second[31] &= 0x7f;
            refused += Ed25519Agreement.TryAgree(LogVectors.Crypto, first, second, shared) ? 0 : 1;
        }

        Assert.InRange(refused, 25, 75); // Half of all y are on no point of the curve.
    }

    [Fact]
    public void The_key_derivation_is_that_of_the_published_vector()
    {
        // draft-irtf-cfrg-xchacha-03, 2.2.1.
        byte[] key = Convert.FromHexString("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
        byte[] nonce = Convert.FromHexString("000000090000004a0000000031415927");
        byte[] result = new byte[32];

        SecretStream.HChaCha20(key, nonce, result);

        Assert.Equal("82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc", LogVectors.Hex(result));
    }

    [Fact]
    public void Messages_are_sealed_as_the_reference_seals_them()
    {
        JsonElement vector = Vector.GetProperty("secretstream");
        using var sender = new SecretStream(LogVectors.Crypto, vector.Bytes("key"), vector.Bytes("header"));
        using var receiver = new SecretStream(LogVectors.Crypto, vector.Bytes("key"), vector.Bytes("header"));
        foreach (JsonElement item in vector.GetProperty("frames").EnumerateArray())
        {
            byte[] plain = item.Bytes("plain");
            byte[] frame = item.Bytes("frame")[3..];
            byte[] made = new byte[plain.Length + SecretStream.Overhead];
            sender.Seal(plain, made);
            byte[] opened = new byte[plain.Length];

            Assert.Equal(LogVectors.Hex(frame), LogVectors.Hex(made));
            byte[] changed = [.. frame];
            changed[frame.Length / 2] ^= 1;
            Assert.False(receiver.TryOpen(changed, opened));
            Assert.True(receiver.TryOpen(frame, opened));
            Assert.Equal(plain, opened);
            Assert.False(receiver.TryOpen(frame, opened)); // Not a second time.
        }

        Assert.False(receiver.TryOpen(new byte[16], []));
    }

    [Fact]
    public void A_whole_handshake_gives_the_references_bytes()
    {
        JsonElement stream = Vector.GetProperty("secretstream");
        byte[] header = stream.Bytes("header");
        var first = new Outbox<SecretStreamOutput>();
        var second = new Outbox<SecretStreamOutput>();
        using var initiator = new SecretStreamCore(
            LogVectors.Crypto, true, Vector.Bytes("initiatorStaticSeed"),
            [.. Vector.Bytes("initiatorEphemeralSeed"), .. header], first);
        using var responder = new SecretStreamCore(
            LogVectors.Crypto, false, Vector.Bytes("responderStaticSeed"),
            [.. Vector.Bytes("responderEphemeralSeed"), .. header], second);
        string[] frames = [.. Vector.GetProperty("frames").EnumerateArray().Select(frame => frame.GetString()!)];

        initiator.Start();
        Assert.Equal(frames[0], Take(first)[0]);
        responder.OnBytes(Convert.FromHexString(frames[0]));
        Assert.Equal(frames[1], Take(second)[0]);
        initiator.OnBytes(Convert.FromHexString(frames[1]));
        string[] last = Take(first);
        Assert.Equal([frames[2], stream.Text("idHeaderFrame")], last);
        foreach (byte one in Convert.FromHexString(frames[2] + last[1]))
        {
            responder.OnBytes([one]); // However the stream cuts it.
        }

        Assert.Equal(Vector.Text("handshakeHash"), LogVectors.Hex(initiator.HandshakeHash));
        Assert.Equal(Vector.Text("handshakeHash"), LogVectors.Hex(responder.HandshakeHash));
        Assert.StartsWith("380000" + Vector.Text("streamIdResponder"), Take(second)[0], StringComparison.Ordinal);
        Assert.Equal(LogVectors.Hex(LogVectors.Keys(0).PublicKey.Span), LogVectors.Hex(responder.RemoteKey.Span));
        initiator.Send([]);
        initiator.Send("a"u8);
        string[] sent = Take(first);
        Assert.Equal(stream.GetProperty("frames").EnumerateArray().Take(2).Select(frame => frame.Text("frame")), sent);
        responder.OnBytes(Convert.FromHexString(string.Concat(sent)));
        SecretStreamOutput only = Assert.Single(second.Items.ToArray());
        Assert.Equal("a"u8, only.Bytes.Span); // The empty one only kept the connection alive.
    }

    [Fact]
    public void Any_changed_byte_of_a_handshake_ends_it()
    {
        string[] frames = [.. Vector.GetProperty("frames").EnumerateArray().Select(frame => frame.GetString()!)];
        byte[] answer = Convert.FromHexString(frames[1]);
        for (int at = 0; at < answer.Length; at++)
        {
            var outbox = new Outbox<SecretStreamOutput>();
            using var initiator = new SecretStreamCore(
                LogVectors.Crypto, true, Vector.Bytes("initiatorStaticSeed"),
                [.. Vector.Bytes("initiatorEphemeralSeed"), .. new byte[24]], outbox);
            initiator.Start();
            outbox.Clear();
            byte[] changed = [.. answer];
            changed[at] ^= 0x10;

            initiator.OnBytes(changed);

            SecretStreamOutput only = Assert.Single(outbox.Items.ToArray());
            Assert.Equal(SecretStreamOutputKind.Broken, only.Kind);
        }
    }

    [Fact]
    public void A_long_frame_before_the_handshake_is_refused_by_its_length()
    {
        var outbox = new Outbox<SecretStreamOutput>();
        using var responder = new SecretStreamCore(LogVectors.Crypto, false, new byte[32], new byte[56], outbox);

        responder.OnBytes([0xff, 0xff, 0xff]);

        Assert.Equal(SecretStreamOutputKind.Broken, Assert.Single(outbox.Items.ToArray()).Kind);
    }

    private static string Agree(byte[] seed, byte[] other)
    {
        byte[] key = new byte[32];
        LogVectors.Crypto.PublicKeyEd25519(other, key);
        byte[] shared = new byte[32];
        Assert.True(Ed25519Agreement.TryAgree(LogVectors.Crypto, seed, key, shared));
        return LogVectors.Hex(shared);
    }

    private static string[] Take(Outbox<SecretStreamOutput> outbox)
    {
        string[] sent = [.. outbox.Items.ToArray()
            .Where(output => output.Kind == SecretStreamOutputKind.Send)
            .Select(output => LogVectors.Hex(output.Bytes.Span))];
        outbox.Clear();
        return sent;
    }
}
