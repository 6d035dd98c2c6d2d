namespace Weft.Crypto;

/// <summary>What somebody with a grant wants to do.</summary>
/// <param name="Network">The id of this network: 32 bytes.</param>
/// <param name="Owner">Who owns the soul; only its word begins a chain.</param>
/// <param name="Audience">The key that the one who asks has proved.</param>
/// <param name="Right">What is wanted; of several, all.</param>
/// <param name="Soul">The node.</param>
/// <param name="Field">The field; null for all fields of the node.</param>
/// <param name="AtMs">Wall time in milliseconds: the state of a write, the clock of a session.</param>
/// <param name="ToleranceMs">How far clocks may differ: 0 for writes.</param>
public readonly record struct GrantRequest(
    ReadOnlyMemory<byte> Network,
    Ed25519PublicKey Owner,
    Ed25519PublicKey Audience,
    GrantRights Right,
    string Soul,
    string? Field,
    double AtMs,
    double ToleranceMs = 0);

/// <summary>Who knows revocations.</summary>
public interface IGrantRevocations
{
    /// <summary>Tells from when a key's word on a block counts no more.</summary>
    /// <param name="issuer">The key that may have revoked it.</param>
    /// <param name="blockId">The block: 32 bytes.</param>
    /// <returns>The state of the revocation in milliseconds: what comes after it is refused. Null for none.</returns>
    double? RevokedAtMs(in Ed25519PublicKey issuer, ReadOnlySpan<byte> blockId);
}

/// <summary>Judges grants. Never throws for what a peer sent; cheap checks come before signatures.</summary>
/// <remarks>Source: docs/spec/grants.md, section 3.</remarks>
public static class GrantVerifier
{
    /// <summary>Judges the bytes of a chain for one request.</summary>
    /// <param name="chain">As it came: nothing in it throws.</param>
    /// <param name="crypto">The primitives.</param>
    /// <param name="request">What is wanted.</param>
    /// <param name="revocations">Null when none are known.</param>
    /// <returns>Allowed, or the first thing that forbids it.</returns>
    public static GrantVerdict Verify(
        ReadOnlySpan<byte> chain, ICrypto crypto, in GrantRequest request, IGrantRevocations? revocations = null)
    {
        if (!Grant.TryDecode(chain, crypto, out Grant? grant))
        {
            return GrantVerdict.Malformed;
        }

        GrantVerdict verdict = Judge(grant, request, revocations);
        return verdict == GrantVerdict.Allowed ? VerifySignatures(grant, crypto) : verdict;
    }

    /// <summary>Judges everything but the signatures: for callers that remember which chains are signed well.</summary>
    public static GrantVerdict Judge(Grant grant, in GrantRequest request, IGrantRevocations? revocations = null)
    {
        GrantVerdict verdict = JudgeChain(grant, request.Network.Span);
        if (verdict != GrantVerdict.Allowed)
        {
            return verdict;
        }

        verdict = JudgeHolder(grant, request.Owner, request.Audience, request.AtMs, request.ToleranceMs, revocations);
        return verdict != GrantVerdict.Allowed
            ? verdict
            : JudgeScope(grant, request.Right, request.Soul, request.Field);
    }

    /// <summary>Judges how the blocks hang together: the same for every request in a network.</summary>
    public static GrantVerdict JudgeChain(Grant grant, ReadOnlySpan<byte> network)
    {
        for (int i = 0; i < grant.Blocks.Count; i++)
        {
            GrantBlock block = grant.Blocks[i];
            if (!block.Terms.Network.Span.SequenceEqual(network))
            {
                return GrantVerdict.OtherNetwork;
            }

            if (i == 0)
            {
                if (block.Parent.Span.ContainsAnyExcept((byte)0))
                {
                    return GrantVerdict.ChainBroken;
                }

                continue;
            }

            GrantBlock before = grant.Blocks[i - 1];
            if (block.Issuer != before.Terms.Audience || !block.Parent.Span.SequenceEqual(before.Id.Span))
            {
                return GrantVerdict.ChainBroken;
            }

            if (block.Terms.Delegations >= before.Terms.Delegations)
            {
                return GrantVerdict.HandedOnTooOften;
            }

            if (!GrantScope.IsWithin(block.Terms, before.Terms))
            {
                return GrantVerdict.Widened;
            }
        }

        return GrantVerdict.Allowed;
    }

