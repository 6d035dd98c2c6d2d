using Weft.Graph;
using Weft.Graph.History;
using Weft.Log;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Node.History;

/// <summary>What a pass over the past removed.</summary>
/// <param name="Nodes">Nodes whose past was looked at.</param>
/// <param name="Versions">Versions that no rule keeps any more, and that were removed.</param>
/// <param name="Blocks">Blocks of signed logs whose data went with them; their hashes stay.</param>
public readonly record struct HistoryPruning(long Nodes, long Versions, long Blocks);

/// <summary>
/// Removes versions that no rule keeps: after a rule was shortened or dropped, and what new versions did not push out.
/// Off the write path, a page at a time; what is removed stays removed when it stops half-way.
/// </summary>
internal sealed class HistoryPruner(IStore store, HistoryReader reader)
{
    private const int SoulsPerPage = 256;
    private const int RowsPerCommit = 512;

    private long _nodes;
    private long _versions;
    private long _blocks;

    public async Task<HistoryPruning> RunAsync(IProgress<long>? progress, CancellationToken cancellationToken)
    {
        string from = HistorySoul.Prefix;
        while (true)
        {
            IReadOnlyList<string> souls = await store.ListSoulsAsync(
                new LexRange(Prefix: HistorySoul.Prefix, From: from), SoulsPerPage, cancellationToken)
                .ConfigureAwait(false);
            foreach (string soul in souls)
            {
                if (soul != HistorySoul.Rules && soul != from)
                {
                    await PruneAsync(soul, cancellationToken).ConfigureAwait(false);
                    _nodes++;
                    progress?.Report(_nodes);
                }
            }

            if (souls.Count < SoulsPerPage)
            {
                return new HistoryPruning(_nodes, _versions, _blocks);
            }

            from = souls[^1];
        }
    }

    private async Task PruneAsync(string historySoul, CancellationToken cancellationToken)
    {
        string soul = HistorySoul.NodeOf(historySoul);
        long last = await LastGoneAsync(historySoul, soul, cancellationToken).ConfigureAwait(false);
        long next = 1;
        while (next <= last)
        {
            NodePage page = await store.ReadNodeAsync(
                historySoul, new LexRange(From: HistoryCodec.FieldOf(next), To: HistoryCodec.FieldOf(last)),
                RowsPerCommit, 1 << 20, cancellationToken).ConfigureAwait(false);
            StoredField[] rows = [.. page.Fields.Where(row => !row.Value.IsNull)];
            if (rows.Length > 0)
            {
                var batch = new HistoryBatch(
                    CommitBatch.Empty,
                    [
                        .. rows.Select(row => HistoryPlan.Removal(historySoul, HistoryCodec.NumberOf(row.Field))),
                        HistoryPlan.Floor(historySoul, HistoryCodec.NumberOf(rows[^1].Field)),
                    ]);
                await store.WaitForRoomAsync(cancellationToken).ConfigureAwait(false);
                await store.AppendAsync(batch, Durability.Buffered).ConfigureAwait(false);
                _versions += rows.Length;
                await ClearBlocksAsync(rows, cancellationToken).ConfigureAwait(false);
            }

            if (page.Fields.Count == 0)
            {
                return;
            }

            next = HistoryCodec.NumberOf(page.Fields[^1].Field) + 1;
        }
    }

    /// <summary>The newest version of a node that no rule keeps; 0 for none.</summary>
    private async ValueTask<long> LastGoneAsync(string historySoul, string soul, CancellationToken cancellationToken)
    {
        StoredField? row = await store.ReadFieldAsync(historySoul, HistoryCodec.HeadField, cancellationToken)
            .ConfigureAwait(false);
        if (row is not { } found || !HistoryCodec.TryReadHead(found.Value, out HistoryHead head))
        {
            return 0;
        }

        HistoryInfo info = await reader.InfoAsync(soul, cancellationToken).ConfigureAwait(false);
        return info.First == 0 ? head.Newest : info.First - 1;
    }

    private async Task ClearBlocksAsync(StoredField[] rows, CancellationToken cancellationToken)
    {
        foreach (StoredField row in rows)
        {
            if (HistoryCodec.TryReadPointer(row.Value, out _, out string name, out long block)
                && Hash32.TryParse(name, out Hash32 key))
            {
                await reader.Logs.ClearHistoryAsync(key, block, cancellationToken).ConfigureAwait(false);
                _blocks++;
            }
        }
    }
}
