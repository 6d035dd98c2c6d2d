using System.Security.Cryptography;
using System.Text;
using Weft.Crypto;
using Weft.Crypto.Sea;
using Weft.Graph;
using Weft.Graph.Access;
using Weft.Graph.Policy;

namespace Weft.Integration.Tests.Access;

/// <summary>People of the conformance table, their keys, and what they sign.</summary>
internal static class AdmissionSigners
{
    public static ICrypto Crypto { get; } = PlatformCrypto.Create();

    public static byte[] Network { get; } = new byte[32];

    public static Ed25519KeyPair Alice { get; } = Pair(1);

    public static Ed25519KeyPair Bob { get; } = Pair(2);

    public static Ed25519KeyPair Eve { get; } = Pair(3);

    public static Ed25519KeyPair Carol { get; } = Pair(4); // Moves to Dave.

    public static Ed25519KeyPair Dave { get; } = Pair(5);

    public static SeaPair SeaAlice { get; } = Sea(6);

    public static SeaPair SeaBob { get; } = Sea(7);

    public static SeaPair SeaEve { get; } = Sea(8);

    public static string SoulOf(Ed25519KeyPair pair) => "$" + pair.PublicKey;

    public static string SoulOf(SeaPair pair) => "~" + pair.Pub;

    public static FieldWrite Sign(Ed25519KeyPair author, FieldWrite write, Grant? grant = null, byte[]? network = null)
    {
        FieldWrite[] delta = [write];
        var signer = new DeltaSigner(
            Crypto, network ?? Network, author.PublicKey,
            (message, signature) => author.Sign(Crypto, message, signature));
        signer.Sign(delta, [0], (ulong)(write.State * 1_000), grant is null ? default : grant.Bytes.Span);
        return delta[0];
    }

    public static FieldWrite Sign(SeaPair author, FieldWrite write, string? certificate = null) =>
        SeaSigner.Sign(Crypto, author, write, certificate);

    public static Grant Grant(
        Ed25519KeyPair issuer, Ed25519KeyPair audience, string prefix, double now, long lifeMs = 3_600_000) =>
        Weft.Crypto.Grant.Issue(Crypto, issuer, new GrantTerms
        {
            Network = Network,
            Audience = audience.PublicKey,
            Rights = GrantRights.Write,
            Prefixes = [prefix],
            NotBeforeMs = (long)now - 7_200_000,
            ExpiresMs = (long)now + lifeMs,
            Nonce = RandomNumberGenerator.GetBytes(16),
        });

    public static string Certificate(SeaPair issuer, string terms)
    {
        byte[] signature = new byte[64];
        issuer.Sign(Crypto, Encoding.UTF8.GetBytes(terms), signature);
        return $$"""{"m":{{terms}},"s":"{{Convert.ToBase64String(signature)}}"}""";
    }

    public static WeftValue Policy(PolicyDocument document) =>
        WeftValue.Text(PolicyDocumentCodec.Write(document, Crypto));

    public static WeftValue UnknownPolicy() => WeftValue.Text("""{"class":"protected","weft":1,"zodiac":"leo"}""");

    private static Ed25519KeyPair Pair(byte number)
    {
        byte[] seed = new byte[32];
        seed[31] = number;
        return new Ed25519KeyPair(Crypto, seed);
    }

    private static SeaPair Sea(byte number)
    {
        byte[] secret = new byte[32];
        secret[31] = number;
        return SeaPair.TryCreate(Crypto, secret, secret)!;
    }
}
