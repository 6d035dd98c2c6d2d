using System.Buffers;
using System.Runtime.InteropServices;
using Weft.Graph;
using Weft.Storage.Logs;
using Weft.Storage.Memory;
using Weft.Storage.Records;

namespace Weft.Storage.Tier;

/// <summary>Writes into the disk tier: memory tables in one transaction each, and what maintenance removes.</summary>
/// <remarks>One caller at a time. Readers go on beside it and see each flush whole.</remarks>
internal sealed class TierWriter : IDisposable
{
    private readonly Db _db;
    private readonly SoulFilter _filter;
    private readonly Action<string>? _step;
    private readonly double _horizonMs;
    private readonly Statement _find;
    private readonly Statement _nextFirst;
    private readonly Statement _upsert;
    private readonly Statement _delete;
    private readonly Statement _addLink;
    private readonly Statement _removeLink;
    private readonly Statement _putFilter;
    private readonly Statement _putMeta;
    private readonly Statement _quarantine;
    private readonly LogFlush _logs;
    private readonly RecordRows _records;
    private readonly ArrayBufferWriter<byte> _block = new(BlockCodec.BytesMax * 2);
    private readonly List<PackedField> _updates = [];
    private readonly List<PackedField> _merged = [];
    private readonly List<LinkChange> _links = [];
    private long _nodes;
    private long _fields;
    private long _flushed;
    private double _clockHigh;

    public TierWriter(Db db, SoulFilter filter, TierState state, StorageOptions options)
    {
        _db = db;
        _filter = filter;
        _step = options.TierStep;
        _horizonMs = options.TombstoneHorizon.TotalMilliseconds;
        State = state;
        Begin();
        _find = db.Prepare("SELECT first, data FROM blocks WHERE soul=?1 AND first<=?2 ORDER BY first DESC LIMIT 1");
        _nextFirst = db.Prepare("SELECT first FROM blocks WHERE soul=?1 AND first>?2 ORDER BY first LIMIT 1");
        _upsert = db.Prepare(
            "INSERT INTO blocks(soul, first, seq, due, data) VALUES(?1, ?2, ?3, ?4, ?5) "
            + "ON CONFLICT(soul, first) DO UPDATE SET seq=excluded.seq, due=excluded.due, data=excluded.data");
        _delete = db.Prepare("DELETE FROM blocks WHERE soul=?1 AND first=?2");
        _addLink = db.Prepare("INSERT OR IGNORE INTO links(target, source) VALUES(?1, ?2)");
        _removeLink = db.Prepare("DELETE FROM links WHERE target=?1 AND source=?2");
        _putFilter = db.Prepare("INSERT OR REPLACE INTO filter(level, page, crc, data) VALUES(?1, ?2, ?3, ?4)");
        _putMeta = db.Prepare("INSERT OR REPLACE INTO meta(key, value) VALUES(CAST(?1 AS TEXT), ?2)");
        _quarantine = db.Prepare("INSERT OR REPLACE INTO quarantine(soul, first, data) VALUES(?1, ?2, ?3)");
        _logs = new LogFlush(db);
        _records = new RecordRows(db);
    }

    /// <summary>What the last finished transaction left.</summary>
    public TierState State { get; private set; }

    public Db Db => _db;

    /// <summary>Writes a whole table, all or nothing, and flushes it to the disk.</summary>
    public void Flush(MemTable table, double clockHigh, IReadOnlyList<FieldWrite>? deferred)
    {
        InTransaction(() =>
        {
            _step?.Invoke("nodes");
            var walk = new MemWalk(table.Shards);
            while (walk.MoveNext())
            {
                walk.ReadFields(_updates);
                if (_updates.Count > 0)
                {
                    FlushNode(walk.Soul);
                }
            }

            _step?.Invoke("links");
            FlushLinks();
            _step?.Invoke("logs");
            _logs.Write(table.Logs);
            _records.Write(table.Records);
            _step?.Invoke("state");
            if (deferred is not null)
            {
                PutMeta(TierState.DeferredKey, TierState.WriteDeferred(deferred));
            }

            _flushed = Math.Max(_flushed, table.LastSequence);
            _clockHigh = Math.Max(_clockHigh, clockHigh);
        });
    }

