using System.Text.Json;
using Weft.Crypto;
using Weft.Crypto.Providers;

namespace Weft.Tests.Crypto;

/// <summary>The vectors of Wycheproof for agreeing on a secret, against every provider.</summary>
public sealed class AgreementVectorTests
{
    public static TheoryData<string> Providers => CryptoProviders.Names;

    [Theory]
    [MemberData(nameof(Providers))]
    public void X25519_of_Wycheproof(string provider)
    {
        ICrypto crypto = CryptoProviders.Get(provider);
        List<string> wrong = [];
        int zero = 0;
        foreach ((_, JsonElement one) in Vectors.Wycheproof("x25519"))
        {
            byte[] shared = new byte[32];
            bool agreed = crypto.AgreeX25519(one.Hex("private"), one.Hex("public"), shared);
            bool isZero = one.Flags().Contains("ZeroSharedSecret");
            zero += isZero ? 1 : 0;
            if (agreed == isZero || !shared.AsSpan().SequenceEqual(one.Hex("shared")))
            {
                wrong.Add($"{one.GetProperty("tcId")} {one.Text("comment")}");
            }
        }

        Assert.Empty(wrong);
        Assert.Equal(31, zero); // Refused by design: the result is all zero, whatever the secret.
    }

    // Of the "acceptable" cases those in another form than the one allowed SubjectPublicKeyInfo are refused by design.
    [Theory]
    [MemberData(nameof(Providers))]
    public void Ecdh_P256_of_Wycheproof(string provider)
    {
        ICrypto crypto = CryptoProviders.Get(provider);
        List<string> wrong = [];
        Dictionary<string, int> agreedBy = [];
        foreach ((_, JsonElement one) in Vectors.Wycheproof("ecdh_secp256r1"))
        {
            byte[] shared = new byte[32];
            bool agreed = P256Rule.TryReadSpki(one.Hex("public"), out ReadOnlySpan<byte> x, out ReadOnlySpan<byte> y)
                && crypto.AgreeP256(Secret(one.Text("private")), x, y, shared);
            string result = one.Text("result");
            agreedBy[result] = agreedBy.GetValueOrDefault(result) + (agreed ? 1 : 0);
            if (agreed && !shared.AsSpan().SequenceEqual(one.Hex("shared")))
            {
                wrong.Add($"{one.GetProperty("tcId")} {one.Text("comment")}");
            }
        }

        Assert.Empty(wrong);
        Assert.Equal(330, agreedBy["valid"]);
        Assert.Equal(0, agreedBy["invalid"]);
        Assert.Equal(0, agreedBy["acceptable"]);
    }

    // The file writes secrets as signed integers: with a zero in front, or shorter than 32 bytes.
    private static byte[] Secret(string hex)
    {
        byte[] raw = Convert.FromHexString(hex.Length % 2 == 0 ? hex : "0" + hex);
        ReadOnlySpan<byte> trimmed = raw.AsSpan().TrimStart((byte)0);
        byte[] secret = new byte[32];
        trimmed.CopyTo(secret.AsSpan(32 - trimmed.Length));
        return secret;
    }
}
