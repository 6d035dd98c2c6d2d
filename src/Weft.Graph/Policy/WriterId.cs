using Weft.Crypto;

namespace Weft.Graph.Policy;

/// <summary>What kind of proof a write came with.</summary>
public enum WriterKind
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>A verified Ed25519 signature.</summary>
    Native,

    /// <summary>
    /// A value that SEA's own rules have admitted: signed by the owner, or under the owner's certificate.
    /// </summary>
    Sea,
}

/// <summary>Who made a write, as its verified proof says. A write whose proof is wrong never gets one.</summary>
/// <param name="Kind">The kind of proof.</param>
/// <param name="Key">The key of a native writer.</param>
/// <param name="SeaPub">The public key of a SEA writer.</param>
/// <param name="Grant">The chain of grants a native writer showed; null for none.</param>
public readonly record struct WriterId(
    WriterKind Kind, Ed25519PublicKey Key = default, string? SeaPub = null, GrantClaim? Grant = null)
{
    /// <summary>A write without a proof.</summary>
    public static WriterId None => default;

    /// <summary>A native writer.</summary>
    public static WriterId Native(in Ed25519PublicKey key, GrantClaim? grant = null) =>
        new(WriterKind.Native, key, Grant: grant);

    /// <summary>A SEA writer.</summary>
    public static WriterId Sea(string pub) => new(WriterKind.Sea, SeaPub: pub);
}

/// <summary>
/// A chain of grants as far as the policy judges it: who gave it, to whom, and whether it was taken back. The caller
/// has verified the signatures, and that rights, prefixes, fields and times of the chain cover the write.
/// </summary>
/// <param name="Links">The blocks, first issuer first: 1 to 4.</param>
/// <param name="Audience">The key the last block was given to; it, or its successor, makes the write.</param>
public sealed record GrantClaim(IReadOnlyList<GrantLink> Links, Ed25519PublicKey Audience);

/// <summary>One block of a chain of grants.</summary>
/// <param name="Issuer">Who signed the block.</param>
/// <param name="Id">SHA-256 of the block as 43 characters of base64url: the field of a revocation.</param>
public readonly record struct GrantLink(Ed25519PublicKey Issuer, string Id);