    /// <summary>Moves finished pages from SQLite's log into its file. Readers may hold some back until the next time.</summary>
    public void Checkpoint(bool truncate = false)
    {
        _step?.Invoke("checkpoint");
        _db.Execute(truncate ? "PRAGMA wal_checkpoint(TRUNCATE)" : "PRAGMA wal_checkpoint(PASSIVE)");
    }

    public void SaveJournal(IReadOnlyList<Loss> losses) =>
        InTransaction(() => PutMeta(TierState.JournalKey, TierState.WriteJournal(losses)));

    /// <summary>Writes one block anew without some of its fields; used by maintenance.</summary>
    /// <param name="soul">The node.</param>
    /// <param name="first">The block's key.</param>
    /// <param name="flags">The block's flags.</param>
    /// <param name="kept">What stays.</param>
    /// <param name="removed">How many fields go.</param>
    public void Shrink(
        ReadOnlySpan<byte> soul, ReadOnlySpan<byte> first, byte flags, List<PackedField> kept, int removed)
    {
        _fields -= removed;
        bool isWhole = first.IsEmpty && (flags & BlockCodec.MayHaveNext) == 0;
        if (kept.Count == 0 && (isWhole || !first.IsEmpty) && (flags & BlockCodec.HasLost) == 0)
        {
            _delete.Bind(1, soul).Bind(2, first).Run();
            _nodes -= isWhole ? 1 : 0;
            return;
        }

        WriteBlock(soul, first, flags, CollectionsMarshal.AsSpan(kept));
    }

    /// <summary>
    /// Says of a node whether something of it may be lost: reads of what is not found fail then. Damaged blocks are set
    /// aside either way. Inside of a transaction.
    /// </summary>
    /// <param name="soul">The node.</param>
    /// <param name="isLost">What is to hold from now on.</param>
    /// <returns>How many blocks were changed.</returns>
    public int SetLost(ReadOnlySpan<byte> soul, bool isLost)
    {
        var blocks = new List<(byte[] First, byte[] Data)>();
        using (Statement all = _db.Prepare("SELECT first, data FROM blocks WHERE soul=?1 ORDER BY first"))
        {
            all.Bind(1, soul);
            while (all.Step())
            {
                blocks.Add((all.Blob(0).ToArray(), all.Blob(1).ToArray()));
            }
        }

        if (isLost && blocks.Count == 0)
        {
            WriteBlock(soul, [], BlockCodec.HasLost, []);
            _nodes++;
            _filter.Add(soul);
            return 1;
        }

        int changed = 0;
        for (int i = 0; i < blocks.Count; i++)
        {
            (byte[] first, byte[] data) = blocks[i];
            bool isGood = BlockCodec.IsGood(soul, first, data);
            bool hasNext = i + 1 < blocks.Count;
            var kept = new List<PackedField>();
            if (isGood)
            {
                BlockReader reader = BlockCodec.Read(data);
                while (reader.TryRead(out PackedField field))
                {
                    kept.Add(field);
                }
            }
            else
            {
                _quarantine.Bind(1, soul).Bind(2, first).Bind(3, data).Run();
            }

            byte flags = (byte)((hasNext ? BlockCodec.MayHaveNext : 0) | (isLost && i == 0 ? BlockCodec.HasLost : 0));
            if (!isGood || BlockCodec.Flags(data) != flags)
            {
                Shrink(soul, first, flags, kept, removed: 0);
                changed++;
            }
        }

        return changed;
    }

