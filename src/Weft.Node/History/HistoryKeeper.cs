using System.Buffers;
using System.Text.Json;
using Weft.Graph;
using Weft.Graph.History;
using Weft.Graph.Policy;
using Weft.Log;
using Weft.Node.Logs;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Node.History;

/// <summary>
/// Writes the past beside the present: what a delta changes of nodes whose history is kept becomes versions, rows and
/// blocks of signed logs in the same batch. Called under the lanes of the delta, so that a node has one caller at a time.
/// </summary>
internal sealed class HistoryKeeper(IStore store, HistoryRules rules, string peer)
{
    /// <summary>False while nothing is kept anywhere: then nothing here is ever called.</summary>
    public bool IsOn => rules.IsOn;

    /// <summary>Who holds the signed logs; set by the node before anything is written.</summary>
    public LogSpace? Logs { get; set; }

    /// <summary>Looks up what is kept of the nodes of a delta, and what is noted of them.</summary>
    /// <returns>Null when nothing is kept of any.</returns>
    public async ValueTask<IReadOnlyList<HistoryPlace>?> PrepareAsync(FieldWrite[] delta, double nowMs)
    {
        List<HistoryPlace>? places = null;
        HashSet<string>? seen = null;
        for (int i = 0; i < delta.Length; i++)
        {
            string soul = delta[i].Soul;
            if (i > 0 && (ReferenceEquals(soul, delta[i - 1].Soul) || !(seen ??= [delta[0].Soul]).Add(soul)))
            {
                continue;
            }

            HistoryInForce kept = rules.Of(soul, nowMs);
            if (kept.Rule.Keeps)
            {
                StoredField? row = await store.ReadFieldAsync(HistorySoul.Of(soul), HistoryCodec.HeadField)
                    .ConfigureAwait(false);
                HistoryHead? head = row is { } found && HistoryCodec.TryReadHead(found.Value, out HistoryHead known)
                    ? known
                    : null;
                (places ??= []).Add(new HistoryPlace(soul, kept, head));
            }
        }

        return places;
    }

    /// <summary>Stores a batch together with the versions it makes: one record, one flush.</summary>
    /// <param name="batch">What is stored.</param>
    /// <param name="places">The nodes whose past is kept.</param>
    /// <param name="changes">What the batch changes, node by node.</param>
    /// <param name="wanted">The level to wait for.</param>
    /// <param name="nowMs">Wall time in milliseconds.</param>
    public ValueTask<CommitReceipt> AppendAsync(
        CommitBatch batch, IReadOnlyList<HistoryPlace> places, Dictionary<string, List<HistoryChange>> changes,
        Durability wanted, double nowMs)
    {
        var rows = new List<FieldWrite>(2 * places.Count);
        List<(HistoryPlace Place, HistoryVersion Version)>? logged = null;
        foreach (HistoryPlace place in places)
        {
            if (!changes.TryGetValue(place.Soul, out List<HistoryChange>? changed))
            {
                continue;
            }

            HistoryVersion version = HistoryPlan.VersionOf(place, changed, nowMs);
            if (place.Kept.Rule.Kind == HistoryKind.Log)
            {
                (logged ??= []).Add((place, version));
            }
            else
            {
                HistoryPlan.AddRows(place, version, HistoryCodec.ToRow(version), rows);
            }
        }

        return logged is not null ? AppendLogged(batch, rows, logged, wanted, nowMs)
            : store.AppendAsync(rows.Count == 0 ? batch : new HistoryBatch(batch, rows), wanted);
    }

    private ValueTask<CommitReceipt> AppendLogged(
        CommitBatch batch, List<FieldWrite> rows, List<(HistoryPlace Place, HistoryVersion Version)> logged,
        Durability wanted, double nowMs)
    {
        var blocks = new Dictionary<string, List<ReadOnlyMemory<byte>>>(StringComparer.Ordinal);
        int[] places = new int[logged.Count];
        for (int i = 0; i < logged.Count; i++)
        {
            string scope = logged[i].Place.Kept.Scope;
            if (!blocks.TryGetValue(scope, out List<ReadOnlyMemory<byte>>? own))
            {
                blocks.Add(scope, own = []);
            }

            places[i] = own.Count;
            own.Add(HistoryCodec.Write(logged[i].Version));
        }

        LogSpace logs = Logs ?? throw new InvalidOperationException("The node has no logs.");
        try
        {
            long number = logs.AppendHistory(
                blocks,
                (scope, before) => FirstBlock(scope, before, nowMs),
                starts =>
                {
                    for (int i = 0; i < logged.Count; i++)
                    {
                        (HistoryPlace place, HistoryVersion version) = logged[i];
                        (Hash32 log, long start) = starts[place.Kept.Scope];
                        WeftValue row = HistoryCodec.ToRow(version.TimeMs, log.ToString(), start + places[i]);
                        HistoryPlan.AddRows(place, version, row, rows);
                    }

                    return new HistoryBatch(batch, rows);
                });
            return FinishAsync(number, wanted);
        }
        catch (WeftException refused)
        {
            return ValueTask.FromException<CommitReceipt>(refused);
        }
    }

    private async ValueTask<CommitReceipt> FinishAsync(long number, Durability wanted)
    {
        Durability reached = wanted == Durability.Memory
            ? Durability.Memory
            : (await store.AppendAsync(CommitBatch.Empty, wanted).ConfigureAwait(false)).Reached;
        return new CommitReceipt(number, reached);
    }

    /// <summary>What a log says of itself: whose history it is, since when, and which log it follows.</summary>
    private byte[] FirstBlock(string scope, OpenLog? before, double nowMs)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using var json = new Utf8JsonWriter(buffer);
        json.WriteStartObject();
        json.WriteString("weft", "history");
        json.WriteString("prefix", scope);
        json.WriteString("peer", peer);
        json.WriteString("store", store.StoreId);
        json.WriteNumber("began", nowMs);
        if (before is not null)
        {
            json.WriteStartObject("after");
            json.WriteString("log", before.Key.ToString());
            json.WriteNumber("length", before.Core.Length);
            json.WriteNumber("fork", before.Core.Fork);
            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenSpan.ToArray();
    }
}
