using System.Collections.Immutable;
using Weft.Crypto;
using Weft.Graph.Access;
using Weft.Primitives;

namespace Weft.Graph.Policy;

/// <summary>
/// Everything a peer knows about policies, rotations and revocations, and the one place that judges by it. Each write
/// is judged by what is in force at its own state, so peers that know the same records judge alike, in whatever order
/// they learnt them.
/// </summary>
/// <remarks>
/// Pure. One caller at a time changes it; any number may ask meanwhile. Source: docs/spec/policy.md.
/// </remarks>
public sealed partial class PolicyBook : IMergeOrder, IGrantRevocations
{
    /// <summary>
    /// The state of a dropped field: null in the lowest state there is. The merge takes it for an absent field, and a
    /// write that comes with it never wins.
    /// </summary>
    public const double DroppedState = Ham.DroppedState;

    private static readonly PolicyDocument OwnerAlone = new() { Class = PolicyClass.Protected };

    private readonly PolicyOptions _options;
    private readonly ICrypto _crypto;
    private readonly Ed25519PublicKey? _networkKey;
    private readonly byte[] _network = new byte[32];
    private readonly Dictionary<string, IValidationRule> _plugIns = new(StringComparer.Ordinal);

    private ImmutableDictionary<SoulOwner, OwnerPolicies> _policies =
        ImmutableDictionary<SoulOwner, OwnerPolicies>.Empty;

    private ImmutableDictionary<Ed25519PublicKey, KeyRecords> _keys =
        ImmutableDictionary<Ed25519PublicKey, KeyRecords>.Empty;

    // Who revoked, then the ids of blocks and from which state.
    private ImmutableDictionary<Ed25519PublicKey, ImmutableDictionary<string, double>> _revoked =
        ImmutableDictionary<Ed25519PublicKey, ImmutableDictionary<string, double>>.Empty;

    private long _version;
    private bool _hasMerge;
    private bool _hasHistory;

    /// <summary>Makes an empty book; the driver fills it with what the store holds of the system's souls.</summary>
    /// <param name="options">How much to hold.</param>
    /// <param name="crypto">Hashes documents and verifies recoveries.</param>
    /// <param name="networkKey">The key of the network; null for the open network, which has no policies of its
    /// own.</param>
    /// <param name="plugIns">Rules in code; of two with one name the last counts.</param>
    public PolicyBook(
        PolicyOptions options,
        ICrypto crypto,
        Ed25519PublicKey? networkKey,
        IEnumerable<IValidationRule>? plugIns = null)
    {
        _options = options;
        _crypto = crypto;
        _networkKey = networkKey;
        if (networkKey is { } key)
        {
            crypto.Sha256([.. "weft/network\0"u8, .. key.Span], _network);
        }

        foreach (IValidationRule plugIn in plugIns ?? [])
        {
            _plugIns[plugIn.Name] = plugIn;
        }
    }

    /// <summary>
    /// Rises with every change that may change a judgement: a verdict is good while this is what it was.
    /// </summary>
    public long Version => Volatile.Read(ref _version);

    /// <summary>True when no policy, rotation or revocation is known: the rule of the owner holds everywhere.</summary>
    public bool IsEmpty => _policies.IsEmpty && _keys.IsEmpty && _revoked.IsEmpty;

    /// <summary>
    /// The key that owns what <paramref name="key"/> owned, for what happens at <paramref name="state"/>.
    /// </summary>
    /// <returns>The key itself, a successor, or null, nobody, when the successors go round in a circle.</returns>
    public Ed25519PublicKey? EffectiveOwner(Ed25519PublicKey key, double state) => AuthorityOf(key, state)?.Key;

