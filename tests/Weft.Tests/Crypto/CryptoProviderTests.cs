using System.Security.Cryptography;
using Weft.Crypto;
using Weft.Crypto.Providers;
using Weft.Primitives;

namespace Weft.Tests.Crypto;

/// <summary>What every provider must do, and that all of them do the same.</summary>
public sealed class CryptoProviderTests
{
    public static TheoryData<string> Providers => CryptoProviders.Names;

    // RFC 7693, appendix A; and the keyed vector 1 of the reference implementation (key 00..3f, data 00).
    [Theory]
    [MemberData(nameof(Providers))]
    public void Blake2b_of_the_RFC(string provider)
    {
        ICrypto crypto = CryptoProviders.Get(provider);
        byte[] digest = new byte[64];
        crypto.Blake2b([], "abc"u8, digest);
        Assert.Equal(
            "BA80A53F981C4D0D6A2797B69F12F6E94C212F14685AC4B74B12BB6FDBFFA2D1" +
            "7D87C5392AAB792DC252D5DE4533CC9518D38AA8DBF1925AB92386EDD4009923", Convert.ToHexString(digest));

        byte[] key = [.. Enumerable.Range(0, 64).Select(i => (byte)i)];
        crypto.Blake2b(key, [0], digest);
        Assert.Equal(
            "961F6DD1E4DD30F63901690C512E78E4B45E4742ED197C3C5E45C549FD25F2E4" +
            "187B0BC9FE30492B16B0D0BC4EF9B0F34C7003FAC09A5EF1532E69430234CEBD", Convert.ToHexString(digest));
    }

