using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace Weft.Server.Metrics;

/// <summary>
/// Collects the instruments of one meter and writes them as Prometheus text. The number of series is bounded: a label
/// that takes more values than expected costs its later values, never memory.
/// </summary>
internal sealed class MetricsPage : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly Lock _gate = new();
    private readonly SortedDictionary<string, MetricFamily> _families = new(StringComparer.Ordinal);
    private readonly int _seriesMax;
    private int _series;
    private long _dropped;

    /// <summary>Starts to listen.</summary>
    /// <param name="isWanted">Which meters; two nodes in one process have one each.</param>
    /// <param name="seriesMax">How many series are kept.</param>
    internal MetricsPage(Func<Meter, bool> isWanted, int seriesMax)
    {
        _seriesMax = seriesMax;
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (isWanted(instrument.Meter))
            {
                listener.EnableMeasurementEvents(instrument, Family(instrument));
            }
        };
        _listener.SetMeasurementEventCallback<double>((_, value, tags, state) => Record(state, value, tags));
        _listener.SetMeasurementEventCallback<long>((_, value, tags, state) => Record(state, value, tags));
        _listener.SetMeasurementEventCallback<int>((_, value, tags, state) => Record(state, value, tags));
        _listener.Start();
    }

    /// <summary>Series dropped because there were too many.</summary>
    internal long Dropped => Interlocked.Read(ref _dropped);

    /// <inheritdoc/>
    public void Dispose() => _listener.Dispose();

    /// <summary>The page, as text version 0.0.4.</summary>
    internal string Write()
    {
        _listener.RecordObservableInstruments();
        var page = new StringBuilder(8_192);
        lock (_gate)
        {
            foreach (MetricFamily family in _families.Values)
            {
                family.Write(page);
            }
        }

        page.Append("# HELP weft_metrics_series_dropped_total Measurements of series beyond the limit.\n")
            .Append("# TYPE weft_metrics_series_dropped_total counter\n")
            .Append(CultureInfo.InvariantCulture, $"weft_metrics_series_dropped_total {Dropped}\n");
        return page.ToString();
    }

    private MetricFamily Family(Instrument instrument)
    {
        var family = new MetricFamily(instrument);
        lock (_gate)
        {
            if (!_families.TryAdd(family.Name, family))
            {
                return _families[family.Name];
            }
        }

        return family;
    }

    private void Record(object? state, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var family = (MetricFamily)state!;
        lock (_gate)
        {
            switch (family.Record(value, tags, mayAdd: _series < _seriesMax))
            {
                case MetricOutcome.Added:
                    _series++;
                    break;
                case MetricOutcome.Dropped:
                    _dropped++;
                    break;
                default:
                    break;
            }
        }
    }
}
