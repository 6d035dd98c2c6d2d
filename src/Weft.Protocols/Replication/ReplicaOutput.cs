using Weft.Graph;
using Weft.Primitives;

namespace Weft.Protocols.Replication;

/// <summary>What replication asks its driver to do.</summary>
public enum ReplicaOutputKind
{
    /// <summary>Publish Writes in the topic of Plan.</summary>
    Publish = 0,

    /// <summary>Join the topic of Plan, and judge by admission what comes there.</summary>
    Join,

    /// <summary>Leave the topic of Plan.</summary>
    Leave,

    /// <summary>Put the state of Soul to its responsible peers, and answer with OnStored.</summary>
    Store,

    /// <summary>Go through the store's souls that begin with Soul, and tell OnFound those this peer answers for.</summary>
    Scan,

    /// <summary>Call OnTimer at Due; earlier ones may be forgotten.</summary>
    StartTimer,
}

/// <summary>One thing replication asks for. Which members count is said by <see cref="ReplicaOutputKind"/>.</summary>
public readonly record struct ReplicaOutput(
    ReplicaOutputKind Kind,
    ReplicationPlan Plan = default,
    string Soul = "",
    IReadOnlyList<FieldWrite>? Writes = null,
    WeftInstant Due = default);

/// <summary>How storing a soul went.</summary>
public enum ReplicaStored
{
    /// <summary>Every responsible peer has it.</summary>
    Done = 0,

    /// <summary>Too few took it, or nobody was there: again later.</summary>
    Missed,

    /// <summary>It is no matter of responsible peers any more, or too large for them: not again.</summary>
    Dropped,
}
