using System.Security.Cryptography;
using System.Text.Json;
using Weft.Crypto;
using Weft.Primitives;
using Weft.Protocols.Peers;
using Weft.Tests.Crypto;

namespace Weft.Tests.Protocols.Peers;

/// <summary>The test vectors of peer-ids.md, and signatures made with their private keys by the .NET library.</summary>
public sealed class PeerPublicKeyTests
{
    private static readonly byte[] Message = "noise-libp2p-static-key:"u8.ToArray();

    [Theory]
    [InlineData("rsa", PeerKeyType.Rsa, "Qm")]
    [InlineData("ed25519", PeerKeyType.Ed25519, "12D3KooW")]
    [InlineData("secp256k1", PeerKeyType.Secp256k1, "16Uiu2HA")]
    [InlineData("ecdsa", PeerKeyType.Ecdsa, "Qm")]
    public void Keys_of_the_specification_are_read_and_written_byte_by_byte(string name, PeerKeyType type, string begin)
    {
        byte[] encoded = Vector(name).Hex("public");
        Assert.True(PeerPublicKey.TryDecode(encoded, out PeerPublicKey? key));

        Assert.Equal(type, key.Type);
        Assert.Equal(encoded, key.Encoded.ToArray());
        PeerId id = key.ToPeerId(new BouncyCastleCrypto());
        Assert.StartsWith(begin, id.ToString(), StringComparison.Ordinal);
        Assert.Equal(type is PeerKeyType.Ed25519 or PeerKeyType.Secp256k1, PeerPublicKey.TryFrom(id, out PeerPublicKey? inner));
        Assert.True(inner is null || inner.Equals(key));
    }

    [Theory]
    [MemberData(nameof(CryptoProviders.Names), MemberType = typeof(CryptoProviders))]
    public void Signature_of_the_specifications_Ed25519_key_verifies(string provider)
    {
        ICrypto crypto = CryptoProviders.Get(provider);
        byte[] data = Vector("ed25519").Hex("private")[4..]; // Type and length first, then seed and public key.
        using var pair = new Ed25519KeyPair(crypto, data.AsSpan(0, 32));
        byte[] signature = new byte[64];
        pair.Sign(crypto, Message, signature);
        PeerPublicKey key = Key("ed25519");

        Assert.Equal(PeerPublicKey.FromEd25519(pair.PublicKey), key);
        Assert.Equal(pair.PublicKey.ToPeerId(), key.ToPeerId(crypto));
        Verifies(key, crypto, signature);
    }

    [Theory]
    [MemberData(nameof(CryptoProviders.Names), MemberType = typeof(CryptoProviders))]
    public void Signature_of_the_specifications_RSA_key_verifies(string provider)
    {
        using RSA rsa = RSA.Create();
        rsa.ImportRSAPrivateKey(Vector("rsa").Hex("private").AsSpan(5), out _);
        byte[] signature = rsa.SignData(Message, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);

        Verifies(Key("rsa"), CryptoProviders.Get(provider), signature);
    }

    [Theory]
    [MemberData(nameof(CryptoProviders.Names), MemberType = typeof(CryptoProviders))]
    public void Signature_of_the_specifications_ECDSA_key_verifies(string provider)
    {
        using ECDsa ecdsa = ECDsa.Create();
        ecdsa.ImportECPrivateKey(Vector("ecdsa").Hex("private").AsSpan(4), out _);
        byte[] signature = ecdsa.SignData(Message, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);

        Verifies(Key("ecdsa"), CryptoProviders.Get(provider), signature);
    }

    [Theory]
    [MemberData(nameof(CryptoProviders.Names), MemberType = typeof(CryptoProviders))]
    public void Signature_of_the_specifications_secp256k1_key_verifies(string provider)
    {
        using ECDsa ecdsa = ECDsa.Create(new ECParameters
        {
            Curve = ECCurve.CreateFromFriendlyName("secp256k1"),
            D = Vector("secp256k1").Hex("private")[4..],
        });
        byte[] signature = ecdsa.SignData(Message, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);

        Verifies(Key("secp256k1"), CryptoProviders.Get(provider), signature);
    }

    [Fact]
    public void One_key_has_one_encoding()
    {
        byte[] good = Vector("ed25519").Hex("public");
        byte[] swapped = [.. good[2..], .. good[..2]];                         // Data before type.
        byte[] longer = [0x08, 0x81, 0x00, .. good[2..]];                      // A varint that is not the shortest.
        byte[] extra = [.. good, 0x18, 0x01];                                  // A field nobody knows.

        Assert.True(PeerPublicKey.TryDecode(good, out _));
        Assert.False(PeerPublicKey.TryDecode(swapped, out _));
        Assert.False(PeerPublicKey.TryDecode(longer, out _));
        Assert.False(PeerPublicKey.TryDecode(extra, out _));
    }

    [Theory]
    [InlineData("0804122000000000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("08011200")]
    [InlineData("0801121f00000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("0802122000000000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("")]
    [InlineData("0801")]
    public void Unknown_types_and_wrong_lengths_are_refused(string hex) =>
        Assert.False(PeerPublicKey.TryDecode(Convert.FromHexString(hex), out _));

    [Fact]
    public void A_huge_RSA_key_is_refused_before_any_arithmetic()
    {
        byte[] data = new byte[5_000];
        byte[] encoded = [0x08, 0x00, 0x12, 0x88, 0x27, .. data];

        Assert.False(PeerPublicKey.TryDecode(encoded, out _));
    }

    [Fact]
    public void No_bytes_ever_throw()
    {
        var random = new WeftRandom(11);
        byte[][] seeds = [.. new[] { "rsa", "ed25519", "secp256k1", "ecdsa" }.Select(name => Vector(name).Hex("public"))];
        ICrypto crypto = PlatformCrypto.Create();
        for (int round = 0; round < 5_000; round++)
        {
            byte[] bytes = [.. seeds[round % seeds.Length]];
            bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
            bytes = bytes[..(bytes.Length - (round % 3 == 0 ? random.Next(bytes.Length) : 0))];
            if (PeerPublicKey.TryDecode(bytes, out PeerPublicKey? key))
            {
                Assert.Equal(bytes, key.Encoded.ToArray());
                Assert.False(round % 50 == 0 && key.Verify(crypto, Message, bytes.AsSpan(0, Math.Min(64, bytes.Length))));
            }
        }
    }

    private static void Verifies(PeerPublicKey key, ICrypto crypto, byte[] signature)
    {
        Assert.True(key.Verify(crypto, Message, signature));
        Assert.False(key.Verify(crypto, [.. Message, 1], signature));
        signature[^1] ^= 1;
        Assert.False(key.Verify(crypto, Message, signature));
        Assert.False(key.Verify(crypto, Message, []));
    }

    private static PeerPublicKey Key(string name) =>
        PeerPublicKey.TryDecode(Vector(name).Hex("public"), out PeerPublicKey? key) ? key : throw new InvalidOperationException();

    private static JsonElement Vector(string name) =>
        Vectors.Read("libp2p_peer_keys.json").GetProperty("keys").EnumerateArray().Single(key => key.Text("type") == name);
}