    /// <summary>Runs maintenance or other changes in one transaction, together with the state.</summary>
    public void InTransaction(Action change)
    {
        Begin();
        _step?.Invoke("begin");
        _db.Execute("BEGIN IMMEDIATE");
        try
        {
            change();
            SaveFilter();
            TierState after = State with
            {
                Nodes = _nodes, Fields = _fields, Flushed = _flushed, ClockHigh = _clockHigh,
                FilterCounts = _filter.Counts(),
            };
            PutMeta(TierState.Key, after.Write());
            _step?.Invoke("commit");
            _db.Execute("COMMIT");
            State = after;
        }
        catch
        {
            // The filter may name souls that are not there now; that costs a look, no more. Its pages are saved again.
            _filter.MarkAllDirty();
            try
            {
                _db.Execute("ROLLBACK");
            }
            catch (Primitives.WeftException)
            {
                // SQLite has rolled back by itself.
            }

            throw;
        }
    }

    public void RemoveLink(ReadOnlySpan<byte> target, ReadOnlySpan<byte> source) =>
        _removeLink.Bind(1, target).Bind(2, source).Run();

    public void Dispose() => _db.Dispose();

    /// <summary>Wall time in milliseconds from which a field may go; positive infinity when it stays.</summary>
    public static double DueMs(in PackedField field, double horizonMs)
    {
        double expires = ExtrasCodec.ExpiresAtMs(field.Extras.Span);
        double due = expires > 0 ? expires : double.PositiveInfinity;
        return field.Json.Span[0] == (byte)'n' ? Math.Min(due, field.State + horizonMs) : due;
    }

    internal static byte[]? LinkTarget(in PackedField field)
    {
        ReadOnlySpan<byte> json = field.Json.Span;
        return json.IsEmpty || json[0] != (byte)'{'
            ? null
            : KeyText.Encode(WeftValue.FromCanonicalJson(json.ToArray()).AsLink()!);
    }

    private void Begin()
    {
        _links.Clear();
        _nodes = State.Nodes;
        _fields = State.Fields;
        _flushed = State.Flushed;
        _clockHigh = State.ClockHigh;
    }

    private void FlushNode(ReadOnlySpan<byte> soul)
    {
        int at = 0;
        bool known = _filter.MayHold(soul);
        while (known && at < _updates.Count)
        {
            if (!_find.Bind(1, soul).Bind(2, _updates[at].Name.Span).Step())
            {
                _find.Reset();
                known = false; // A false alarm of the filter.
                break;
            }

            byte[] first = _find.Blob(0).ToArray();
            byte[] data = _find.Blob(1).ToArray();
            _find.Reset();
            at = MergeBlock(soul, first, data, at);
        }

        if (known)
        {
            return;
        }

        foreach (PackedField field in _updates)
        {
            NoteLink(soul, field, null);
        }

        _nodes++;
        _fields += _updates.Count;
        _filter.Add(soul);
        WriteBlocks(soul, [], 0, CollectionsMarshal.AsSpan(_updates));
    }

    /// <summary>Merges the updates that belong into one block, from number <paramref name="at"/> on.</summary>
    /// <returns>The first update that lies behind the block.</returns>
    private int MergeBlock(ReadOnlySpan<byte> soul, byte[] first, byte[] data, int at)
    {
        byte flags = BlockCodec.MayHaveNext | BlockCodec.HasLost;
        var reader = default(BlockReader);
        if (BlockCodec.IsGood(soul, first, data))
        {
            flags = BlockCodec.Flags(data);
            reader = BlockCodec.Read(data);
        }
        else
        {
            _quarantine.Bind(1, soul).Bind(2, first).Bind(3, data).Run();
        }

        byte[]? end = null;
        if ((flags & BlockCodec.MayHaveNext) != 0)
        {
            end = _nextFirst.Bind(1, soul).Bind(2, first).Step() ? _nextFirst.Blob(0).ToArray() : null;
            _nextFirst.Reset();
            flags = (byte)(end is null ? flags & ~BlockCodec.MayHaveNext : flags);
        }

        _merged.Clear();
        int added = 0;
        bool hasOld = reader.TryRead(out PackedField old);
        while (true)
        {
            bool hasNew = at < _updates.Count && (end is null || _updates[at].Name.Span.SequenceCompareTo(end) < 0);
            if (!hasOld && !hasNew)
            {
                break;
            }

            int order = !hasNew ? -1 : !hasOld ? 1 : old.Name.Span.SequenceCompareTo(_updates[at].Name.Span);
            if (order < 0)
            {
                _merged.Add(old);
            }
            else
            {
                NoteLink(soul, _updates[at], order == 0 ? old : null);
                added += order == 0 ? 0 : 1;
                _merged.Add(_updates[at++]);
            }

            hasOld = order > 0 ? hasOld : reader.TryRead(out old);
        }

        _fields += added;
        WriteBlocks(soul, first, flags, CollectionsMarshal.AsSpan(_merged));
        return at;
    }

