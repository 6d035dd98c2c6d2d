using Weft.Graph;
using Weft.Graph.History;
using Weft.Node.Storage;
using Weft.Storage.Files;
using Weft.Storage.Memory;
using Weft.Storage.Tier;

namespace Weft.Storage;

/// <content>Reading: memory tables first, then filter, cache and disk tier.</content>
public sealed partial class StorageEngine
{
    private const int LinkPage = 256;

    private long _hits;
    private long _misses;

    [ThreadStatic]
    private static byte[]? _soulBuffer;

    [ThreadStatic]
    private static byte[]? _nameBuffer;

    /// <inheritdoc/>
    public ValueTask LoadAsync(GraphView view, CancellationToken cancellationToken = default)
    {
        for (int slot = 0; slot < view.Count; slot++)
        {
            FieldKey key = view.Key(slot);
            if (_hot.TryGet(HotFields.SlotOf(key.Soul, key.Field), key.Soul, key.Field, out StoredField found))
            {
                view.Set(slot, found);
                continue;
            }

            switch (ReadFromMemory(key.Soul, key.Field, out found))
            {
                case MemRead.Found:
                    view.Set(slot, found);
                    break;
                case MemRead.Dropped: // Only the disk can tell.
                    return LoadRestAsync(view, slot, cancellationToken);
            }
        }

        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask<StoredField?> ReadFieldAsync(
        string soul, string field, CancellationToken cancellationToken = default)
    {
        int slot = HotFields.SlotOf(soul, field);
        if (_hot.TryGet(slot, soul, field, out StoredField found))
        {
            _hits++;
            return new(found);
        }

        int stamp = _hot.Stamp(slot);
        MemRead read = ReadFromMemory(soul, field, out found);
        if (read == MemRead.Dropped)
        {
            return ReadFieldFromDiskAsync(soul, field, slot, stamp, cancellationToken);
        }

        _hits++;
        if (read == MemRead.Absent)
        {
            return new((StoredField?)null);
        }

        _hot.Keep(slot, stamp, soul, found);
        return new(found);
    }

    /// <inheritdoc/>
    public async ValueTask<NodePage> ReadNodeAsync(
        string soul, LexRange range, int fieldsMax, long bytesMax, CancellationToken cancellationToken = default)
    {
        var window = new FieldWindow(range, fieldsMax, bytesMax);
        while (true)
        {
            int generation = _tier.Cache.Generation;
            var runs = new List<FieldRun>(3);
            if (!CollectFromMemory(soul, window, runs))
            {
                continue; // A table went down to the disk tier meanwhile.
            }

            ReadSource source = runs.Exists(run => run.Fields.Count > 0) ? ReadSource.Memory : ReadSource.None;
            if (!MayBeOnDisk(soul))
            {
                _hits++;
                return FieldMerge.Merge(runs, window, source);
            }

            var disk = new FieldRun();
            runs.Add(disk);
            if (_tier.Cache.TryGet(soul, out ReadOnlyMemory<byte> block))
            {
                _hits++;
                TierReader.AddFields(block, window, disk);
                source = disk.Fields.Count > 0 ? ReadSource.Memory : source;
                return FieldMerge.Merge(runs, window, source);
            }

            _misses++;
            TierReader reader = await _tier.RentAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                byte[]? whole = reader.Collect(KeyText.Encode(soul), window, disk);
                if (whole is not null)
                {
                    _tier.Cache.Add(soul, whole, generation);
                }
            }
            finally
            {
                _tier.Return(reader);
            }

            return FieldMerge.Merge(runs, window, disk.Fields.Count > 0 ? ReadSource.Disk : source);
        }
    }

    /// <inheritdoc/>
    /// <remarks>What is kept of the past lies between two places in the order, and is stepped over.</remarks>
    public async ValueTask<IReadOnlyList<string>> ListSoulsAsync(
        LexRange range, int soulsMax, CancellationToken cancellationToken = default)
    {
        bool mayPass = range.Exact is null
            && (string.IsNullOrEmpty(range.Prefix) || (range.Prefix.Length < HistorySoul.Prefix.Length
                && HistorySoul.Prefix.StartsWith(range.Prefix, StringComparison.Ordinal)));
        if (!mayPass)
        {
            return await ListAllSoulsAsync(range, soulsMax, cancellationToken).ConfigureAwait(false);
        }

        LexRange below = range with { To = LowerOf(range.To, HistorySoul.Before) };
        LexRange above = range with { From = HigherOf(range.From, HistorySoul.After) };
        IReadOnlyList<string> first = await ListAllSoulsAsync(
            range.Reverse ? above : below, soulsMax, cancellationToken).ConfigureAwait(false);
        return first.Count >= soulsMax
            ? first
            : [.. first, .. await ListAllSoulsAsync(
                range.Reverse ? below : above, soulsMax - first.Count, cancellationToken).ConfigureAwait(false)];
    }

