using Weft.Crypto;

namespace Weft.Tests.Crypto;

public sealed class KeyProofTests
{
    private static readonly BouncyCastleCrypto Crypto = new();

    private readonly Ed25519KeyPair _server = Pair(1);
    private readonly Ed25519KeyPair _client = Pair(2);

    [Fact]
    public void A_round_is_proved_by_the_clients_key()
    {
        KeyProof round = Round();
        byte[] signature = Sign(round, _client);

        Assert.True(round.Verify(Crypto, signature));
        Assert.True(Round().Verify(Crypto, signature));
    }

    [Fact]
    public void A_signature_of_one_round_is_none_of_another()
    {
        KeyProof round = Round();
        byte[] signature = Sign(round, _client);
        KeyProof[] others =
        [
            round with { Network = Bytes(9) },
            round with { Purpose = "gun" },
            round with { Purpose = "httq" },
            round with { Server = Pair(3).PublicKey },
            round with { Client = _server.PublicKey },
            round with { ServerNonce = Bytes(9) },
            round with { ClientNonce = Bytes(9) },
            round with { ServerNonce = round.ClientNonce, ClientNonce = round.ServerNonce },
            round with { Server = round.Client, Client = round.Server },
        ];

        Assert.All(others, other => Assert.False(other.Verify(Crypto, signature)));
    }

    [Fact]
    public void Every_bit_of_the_signature_counts()
    {
        KeyProof round = Round();
        byte[] signature = Sign(round, _client);
        for (int bit = 0; bit < signature.Length * 8; bit++)
        {
            byte[] flipped = [.. signature];
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(round.Verify(Crypto, flipped));
        }

        Assert.False(round.Verify(Crypto, signature.AsSpan(1)));
        Assert.False(round.Verify(Crypto, []));
    }

    [Fact]
    public void What_is_not_a_round_is_misuse()
    {
        byte[] signature = new byte[KeyProof.SignatureLength];

        Assert.Throws<ArgumentException>(() => Round().Sign(Crypto, _server, signature));
        Assert.Throws<ArgumentException>(() => (Round() with { Network = Bytes(1)[..31] }).Verify(Crypto, signature));
        Assert.Throws<ArgumentException>(() => (Round() with { Purpose = "" }).Verify(Crypto, signature));
        Assert.Throws<ArgumentException>(() => (Round() with { Purpose = "ä" }).Verify(Crypto, signature));
        Assert.Throws<ArgumentException>(() => (Round() with { ClientNonce = default }).Verify(Crypto, signature));
    }

    private static Ed25519KeyPair Pair(byte seed) => new(Crypto, Bytes(seed));

    private static byte[] Bytes(byte value)
    {
        byte[] bytes = new byte[32];
        Array.Fill(bytes, value);
        return bytes;
    }

    private static byte[] Sign(KeyProof round, Ed25519KeyPair pair)
    {
        byte[] signature = new byte[KeyProof.SignatureLength];
        round.Sign(Crypto, pair, signature);
        return signature;
    }

    private KeyProof Round() => new(Bytes(4), "http", _server.PublicKey, _client.PublicKey, Bytes(5), Bytes(6));
}
