using Weft.Crypto;
using Weft.Primitives;

namespace Weft.Tests.Crypto;

/// <summary>Keys, terms and forged chains for tests of grants.</summary>
internal static class GrantKit
{
    public const long Start = 1_700_000_000_000;
    public const long End = Start + 3_600_000;

    public static ICrypto Provider { get; } = new BouncyCastleCrypto();

    public static byte[] Network { get; } = Bytes(32, 99);

    public static Ed25519KeyPair Owner { get; } = Pair(1);

    public static Ed25519KeyPair Bob { get; } = Pair(2);

    public static Ed25519KeyPair Eve { get; } = Pair(3);

    public static Ed25519KeyPair Mallory { get; } = Pair(4);

    public static Ed25519KeyPair Pair(ulong seed) => new(Provider, Bytes(32, seed));

    public static byte[] Bytes(int length, ulong seed)
    {
        var bytes = new byte[length];
        new WeftRandom(seed).Fill(bytes);
        return bytes;
    }

    public static GrantTerms Terms(Ed25519KeyPair audience, params string[] prefixes) => new()
    {
        Network = Network,
        Audience = audience.PublicKey,
        Rights = GrantRights.Read | GrantRights.Write,
        Prefixes = prefixes.Length == 0 ? ["notes/"] : prefixes,
        NotBeforeMs = Start,
        ExpiresMs = End,
        Delegations = 3,
        Nonce = Bytes(16, 7),
    };

    public static GrantRequest Request(
        Ed25519KeyPair audience,
        string soul = "notes/a",
        string? field = "text",
        GrantRights right = GrantRights.Write,
        double atMs = Start + 1) =>
        new(Network, Owner.PublicKey, audience.PublicKey, right, soul, field, atMs);

    public static GrantVerdict Verify(Grant grant, in GrantRequest request, IGrantRevocations? revocations = null) =>
        GrantVerifier.Verify(grant.Bytes.Span, Provider, request, revocations);

    /// <summary>Signs a block without asking whether it may be signed, as an attacker would.</summary>
    public static Grant Forge(Grant? before, Ed25519KeyPair signer, GrantTerms terms, byte[]? parent = null)
    {
        byte[] block = GrantCodec.Write(terms, signer.PublicKey, parent ?? before?.Id.ToArray() ?? new byte[32]);
        var signature = new byte[64];
        signer.Sign(Provider, [.. GrantCodec.Domain, .. block], signature);
        byte[] chain = [.. before?.Bytes.ToArray() ?? [], .. block, .. signature];
        Assert.True(Grant.TryDecode(chain, Provider, out Grant? grant));
        return grant;
    }
}
