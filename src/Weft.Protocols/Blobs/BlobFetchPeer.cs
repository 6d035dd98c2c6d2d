using Weft.Primitives;

namespace Weft.Protocols.Blobs;

/// <summary>What a peer is doing for a fetch.</summary>
internal enum BlobPeerState
{
    /// <summary>Nothing; it may be asked.</summary>
    Idle = 0,

    /// <summary>It owes an answer.</summary>
    Asked,

    /// <summary>It is tried again at Due.</summary>
    Waiting,

    /// <summary>It is not asked any more: see Fault.</summary>
    Dropped,
}

/// <summary>One peer of a <see cref="BlobFetchCore"/>.</summary>
internal sealed class BlobFetchPeer(PeerId id)
{
    public PeerId Id { get; } = id;

    public BlobPeerState State { get; set; }

    /// <summary>It has said so, and proved the root.</summary>
    public bool HasBlob { get; set; }

    public int From { get; set; }

    public int To { get; set; }

    /// <summary>The answer under way; null before its head.</summary>
    public BlobAnswer? Answer { get; set; }

    public WeftInstant AskedAt { get; set; }

    public WeftInstant LastAt { get; set; }

    /// <summary>Waiting: when it is tried again.</summary>
    public WeftInstant Due { get; set; }

    public int Retries { get; set; }

    public BlobFault Fault { get; set; }

    /// <summary>True for one that may be given another chance when somebody names it again.</summary>
    public bool MayComeBack => Fault is BlobFault.Absent or BlobFault.Unreachable or BlobFault.Slow;
}
