using Weft.Graph;
using Weft.Node.Storage;
using Weft.Protocols.Sync;

namespace Weft.Node.Sync;

/// <summary>Says which commits of a store touch a part of the graph.</summary>
internal static class ScopeReader
{
    /// <summary>So many fields are looked at; where there are more, the answer is on the safe side.</summary>
    public const int LooksMax = 4_096;

    /// <summary>The newest commit that touches a part of the graph, among those after a given one.</summary>
    /// <param name="store">The store.</param>
    /// <param name="reach">The part.</param>
    /// <param name="after">A commit; -1 for none.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>
    /// The commit, and how many fields of the part were committed after the given one: at most <see cref="LooksMax"/>.
    /// Where there are more, the newest commit of all; where there are none, at most the given one.
    /// </returns>
    public static async Task<(long Newest, long Fields)> NewestAsync(
        IStore store, SyncReach reach, long after, CancellationToken cancellationToken)
    {
        long committed = store.CommittedSequence;
        if (reach.IsAll)
        {
            return (committed, Math.Max(0, committed - Math.Max(0, after)));
        }

        long newest = Math.Min(after, committed);
        long fields = 0;
        if (committed <= after)
        {
            return (newest, 0);
        }

        if (reach.IsSoul)
        {
            NodePage page = await store.ReadNodeAsync(
                reach.Text!, LexRange.All, LooksMax, long.MaxValue, cancellationToken).ConfigureAwait(false);
            foreach (StoredField field in page.Fields)
            {
                newest = Math.Max(newest, field.Sequence);
                fields += field.Sequence > after ? 1 : 0;
            }

            return page.More ? (committed, fields) : (newest, fields);
        }

        await foreach (StoredChange change in store
            .ReadChangesAsync(Math.Max(0, after), reach.Text!, cancellationToken).ConfigureAwait(false))
        {
            newest = Math.Max(newest, change.Field.Sequence);
            if (++fields >= LooksMax)
            {
                return (committed, fields);
            }
        }

        return (newest, fields);
    }
}
