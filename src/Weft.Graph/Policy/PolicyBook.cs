using System.Collections.Immutable;
using Weft.Crypto;
using Weft.Graph.Access;
using Weft.Primitives;

namespace Weft.Graph.Policy;

/// <summary>
/// Everything a peer knows about policies, rotations and revocations, and the one place that judges by it. Each write is
/// judged by what is in force at its own state, so peers that know the same records judge alike, in whatever order they
/// learnt them.
/// </summary>
/// <remarks>
/// Pure. One caller at a time changes it; any number may ask meanwhile, each question sees one whole state of the book.
/// Source: docs/spec/policy.md.
/// </remarks>
public sealed partial class PolicyBook : IMergeOrder
{
    /// <summary>
    /// The state of a dropped field: null in the lowest state there is. The merge takes it for an absent field, and a write
    /// that comes with it never wins.
    /// </summary>
    public const double DroppedState = double.MinValue;

    private readonly PolicyOptions _options;
    private readonly ICrypto _crypto;
    private readonly Ed25519PublicKey? _networkKey;

    private ImmutableDictionary<Ed25519PublicKey, KeyRecords> _keys =
        ImmutableDictionary<Ed25519PublicKey, KeyRecords>.Empty;

    // Key: whoever revoked, and the block's id. Value: the state of the revocation.
    private ImmutableDictionary<(Ed25519PublicKey Issuer, string Id), double> _revoked =
        ImmutableDictionary<(Ed25519PublicKey Issuer, string Id), double>.Empty;

    private long _version;

    /// <summary>Makes an empty book; the driver fills it with what the store holds of the system's souls.</summary>
    /// <param name="options">How much to hold.</param>
    /// <param name="crypto">Hashes documents and verifies recoveries.</param>
    /// <param name="networkKey">The key of the network; null for the open network, which has no policies of its own.</param>
    public PolicyBook(PolicyOptions options, ICrypto crypto, Ed25519PublicKey? networkKey)
    {
        _options = options;
        _crypto = crypto;
        _networkKey = networkKey;
    }

    /// <summary>Rises with every change that may change a judgement: a verdict is good while this is what it was.</summary>
    public long Version => Volatile.Read(ref _version);

    /// <summary>The key that owns what <paramref name="key"/> owned, for what happens at <paramref name="state"/>.</summary>
    /// <returns>The key itself, a successor, or null, nobody, when the successors go round in a circle.</returns>
    public Ed25519PublicKey? EffectiveOwner(Ed25519PublicKey key, double state)
    {
        for (int hop = 0; hop <= PolicyLimits.RotationsMax; hop++)
        {
            if (!_keys.TryGetValue(key, out KeyRecords? records) || !records.TryFollow(state, out Ed25519PublicKey next))
            {
                return key;
            }

            key = next;
        }

        return null;
    }

    /// <summary>
    /// Judges a write by owner, class, writers and every rule that needs nothing but the write. Complete: a driver that asks
    /// this, with a verified writer, needs no other rule of ownership.
    /// </summary>
    /// <param name="write">The write; already judged by <see cref="FieldRules"/>.</param>
    /// <param name="writer">Who made it.</param>
    /// <param name="context">Whose soul it is.</param>
    public PolicyVerdict JudgeWrite(in FieldWrite write, in WriterId writer, in PolicyContext context)
    {
        if (writer.Kind == WriterKind.Native && IsRetired(writer.Key, write.State))
        {
            return new(WeftError.KeyRotated, $"{writer.Key} was replaced before this state");
        }

        return JudgeOwner(write, writer, context.Owner);
    }

    /// <summary>True when the key has a successor for what happens at <paramref name="state"/>.</summary>
    public bool IsRetired(Ed25519PublicKey key, double state) =>
        !_keys.IsEmpty && _keys.TryGetValue(key, out KeyRecords? records) && records.TryFollow(state, out _);

    /// <summary>The rule of a soul that no policy is in force for.</summary>
    private PolicyVerdict JudgeOwner(in FieldWrite write, in WriterId writer, in SoulOwner owner)
    {
        switch (owner.Kind)
        {
            case SoulOwnerKind.Nobody:
                return new(WeftError.OwnedByNobody, "nobody may write this soul");
            case SoulOwnerKind.Sea:
                return writer.Kind == WriterKind.Sea
                    ? PolicyVerdict.Allowed
                    : new(WeftError.SignatureMissing, $"the soul belongs to ~{owner.Sea}");
            case SoulOwnerKind.Native or SoulOwnerKind.Network:
                return JudgeKey(writer, owner.Kind == SoulOwnerKind.Network ? _networkKey : owner.Key, write.State);
            default:
                return PolicyVerdict.Allowed; // "#" and "~@" say what may stand there, not who writes it.
        }
    }

    /// <summary>Judges a native writer against the key that may write.</summary>
    private PolicyVerdict JudgeKey(in WriterId writer, Ed25519PublicKey? key, double state)
    {
        if ((key is { } known ? EffectiveOwner(known, state) : null) is not { } owner)
        {
            return new(WeftError.OwnedByNobody, key is null
                ? "it belongs to the network's key, and this node's configuration names none"
                : "the successors of its key go round in a circle");
        }

        if (writer.Kind != WriterKind.Native)
        {
            return new(WeftError.SignatureMissing, $"it belongs to {owner}");
        }

        return writer.Key == owner ? PolicyVerdict.Allowed
            : writer.Grant is { } grant ? JudgeGrant(grant, writer.Key, owner, state)
            : new(WeftError.NotOwner, $"it belongs to {owner}, not to {writer.Key}");
    }

    private PolicyVerdict JudgeGrant(GrantClaim grant, Ed25519PublicKey holder, Ed25519PublicKey owner, double state)
    {
        if (grant.Links.Count == 0 || grant.Links[0].Issuer != owner || EffectiveOwner(grant.Audience, state) != holder)
        {
            return new(WeftError.GrantRefused, $"the grant does not lead from {owner} to {holder}");
        }

        for (int block = 0; block < grant.Links.Count; block++)
        {
            if (IsRetired(grant.Links[block].Issuer, state))
            {
                return new(WeftError.GrantRefused, $"its issuer {grant.Links[block].Issuer} was replaced before this state");
            }

            // Whoever stands above a block in the chain may take it back.
            for (int issuer = 0; issuer <= block && !_revoked.IsEmpty; issuer++)
            {
                if (_revoked.TryGetValue((grant.Links[issuer].Issuer, grant.Links[block].Id), out double from) && state > from)
                {
                    return new(WeftError.GrantRevoked, $"block {grant.Links[block].Id} was revoked before this state");
                }
            }
        }

        return PolicyVerdict.Allowed;
    }
}
