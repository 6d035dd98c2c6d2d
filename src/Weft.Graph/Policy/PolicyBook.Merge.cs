using Weft.Graph.Access;

namespace Weft.Graph.Policy;

/// <content>Questions about policies in force, and the order of versions.</content>
public sealed partial class PolicyBook
{
    /// <summary>
    /// The policy that judges what happens to <paramref name="soul"/> at <paramref name="state"/>: that of the node,
    /// else that of the longest prefix; of its versions the one with the greatest state that is not above. Only
    /// policies of the soul's own owner count, and those of the network for souls without one.
    /// </summary>
    /// <returns>Null when none is in force: the rule of the owner holds alone.</returns>
    public PolicyInForce? Find(string soul, double state) =>
        _policies.IsEmpty ? null : Find(soul, Ownership.Of(soul), state);

    /// <summary>The same, for callers that know the owner.</summary>
    /// <param name="soul">The node.</param>
    /// <param name="owner">Its owner by its text alone.</param>
    /// <param name="state">The state.</param>
    public PolicyInForce? Find(string soul, in SoulOwner owner, double state) => PoliciesOf(owner)?.Find(soul, state);

    /// <summary>
    /// The policy that says how a soul is handled from now on, whatever the clocks of peers say: the newest one.
    /// </summary>
    /// <returns>Null when there is none.</returns>
    public PolicyInForce? FindNewest(string soul) => Find(soul, double.PositiveInfinity);

    /// <summary>The newest version of every policy that is known, in no particular order of owners.</summary>
    public IReadOnlyList<PolicyInForce> ReadNewest() =>
        [.. _policies.Values.SelectMany(policies => policies.Newest)];

    /// <summary>
    /// True when some policy is in force for the soul at some state. One check while there is no policy at all.
    /// </summary>
    /// <param name="soul">The node.</param>
    /// <param name="owner">Its owner by its text alone.</param>
    public bool Governs(string soul, in SoulOwner owner) => PoliciesOf(owner)?.Governs(soul) ?? false;

    /// <summary>How versions of a field are merged.</summary>
    /// <param name="soul">The node.</param>
    /// <param name="field">The field.</param>
    /// <param name="state">The state of the version.</param>
    public MergeMethod MethodOf(string soul, string field, double state) =>
        PolicySoul.IsSystem(soul)
            ? PolicySoul.Of(soul).Kind == PolicySoulKind.Group ? MergeMethod.Ham : MergeMethod.First
            : Find(soul, state)?.Document.MethodOf(field) ?? MergeMethod.Ham;

    /// <inheritdoc/>
    public bool Orders(string soul) => Volatile.Read(ref _hasMerge) || PolicySoul.IsSystem(soul);

    /// <inheritdoc/>
    /// <remarks>
    /// A state at which the method of the field changes begins a new era. Of two versions of different eras the later
    /// one wins; within an era the method decides. So all versions of a field stand in one order, and any subset of
    /// them, met in any order, ends at the same one.
    /// </remarks>
    public HamVerdict Judge(in FieldWrite incoming, in StoredField known)
    {
        if (known.State == DroppedState || incoming.State == DroppedState)
        {
            return PlainOrder(incoming, known);
        }

        if (PolicySoul.IsSystem(incoming.Soul))
        {
            return JudgeRecordOrder(incoming, known);
        }

        SoulOwner owner = Ownership.Of(incoming.Soul);
        if (PoliciesOf(owner) is not { HasMerge: true } policies)
        {
            return PlainOrder(incoming, known);
        }

        MergeMethod method = MethodAt(policies, incoming, incoming.State);
        return incoming.State != known.State && IsOtherEra(policies, incoming, known.State, method)
            ? PlainOrder(incoming, known)
            : Order(method, incoming, known, owner.Kind == SoulOwnerKind.Sea);
    }

    /// <summary>
    /// Judges what needs the stored field, for writers that want to be told: a second write to a write-once field, and
    /// a number that would step back. For a write that came from a peer this is no refusal: it loses the merge.
    /// </summary>
    /// <param name="write">The write.</param>
    /// <param name="known">What is stored.</param>
    /// <param name="hadKnown">False when nothing is.</param>
    public PolicyVerdict JudgeKnown(in FieldWrite write, in StoredField known, bool hadKnown)
    {
        if (!hadKnown || !Orders(write.Soul) || Judge(write, known) != HamVerdict.KnownByPolicy)
        {
            return PolicyVerdict.Allowed;
        }

        return MethodOf(write.Soul, write.Field, write.State) == MergeMethod.First
            ? new(Primitives.WeftError.WrittenOnce, $"the field \"{write.Field}\" is write-once")
            : new(Primitives.WeftError.RuleBroken, $"the field \"{write.Field}\" only grows, or only shrinks");
    }

