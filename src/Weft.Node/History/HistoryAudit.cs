using System.Globalization;
using Weft.Graph;
using Weft.Graph.History;
using Weft.Node.Logs;
using Weft.Node.Storage;

namespace Weft.Node.History;

/// <summary>What a walk over the log of a prefix found.</summary>
/// <param name="Versions">Versions in it.</param>
/// <param name="Nodes">Nodes they are of; at most a million are counted.</param>
/// <param name="Missing">Blocks whose data is not here.</param>
/// <param name="Gaps">Places where the next version of a node has not the next number: another rule kept it then.</param>
/// <param name="Faults">What does not fit: no version in a block, a number that falls, a row that points
/// elsewhere.</param>
/// <param name="FirstFault">The first of them in words; null for none.</param>
public sealed record HistoryVerification(
    long Versions, long Nodes, long Missing, long Gaps, long Faults, string? FirstFault);

/// <summary>
/// Compares the log of a prefix with itself and with the rows of the store: numbers rise, each row points where its
/// version stands, and no node has more in the log than it knows of.
/// </summary>
internal sealed class HistoryAudit(IStore store, SignedLog log)
{
    private const int NodesMax = 1_000_000;

    private readonly Dictionary<string, long> _last = new(StringComparer.Ordinal);
    private readonly string _key = log.Key.ToString();
    private long _versions;
    private long _missing;
    private long _gaps;
    private long _faults;
    private string? _first;

    public async Task<HistoryVerification> RunAsync(IProgress<long>? progress, CancellationToken cancellationToken)
    {
        long length = (await log.InfoAsync(cancellationToken).ConfigureAwait(false)).Length;
        await foreach (LogEntry entry in log.ReadAsync(1, length, cancellationToken).ConfigureAwait(false))
        {
            if (entry.Kind == LogEntryKind.Missing)
            {
                _missing++;
            }
            else if (entry.Kind == LogEntryKind.Block)
            {
                await LookAsync(entry.Index, HistoryCodec.Read(entry.Block.Span), cancellationToken)
                    .ConfigureAwait(false);
                progress?.Report(_versions);
            }
        }

        foreach ((string soul, long newest) in _last)
        {
            StoredField? row = await store.ReadFieldAsync(
                HistorySoul.Of(soul), HistoryCodec.HeadField, cancellationToken).ConfigureAwait(false);
            if (row is not { } found || !HistoryCodec.TryReadHead(found.Value, out HistoryHead head)
                || head.Newest < newest)
            {
                Fault($"the log has version {newest} of \"{soul}\", of which the node knows nothing");
            }
        }

        return new HistoryVerification(_versions, _last.Count, _missing, _gaps, _faults, _first);
    }

    private async ValueTask LookAsync(long block, HistoryVersion? version, CancellationToken cancellationToken)
    {
        if (version is null)
        {
            Fault($"block {block} holds no version");
            return;
        }

        _versions++;
        bool isKnown = _last.TryGetValue(version.Soul, out long last);
        if (isKnown && version.Number <= last)
        {
            Fault($"block {block} holds version {version.Number} of \"{version.Soul}\" behind version {last}");
        }

        _gaps += isKnown && version.Number > last + 1 ? 1 : 0;
        if (isKnown || _last.Count < NodesMax)
        {
            _last[version.Soul] = Math.Max(last, version.Number);
        }

        StoredField? row = await store.ReadFieldAsync(
            HistorySoul.Of(version.Soul), HistoryCodec.FieldOf(version.Number), cancellationToken)
            .ConfigureAwait(false);
        if (row is { } found && HistoryCodec.TryReadPointer(found.Value, out _, out string key, out long at)
            && (key != _key || at != block))
        {
            Fault($"version {version.Number} of \"{version.Soul}\" stands at block {block}, and its row says {at}");
        }
    }

    private void Fault(string text)
    {
        _faults++;
        _first ??= string.Create(CultureInfo.InvariantCulture, $"{text}");
    }
}