    private void WriteBlocks(ReadOnlySpan<byte> soul, ReadOnlySpan<byte> first, byte flags, ReadOnlySpan<PackedField> fields)
    {
        long total = 0;
        foreach (ref readonly PackedField field in fields)
        {
            total += BlockCodec.Size(field);
        }

        // Even parts of about three quarters, so that the next few fields find room.
        long part = total <= BlockCodec.BytesMax ? long.MaxValue : total / ((total / (BlockCodec.BytesMax * 3 / 4)) + 1);
        int start = 0;
        long bytes = 0;
        for (int i = 0; i < fields.Length; i++)
        {
            long size = BlockCodec.Size(fields[i]);
            if (i > start && (bytes >= part || bytes + size > BlockCodec.BytesMax) && total > BlockCodec.BytesMax)
            {
                WriteBlock(soul, first, (byte)(flags | BlockCodec.MayHaveNext), fields[start..i]);
                first = fields[i].Name.Span;
                start = i;
                bytes = 0;
            }

            bytes += size;
        }

        WriteBlock(soul, first, flags, fields[start..]);
    }

    private void WriteBlock(ReadOnlySpan<byte> soul, ReadOnlySpan<byte> first, byte flags, ReadOnlySpan<PackedField> fields)
    {
        long sequence = 0;
        double due = double.PositiveInfinity;
        foreach (ref readonly PackedField field in fields)
        {
            sequence = Math.Max(sequence, field.Sequence);
            due = Math.Min(due, DueMs(field, _horizonMs));
        }

        BlockCodec.Write(_block, soul, first, flags, fields);
        _upsert.Bind(1, soul).Bind(2, first).Bind(3, sequence).BindDue(4, due).Bind(5, _block.WrittenSpan).Run();
    }

    private void NoteLink(ReadOnlySpan<byte> soul, in PackedField now, PackedField? before)
    {
        byte[]? target = LinkTarget(now);
        byte[]? old = before is PackedField known ? LinkTarget(known) : null;
        if (target is null && old is null)
        {
            return;
        }

        byte[] source = MemTable.LinkOf(soul, now.Name.Span).ToArray();
        if (target is not null && old is not null && target.AsSpan().SequenceEqual(old))
        {
            return;
        }

        if (old is not null)
        {
            _links.Add(new LinkChange(old, source, false));
        }

        if (target is not null)
        {
            _links.Add(new LinkChange(target, source, true));
        }
    }

    private void FlushLinks()
    {
        _links.Sort(static (left, right) =>
        {
            int order = left.Target.AsSpan().SequenceCompareTo(right.Target);
            return order != 0 ? order : left.Source.AsSpan().SequenceCompareTo(right.Source);
        });
        foreach (LinkChange link in _links)
        {
            (link.IsAdded ? _addLink : _removeLink).Bind(1, link.Target).Bind(2, link.Source).Run();
        }

        _links.Clear();
    }

    private void SaveFilter() => _filter.TakeDirty((level, page, words) =>
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(words.Span);
        _putFilter.Bind(1, level).Bind(2, page).Bind(3, Node.Commits.Crc32C.Compute(bytes)).Bind(4, bytes).Run();
    });

    private void PutMeta(string key, ReadOnlySpan<byte> value) =>
        _putMeta.Bind(1, System.Text.Encoding.UTF8.GetBytes(key)).Bind(2, value).Run();

    private readonly record struct LinkChange(byte[] Target, byte[] Source, bool IsAdded);
}