    private static string LowerOf(string? left, string right) =>
        left is not null && string.CompareOrdinal(left, right) < 0 ? left : right;

    private static string HigherOf(string? left, string right) =>
        left is not null && string.CompareOrdinal(left, right) > 0 ? left : right;

    private async ValueTask<IReadOnlyList<string>> ListAllSoulsAsync(
        LexRange range, int soulsMax, CancellationToken cancellationToken)
    {
        var window = new FieldWindow(range, soulsMax, long.MaxValue);
        while (true)
        {
            Tables tables = Volatile.Read(ref _tables);
            var found = new SortedSet<byte[]>(KeyOrder.Instance);
            if (!CollectSouls(tables.Active, window, soulsMax, found)
                || (tables.Flushing is not null && !CollectSouls(tables.Flushing, window, soulsMax, found)))
            {
                continue;
            }

            TierReader reader = await _tier.RentAsync(cancellationToken).ConfigureAwait(false);
            var souls = new List<byte[]>();
            try
            {
                reader.ListSouls(window.StartsAtEnd ? [0xFF] : window.Start, range.Reverse, soulsMax, souls);
            }
            finally
            {
                _tier.Return(reader);
            }

            found.UnionWith(souls);
            IEnumerable<string> inOrder = (range.Reverse ? found.Reverse() : found).Select(soul => KeyText.Decode(soul));
            return [.. inOrder.TakeWhile(soul => !window.IsPast(soul)).Where(range.Contains).Take(soulsMax)];
        }
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<FieldKey>> ReadLinksToAsync(
        string target, FieldKey? after, int linksMax, CancellationToken cancellationToken = default)
    {
        byte[] key = KeyText.Encode(target);
        byte[] from = after is FieldKey last
            ? MemTable.LinkOf(KeyText.Encode(last.Soul), KeyText.Encode(last.Field)).ToArray()
            : [];
        var links = new List<FieldKey>();
        while (links.Count < linksMax)
        {
            int max = Math.Clamp(linksMax - links.Count, 16, LinkPage);
            List<byte[]> page = await CollectLinksAsync(key, from, max, cancellationToken).ConfigureAwait(false);
            foreach (byte[] source in page)
            {
                from = source;
                (string soul, string field) = LinkKey.Read(source);
                StoredField? now = await ReadFieldAsync(soul, field, cancellationToken).ConfigureAwait(false);
                if (now?.Value.AsLink() == target && links.Count < linksMax)
                {
                    links.Add(new FieldKey(soul, field)); // An entry whose field says otherwise now is left over.
                }
            }

            if (page.Count < max)
            {
                break;
            }
        }

        return links;
    }

    /// <summary>Reads one field without the disk.</summary>
    /// <returns>Found; Absent for certain; Dropped when only the disk can tell.</returns>
    private MemRead ReadFromMemory(string soul, string field, out StoredField found)
    {
        ReadOnlySpan<byte> soulKey = KeyText.Encode(soul, ref _soulBuffer);
        ReadOnlySpan<byte> name = KeyText.Encode(field, ref _nameBuffer);
        while (true)
        {
            Tables tables = Volatile.Read(ref _tables);
            MemRead read = tables.Active.Read(soulKey, name, field, out found);
            if (read == MemRead.Absent && tables.Flushing is not null)
            {
                read = tables.Flushing.Read(soulKey, name, field, out found);
            }

            if (read == MemRead.Dropped)
            {
                continue;
            }

            if (read == MemRead.Found)
            {
                return read;
            }

            if (!_tier.Filter.MayHold(soulKey))
            {
                return MemRead.Absent;
            }

            if (!_tier.Cache.TryGet(soul, out ReadOnlyMemory<byte> block))
            {
                return MemRead.Dropped;
            }

            BlockReader fields = BlockCodec.Read(block);
            if (!fields.TryFind(name, out PackedField packed))
            {
                return MemRead.Absent;
            }

            found = packed.ToStored(field);
            return MemRead.Found;
        }
    }

    private async ValueTask LoadRestAsync(GraphView view, int slot, CancellationToken cancellationToken)
    {
        for (; slot < view.Count; slot++)
        {
            FieldKey key = view.Key(slot);
            StoredField? found = await ReadFieldAsync(key.Soul, key.Field, cancellationToken).ConfigureAwait(false);
            if (found is StoredField known)
            {
                view.Set(slot, known);
            }
        }
    }

    private async ValueTask<StoredField?> ReadFieldFromDiskAsync(
        string soul, string field, int slot, int stamp, CancellationToken cancellationToken)
    {
        _misses++;
        while (true)
        {
            int generation = _tier.Cache.Generation;
            TierReader reader = await _tier.RentAsync(cancellationToken).ConfigureAwait(false);
            StoredField? found;
            try
            {
                found = FindOnDisk(reader, soul, field, generation);
            }
            finally
            {
                _tier.Return(reader);
            }

            // A newer value may have come into a table since; on its way down it is in a table or on the disk, so the
            // answer was right at some moment after the question. Only the memory of hot fields must not keep it.
            if (found is StoredField known)
            {
                _hot.Keep(slot, stamp, soul, known);
            }

            return found;
        }
    }

    private StoredField? FindOnDisk(TierReader reader, string soul, string field, int generation)
    {
        byte[] soulKey = KeyText.Encode(soul);
        byte[] name = KeyText.Encode(field);
        byte[]? block = reader.FindBlock(soulKey, name, out bool isWhole);
        if (block is null)
        {
            return null;
        }

        if (isWhole)
        {
            _tier.Cache.Add(soul, block, generation);
        }

        BlockReader fields = BlockCodec.Read(block);
        if (fields.TryFind(name, out PackedField packed))
        {
            return packed.ToStored(field);
        }

        return (BlockCodec.Flags(block) & BlockCodec.HasLost) == 0 ? null : throw TierReader.Lost(soulKey);
    }

    private bool MayBeOnDisk(string soul) => _tier.Filter.MayHold(KeyText.Encode(soul, ref _soulBuffer));

    private bool CollectFromMemory(string soul, FieldWindow window, List<FieldRun> runs)
    {
        Tables tables = Volatile.Read(ref _tables);
        ReadOnlySpan<byte> key = KeyText.Encode(soul, ref _soulBuffer);
        var active = new FieldRun();
        runs.Add(active);
        if (tables.Active.Collect(key, window, active) == MemRead.Dropped)
        {
            return false;
        }

        if (tables.Flushing is null)
        {
            return true;
        }

        var flushing = new FieldRun();
        runs.Add(flushing);
        return tables.Flushing.Collect(key, window, flushing) != MemRead.Dropped;
    }

    private static bool CollectSouls(MemTable table, FieldWindow window, int max, SortedSet<byte[]> found)
    {
        byte[] from = window.Start;
        bool atEnd = window.StartsAtEnd;
        bool inclusive = true;
        for (int i = 0; i < max; i++)
        {
            byte[]? soul = MemTable.NextSoul(table.Shards, from, inclusive, window.Reverse, atEnd, out bool dropped);
            if (dropped)
            {
                return false;
            }

            if (soul is null || window.IsPast(KeyText.Decode(soul)))
            {
                break;
            }

            found.Add(soul);
            from = soul;
            atEnd = false;
            inclusive = false;
        }

        return true;
    }

    private async ValueTask<List<byte[]>> CollectLinksAsync(
        byte[] target, byte[] after, int max, CancellationToken cancellationToken)
    {
        while (true)
        {
            Tables tables = Volatile.Read(ref _tables);
            var found = new List<byte[]>();
            if (tables.Active.CollectLinks(target, after, max, found) == MemRead.Dropped
                || tables.Flushing?.CollectLinks(target, after, max, found) == MemRead.Dropped)
            {
                continue;
            }

            TierReader reader = await _tier.RentAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                reader.ListLinks(target, after, max, found);
            }
            finally
            {
                _tier.Return(reader);
            }

            return [.. found.Distinct(KeyOrder.Instance).Order(KeyOrder.Instance).Take(max)];
        }
    }
}