    /// <summary>
    /// The key that stands for <paramref name="key"/> at <paramref name="state"/>, and since when: the state behind which
    /// the last of its successors took over. It rises from successor to successor, and is the same on all peers that know
    /// the same records.
    /// </summary>
    /// <returns>Null, nobody, when the successors go round in a circle.</returns>
    public GroupAuthority? AuthorityOf(Ed25519PublicKey key, double state)
    {
        ImmutableDictionary<Ed25519PublicKey, KeyRecords> keys = _keys;
        double since = 0;
        for (int hop = 0; hop <= PolicyLimits.RotationsMax; hop++)
        {
            if (!keys.TryGetValue(key, out KeyRecords? records)
                || !records.TryFollow(state, out Ed25519PublicKey next, out double from))
            {
                return new(key, since);
            }

            key = next;
            since = Math.Max(since, from);
        }

        return null;
    }

    /// <summary>True when the key has a successor for what happens at <paramref name="state"/>.</summary>
    public bool IsRetired(Ed25519PublicKey key, double state) =>
        !_keys.IsEmpty && _keys.TryGetValue(key, out KeyRecords? records) && records.TryFollow(state, out _);

    /// <inheritdoc/>
    public double? RevokedAtMs(in Ed25519PublicKey issuer, ReadOnlySpan<byte> blockId) =>
        RevokedAt(issuer, System.Buffers.Text.Base64Url.EncodeToString(blockId));

    /// <summary>
    /// Judges a write by owner, class, writers and every rule that needs nothing but the write. Complete: a driver that
    /// asks this, with a verified writer, needs no other rule of ownership but those of SEA about what a value proves.
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

        if (PolicySoul.IsSystem(write.Soul))
        {
            return JudgeRecord(write, writer, context.Owner);
        }

