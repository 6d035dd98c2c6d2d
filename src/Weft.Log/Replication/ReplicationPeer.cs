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
/// <param name="Kind">Why it was asked.</param>
/// <param name="Request">What was asked.</param>
/// <param name="Brings">Block: the tree nodes that the answer will bring.</param>
/// <param name="IsHopeful">Block: it leans on a node that an earlier answer is to bring.</param>
internal readonly record struct Ask(
    AskKind Kind, LogRequest Request, IReadOnlyList<long>? Brings = null, bool IsHopeful = false);

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

    /// <summary>
    /// Tree nodes that answers under way will bring, with how many of them will. Peers answer in order, so that a later
    /// question need not ask for these again; where that hope fails, the question is put again.
    /// </summary>
    public Dictionary<long, int> Coming { get; } = [];

    /// <summary>True once the peer did not answer in order: from then on nothing is hoped for.</summary>
    public bool AnswersOutOfOrder { get; set; }

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

    /// <summary>
    /// Per download: before this block there is nothing to ask of this peer that was not asked already.
    /// </summary>
    public Dictionary<long, long> Looked { get; } = [];

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

    /// <summary>Notes what an answer will bring.</summary>
    public void Expect(IReadOnlyList<long> nodes)
    {
        foreach (long node in nodes)
        {
            Coming[node] = Coming.GetValueOrDefault(node) + 1;
        }
    }

    /// <summary>Forgets what an answer was to bring: it came, or it never will.</summary>
    public void StopExpecting(IReadOnlyList<long>? nodes)
    {
        foreach (long node in nodes ?? [])
        {
            if (Coming.TryGetValue(node, out int count) && count > 1)
            {
                Coming[node] = count - 1;
            }
            else
            {
                Coming.Remove(node);
            }
        }
    }
}
