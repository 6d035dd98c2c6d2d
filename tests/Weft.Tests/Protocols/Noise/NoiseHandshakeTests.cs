using System.Buffers;
using System.Text.Json;
using Weft.Crypto;
using Weft.Primitives;
using Weft.Protocols.Noise;
using Weft.Tests.Crypto;

namespace Weft.Tests.Protocols.Noise;

public sealed class NoiseHandshakeTests
{
    private static readonly ICrypto Crypto = new BouncyCastleCrypto();

    public static TheoryData<string, string> Vectors
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (string name in new[] { "Noise_XX_25519_ChaChaPoly_SHA256", "Noise_IK_25519_ChaChaPoly_SHA256" })
            {
                foreach (string provider in CryptoProviders.All)
                {
                    data.Add(name, provider);
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Vectors))]
    public void Every_message_of_the_published_vectors_is_the_same(string name, string provider)
    {
        ICrypto crypto = CryptoProviders.Get(provider);
        JsonElement vector = Read(name);
        NoisePattern pattern = name.Contains("_XX_", StringComparison.Ordinal) ? NoisePattern.XX : NoisePattern.IK;
        using var initiator = new NoiseHandshake(
            crypto, pattern, true, Hex(vector, "init_static"), Hex(vector, "init_ephemeral"),
            Hex(vector, "init_prologue"), Hex(vector, "init_remote_static"));
        using var responder = new NoiseHandshake(
            crypto, pattern, false, Hex(vector, "resp_static"), Hex(vector, "resp_ephemeral"),
            Hex(vector, "resp_prologue"));
        (NoiseCipher Send, NoiseCipher Receive)? first = null;
        (NoiseCipher Send, NoiseCipher Receive)? second = null;
        bool isFirst = true;
        foreach (JsonElement message in vector.GetProperty("messages").EnumerateArray())
        {
            byte[] payload = Hex(message, "payload");
            byte[] expected = Hex(message, "ciphertext");
            if (!initiator.IsComplete)
            {
                Assert.Equal(expected, Exchange(isFirst ? initiator : responder, isFirst ? responder : initiator, payload));
            }
            else
            {
                first ??= initiator.Split();
                second ??= responder.Split();
                NoiseCipher send = isFirst ? first.Value.Send : second.Value.Send;
                NoiseCipher receive = isFirst ? second.Value.Receive : first.Value.Receive;
                byte[] bytes = new byte[payload.Length + NoiseCipher.TagLength];
                send.Seal(payload, [], bytes);
                Assert.Equal(expected, bytes);
                byte[] back = new byte[payload.Length];
                Assert.True(receive.TryOpen(bytes, [], back));
                Assert.Equal(payload, back);
            }

            isFirst = !isFirst;
        }

        Assert.NotNull(first);
        Assert.Equal(Hex(vector, "handshake_hash"), initiator.Hash.ToArray());
        Assert.Equal(Hex(vector, "handshake_hash"), responder.Hash.ToArray());
    }

    [Fact]
    public void A_changed_bit_anywhere_in_a_handshake_breaks_it()
    {
        var random = new WeftRandom(11);
        for (int round = 0; round < 60; round++)
        {
            (NoiseHandshake initiator, NoiseHandshake responder) = Pair(random);
            int target = round % 3;
            bool isBroken = false;
            for (int turn = 0; turn < 3 && !isBroken; turn++)
            {
                NoiseHandshake from = turn == 1 ? responder : initiator;
                NoiseHandshake to = turn == 1 ? initiator : responder;
                var message = new ArrayBufferWriter<byte>();
                Assert.True(from.TryWrite("payload"u8, message));
                byte[] bytes = message.WrittenSpan.ToArray();
                if (turn == target)
                {
                    bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
                }

                isBroken = !to.TryRead(bytes, new ArrayBufferWriter<byte>());
            }

            // A change of the first message, which is in clear, shows when the second is opened. X25519 ignores the
            // highest bit of a key, but the hash of the handshake does not.
            Assert.True(isBroken, $"round {round}");
            initiator.Dispose();
            responder.Dispose();
        }
    }

    [Fact]
    public void A_key_of_small_order_ends_the_handshake()
    {
        using var responder = new NoiseHandshake(Crypto, NoisePattern.XX, false, new byte[32], [.. Enumerable.Repeat((byte)7, 32)]);
        Assert.True(responder.TryRead(new byte[32], new ArrayBufferWriter<byte>())); // An ephemeral key of zero.
        Assert.False(responder.TryWrite([], new ArrayBufferWriter<byte>()));
    }

    [Fact]
    public void A_repeated_or_skipped_message_does_not_open()
    {
        var random = new WeftRandom(2);
        (NoiseHandshake initiator, NoiseHandshake responder) = Pair(random);
        Exchange(initiator, responder, []);
        Exchange(responder, initiator, []);
        Exchange(initiator, responder, []);
        (NoiseCipher send, _) = initiator.Split();
        (_, NoiseCipher receive) = responder.Split();
        byte[][] messages = [.. Enumerable.Range(0, 3).Select(i =>
        {
            byte[] bytes = new byte[17];
            send.Seal([(byte)i], [], bytes);
            return bytes;
        })];
        byte[] plain = new byte[1];

        Assert.True(receive.TryOpen(messages[0], [], plain));
        Assert.False(receive.TryOpen(messages[0], [], plain));
        Assert.False(receive.TryOpen(messages[2], [], plain));
        Assert.True(receive.TryOpen(messages[1], [], plain));
    }

    [Fact]
    public void No_message_ever_throws()
    {
        var random = new WeftRandom(13);
        for (int round = 0; round < 300; round++)
        {
            (NoiseHandshake initiator, NoiseHandshake responder) = Pair(random);
            byte[] bytes = new byte[random.Next(200)];
            random.Fill(bytes);
            responder.TryRead(bytes, new ArrayBufferWriter<byte>());
            Assert.True(initiator.TryWrite([], new ArrayBufferWriter<byte>()));
            Assert.False(initiator.TryRead(bytes, new ArrayBufferWriter<byte>()));
        }
    }

    [Fact]
    public void Neither_handshake_nor_cipher_prints_a_key()
    {
        (NoiseHandshake initiator, _) = Pair(new WeftRandom(1));
        Assert.Equal("(Noise handshake)", initiator.ToString());
        Assert.Equal("(Noise cipher)", new NoiseCipher(Crypto, new byte[32]).ToString());
    }

    private static (NoiseHandshake Initiator, NoiseHandshake Responder) Pair(WeftRandom random) =>
        (new(Crypto, NoisePattern.XX, true, Bytes(random), Bytes(random)),
            new(Crypto, NoisePattern.XX, false, Bytes(random), Bytes(random)));

    private static byte[] Bytes(WeftRandom random)
    {
        byte[] bytes = new byte[32];
        random.Fill(bytes);
        return bytes;
    }

    private static byte[] Exchange(NoiseHandshake from, NoiseHandshake to, byte[] payload)
    {
        var message = new ArrayBufferWriter<byte>();
        Assert.True(from.TryWrite(payload, message));
        var read = new ArrayBufferWriter<byte>();
        Assert.True(to.TryRead(message.WrittenSpan, read));
        Assert.Equal(payload, read.WrittenSpan.ToArray());
        return message.WrittenSpan.ToArray();
    }

    [Theory]
    [MemberData(nameof(CryptoProviders.Names), MemberType = typeof(CryptoProviders))]
    public void A_message_may_be_sealed_and_opened_where_it_lies(string provider)
    {
        ICrypto crypto = CryptoProviders.Get(provider);
        using var apart = new NoiseCipher(crypto, new byte[32]);
        using var inPlace = new NoiseCipher(crypto, new byte[32]);
        using var opener = new NoiseCipher(crypto, new byte[32]);
        foreach (int length in new[] { 0, 1, 15, 64, 1_000, 65_519 })
        {
            byte[] plain = new byte[length];
            new WeftRandom((ulong)length).Fill(plain);
            byte[] expected = new byte[length + NoiseCipher.TagLength];
            apart.Seal(plain, [], expected);
            byte[] frame = [.. plain, .. new byte[NoiseCipher.TagLength]];
            inPlace.Seal(frame.AsSpan(0, length), [], frame);
            Assert.Equal(expected, frame);

            Assert.True(opener.TryOpen(frame, [], frame.AsSpan(0, length)));
            Assert.Equal(plain, frame[..length]);
        }
    }

    private static JsonElement Read(string name)
    {
        using JsonDocument document = JsonDocument.Parse(
            File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "vectors", "noise_cacophony.json")));
        return document.RootElement.GetProperty("vectors").EnumerateArray()
            .Single(vector => vector.GetProperty("protocol_name").GetString() == name).Clone();
    }

    private static byte[] Hex(JsonElement element, string name) =>
        element.TryGetProperty(name, out JsonElement value) ? Convert.FromHexString(value.GetString()!) : [];
}
