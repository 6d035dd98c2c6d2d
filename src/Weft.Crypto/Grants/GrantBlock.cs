namespace Weft.Crypto;

/// <summary>One signed link of a grant's chain.</summary>
public sealed class GrantBlock
{
    internal GrantBlock(GrantTerms terms, in Ed25519PublicKey issuer, byte[] parent, int start, int length, byte[] id)
    {
        Terms = terms;
        Issuer = issuer;
        Parent = parent;
        Start = start;
        Length = length;
        Id = id;
    }

    /// <summary>What it says.</summary>
    public GrantTerms Terms { get; }

    /// <summary>Who signed it.</summary>
    public Ed25519PublicKey Issuer { get; }

    /// <summary>SHA-256 of the block's bytes, signature included: 32 bytes. A revocation names it.</summary>
    public ReadOnlyMemory<byte> Id { get; }

    internal ReadOnlyMemory<byte> Parent { get; }

    /// <summary>Where the block begins in the chain's bytes.</summary>
    internal int Start { get; }

    /// <summary>Its bytes, signature included.</summary>
    internal int Length { get; }

    internal bool CoversField(string? field)
    {
        if (Terms.Fields.Count == 0)
        {
            return true;
        }

        foreach (string pattern in Terms.Fields)
        {
            if (pattern == "*" || (field is not null && GrantScope.FieldMatches(pattern, field)))
            {
                return true;
            }
        }

        return false;
    }

    internal bool CoversSoul(string soul)
    {
        foreach (string prefix in Terms.Prefixes)
        {
            if (soul.StartsWith(prefix, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }
}
