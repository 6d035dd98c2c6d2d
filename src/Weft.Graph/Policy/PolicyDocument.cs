using Weft.Crypto;

namespace Weft.Graph.Policy;

/// <summary>Who may read and write under a policy.</summary>
public enum PolicyClass
{
    /// <summary>Everybody writes.</summary>
    Public = 0,

    /// <summary>Everybody reads; the owner, the listed writers and holders of grants write.</summary>
    Protected,

    /// <summary>Protected, and every value is sealed for its readers.</summary>
    Private,
}

/// <summary>What one version of a policy says. Immutable.</summary>
public sealed class PolicyDocument
{
    /// <summary>
    /// True when the document has a member or rule that this version of Weft does not know. It is signed and in force,
    /// and everything under it is refused; the other members say nothing then.
    /// </summary>
    public bool IsUnknown { get; init; }

    /// <summary>Who may read and write.</summary>
    public PolicyClass Class { get; init; }

    /// <summary>A key that owns what lies under the policy, beside the key that signs it; null for none.</summary>
    public Ed25519PublicKey? Owner { get; init; }

    /// <summary>Keys that may write; at most <see cref="PolicyLimits.WritersMax"/>.</summary>
    public IReadOnlyList<Ed25519PublicKey> Writers { get; init; } = [];

    /// <summary>The soul of the group that values are sealed for; null when any sealed value will do.</summary>
    public string? Readers { get; init; }

    /// <summary>
    /// The last state at which anything may be written under this version, in milliseconds; null for no end.
    /// </summary>
    public double? ExpiresMs { get; init; }

    /// <summary>How fields are merged, field by field; HAM where it says nothing.</summary>
    public FieldMap<MergeMethod> Merge { get; init; } = FieldMap<MergeMethod>.Empty;

    /// <summary>How it is replicated; null where it does not say.</summary>
    public ReplicationWords? Replicate { get; init; }

    /// <summary>
    /// How what lies under it is replicated; null for what the configuration of a peer says. What is protected or private
    /// goes both ways, so that it is neither lost with its writer nor late.
    /// </summary>
    public ReplicationWords? Replication =>
        Replicate ?? (IsUnknown || Class == PolicyClass.Public ? null : ReplicationWords.Protected);

    /// <summary>What must hold of fields and values.</summary>
    public RuleSet Rules { get; init; } = RuleSet.None;

    /// <summary>How much of the past is kept; null when the policy leaves that to each node.</summary>
    public HistoryRule? History { get; init; }

    /// <summary>How versions of <paramref name="field"/> are merged.</summary>
    public MergeMethod MethodOf(string field) =>
        Merge.TryFind(field, out MergeMethod method) ? method : MergeMethod.Ham;
}
