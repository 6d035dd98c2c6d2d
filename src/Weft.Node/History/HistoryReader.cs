using Weft.Graph;
using Weft.Graph.History;
using Weft.Graph.Policy;
using Weft.Log;
using Weft.Node.Logs;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Node.History;

/// <summary>Reads the past of nodes out of the store.</summary>
internal sealed class HistoryReader(IStore store, HistoryRules rules, LogSpace logs, TimeProvider time)
{
    public const int PageMax = 1_000;

    private const int BlocksPerRead = 64; // Of signed logs, whose loop does nothing else meanwhile.

    private const long PageBytesMax = 4 << 20;

    public IStore Store => store;

    public LogSpace Logs => logs;

    public HistoryRules Rules => rules;

    private double NowMs => WallClock.ToState(time.GetUtcNow());

    public async ValueTask<HistoryInfo> InfoAsync(string soul, CancellationToken cancellationToken)
    {
        HistoryInForce kept = rules.Of(soul);
        if (!kept.Rule.Keeps
            || await HeadAsync(soul, cancellationToken).ConfigureAwait(false) is not { Newest: > 0 } head
            || head.BeganMs < kept.SinceMs)
        {
            return new(kept.Rule, kept.Scope ?? "", 0, 0, 0);
        }

        StoredField? floor = await store.ReadFieldAsync(
            HistorySoul.Of(soul), HistoryCodec.FloorField, cancellationToken).ConfigureAwait(false);
        long first = Math.Max(head.First, kept.Rule.FloorOf(head.Newest));
        first = Math.Max(first, 1 + (long)(floor?.Value.AsNumber() ?? 0));
        double oldest = NowMs - kept.Rule.LifeMs;
        if (!double.IsNegativeInfinity(oldest))
        {
            first = 1 + await LastBeforeAsync(
                soul, first, head.Newest, Math.BitIncrement(oldest), cancellationToken).ConfigureAwait(false);
        }

        return first > head.Newest
            ? new(kept.Rule, kept.Scope, 0, 0, head.BeganMs)
            : new(kept.Rule, kept.Scope, first, head.Newest, head.BeganMs);
    }

    /// <summary>Versions in the order of their numbers, or the newest first.</summary>
    /// <param name="soul">The node.</param>
    /// <param name="from">The lowest number.</param>
    /// <param name="to">The highest.</param>
    /// <param name="isReverse">True for the newest first.</param>
    /// <param name="max">How many, at most.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    public async ValueTask<List<HistoryEntry>> PageAsync(
        string soul, long from, long to, bool isReverse, int max, CancellationToken cancellationToken)
    {
        var entries = new List<HistoryEntry>();
        if (from > to || to < 1)
        {
            return entries;
        }

        var range = new LexRange(
            From: HistoryCodec.FieldOf(Math.Max(1, from)), To: HistoryCodec.FieldOf(to), Reverse: isReverse);
        NodePage page = await store.ReadNodeAsync(
            HistorySoul.Of(soul), range, max, PageBytesMax, cancellationToken).ConfigureAwait(false);
        StoredField[] rows = [.. page.Fields.Where(
            row => !row.Value.IsNull && HistoryCodec.NumberOf(row.Field) > 0)];
        foreach (StoredField[] part in rows.Chunk(BlocksPerRead))
        {
            await AddAsync(soul, part, entries, cancellationToken).ConfigureAwait(false);
        }

        return entries;
    }

    /// <summary>The newest version that was stored at a moment or before it; one less than the first for none.</summary>
    public ValueTask<long> VersionAtAsync(
        string soul, HistoryInfo info, double timeMs, CancellationToken cancellationToken) =>
        LastBeforeAsync(soul, info.First, info.Newest, Math.BitIncrement(timeMs), cancellationToken);

    /// <summary>When a version was stored; null when it is not kept.</summary>
    public async ValueTask<double?> TimeOfAsync(string soul, long number, CancellationToken cancellationToken)
    {
        StoredField? row = await store.ReadFieldAsync(
            HistorySoul.Of(soul), HistoryCodec.FieldOf(number), cancellationToken).ConfigureAwait(false);
        return row is not { Value.IsNull: false } found ? null
            : HistoryCodec.TryReadPointer(found.Value, out double timeMs, out _, out _) ? timeMs
            : HistoryCodec.ReadRow(found.Value)?.TimeMs;
    }

    /// <summary>The node as it is now, tombstones included.</summary>
    public async ValueTask<List<StoredField>> PresentAsync(
        string soul, string? field, CancellationToken cancellationToken)
    {
        var fields = new List<StoredField>();
        string? last = null;
        while (true)
        {
            NodePage page = await store.ReadNodeAsync(
                soul, new LexRange(Exact: field, From: last), PageMax, PageBytesMax, cancellationToken)
                .ConfigureAwait(false);
            fields.AddRange(page.Fields.Where(found => found.Field != last && found.State != PolicyBook.DroppedState));
            if (!page.More || page.Fields.Count == 0)
            {
                return fields;
            }

            last = page.Fields[^1].Field;
        }
    }

    private async ValueTask<HistoryHead?> HeadAsync(string soul, CancellationToken cancellationToken)
    {
        StoredField? row = await store.ReadFieldAsync(HistorySoul.Of(soul), HistoryCodec.HeadField, cancellationToken)
            .ConfigureAwait(false);
        return row is { } found && HistoryCodec.TryReadHead(found.Value, out HistoryHead head) ? head : null;
    }

    private async ValueTask AddAsync(
        string soul, StoredField[] rows, List<HistoryEntry> entries, CancellationToken cancellationToken)
    {
        var wanted = new List<(Hash32 Log, long Block)>();
        foreach (StoredField row in rows)
        {
            if (HistoryCodec.TryReadPointer(row.Value, out _, out string log, out long block)
                && Hash32.TryParse(log, out Hash32 key))
            {
                wanted.Add((key, block));
            }
        }

        IReadOnlyList<ReadOnlyMemory<byte>?> blocks = wanted.Count == 0
            ? []
            : await logs.ReadHistoryAsync(wanted, cancellationToken).ConfigureAwait(false);
        int next = 0;
        foreach (StoredField row in rows)
        {
            HistoryVersion? version;
            (Hash32 Log, long Block)? place = null;
            if (HistoryCodec.TryReadPointer(row.Value, out _, out _, out _) && next < wanted.Count)
            {
                place = wanted[next];
                version = blocks[next++] is { } block ? HistoryCodec.Read(block.Span) : null;
            }
            else
            {
                version = HistoryCodec.ReadRow(row.Value);
            }

            long number = HistoryCodec.NumberOf(row.Field);
            entries.Add(version is not null && version.Number == number && version.Soul == soul
                ? new HistoryEntry(version, row.Sequence, place?.Log, place?.Block ?? -1)
                : throw new WeftException(
                    WeftError.FileDamaged,
                    $"Version {number} of \"{soul}\" cannot be read; the others are not touched."));
        }
    }

    /// <summary>
    /// The newest version that was stored before a moment, by halving. A version that is gone is one from before.
    /// </summary>
    private async ValueTask<long> LastBeforeAsync(
        string soul, long first, long newest, double beforeMs, CancellationToken cancellationToken)
    {
        long low = first - 1;
        long high = newest + 1;
        while (high - low > 1)
        {
            long middle = low + ((high - low) / 2);
            double? at = await TimeOfAsync(soul, middle, cancellationToken).ConfigureAwait(false);
            if (at is null || at < beforeMs)
            {
                low = middle;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }
}
