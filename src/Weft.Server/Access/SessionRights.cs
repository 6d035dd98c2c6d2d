using Weft.Crypto;
using Weft.Graph.Access;
using Weft.Node;
using Weft.Primitives;
using Weft.Server.Http;

namespace Weft.Server.Access;

/// <summary>What grants are worth at the HTTP interface of one node.</summary>
/// <param name="Rights">Scopes, prefixes and fields.</param>
/// <param name="IsOfNode">True when all of them come from the node's own key.</param>
/// <param name="EndsBy">When the first of them ends.</param>
internal sealed record SessionRights(IReadOnlyList<Right> Rights, bool IsOfNode, DateTimeOffset EndsBy)
{
    /// <summary>Grants in one session.</summary>
    internal const int GrantsMax = 8;

    /// <summary>How far the clocks of issuer and node may differ.</summary>
    internal static readonly TimeSpan Tolerance = TimeSpan.FromSeconds(60);

    /// <summary>Judges the grants that a key brings.</summary>
    /// <param name="node">Whose interface it is.</param>
    /// <param name="key">The key that was proved.</param>
    /// <param name="grants">At most <see cref="GrantsMax"/>.</param>
    /// <param name="ownersMay">True when owners of souls give rights to them, too.</param>
    /// <param name="now">The wall clock.</param>
    /// <exception cref="ApiException">One of them is worth nothing here; the detail says why.</exception>
    internal static SessionRights Of(
        WeftNode node, Ed25519PublicKey key, IReadOnlyList<Grant> grants, bool ownersMay, DateTimeOffset now)
    {
        Ed25519PublicKey own = node.Identity.PublicKey;
        if (key == own)
        {
            return new([new Right(Scopes.All, "")], true, DateTimeOffset.MaxValue); // The node's own key is the node.
        }

        if (node.Policies.IsRetired(key, now.ToUnixTimeMilliseconds()))
        {
            throw new ApiException(WeftError.KeyRotated, "The key has a successor; prove that one.");
        }

        if (grants.Count == 0)
        {
            throw new ApiException(
                WeftError.ScopeMissing,
                "The key is not the node's own and brings no grant, so it may do nothing here.");
        }

        var rights = new List<Right>();
        DateTimeOffset end = DateTimeOffset.MaxValue;
        bool isOfNode = true;
        foreach (Grant grant in grants)
        {
            bool ofNode = grant.FirstIssuer == own;
            isOfNode &= ofNode;
            Check(node, key, grant, now);
            GrantRights given = grant.Terms.Rights;
            if (!ofNode)
            {
                CheckOwner(node, grant, ownersMay, now);
                given &= GrantRights.Read | GrantRights.Write;
            }

            rights.AddRange(grant.Terms.Prefixes.Select(prefix => new Right(
                ToScopes(given), prefix, grant.Terms.Fields)));
            DateTimeOffset ends = DateTimeOffset.FromUnixTimeMilliseconds(
                Math.Min(grant.Blocks.Min(block => block.Terms.ExpiresMs), MillisecondsMax)) + Tolerance;
            end = ends < end ? ends : end;
        }

        return new(rights, isOfNode, end);
    }

    /// <summary>True while nothing has taken back what a session was opened with.</summary>
    internal static bool StillHold(
        WeftNode node, Ed25519PublicKey key, IReadOnlyList<Grant> grants, DateTimeOffset now)
    {
        double nowMs = now.ToUnixTimeMilliseconds();
        return node.Policies.IsEmpty
            || (!node.Policies.IsRetired(key, nowMs)
                && grants.All(grant => GrantVerifier.JudgeHolder(
                    grant, grant.FirstIssuer, HolderOf(node, grant, key, nowMs), nowMs, Tolerance.TotalMilliseconds, node.Policies)
                    == GrantVerdict.Allowed));
    }

