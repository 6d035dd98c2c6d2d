using System.Runtime.CompilerServices;
using Weft.Graph;
using Weft.Graph.History;
using Weft.Primitives;

namespace Weft.Node.History;

/// <summary>One value of a series.</summary>
/// <param name="At">When this peer stored it.</param>
/// <param name="Value">The number.</param>
/// <param name="Version">The version of the node it came with.</param>
public readonly record struct SeriesPoint(DateTimeOffset At, double Value, long Version);

/// <summary>The values of a stretch of time, put together.</summary>
/// <param name="Start">Where the stretch begins; it ends one step later.</param>
/// <param name="Count">Values in it: 1 and more.</param>
/// <param name="Min">The least.</param>
/// <param name="Max">The greatest.</param>
/// <param name="Sum">All together.</param>
/// <param name="First">The earliest.</param>
/// <param name="Last">The latest.</param>
public readonly record struct SeriesBucket(
    DateTimeOffset Start, long Count, double Min, double Max, double Sum, double First, double Last)
{
    /// <summary>The arithmetic mean.</summary>
    public double Average => Sum / Count;
}

/// <summary>
/// A field whose present value is the latest of a series, and whose past values are the series: what a prefix with
/// history gives without a second way of writing.
/// </summary>
/// <remarks>
/// <code>
/// NodeSeries temperature = node.Series("sensor/1", "celsius");
/// await temperature.AppendAsync(21.5);
/// await foreach (SeriesBucket hour in temperature.DownsampleAsync(yesterday, now, TimeSpan.FromHours(1))) { … }
/// </code>
/// The time of a value is when this peer stored it. Values that are no numbers, and deletions, are passed over.
/// </remarks>
public sealed class NodeSeries
{
    /// <summary>Stretches that one call may ask for.</summary>
    public const int BucketsMax = 100_000;

    private readonly GraphNode _node;
    private readonly HistoryReader _reader;

    internal NodeSeries(GraphNode node, HistoryReader reader, string field)
    {
        (_node, _reader) = (node, reader);
        Field = field;
    }

    /// <summary>The node.</summary>
    public string Soul => _node.Soul;

    /// <summary>The field.</summary>
    public string Field { get; }

    /// <summary>Puts a value: it becomes the field's present value, and one more of the series, in one write.</summary>
    /// <exception cref="WeftException">PreconditionFailed: no rule keeps the past of this node.</exception>
    /// <exception cref="ArgumentException">The value is not finite.</exception>
    public ValueTask<WriteResult> AppendAsync(double value, CancellationToken cancellationToken = default) =>
        _reader.Rules.Of(Soul).Rule.Keeps
            ? _node.PutAsync(Field, value, cancellationToken)
            : throw new WeftException(
                WeftError.PreconditionFailed,
                $"No past of \"{Soul}\" is kept here, so a series cannot grow; a rule for its prefix turns it on.");

    /// <summary>The values of a time, in order.</summary>
    /// <param name="from">The first moment.</param>
    /// <param name="to">The first moment that is not wanted any more.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async IAsyncEnumerable<SeriesPoint> RangeAsync(
        DateTimeOffset from, DateTimeOffset to, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        HistoryInfo info = await _reader.InfoAsync(Soul, cancellationToken).ConfigureAwait(false);
        if (info.Newest == 0)
        {
            yield break;
        }

        double start = WallClock.ToState(from);
        double end = WallClock.ToState(to);
        long next = 1 + await _reader.VersionAtAsync(Soul, info, Math.BitDecrement(start), cancellationToken)
            .ConfigureAwait(false);
        while (next <= info.Newest)
        {
            List<HistoryEntry> page = await _reader.PageAsync(
                Soul, next, info.Newest, false, HistoryReader.PageMax, cancellationToken).ConfigureAwait(false);
            foreach (HistoryEntry entry in page)
            {
                HistoryVersion version = entry.Version;
                if (version.TimeMs >= end)
                {
                    yield break;
                }

                foreach (HistoryChange change in version.Changes)
                {
                    if (change.Field == Field && change.Value.AsNumber() is { } number)
                    {
                        yield return new(WallClock.FromState(version.TimeMs)!.Value, number, version.Number);
                    }
                }

                next = version.Number + 1;
            }

            if (page.Count == 0)
            {
                yield break;
            }
        }
    }

    /// <summary>The values of a time, put together step by step; stretches without a value are left out.</summary>
    /// <param name="from">Where the first stretch begins.</param>
    /// <param name="to">The first moment that is not wanted any more.</param>
    /// <param name="step">How long a stretch is; at most <see cref="BucketsMax"/> of them.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="ArgumentOutOfRangeException">The step is not above zero, or too short for the time.</exception>
    public IAsyncEnumerable<SeriesBucket> DownsampleAsync(
        DateTimeOffset from, DateTimeOffset to, TimeSpan step, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(step, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((to - from) / step, BucketsMax, nameof(step));
        return BucketsAsync(from, to, step, cancellationToken);
    }

    private async IAsyncEnumerable<SeriesBucket> BucketsAsync(
        DateTimeOffset from, DateTimeOffset to, TimeSpan step,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        SeriesBucket? open = null;
        await foreach (SeriesPoint point in RangeAsync(from, to, cancellationToken).ConfigureAwait(false))
        {
            DateTimeOffset start = from + (step * Math.Floor((point.At - from) / step));
            if (open is { } bucket && bucket.Start == start)
            {
                open = bucket with
                {
                    Count = bucket.Count + 1,
                    Min = Math.Min(bucket.Min, point.Value),
                    Max = Math.Max(bucket.Max, point.Value),
                    Sum = bucket.Sum + point.Value,
                    Last = point.Value,
                };
                continue;
            }

            if (open is { } full)
            {
                yield return full;
            }

            open = new(start, 1, point.Value, point.Value, point.Value, point.Value, point.Value);
        }

        if (open is { } last)
        {
            yield return last;
        }
    }
}
