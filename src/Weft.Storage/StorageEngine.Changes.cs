using System.Runtime.CompilerServices;
using Weft.Graph;
using Weft.Graph.History;
using Weft.Node.Storage;
using Weft.Storage.Memory;
using Weft.Storage.Tier;

namespace Weft.Storage;

/// <content>Reading what has changed since a commit.</content>
public sealed partial class StorageEngine
{
    private const int ChangePage = 256;

    /// <inheritdoc/>
    public async IAsyncEnumerable<StoredChange> ReadChangesAsync(
        long afterSequence, string prefix, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        // By soul: the tables first, then the disk tier, so that what moves down between is found there.
        var window = new FieldWindow(new LexRange(Prefix: prefix), ChangePage, long.MaxValue);
        byte[] end = [.. KeyText.Encode(prefix), 0xFF];
        byte[] soul = window.Start;
        bool inclusive = true;
        while (true)
        {
            (List<byte[]> souls, bool isLast) =
                await CollectChangedAsync(soul, inclusive, end, afterSequence, cancellationToken).ConfigureAwait(false);
            bool isStepped = false;
            foreach (byte[] changed in souls)
            {
                string name = KeyText.Decode(changed);
                if (HistorySoul.Is(name))
                {
                    isStepped = true;
                    break;
                }

                var page = new NodePage([], true, ReadSource.None);
                string from = "";
                while (page.More)
                {
                    page = await ReadNodeAsync(name, new LexRange(From: from), 1_000, 1 << 20, cancellationToken)
                        .ConfigureAwait(false);
                    foreach (StoredField field in page.Fields)
                    {
                        if (field.Sequence > afterSequence && (field.Field != from || from.Length == 0))
                        {
                            yield return new StoredChange(name, field);
                        }
                    }

                    if (page.Fields.Count <= (from.Length == 0 ? 0 : 1))
                    {
                        break;
                    }

                    from = page.Fields[^1].Field;
                }
            }

            if (isStepped)
            {
                (soul, inclusive) = (KeyText.Encode(HistorySoul.After), true);
                continue;
            }

            if (isLast)
            {
                yield break;
            }

            soul = souls[^1];
            inclusive = false;
        }
    }

    /// <summary>Finds the next souls in order that have a field with a later commit.</summary>
    private async ValueTask<(List<byte[]> Souls, bool IsLast)> CollectChangedAsync(
        byte[] from, bool inclusive, byte[] end, long afterSequence, CancellationToken cancellationToken)
    {
        while (true)
        {
            Tables tables = Volatile.Read(ref _tables);
            var found = new SortedSet<byte[]>(KeyOrder.Instance);
            bool isCut = false;
            bool dropped = false;
            byte[] limit = end;
            foreach (MemTable? table in (MemTable?[])[tables.Active, tables.Flushing])
            {
                byte[] at = from;
                bool first = inclusive;
                for (int i = 0; table is not null && !dropped; i++)
                {
                    byte[]? soul = MemTable.NextSoul(table.Shards, at, first, false, false, out dropped);
                    if (soul is null || soul.AsSpan().SequenceCompareTo(limit) > 0)
                    {
                        break;
                    }

                    found.Add(soul);
                    at = soul;
                    first = false;
                    if (i == ChangePage)
                    {
                        isCut = true;
                        limit = soul; // Each source may only speak for what lies before the end of its page.
                        break;
                    }
                }
            }

            if (dropped)
            {
                continue;
            }

            var blocks = new List<RawBlock>();
            TierReader reader = await _tier.RentAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                // After a soul means after its last block; no field name reaches a key of FF.
                reader.ListChanged(from, inclusive ? [] : [0xFF], limit, afterSequence, ChangePage, blocks);
            }
            finally
            {
                _tier.Return(reader);
            }

            if (blocks.Count >= ChangePage)
            {
                isCut = true;
                limit = blocks[ChangePage - 1].Soul;
            }

            found.UnionWith(blocks.Select(block => block.Soul));
            List<byte[]> souls = [.. found.Where(soul => soul.AsSpan().SequenceCompareTo(limit) <= 0)];
            return (souls, !isCut);
        }
    }
}
