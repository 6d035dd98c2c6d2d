using Weft.Graph.Policy;

namespace Weft.Protocols.Replication;

/// <summary>How far the fields of a soul may go by themselves.</summary>
public enum ReplicaReach
{
    /// <summary>To every peer a session or link is open with: what no policy speaks of, and what is for everyone.</summary>
    Everywhere = 0,

    /// <summary>
    /// To the responsible peers, and to those who name its prefix or ask for it: what is kept by responsible peers alone.
    /// </summary>
    Asked,

    /// <summary>Nowhere.</summary>
    Nowhere,
}

/// <summary>How one soul is replicated.</summary>
/// <param name="Scope">The prefix, or the soul, that says so; empty where nothing does.</param>
/// <param name="IsNode">True when it is about that one soul.</param>
/// <param name="Words">What it says; the default, none of the words, where nothing does.</param>
public readonly record struct ReplicationPlan(string Scope, bool IsNode, ReplicationWords Words)
{
    /// <summary>How far it goes by itself.</summary>
    public ReplicaReach Reach =>
        Words.IsLocal ? ReplicaReach.Nowhere
        : Words.Copies > 0 && !Words.IsEveryone ? ReplicaReach.Asked
        : ReplicaReach.Everywhere;
}
