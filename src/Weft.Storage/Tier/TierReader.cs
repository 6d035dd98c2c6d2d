using Weft.Storage.Files;
using Weft.Storage.Memory;
using Weft.Storage.Sealing;

namespace Weft.Storage.Tier;

/// <summary>One connection that reads the disk tier, with its statements. One thread at a time.</summary>
internal sealed class TierReader : IDisposable
{
    private readonly Db _db;
    private readonly Statement _find;
    private readonly Statement _forward;
    private readonly Statement _backward;
    private readonly Statement _souls;
    private readonly Statement _soulsBackward;
    private readonly Statement _links;
    private readonly Statement _changes;

    public TierReader(string path, long cacheBytes, Sealer? sealer)
    {
        _db = Db.Open(path, write: false, cacheBytes, sealer);
        _find = _db.Prepare("SELECT first, data FROM blocks WHERE soul=?1 AND first<=?2 ORDER BY first DESC LIMIT 1");
        _forward = _db.Prepare(
            "SELECT first, data FROM blocks WHERE soul=?1 AND first>=coalesce("
            + "(SELECT max(first) FROM blocks WHERE soul=?1 AND first<=?2), x'') ORDER BY first");
        _backward = _db.Prepare("SELECT first, data FROM blocks WHERE soul=?1 AND first<=?2 ORDER BY first DESC");
        _souls = _db.Prepare("SELECT soul FROM blocks WHERE soul>=?1 AND first=x'' ORDER BY soul LIMIT ?2");
        _soulsBackward = _db.Prepare("SELECT soul FROM blocks WHERE soul<=?1 AND first=x'' ORDER BY soul DESC LIMIT ?2");
        _links = _db.Prepare("SELECT source FROM links WHERE target=?1 AND source>?2 ORDER BY source LIMIT ?3");
        _changes = _db.Prepare(
            "SELECT soul, first, data FROM blocks WHERE (soul, first)>=(?1, ?2) AND soul<=?3 AND seq>?4 "
            + "ORDER BY soul, first LIMIT ?5");
    }

    /// <summary>Reads one block: the one that holds a field, if it is anywhere.</summary>
    /// <param name="soul">The node.</param>
    /// <param name="name">The field.</param>
    /// <param name="isWhole">True when the block is the whole node.</param>
    /// <returns>Null when there is no such node.</returns>
    public byte[]? FindBlock(ReadOnlySpan<byte> soul, ReadOnlySpan<byte> name, out bool isWhole)
    {
        isWhole = false;
        try
        {
            if (!_find.Bind(1, soul).Bind(2, name).Step())
            {
                return null;
            }

            ReadOnlySpan<byte> first = _find.Blob(0);
            byte[] data = _find.Blob(1).ToArray();
            ThrowIfDamaged(soul, first, data);
            isWhole = first.IsEmpty && BlockCodec.Flags(data) == 0;
            return data;
        }
        finally
        {
            _find.Reset();
        }
    }

    /// <summary>Collects fields of a node in order, as one moment shows them.</summary>
    /// <returns>The block when it is the whole node, for the cache; else null.</returns>
    public byte[]? Collect(ReadOnlySpan<byte> soul, FieldWindow window, FieldRun run)
    {
        Statement walk = window.Reverse ? _backward : _forward;
        walk.Bind(1, soul).Bind(2, window.StartsAtEnd ? [0xFF] : window.Start);
        try
        {
            while (walk.Step())
            {
                ReadOnlySpan<byte> first = walk.Blob(0);
                byte[] data = walk.Blob(1).ToArray();
                ThrowIfDamaged(soul, first, data);
                if ((BlockCodec.Flags(data) & BlockCodec.HasLost) != 0)
                {
                    throw Lost(soul);
                }

                if (first.IsEmpty && BlockCodec.Flags(data) == 0)
                {
                    AddFields(data, window, run);
                    return data;
                }

                if (!AddFields(data, window, run))
                {
                    return null;
                }
            }

            return null;
        }
        finally
        {
            walk.Reset();
        }
    }

    public static bool AddFields(ReadOnlyMemory<byte> block, FieldWindow window, FieldRun run)
    {
        BlockReader reader = BlockCodec.Read(block);
        if (!window.Reverse)
        {
            while (reader.TryRead(out PackedField field))
            {
                if (field.Name.Span.SequenceCompareTo(window.Start) >= 0 && !run.Add(field, window))
                {
                    return false;
                }
            }

            return true;
        }

        var fields = new List<PackedField>((int)reader.Left);
        while (reader.TryRead(out PackedField field))
        {
            fields.Add(field);
        }

        for (int i = fields.Count - 1; i >= 0; i--)
        {
            if ((window.StartsAtEnd || fields[i].Name.Span.SequenceCompareTo(window.Start) <= 0)
                && !run.Add(fields[i], window))
            {
                return false;
            }
        }

        return true;
    }

    public void ListSouls(ReadOnlySpan<byte> from, bool reverse, int max, List<byte[]> into)
    {
        Statement list = reverse ? _soulsBackward : _souls;
        list.Bind(1, from).Bind(2, max);
        try
        {
            while (list.Step())
            {
                into.Add(list.Blob(0).ToArray());
            }
        }
        finally
        {
            list.Reset();
        }
    }

    public void ListLinks(ReadOnlySpan<byte> target, ReadOnlySpan<byte> after, int max, List<byte[]> into)
    {
        _links.Bind(1, target).Bind(2, after).Bind(3, max);
        try
        {
            while (_links.Step())
            {
                into.Add(_links.Blob(0).ToArray());
            }
        }
        finally
        {
            _links.Reset();
        }
    }

    /// <summary>Lists blocks with a commit later than <paramref name="sequence"/>, in order from a key on.</summary>
    public void ListChanged(
        ReadOnlySpan<byte> soul, ReadOnlySpan<byte> first, ReadOnlySpan<byte> soulMax, long sequence, int max,
        List<RawBlock> into)
    {
        _changes.Bind(1, soul).Bind(2, first).Bind(3, soulMax).Bind(4, sequence).Bind(5, max);
        try
        {
            while (_changes.Step())
            {
                into.Add(new RawBlock(_changes.Blob(0).ToArray(), _changes.Blob(1).ToArray(), _changes.Blob(2).ToArray()));
            }
        }
        finally
        {
            _changes.Reset();
        }
    }

    public void Dispose() => _db.Dispose();

    public static Primitives.WeftException Lost(ReadOnlySpan<byte> soul) => StorageErrors.Damaged(
        SqliteTier.FileName, $"node '{KeyText.Decode(soul)}'", "a block of it was damaged and set aside");

    private static void ThrowIfDamaged(ReadOnlySpan<byte> soul, ReadOnlySpan<byte> first, byte[] data)
    {
        if (!BlockCodec.IsGood(soul, first, data))
        {
            throw StorageErrors.Damaged(
                SqliteTier.FileName, $"node '{KeyText.Decode(soul)}', block '{KeyText.Decode(first)}'",
                "its checksum does not fit");
        }
    }
}

/// <summary>One row of the disk tier, not checked yet.</summary>
internal readonly record struct RawBlock(byte[] Soul, byte[] First, byte[] Data);
