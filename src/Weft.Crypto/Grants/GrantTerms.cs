namespace Weft.Crypto;

/// <summary>What one block of a grant says: whom it is for, and what it allows where and when.</summary>
/// <remarks>Source: docs/spec/grants.md, section 1.</remarks>
public sealed record GrantTerms
{
    /// <summary>The network id, 32 bytes, the same in all blocks; 32 zero bytes in the open network.</summary>
    public required ReadOnlyMemory<byte> Network { get; init; }

    /// <summary>The key of the one who may use it.</summary>
    public required Ed25519PublicKey Audience { get; init; }

    /// <summary>At least one right.</summary>
    public required GrantRights Rights { get; init; }

    /// <summary>
    /// 1 to 8 beginnings of souls, each 0 to 1,024 bytes of UTF-8. Compared unit by unit, nothing is folded: "a" covers
    /// "a", "ab" and "a/b", not "A". Empty covers every soul the first issuer owns.
    /// </summary>
    public required IReadOnlyList<string> Prefixes { get; init; }

    /// <summary>
    /// 0 to 8 patterns of fields, each 1 to 256 bytes of UTF-8; none for all fields. One that ends in "*" covers every
    /// field that begins with what stands before it; any other one covers the field of that name.
    /// </summary>
    public IReadOnlyList<string> Fields { get; init; } = [];

    /// <summary>Wall time in milliseconds from which it holds, itself included. Default: 0.</summary>
    public long NotBeforeMs { get; init; }

    /// <summary>Wall time in milliseconds up to which it holds, itself included: up to 8,640,000,000,000,000.</summary>
    public required long ExpiresMs { get; init; }

    /// <summary>How many further blocks may hang on this one: 0 to 3. Default: 0.</summary>
    public int Delegations { get; init; }

    /// <summary>16 random bytes, so that two grants of the same terms have different ids.</summary>
    public required ReadOnlyMemory<byte> Nonce { get; init; }

    /// <summary>True when a pattern of <see cref="Fields"/> covers a field.</summary>
    /// <param name="pattern">"name", or "beginning*" for all that start so.</param>
    /// <param name="field">The field.</param>
    public static bool FieldMatches(string pattern, string field) => GrantScope.FieldMatches(pattern, field);
}