    /// <summary>The owner of every soul that starts so, as the prefix itself tells; null when it tells none.</summary>
    internal static Ed25519PublicKey? OwnerOf(string prefix)
    {
        SoulOwner owner = Ownership.Of(prefix);
        if (owner.Kind != SoulOwnerKind.Native || prefix.StartsWith(Ownership.SystemPrefix, StringComparison.Ordinal))
        {
            return null;
        }

        // The key must be over inside the prefix, or a soul may go on with further characters and be another's; and
        // nothing before it may become another kind of key.
        int at = prefix.IndexOf($"${owner.Key}", StringComparison.Ordinal);
        int sea = prefix.IndexOf('~', StringComparison.Ordinal);
        return at >= 0 && at + 1 + Ed25519PublicKey.TextLength < prefix.Length && (sea < 0 || sea > at)
            ? owner.Key
            : null;
    }

    private const long MillisecondsMax = 250_000_000_000_000; // The year 9892: what DateTimeOffset can add a minute to.

    private static void Check(WeftNode node, Ed25519PublicKey key, Grant grant, DateTimeOffset now)
    {
        GrantVerdict verdict = GrantVerifier.JudgeChain(grant, node.NetworkId.Span);
        if (verdict == GrantVerdict.Allowed)
        {
            verdict = GrantVerifier.JudgeHolder(
                grant, grant.FirstIssuer, HolderOf(node, grant, key, now.ToUnixTimeMilliseconds()),
                now.ToUnixTimeMilliseconds(), Tolerance.TotalMilliseconds,
                node.Policies);
        }

        if (verdict == GrantVerdict.Allowed)
        {
            verdict = GrantVerifier.VerifySignatures(grant, node.Crypto);
        }

        if (verdict != GrantVerdict.Allowed)
        {
            throw Refused(verdict);
        }
    }

    // The key that follows the audience of a grant holds it, as it does for a write.
    private static Ed25519PublicKey HolderOf(WeftNode node, Grant grant, Ed25519PublicKey key, double nowMs) =>
        node.Policies.EffectiveOwner(grant.Audience, nowMs) == key ? grant.Audience : key;

    // A stranger's word counts for his own souls alone, and never for the node.
    private static void CheckOwner(WeftNode node, Grant grant, bool ownersMay, DateTimeOffset now)
    {
        if (!ownersMay)
        {
            throw new ApiException(WeftError.GrantRefused, "The grant does not begin with the key of this node.");
        }

        if (!grant.Terms.Prefixes.All(IsOwned))
        {
            throw new ApiException(
                WeftError.GrantRefused,
                "The grant begins neither with the key of this node nor with the owner of its prefixes.");
        }

        bool IsOwned(string prefix) => OwnerOf(prefix) is { } owner
            && node.Policies.EffectiveOwner(owner, now.ToUnixTimeMilliseconds()) == grant.FirstIssuer;

        if ((grant.Terms.Rights & (GrantRights.Read | GrantRights.Write)) == 0)
        {
            throw new ApiException(
                WeftError.GrantRefused, "The grant begins with an owner of souls, who gives reading and writing only.");
        }
    }

    private static ApiException Refused(GrantVerdict verdict) => verdict switch
    {
        GrantVerdict.Expired => new(WeftError.GrantExpired, "The grant has expired."),
        GrantVerdict.NotYet => new(WeftError.GrantExpired, "The grant is not valid yet."),
        GrantVerdict.Revoked => new(WeftError.GrantRevoked, "The grant was revoked."),
        GrantVerdict.OtherNetwork => new(WeftError.GrantRefused, "The grant is for another network."),
        GrantVerdict.OtherAudience => new(WeftError.GrantRefused, "The grant is for another key."),
        GrantVerdict.SignatureWrong => new(WeftError.GrantRefused, "A signature of the grant does not fit."),
        _ => new(WeftError.GrantRefused, "The blocks of the grant do not hang together."),
    };

    private static Scopes ToScopes(GrantRights rights) =>
        (rights.HasFlag(GrantRights.Read) ? Scopes.Read : Scopes.None)
        | (rights.HasFlag(GrantRights.Write) ? Scopes.Write : Scopes.None)
        | (rights.HasFlag(GrantRights.Admin) ? Scopes.Admin : Scopes.None);
}
