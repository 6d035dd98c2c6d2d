using System.Collections.Concurrent;
using Weft.Primitives;

namespace Weft.Node;

/// <summary>Counts since the start, for metrics, status and tests. Safe to read at any time.</summary>
public sealed class NodeMetrics
{
    internal long WonCount;
    internal long KeptCount;
    internal long DeferredCount;
    internal long RefusedCount;
    internal long ReadCount;
    internal long DroppedCount;
    internal long WriteCount;
    internal long PeerBytesInCount;
    internal long PeerBytesOutCount;

    private readonly ConcurrentDictionary<WeftError, long> _refusals = new(); // One entry for each error there is.

    /// <summary>Fields that changed.</summary>
    public long Won => Interlocked.Read(ref WonCount);

    /// <summary>Fields whose known value stayed.</summary>
    public long Kept => Interlocked.Read(ref KeptCount);

    /// <summary>Fields held because their state lies in the near future.</summary>
    public long Deferred => Interlocked.Read(ref DeferredCount);

    /// <summary>Deltas refused.</summary>
    public long Refused => Interlocked.Read(ref RefusedCount);

    /// <summary>Writes refused at admission, by reason: not the owner, signature wrong, a rule…</summary>
    public IReadOnlyDictionary<WeftError, long> AdmissionRefusals => _refusals;

    /// <summary>Stored fields taken back, because a record that came later forbids them.</summary>
    public long Dropped => Interlocked.Read(ref DroppedCount);

    /// <summary>Reads.</summary>
    public long Reads => Interlocked.Read(ref ReadCount);

    /// <summary>Deltas taken.</summary>
    public long Writes => Interlocked.Read(ref WriteCount);

    /// <summary>Bytes received from peers, over all connections there were.</summary>
    public long PeerBytesIn => Interlocked.Read(ref PeerBytesInCount);

    /// <summary>Bytes sent to peers, over all connections there were.</summary>
    public long PeerBytesOut => Interlocked.Read(ref PeerBytesOutCount);

    internal void AddRefusal(WeftError reason) => _refusals.AddOrUpdate(reason, 1, (_, count) => count + 1);
}
