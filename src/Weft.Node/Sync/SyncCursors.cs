using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Protocols.Kad;
using Weft.Protocols.Sync;

namespace Weft.Node.Sync;

/// <summary>How far this node and each store it ever met are: kept in the node's own store, where that keeps records.</summary>
/// <remarks>
/// A row that is older than the truth costs a few fields that travel twice, never one that is missed: it is written after
/// what it speaks of is durable. Rows have keys that begin with the bytes 1 and 's'; the runs of this store stand under 1
/// and 'r'. Safe to use from many threads. Source: docs/spec/sync.md, section 3.
/// </remarks>
internal sealed class SyncCursors
{
    /// <summary>Stores remembered; the one that was seen longest ago goes first.</summary>
    public const int CursorsMax = 1_024;

    private const byte Owner = 1;
    private const int RowHead = sizeof(ulong) + (3 * sizeof(long));

    private static readonly byte[] RunsKey = [Owner, (byte)'r'];

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Entry> _entries = [];
    private readonly IRecordShelf? _shelf;

    /// <summary>Reads what is kept, and begins a run.</summary>
    /// <param name="store">The node's.</param>
    /// <param name="first">The newest commit when the store was opened: the run before ends there.</param>
    public SyncCursors(IStore store, long first)
    {
        _shelf = store.Records;
        Span<byte> id = stackalloc byte[sizeof(ulong)];
        RandomNumberGenerator.Fill(id);
        var runs = new List<SyncRun>();
        foreach (RecordChange row in _shelf?.Load() ?? [])
        {
            if (!Owns(row.Key.Span) || !KadRecord.TryRead(row.Record.Span, out KadRecord record, out _))
            {
                continue;
            }

            if (row.Key.Span.SequenceEqual(RunsKey))
            {
                runs = ReadRuns(record.Value.Span);
            }
            else if (Entry.Read(row.Key.Span, record.Value.Span) is { } entry && !store.HasLost)
            {
                _entries[entry.Store] = entry;
            }
        }

        // The end of the run before is known only now: whatever it had beyond was lost.
        if (runs.Count > 0)
        {
            runs[^1] = runs[^1] with { End = first };
        }

        runs.Add(new(BinaryPrimitives.ReadUInt64BigEndian(id), first));
        Runs = [.. runs.TakeLast(SyncHello.RunsMax)];
        WriteRuns();
    }

    /// <summary>The runs of this store, the present one last.</summary>
    public IReadOnlyList<SyncRun> Runs { get; }

    /// <summary>True for a row of this class, among the records of others.</summary>
    public static bool Owns(ReadOnlySpan<byte> key) => key is [Owner, (byte)'s' or (byte)'r', ..];

    /// <summary>Where a session with a store may go on; -1 where everything has to be compared.</summary>
    public long ResumeOf(SyncHello hello)
    {
        lock (_gate)
        {
            return _entries.TryGetValue(hello.StoreId, out Entry? entry) && hello.Covers(entry.Run, entry.Received)
                ? entry.Received
                : -1;
        }
    }

    /// <summary>Every store that was met, by peer: the newest of each.</summary>
    public IReadOnlyList<SyncMark> List()
    {
        lock (_gate)
        {
            return
            [
                .. _entries.Values.GroupBy(entry => entry.Peer).Select(group => group.MaxBy(entry => entry.SeenMs)!)
                    .OrderBy(entry => entry.Peer)
                    .Select(entry => new SyncMark(
                        entry.Peer, entry.Acked, DateTimeOffset.FromUnixTimeMilliseconds((long)entry.SeenMs))),
            ];
        }
    }

    /// <summary>Notes how far a session is.</summary>
    /// <param name="peer">With whom.</param>
    /// <param name="store">Its store.</param>
    /// <param name="run">The run of it.</param>
    /// <param name="received">This node has everything up to this commit of it; -1 for not yet.</param>
    /// <param name="acked">It has everything up to this commit of this node; -1 for not yet.</param>
    /// <param name="now">The time.</param>
    public void Note(PeerId peer, string store, ulong run, long received, long acked, DateTimeOffset now)
    {
        lock (_gate)
        {
            if (!_entries.TryGetValue(store, out Entry? entry))
            {
                if (_entries.Count >= CursorsMax)
                {
                    Forget(_entries.Values.MinBy(one => one.SeenMs)!);
                }

                _entries.Add(store, entry = new Entry(store));
            }

            entry.IsChanged |= entry.Run != run || entry.Received < received || entry.Acked < acked;
            entry.Peer = peer;
            entry.Received = entry.Run == run ? Math.Max(entry.Received, received) : received;
            entry.Run = run;
            entry.Acked = Math.Max(entry.Acked, acked);
            entry.SeenMs = now.ToUnixTimeMilliseconds();
        }
    }

