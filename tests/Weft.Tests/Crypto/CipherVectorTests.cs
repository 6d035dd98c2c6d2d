using System.Text.Json;
using Weft.Crypto;

namespace Weft.Tests.Crypto;

/// <summary>The vectors of Wycheproof for ciphers and what derives keys, against every provider.</summary>
public sealed class CipherVectorTests
{
    private delegate void Sealing(
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> plain, ReadOnlySpan<byte> associated,
        Span<byte> sealedBytes);

    private delegate bool Opening(
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> sealedBytes, ReadOnlySpan<byte> associated,
        Span<byte> plain);

    public static TheoryData<string> Providers => CryptoProviders.Names;

    // Weft has AES-256 alone: 211 cases with shorter keys are refused for their key, and two for a nonce of no bytes.
    [Theory]
    [MemberData(nameof(Providers))]
    public void Aes_GCM_of_Wycheproof(string provider)
    {
        ICrypto crypto = CryptoProviders.Get(provider);
        (int valid, int invalid, int misused) = Run("aes_gcm", crypto.SealAesGcm, crypto.OpenAesGcm);

        Assert.Equal((76, 27, 213), (valid, invalid, misused));
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public void Aes_GCM_of_Wycheproof_with_an_imported_key(string provider)
    {
        ICrypto crypto = CryptoProviders.Get(provider);
        (int valid, int invalid, int misused) = Run(
            "aes_gcm",
            (key, nonce, plain, associated, sealedBytes) =>
            {
                using IAeadKey ready = crypto.ImportAesGcm(key);
                ready.Seal(nonce, plain, associated, sealedBytes);
                ready.Seal(nonce, plain, associated, sealedBytes); // The first use leaves nothing behind.
            },
            (key, nonce, sealedBytes, associated, plain) =>
            {
                using IAeadKey ready = crypto.ImportAesGcm(key);
                return ready.Open(nonce, sealedBytes, associated, plain)
                    && ready.Open(nonce, sealedBytes, associated, plain);
            });

        Assert.Equal((39, 27, 250), (valid, invalid, misused)); // Nonces of 12 bytes only.
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public void ChaCha20_Poly1305_of_Wycheproof(string provider)
    {
        ICrypto crypto = CryptoProviders.Get(provider);
        (int valid, int invalid, int misused) =
            Run("chacha20_poly1305", crypto.SealChaCha20Poly1305, crypto.OpenChaCha20Poly1305);

        Assert.Equal((256, 60, 9), (valid, invalid, misused));
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public void Hmac_SHA256_of_Wycheproof(string provider)
    {
        ICrypto crypto = CryptoProviders.Get(provider);
        List<string> wrong = [];
        foreach ((JsonElement group, JsonElement one) in Vectors.Wycheproof("hmac_sha256"))
        {
            byte[] mac = new byte[32];
            crypto.HmacSha256(one.Hex("key"), one.Hex("msg"), mac);
            bool fits = mac.AsSpan(0, group.GetProperty("tagSize").GetInt32() / 8).SequenceEqual(one.Hex("tag"));
            Judge(one, fits, wrong);
        }

        Assert.Empty(wrong);
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public void Hkdf_SHA256_of_Wycheproof(string provider)
    {
        ICrypto crypto = CryptoProviders.Get(provider);
        List<string> wrong = [];
        foreach ((_, JsonElement one) in Vectors.Wycheproof("hkdf_sha256"))
        {
            byte[] output = new byte[one.GetProperty("size").GetInt32()];
            bool refused = Vectors.IsArgumentError(
                () => crypto.HkdfSha256(one.Hex("ikm"), one.Hex("salt"), one.Hex("info"), output));
            Judge(one, !refused && output.AsSpan().SequenceEqual(one.Hex("okm")), wrong);
        }

        Assert.Empty(wrong);
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public void Pbkdf2_SHA256_of_Wycheproof(string provider)
    {
        ICrypto crypto = CryptoProviders.Get(provider);
        List<string> wrong = [];
        foreach ((_, JsonElement one) in Vectors.Wycheproof("pbkdf2_hmacsha256"))
        {
            byte[] output = new byte[one.GetProperty("dkLen").GetInt32()];
            crypto.Pbkdf2Sha256(one.Hex("password"), one.Hex("salt"), one.GetProperty("iterationCount").GetInt32(), output);
            Judge(one, output.AsSpan().SequenceEqual(one.Hex("dk")), wrong);
        }

        Assert.Empty(wrong);
    }

    private static (int Valid, int Invalid, int Misused) Run(string file, Sealing seal, Opening open)
    {
        (int valid, int invalid, int misused) = (0, 0, 0);
        List<string> wrong = [];
        foreach ((_, JsonElement one) in Vectors.Wycheproof(file))
        {
            byte[] plain = one.Hex("msg");
            byte[] expected = [.. one.Hex("ct"), .. one.Hex("tag")];
            byte[] made = new byte[plain.Length + 16];
            byte[] opened = new byte[plain.Length];
            bool accepted = false;
            bool misuse = Vectors.IsArgumentError(
                () => accepted = open(one.Hex("key"), one.Hex("iv"), expected, one.Hex("aad"), opened));
            Assert.Equal(
                misuse, Vectors.IsArgumentError(() => seal(one.Hex("key"), one.Hex("iv"), plain, one.Hex("aad"), made)));
            if (misuse)
            {
                misused++;
                continue;
            }

            Judge(one, accepted, wrong);
            bool isValid = one.Text("result") == "valid";
            valid += isValid ? 1 : 0;
            invalid += isValid ? 0 : 1;
            if (isValid && (!made.AsSpan().SequenceEqual(expected) || !opened.AsSpan().SequenceEqual(plain)))
            {
                wrong.Add($"{one.GetProperty("tcId")}: other bytes");
            }

            if (!isValid && opened.AsSpan().ContainsAnyExcept((byte)0))
            {
                wrong.Add($"{one.GetProperty("tcId")}: plain bytes came out");
            }
        }

        Assert.Empty(wrong);
        return (valid, invalid, misused);
    }

    private static void Judge(JsonElement one, bool accepted, List<string> wrong)
    {
        if (accepted != (one.Text("result") == "valid"))
        {
            wrong.Add($"{one.GetProperty("tcId")} {one.Text("comment")}: {(accepted ? "accepted" : "refused")}");
        }
    }
}
