using Weft.Log.Wire;
using Weft.Primitives;

namespace Weft.Log.Replication;

/// <summary>Why something was asked.</summary>
internal enum AskKind
{
    Block = 0,
    Upgrade,
    Fork,
    ForkHash,
}

/// <summary>A request that waits for its answer.</summary>
internal readonly record struct Ask(AskKind Kind, LogRequest Request);

/// <summary>What a replicating log knows about one peer.</summary>
internal sealed class ReplicationPeer(int number, ReplicationOptions options)
{
    private readonly Stack<long> _freeIds = [];
    private long _idLast;

    public int Number { get; } = number;

    public RemoteHave Have { get; } = new(options.RemotePagesMax);

    /// <summary>What the peer said last; null before its first sync.</summary>
    public SyncMessage? Remote { get; set; }

    /// <summary>The length in the peer's first sync: what it had without us.</summary>
    public long LengthAtFirst { get; set; }

    /// <summary>What it was told last.</summary>
    public SyncMessage? Told { get; set; }

    public Dictionary<long, Ask> Asks { get; } = [];

    /// <summary>Asks that were cancelled: their numbers stay taken until the peer answers.</summary>
    public HashSet<long> Cancelled { get; } = [];

    /// <summary>The peer's requests, in order.</summary>
    public Queue<LogRequest> Waiting { get; } = [];

    public HashSet<long> CancelledByPeer { get; } = [];

    /// <summary>Regions we asked to hear about, by number of 2^21 blocks.</summary>
    public HashSet<long> Wanted { get; } = [];

    /// <summary>Regions the peer wants to hear about.</summary>
    public List<(long Start, long Length)> Wants { get; } = [];

    public bool WantsAll { get; set; }

    public int UnsentBytes { get; set; }

    public int InvalidRequests { get; set; }

    public int BadAnswers { get; set; }

    /// <summary>True after a bad answer, until the peer shows that it agrees with us.</summary>
    public bool IsPaused { get; set; }

    /// <summary>When the peer last answered, or was first owed an answer.</summary>
    public WeftInstant HeardAt { get; set; }

    /// <summary>True when this peer was told that the whole log is here, at that length.</summary>
    public long ToldWhole { get; set; }

    public long TakeId() => _freeIds.TryPop(out long id) ? id : ++_idLast;

    public void FreeId(long id) => _freeIds.Push(id);
}