    /// <summary>Writes the rows that have changed.</summary>
    /// <returns>How many were written.</returns>
    /// <exception cref="WeftException">DiskFull, DiskFailed, StoreStopped.</exception>
    public int Save()
    {
        if (_shelf is null)
        {
            return 0;
        }

        lock (_gate)
        {
            int written = 0;
            foreach (Entry entry in _entries.Values.Where(entry => entry.IsChanged))
            {
                Write(entry.Key, entry.Encode());
                entry.IsChanged = false;
                written++;
            }

            return written;
        }
    }

    private static List<SyncRun> ReadRuns(ReadOnlySpan<byte> bytes)
    {
        var runs = new List<SyncRun>();
        for (; bytes.Length >= 2 * sizeof(long); bytes = bytes[(2 * sizeof(long))..])
        {
            runs.Add(new(
                BinaryPrimitives.ReadUInt64BigEndian(bytes), BinaryPrimitives.ReadInt64BigEndian(bytes[sizeof(ulong)..])));
        }

        return runs;
    }

    private void WriteRuns()
    {
        byte[] bytes = new byte[Runs.Count * 2 * sizeof(long)];
        for (int i = 0; i < Runs.Count; i++)
        {
            BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(16 * i), Runs[i].Id);
            BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan((16 * i) + 8), Runs[i].End);
        }

        Write(RunsKey, bytes);
    }

    private void Write(byte[] key, byte[] value) => _shelf?.Write(
        new(key, KadRecord.Make(key, value).Encoded, double.MaxValue, 0, IsOwn: true));

    private void Forget(Entry entry)
    {
        _entries.Remove(entry.Store);
        _shelf?.Write(new(entry.Key, default, 0, 0, false));
    }

    private sealed class Entry(string store)
    {
        public string Store { get; } = store;

        public PeerId Peer { get; set; }

        public ulong Run { get; set; }

        public long Received { get; set; } = -1;

        public long Acked { get; set; } = -1;

        public double SeenMs { get; set; }

        public bool IsChanged { get; set; }

        public byte[] Key => [Owner, (byte)'s', .. Encoding.UTF8.GetBytes(Store)];

        public static Entry? Read(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
        {
            if (value.Length <= RowHead || !PeerId.TryRead(value[RowHead..], out PeerId peer))
            {
                return null;
            }

            return new Entry(Encoding.UTF8.GetString(key[2..]))
            {
                Run = BinaryPrimitives.ReadUInt64BigEndian(value),
                Received = BinaryPrimitives.ReadInt64BigEndian(value[8..]),
                Acked = BinaryPrimitives.ReadInt64BigEndian(value[16..]),
                SeenMs = BinaryPrimitives.ReadDoubleBigEndian(value[24..]),
                Peer = peer,
            };
        }

        public byte[] Encode()
        {
            byte[] bytes = new byte[RowHead + Peer.Span.Length];
            BinaryPrimitives.WriteUInt64BigEndian(bytes, Run);
            BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(8), Received);
            BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(16), Acked);
            BinaryPrimitives.WriteDoubleBigEndian(bytes.AsSpan(24), SeenMs);
            Peer.Span.CopyTo(bytes.AsSpan(RowHead));
            return bytes;
        }
    }
}

/// <summary>What a store remembers of peers' progress.</summary>
public static class SyncMarks
{
    /// <summary>
    /// Forgets how far peers are: at the next start everything is compared. For a store that has lost something it had.
    /// </summary>
    /// <param name="store">No node runs on it.</param>
    /// <returns>How many peers were forgotten.</returns>
    /// <exception cref="WeftException">FileDamaged, DiskFull, DiskFailed.</exception>
    public static int Forget(IStore store)
    {
        ArgumentNullException.ThrowIfNull(store);
        int count = 0;
        foreach (RecordChange row in store.Records?.Load() ?? [])
        {
            if (SyncCursors.Owns(row.Key.Span))
            {
                store.Records!.Write(new(row.Key, default, 0, 0, false));
                count++;
            }
        }

        return count;
    }
}

/// <summary>How far a peer was when it was last here.</summary>
/// <param name="Peer">The peer.</param>
/// <param name="Acked">It has everything of this node up to this commit; -1 for not known.</param>
/// <param name="Seen">When something of it was last noted.</param>
internal readonly record struct SyncMark(PeerId Peer, long Acked, DateTimeOffset Seen);