    // RFC 8439, 2.4.2 (its first 16 bytes) and 2.5.2.
    [Theory]
    [MemberData(nameof(Providers))]
    public void The_two_parts_of_ChaCha20Poly1305_of_the_RFC(string provider)
    {
        ICrypto crypto = CryptoProviders.Get(provider);
        byte[] key = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
        byte[] data = "Ladies and Gentlemen of the class"u8[..16].ToArray();
        crypto.ChaCha20(key, Convert.FromHexString("000000000000004A00000000"), 1, data);
        Assert.Equal("6E2E359A2568F98041BA0728DD0D6981", Convert.ToHexString(data));

        byte[] mac = new byte[16];
        crypto.Poly1305(
            Convert.FromHexString("85D6BE7857556D337F4452FE42D506A80103808AFB0DB2FD4ABFF6AF4149F51B"),
            "Cryptographic Forum Research Group"u8, mac);
        Assert.Equal("A8061DC1305136C6C22B8BAF0C0127A9", Convert.ToHexString(mac));
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public void Rsa_of_the_one_encoding_is_accepted_and_nothing_else(string provider)
    {
        ICrypto crypto = CryptoProviders.Get(provider);
        using var rsa = RSA.Create(2_048);
        byte[] spki = rsa.ExportSubjectPublicKeyInfo();
        byte[] signature = rsa.SignData("hello"u8, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);

        Assert.True(crypto.VerifyRsaSha256(spki, "hello"u8, signature));
        Assert.False(crypto.VerifyRsaSha256(spki, "hellp"u8, signature));
        Assert.False(crypto.VerifyRsaSha256(spki, "hello"u8, signature.AsSpan(1)));
        Assert.False(crypto.VerifyRsaSha256([.. spki, 0], "hello"u8, signature));
        Assert.False(crypto.VerifyRsaSha256(spki.AsSpan(1), "hello"u8, signature));
        Assert.False(crypto.VerifyRsaSha256(
            spki, "hello"u8, rsa.SignData("hello"u8, HashAlgorithmName.SHA512, RSASignaturePadding.Pkcs1)));
        Assert.False(crypto.VerifyRsaSha256(
            spki, "hello"u8, rsa.SignData("hello"u8, HashAlgorithmName.SHA256, RSASignaturePadding.Pss)));

        using var small = RSA.Create(1_024);
        Assert.False(crypto.VerifyRsaSha256(
            small.ExportSubjectPublicKeyInfo(), "hello"u8,
            small.SignData("hello"u8, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)));
    }

    // The public key of the secret 01…01 is well known; the signature is made by BouncyCastle's signer.
    [Theory]
    [MemberData(nameof(Providers))]
    public void Secp256k1_takes_its_own_signatures_alone(string provider)
    {
        ICrypto crypto = CryptoProviders.Get(provider);
        (byte[] publicKey, byte[] signature) = Secp256k1.Sign(
            Convert.FromHexString("0101010101010101010101010101010101010101010101010101010101010101"), "hello"u8);

        Assert.Equal("031B84C5567B126440995D3ED5AABA0565D71E1834604819FF9C17F5E9D5DD078F", Convert.ToHexString(publicKey));
        Assert.True(crypto.VerifySecp256k1(publicKey, "hello"u8, signature));
        Assert.False(crypto.VerifySecp256k1(publicKey, "hellp"u8, signature));
        Assert.False(crypto.VerifySecp256k1(publicKey, "hello"u8, [.. signature, 0]));
        Assert.False(crypto.VerifySecp256k1(publicKey.AsSpan(1), "hello"u8, signature));
        publicKey[0] ^= 1;
        Assert.False(crypto.VerifySecp256k1(publicKey, "hello"u8, signature));
        Assert.False(crypto.VerifySecp256k1([2, .. Enumerable.Repeat((byte)0xff, 32)], "hello"u8, signature));
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public void Same_bytes_give_the_same_answers_as_the_managed_provider(string provider)
    {
        ICrypto crypto = CryptoProviders.Get(provider);
        ICrypto managed = CryptoProviders.Get(CryptoProviders.Managed);
        var random = new WeftRandom(11);
        for (int i = 0; i < 60; i++)
        {
            byte[] secret = Bytes(random, 32);
            byte[] data = Bytes(random, random.Next(300));
            byte[] associated = Bytes(random, random.Next(40));
            byte[] nonce = Bytes(random, 1 + random.Next(40));
            byte[] smallKey = Bytes(random, random.Next(65));
            int length = 1 + random.Next(64);

            Same(crypto, managed, 32, (one, to) => one.PublicKeyEd25519(secret, to));
            Same(crypto, managed, 64, (one, to) => one.SignEd25519(secret, data, to));
            Same(crypto, managed, 64, (one, to) =>
            {
                using var pair = new Ed25519KeyPair(one, secret);
                pair.Sign(one, data, to); // It knows its public key; the signature is the seed's all the same.
                byte[] plain = new byte[64];
                one.SignEd25519(secret, data, plain);
                Assert.Equal(plain, to.ToArray());
            });
            Same(crypto, managed, 32, (one, to) => one.PublicKeyX25519(secret, to));
            Same(crypto, managed, 32, (one, to) => one.Sha256(data, to));
            Same(crypto, managed, 64, (one, to) => one.Sha512(data, to));
            Same(crypto, managed, 32, (one, to) => one.HmacSha256(smallKey, data, to));
            Same(crypto, managed, length, (one, to) => one.Blake2b(smallKey, data, to));
            Same(crypto, managed, length, (one, to) => one.HkdfSha256(secret, smallKey, associated, to));
            Same(crypto, managed, length, (one, to) => one.Pbkdf2Sha256(secret, nonce, 3, to));
            Same(crypto, managed, data.Length + 16, (one, to) => one.SealAesGcm(secret, nonce, data, associated, to));
            Same(crypto, managed, data.Length + 16,
                (one, to) => one.SealChaCha20Poly1305(secret, secret.AsSpan(0, 12), data, associated, to));
            Same(crypto, managed, 64, (one, to) => Assert.True(one.PublicKeyP256(secret, to[..32], to[32..])));
        }
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public void Every_provider_verifies_and_opens_what_another_made(string provider)
    {
        ICrypto crypto = CryptoProviders.Get(provider);
        ICrypto managed = CryptoProviders.Get(CryptoProviders.Managed);
        var random = new WeftRandom(12);
        for (int i = 0; i < 20; i++)
        {
            byte[] secret = Bytes(random, 32);
            byte[] theirs = Bytes(random, 32);
            byte[] data = Bytes(random, random.Next(2_500));
            byte[] nonce = Bytes(random, 1 + random.Next(40));
            byte[] point = new byte[64];
            byte[] signature = new byte[64];
            Assert.True(crypto.PublicKeyP256(secret, point.AsSpan(0, 32), point.AsSpan(32)));
            crypto.SignP256(secret, data, signature);
            using (IP256PublicKey? key = managed.ImportP256(point.AsSpan(0, 32), point.AsSpan(32)))
            {
                Assert.True(key!.Verify(data, signature));
            }

            byte[] sealedBytes = new byte[data.Length + 16];
            byte[] opened = new byte[data.Length];
            managed.SealAesGcm(secret, nonce, data, theirs, sealedBytes);
            Assert.True(crypto.OpenAesGcm(secret, nonce, sealedBytes, theirs, opened));
            Assert.Equal(data, opened);
            sealedBytes[random.Next(sealedBytes.Length)] ^= 1;
            Assert.False(crypto.OpenAesGcm(secret, nonce, sealedBytes, theirs, opened));
            Assert.DoesNotContain(opened, one => one != 0);

            byte[] other = new byte[64];
            Assert.True(managed.PublicKeyP256(theirs, other.AsSpan(0, 32), other.AsSpan(32)));
            Same(crypto, managed, 32,
                (one, to) => Assert.True(one.AgreeP256(secret, other.AsSpan(0, 32), other.AsSpan(32), to)));
        }
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public void Points_that_are_none_and_secrets_out_of_range_are_refused(string provider)
    {
        ICrypto crypto = CryptoProviders.Get(provider);
        byte[] one = [.. new byte[31], 1];
        byte[] order = Convert.FromHexString("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551");
        byte[] x = new byte[32];
        byte[] y = new byte[32];
        byte[] shared = [.. Enumerable.Repeat((byte)7, 32)];

        Assert.False(crypto.PublicKeyP256(new byte[32], x, y));
        Assert.False(crypto.PublicKeyP256(order, x, y));
        Assert.True(crypto.PublicKeyP256(one, x, y));
        Assert.Null(crypto.ImportP256(one, one));
        Assert.Null(crypto.ImportP256(new byte[32], new byte[32]));
        Assert.Null(crypto.ImportP256([.. Enumerable.Repeat((byte)0xff, 32)], y));
        Assert.False(crypto.AgreeP256(one, one, one, shared));
        Assert.DoesNotContain(shared, b => b != 0);
        Assert.False(crypto.AgreeP256(order, x, y, shared));
        Assert.Throws<ArgumentException>(() => crypto.SignP256(order, "x"u8, new byte[64]));
        Assert.Throws<ArgumentException>(() => crypto.SignP256(new byte[32], "x"u8, new byte[64]));
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public void Wrong_lengths_throw_where_the_contract_says_so(string provider)
    {
        ICrypto crypto = CryptoProviders.Get(provider);
        byte[] right = new byte[32];
        Assert.Throws<ArgumentException>(() => crypto.PublicKeyEd25519(new byte[31], right));
        Assert.Throws<ArgumentException>(() => crypto.SignEd25519(right, [], new byte[63]));
        Assert.Throws<ArgumentException>(() => crypto.AgreeX25519(right, new byte[33], right));
        Assert.Throws<ArgumentException>(() => crypto.Sha256([], new byte[31]));
        Assert.Throws<ArgumentException>(() => crypto.Blake2b(new byte[65], [], right));
        Assert.Throws<ArgumentException>(() => crypto.Blake2b([], [], new byte[65]));
        Assert.Throws<ArgumentException>(() => crypto.HkdfSha256([], [], [], new byte[8_161]));
        Assert.Throws<ArgumentException>(() => crypto.SealAesGcm(right, [], [], [], new byte[16]));
        Assert.Throws<ArgumentException>(() => crypto.OpenAesGcm(right, new byte[12], new byte[15], [], []));
        Assert.Throws<ArgumentException>(() => crypto.SealChaCha20Poly1305(right, new byte[11], [], [], new byte[16]));
        Assert.Throws<ArgumentException>(() => crypto.ImportP256(new byte[31], right));
        Assert.ThrowsAny<ArgumentException>(() => crypto.Pbkdf2Sha256([], [], 0, right));
        Assert.False(crypto.VerifyEd25519(new byte[31], [], new byte[64]));
        Assert.False(crypto.VerifyEd25519(right, [], new byte[63]));
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public void One_imported_key_serves_many_threads(string provider)
    {
        ICrypto crypto = CryptoProviders.Get(provider);
        byte[] secret = [.. Enumerable.Repeat((byte)5, 32)];
        byte[] point = new byte[64];
        byte[] signature = new byte[64];
        Assert.True(crypto.PublicKeyP256(secret, point.AsSpan(0, 32), point.AsSpan(32)));
        crypto.SignP256(secret, "hello"u8, signature);
        using IP256PublicKey? key = crypto.ImportP256(point.AsSpan(0, 32), point.AsSpan(32));
        int wrong = 0;
        Parallel.For(0, 200, i =>
        {
            if (!key!.Verify("hello"u8, signature) || key.Verify("hellp"u8, signature))
            {
                Interlocked.Increment(ref wrong);
            }
        });

        Assert.Equal(0, wrong);
    }

    // The case of CVE-2024-30172 (bcgit/bc-java issue 1599): verifying it never ended in releases of 2023.
    [Theory]
    [MemberData(nameof(Providers))]
    public void A_signature_that_once_never_ended_is_judged(string provider)
    {
        byte[] key = Convert.FromHexString("386E7CF7B9E8353933B07F1DB8D84D3720BB667CBD811B312B4E338672338A6D");
        byte[] message =
        [
            .. "AAAbLgCYloAAAQICHnjJq2jupTUG-Z6iMqhq14gAHTHoduvwiHDfOYJ20w_wBln5DJ9SaNacSIh53kbnqnr9e"u8, 0xef, 0x34, 0xc5,
        ];
        byte[] signature = Convert.FromBase64String(
            "dNxDIj/CG5FX5oahRGYhpGQEZLjuSHfqfjljy12oshuQiSQd791/NkSOxMdhdK8TGZQyHafihIOzwqeQaUf6Dw==");

        Assert.True(CryptoProviders.Get(provider).VerifyEd25519(key, message, signature));
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public void A_library_that_uses_the_cofactor_is_told_by_one_signature(string provider)
    {
        Assert.False(CofactorProbe.Accepts(CryptoProviders.Get(provider).VerifyEd25519));

        // The pre-check alone lets it pass: nothing but the equation tells the two kinds of library apart.
        Assert.True(CofactorProbe.Accepts((key, _, signature) => Ed25519Rule.Accepts(key, signature)));
    }

    private delegate void Call(ICrypto crypto, Span<byte> output);

    private static void Same(ICrypto crypto, ICrypto managed, int length, Call call)
    {
        byte[] here = new byte[length];
        byte[] there = new byte[length];
        call(crypto, here);
        call(managed, there);
        Assert.Equal(there, here);
    }

    private static byte[] Bytes(WeftRandom random, int length)
    {
        byte[] bytes = new byte[length];
        random.Fill(bytes);
        return bytes;
    }
}