    /// <summary>
    /// Judges a node as it would become, for local ways in: a write of a peer may be the first of several, so this rule
    /// is not for those.
    /// </summary>
    /// <param name="soul">The node.</param>
    /// <param name="state">The state of the write.</param>
    /// <param name="willHave">True when the node will have a value in a field.</param>
    public PolicyVerdict JudgeNode(string soul, double state, Func<string, bool> willHave)
    {
        foreach (string field in Find(soul, state)?.Document.Rules.Required ?? [])
        {
            if (!willHave(field))
            {
                return new(Primitives.WeftError.RuleBroken, $"the field \"{field}\" is required");
            }
        }

        return PolicyVerdict.Allowed;
    }

    private static HamVerdict PlainOrder(in FieldWrite incoming, in StoredField known) =>
        Ham.Judge(incoming.Value, incoming.State, known.Value, known.State, double.PositiveInfinity);

    private static MergeMethod MethodAt(OwnerPolicies policies, in FieldWrite write, double state) =>
        policies.Find(write.Soul, state)?.Document.MethodOf(write.Field) ?? MergeMethod.Ham;

    private static bool IsOtherEra(OwnerPolicies policies, in FieldWrite write, double otherState, MergeMethod method)
    {
        double low = Math.Min(write.State, otherState);
        if (MethodAt(policies, write, otherState) != method)
        {
            return true;
        }

        var beginnings = new List<double>();
        policies.Beginnings(write.Soul, low, Math.Max(write.State, otherState), beginnings);
        foreach (double state in beginnings)
        {
            if (MethodAt(policies, write, state) != method)
            {
                return true;
            }
        }

        return false;
    }

    private static HamVerdict Order(MergeMethod method, in FieldWrite incoming, in StoredField known, bool isSea)
    {
        HamVerdict plain = PlainOrder(incoming, known);
        if (method == MergeMethod.Ham || plain == HamVerdict.Equal)
        {
            return plain;
        }

        if (method == MergeMethod.First)
        {
            return incoming.State < known.State ? HamVerdict.Incoming
                : incoming.State > known.State ? HamVerdict.KnownByPolicy
                : plain;
        }

        // What is no number was written before the policy was known here, and stands below every number.
        double? here = (isSea ? SeaRules.Unwrap(known.Value) : known.Value).AsNumber();
        double? there = (isSea ? SeaRules.Unwrap(incoming.Value) : incoming.Value).AsNumber();
        if (here is null || there is null)
        {
            return here is not null ? HamVerdict.KnownByPolicy : there is not null ? HamVerdict.Incoming : plain;
        }

        int order = method == MergeMethod.Max ? there.Value.CompareTo(here.Value) : here.Value.CompareTo(there.Value);
        return order > 0 ? HamVerdict.Incoming : order < 0 ? HamVerdict.KnownByPolicy : plain;
    }

    private static HamVerdict JudgeRecordOrder(in FieldWrite incoming, in StoredField known)
    {
        PolicySoulKind kind = PolicySoul.Of(incoming.Soul).Kind;
        if (kind == PolicySoulKind.Key && incoming.Field == RecoveryRecord.Field)
        {
            // The recovery by the keys named first counts; so a later set cannot overturn what an earlier one decided.
            double here = RecoveryRecord.Read(known.Value)?.SetState ?? double.PositiveInfinity;
            double there = RecoveryRecord.Read(incoming.Value)?.SetState ?? double.PositiveInfinity;
            if (here != there)
            {
                return there < here ? HamVerdict.Incoming : HamVerdict.KnownByPolicy;
            }
        }

        return Order(kind == PolicySoulKind.Group ? MergeMethod.Ham : MergeMethod.First, incoming, known, isSea: false);
    }

    private OwnerPolicies? PoliciesOf(in SoulOwner owner) =>
        owner.Kind == SoulOwnerKind.Nobody || _policies.IsEmpty
            ? null
            : _policies.GetValueOrDefault(AuthorityOf(owner));

    /// <summary>Whose policies govern a soul: its owner's, and the network's where it has none.</summary>
    private static SoulOwner AuthorityOf(in SoulOwner owner) => owner.Kind switch
    {
        SoulOwnerKind.Native => new(SoulOwnerKind.Native, owner.Key),
        SoulOwnerKind.Sea => new(SoulOwnerKind.Sea, Sea: owner.Sea),
        _ => new(SoulOwnerKind.Network),
    };
}