    /// <summary>Judges owner, audience, times and revocations: what a session asks once, before any soul.</summary>
    /// <param name="grant">A chain that hangs together.</param>
    /// <param name="owner">Whose word must begin it.</param>
    /// <param name="audience">The key that the one who asks has proved.</param>
    /// <param name="atMs">Wall time in milliseconds.</param>
    /// <param name="toleranceMs">How far clocks may differ.</param>
    /// <param name="revocations">Null when none are known.</param>
    public static GrantVerdict JudgeHolder(
        Grant grant,
        in Ed25519PublicKey owner,
        in Ed25519PublicKey audience,
        double atMs,
        double toleranceMs = 0,
        IGrantRevocations? revocations = null)
    {
        if (grant.FirstIssuer != owner)
        {
            return GrantVerdict.OtherOwner;
        }

        if (grant.Audience != audience)
        {
            return GrantVerdict.OtherAudience;
        }

        foreach (GrantBlock block in grant.Blocks)
        {
            // Written so that a time that is no number is refused.
            if (!(atMs >= block.Terms.NotBeforeMs - toleranceMs))
            {
                return GrantVerdict.NotYet;
            }

            if (!(atMs <= block.Terms.ExpiresMs + toleranceMs))
            {
                return GrantVerdict.Expired;
            }
        }

        return revocations is not null && IsRevoked(grant, atMs, revocations)
            ? GrantVerdict.Revoked
            : GrantVerdict.Allowed;
    }

    /// <summary>Judges what the grant covers.</summary>
    /// <param name="grant">A chain that hangs together.</param>
    /// <param name="right">What is wanted; of several, all.</param>
    /// <param name="soul">The node.</param>
    /// <param name="field">The field; null for all fields of the node.</param>
    public static GrantVerdict JudgeScope(Grant grant, GrantRights right, string soul, string? field) =>
        grant.Covers(right, soul, field) ? GrantVerdict.Allowed
        : right == GrantRights.None || (grant.Terms.Rights & right) != right ? GrantVerdict.RightMissing
        : grant.Blocks[^1].CoversSoul(soul) ? GrantVerdict.FieldOutside
        : GrantVerdict.SoulOutside;

    /// <summary>Verifies the signature of each block, and nothing else.</summary>
    public static GrantVerdict VerifySignatures(Grant grant, ICrypto crypto)
    {
        ReadOnlySpan<byte> bytes = grant.Bytes.Span;
        Span<byte> message = stackalloc byte[GrantCodec.Domain.Length + Grant.BytesMax];
        GrantCodec.Domain.CopyTo(message);
        foreach (GrantBlock block in grant.Blocks)
        {
            int length = block.Length - GrantCodec.SignatureLength;
            bytes.Slice(block.Start, length).CopyTo(message[GrantCodec.Domain.Length..]);
            ReadOnlySpan<byte> signature = bytes.Slice(block.Start + length, GrantCodec.SignatureLength);
            if (!crypto.VerifyEd25519(block.Issuer.Span, message[..(GrantCodec.Domain.Length + length)], signature))
            {
                return GrantVerdict.SignatureWrong;
            }
        }

        return GrantVerdict.Allowed;
    }

    /// <summary>A block is revoked by its issuer and by everyone before him, never by those after him.</summary>
    private static bool IsRevoked(Grant grant, double atMs, IGrantRevocations revocations)
    {
        for (int block = 0; block < grant.Blocks.Count; block++)
        {
            for (int issuer = 0; issuer <= block; issuer++)
            {
                double? revokedAtMs = revocations.RevokedAtMs(grant.Blocks[issuer].Issuer, grant.Blocks[block].Id.Span);
                if (revokedAtMs is double from && !(atMs <= from))
                {
                    return true;
                }
            }
        }

        return false;
    }
}