        return _policies.IsEmpty || Find(write.Soul, context.Owner, write.State) is not { } policy
            ? JudgeOwner(write, writer, context.Owner)
            : JudgeUnder(policy.Document, write, writer, context.Owner);
    }

    /// <summary>The rule of a soul that no policy is in force for.</summary>
    private PolicyVerdict JudgeOwner(in FieldWrite write, in WriterId writer, in SoulOwner owner) => owner.Kind switch
    {
        SoulOwnerKind.Native or SoulOwnerKind.Network or SoulOwnerKind.Sea or SoulOwnerKind.Nobody =>
            JudgeWriter(OwnerAlone, writer, owner, write.State),
        _ => PolicyVerdict.Allowed, // "#" and "~@" say what may stand there, not who writes it.
    };

    private PolicyVerdict JudgeUnder(PolicyDocument policy, in FieldWrite write, in WriterId writer, in SoulOwner owner)
    {
        if (policy.IsUnknown)
        {
            return new(WeftError.RuleUnknown, "the policy in force has a member or rule this version does not know");
        }

        if (write.State > policy.ExpiresMs)
        {
            return new(WeftError.OwnedByNobody, "the policy in force has ended, and no newer one is known");
        }

        // A soul of SEA stays one of SEA: gun.js would throw away what is not signed, whatever the policy says.
        if (policy.Class != PolicyClass.Public || owner.Kind is SoulOwnerKind.Sea or SoulOwnerKind.Nobody)
        {
            PolicyVerdict verdict = JudgeWriter(policy, writer, owner, write.State);
            if (!verdict.IsAllowed)
            {
                return verdict;
            }
        }

        bool isPrivate = policy.Class == PolicyClass.Private;
        WeftValue value = owner.Kind == SoulOwnerKind.Sea ? SeaRules.Unwrap(write.Value) : write.Value;
        if (isPrivate && !SealedText.IsSealed(value, policy.Readers))
        {
            return new(WeftError.SealRequired, policy.Readers is null
                ? "every value must be sealed"
                : $"every value must be sealed for {policy.Readers}");
        }

        MergeMethod method = policy.MethodOf(write.Field);
        if (method != MergeMethod.Ham
            && (value.IsNull || (method != MergeMethod.First && value.Kind != WeftValueKind.Number)))
        {
            return new(WeftError.RuleBroken, method == MergeMethod.First
                ? $"the field \"{write.Field}\" is write-once and cannot be deleted"
                : $"the field \"{write.Field}\" takes only numbers");
        }

        return policy.Rules.IsEmpty
            ? PolicyVerdict.Allowed
            : RuleJudge.Judge(policy.Rules, write, value, readable: !isPrivate, _plugIns);
    }

    /// <summary>
    /// Judges a writer against all who may write: the owner, the policy's owner, its writers, holders of grants.
    /// </summary>
    private PolicyVerdict JudgeWriter(PolicyDocument policy, in WriterId writer, in SoulOwner owner, double state)
    {
        if (owner.Kind == SoulOwnerKind.Nobody)
        {
            return new(WeftError.OwnedByNobody, "nobody may write this soul");
        }

        if (writer.Kind == WriterKind.Sea && owner.Kind == SoulOwnerKind.Sea)
        {
            return PolicyVerdict.Allowed;
        }

        Ed25519PublicKey? root = owner.Kind switch
        {
            SoulOwnerKind.Native => EffectiveOwner(owner.Key, state),
            SoulOwnerKind.Sea => null,
            _ => _networkKey is { } key ? EffectiveOwner(key, state) : null,
        };
        Ed25519PublicKey? named = policy.Owner is { } delegated ? EffectiveOwner(delegated, state) : null;
        if (root is null && named is null && policy.Writers.Count == 0 && owner.Kind != SoulOwnerKind.Sea)
        {
            return new(WeftError.OwnedByNobody, owner.Kind == SoulOwnerKind.Native
                ? "the successors of its key go round in a circle"
                : "it belongs to the network's key, and this node's configuration names none");
        }

        if (writer.Kind != WriterKind.Native)
        {
            return new(WeftError.SignatureMissing, $"it belongs to {OwnerText(root ?? named, owner)}");
        }

        if (writer.Key == root || writer.Key == named)
        {
            return PolicyVerdict.Allowed;
        }

        foreach (Ed25519PublicKey listed in policy.Writers)
        {
            if (EffectiveOwner(listed, state) == writer.Key)
            {
                return PolicyVerdict.Allowed;
            }
        }

        return writer.Grant is { } grant
            ? JudgeGrant(grant, writer.Key, root, named, state)
            : new(WeftError.NotOwner, $"it belongs to {OwnerText(root ?? named, owner)}, not to {writer.Key}");
    }

    private static string OwnerText(Ed25519PublicKey? key, in SoulOwner owner) =>
        owner.Kind == SoulOwnerKind.Sea ? $"~{owner.Sea}" : key?.ToString() ?? "others";

    private PolicyVerdict JudgeGrant(
        GrantClaim grant, Ed25519PublicKey holder, Ed25519PublicKey? root, Ed25519PublicKey? named, double state)
    {
        if (grant.Links.Count == 0 || (grant.Links[0].Issuer != root && grant.Links[0].Issuer != named)
            || EffectiveOwner(grant.Audience, state) != holder)
        {
            return new(WeftError.GrantRefused, $"the grant does not lead from the owner to {holder}");
        }

        for (int block = 0; block < grant.Links.Count; block++)
        {
            if (IsRetired(grant.Links[block].Issuer, state))
            {
                return new(WeftError.GrantRefused,
                    $"its issuer {grant.Links[block].Issuer} was replaced before this state");
            }

            // Whoever stands above a block in the chain may take it back.
            for (int issuer = 0; issuer <= block; issuer++)
            {
                if (state > RevokedAt(grant.Links[issuer].Issuer, grant.Links[block].Id))
                {
                    return new(WeftError.GrantRevoked, $"block {grant.Links[block].Id} was revoked before this state");
                }
            }
        }

        return PolicyVerdict.Allowed;
    }

    private double? RevokedAt(Ed25519PublicKey issuer, string id) =>
        !_revoked.IsEmpty && _revoked.TryGetValue(issuer, out ImmutableDictionary<string, double>? ids)
            && ids.TryGetValue(id, out double state)
            ? state
            : null;
}
