using System.Text.Json;
using Weft.Crypto;

namespace Weft.Tests.Crypto;

/// <summary>The vectors of Wycheproof and CCTV for signatures, against every provider.</summary>
public sealed class SignatureVectorTests
{
    public static TheoryData<string> Providers => CryptoProviders.Names;

    [SodiumFact]
    public void Libsodium_takes_part_in_every_vector() =>
        Assert.Contains("libsodium", CryptoProviders.Get(CryptoProviders.Sodium).Name, StringComparison.Ordinal);

    [Theory]
    [MemberData(nameof(Providers))]
    public void Ed25519_of_Wycheproof(string provider)
    {
        ICrypto crypto = CryptoProviders.Get(provider);
        List<string> wrong = [];
        int valid = 0;
        foreach ((JsonElement group, JsonElement one) in Vectors.Wycheproof("ed25519"))
        {
            bool accepted = crypto.VerifyEd25519(
                group.GetProperty("publicKey").Hex("pk"), one.Hex("msg"), one.Hex("sig"));
            valid += accepted ? 1 : 0;
            Judge(one, accepted, wrong);
        }

        Assert.Empty(wrong);
        Assert.Equal(88, valid); // The strict rule refuses no valid case of this file.
    }

    // The rule without the cofactor, and without points of small order or in another form: exactly the cases without
    // one of these flags. A component of small order beside a large one does no harm when both sides agree.
    [Theory]
    [MemberData(nameof(Providers))]
    public void Ed25519_edge_cases_of_CCTV(string provider)
    {
        string[] refusing =
            ["low_order_A", "low_order_R", "low_order_residue", "non_canonical_A", "non_canonical_R", "reencoded_k"];
        ICrypto crypto = CryptoProviders.Get(provider);
        List<int> accepted = [];
        List<int> expected = [];
        int count = 0;
        foreach (JsonElement one in Vectors.Read("cctv_ed25519vectors.json").EnumerateArray())
        {
            int number = one.GetProperty("number").GetInt32();
            count++;
            if (!one.Flags().Intersect(refusing).Any())
            {
                expected.Add(number);
            }

            if (crypto.VerifyEd25519(one.Hex("key"), System.Text.Encoding.UTF8.GetBytes(one.Text("msg")), one.Hex("sig")))
            {
                accepted.Add(number);
            }
        }

        Assert.Equal(914, count);
        Assert.Equal(expected, accepted);
        Assert.NotEmpty(accepted);
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public void Ecdsa_P256_of_Wycheproof_fixed_size(string provider)
    {
        ICrypto crypto = CryptoProviders.Get(provider);
        List<string> wrong = [];
        int valid = 0;
        foreach ((JsonElement group, JsonElement one) in Vectors.Wycheproof("ecdsa_secp256r1_sha256_p1363"))
        {
            byte[] point = group.GetProperty("publicKey").Hex("uncompressed");
            using IP256PublicKey? key = crypto.ImportP256(point.AsSpan(1, 32), point.AsSpan(33, 32));
            bool accepted = key is not null && key.Verify(one.Hex("msg"), one.Hex("sig"));
            valid += accepted ? 1 : 0;
            Judge(one, accepted, wrong);
        }

        Assert.Empty(wrong);
        Assert.Equal(173, valid);
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public void Ecdsa_P256_of_Wycheproof_in_DER(string provider)
    {
        ICrypto crypto = CryptoProviders.Get(provider);
        List<string> wrong = [];
        int valid = 0;
        foreach ((JsonElement group, JsonElement one) in Vectors.Wycheproof("ecdsa_secp256r1_sha256"))
        {
            bool accepted = crypto.VerifyEcdsaP256(group.Hex("publicKeyDer"), one.Hex("msg"), one.Hex("sig"));
            valid += accepted ? 1 : 0;
            Judge(one, accepted, wrong);
        }

        Assert.Empty(wrong);
        Assert.Equal(174, valid);
    }

    private static void Judge(JsonElement one, bool accepted, List<string> wrong)
    {
        if (accepted != (one.Text("result") == "valid"))
        {
            wrong.Add($"{one.GetProperty("tcId")} {one.Text("comment")}: {(accepted ? "accepted" : "refused")}");
        }
    }
}
