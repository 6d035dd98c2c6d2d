using System.Diagnostics;
using System.Diagnostics.Metrics;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Node;

/// <summary>
/// The instruments and spans of one node: a <see cref="System.Diagnostics.Metrics.Meter"/> and an
/// <see cref="ActivitySource"/>, both named "Weft". Counts that the node keeps anyway are read when somebody asks; what is
/// recorded on the way costs nothing while nobody listens. Tags never hold a soul, a field or a peer.
/// </summary>
public sealed class NodeTelemetry : IDisposable
{
    /// <summary>The name of the meter and of the source.</summary>
    public const string Name = "Weft";

    private static readonly KeyValuePair<string, object?> DatabaseSystem = new("db.system.name", "weft");

    private static readonly double[] SecondsBuckets =
        [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

    private readonly TimeProvider _time;
    private readonly Histogram<double> _operations;
    private readonly Histogram<double> _commits;
    private readonly Histogram<double> _roundTrips;
    private readonly Counter<long> _dropped;

    internal NodeTelemetry(WeftNode node)
    {
        _time = node.Time;
        Meter = new Meter(new MeterOptions(Name) { Scope = node });
        Source = new ActivitySource(Name);
        var seconds = new InstrumentAdvice<double> { HistogramBucketBoundaries = SecondsBuckets };
        _operations = Meter.CreateHistogram(
            "weft.operation.duration", "s", "How long operations took.", tags: null, advice: seconds);
        _commits = Meter.CreateHistogram(
            "weft.storage.commit.duration", "s", "How long commits took to become durable.", tags: null, advice: seconds);
        _roundTrips = Meter.CreateHistogram(
            "weft.peer.rtt", "s", "Round trips to peers, measured at the hello.", tags: null, advice: seconds);
        _dropped = Meter.CreateCounter<long>("weft.dropped", "{message}", "What was dropped, by reason.");
        ObserveMerges(node.Metrics);
        ObserveStorage(node);
        ObserveAdmission(node);
    }

    /// <summary>The meter, for those who add instruments of the same node.</summary>
    public Meter Meter { get; }

    /// <summary>The source of spans.</summary>
    public ActivitySource Source { get; }

    /// <summary>Counts one round trip to a peer.</summary>
    /// <param name="roundTrip">How long it took.</param>
    /// <param name="transport">The kind of transport, for example "ws".</param>
    public void AddRoundTrip(TimeSpan roundTrip, string transport) =>
        _roundTrips.Record(roundTrip.TotalSeconds, new KeyValuePair<string, object?>("transport", transport));

    /// <summary>Counts what was dropped.</summary>
    /// <param name="reason">One of few fixed words.</param>
    /// <param name="count">How many.</param>
    public void AddDropped(string reason, long count = 1) =>
        _dropped.Add(count, new KeyValuePair<string, object?>("reason", reason));

    /// <inheritdoc/>
    public void Dispose()
    {
        Meter.Dispose();
        Source.Dispose();
    }

    /// <summary>A timestamp for <see cref="AddOperation"/>; 0 while nobody listens.</summary>
    internal long StartOperation() => _operations.Enabled ? _time.GetTimestamp() : 0;

    /// <summary>Counts one operation.</summary>
    internal void AddOperation(long started, string operation, string outcome)
    {
        if (started != 0)
        {
            _operations.Record(
                _time.GetElapsedTime(started).TotalSeconds, new("operation", operation), new("outcome", outcome));
        }
    }

    /// <summary>A timestamp for <see cref="AddCommit"/>; 0 while nobody listens.</summary>
    internal long StartCommit() => _commits.Enabled ? _time.GetTimestamp() : 0;

    /// <summary>Counts one commit.</summary>
    internal void AddCommit(long started)
    {
        if (started != 0)
        {
            _commits.Record(_time.GetElapsedTime(started).TotalSeconds);
        }
    }

    /// <summary>Starts a span; null while nobody listens.</summary>
    internal Activity? StartSpan(string operation)
    {
        if (!Source.HasListeners())
        {
            return null;
        }

        Activity? span = Source.StartActivity("weft." + operation, ActivityKind.Internal);
        span?.AddTag(DatabaseSystem.Key, DatabaseSystem.Value);
        span?.AddTag("db.operation.name", operation);
        return span;
    }

    private void ObserveAdmission(WeftNode node)
    {
        Meter.CreateObservableCounter(
            "weft.admission.refused",
            () => node.Metrics.AdmissionRefusals.Select(refusal => new Measurement<long>(
                refusal.Value, new KeyValuePair<string, object?>("reason", ErrorCatalogue.Code(refusal.Key)))),
            "{write}",
            "Writes refused at admission, by the number of the error.");
        Meter.CreateObservableCounter(
            "weft.admission.verified",
            () => new Measurement<long>[]
            {
                new(node.SignaturesVerified - node.SignaturesWrong, new KeyValuePair<string, object?>("result", "good")),
                new(node.SignaturesWrong, new KeyValuePair<string, object?>("result", "wrong")),
            },
            "{signature}",
            "Signatures of incoming writes that were verified.");
        Meter.CreateObservableGauge(
            "weft.admission.queue", () => (long)node.SignaturesWaiting, "{signature}", "Signatures that wait to be verified.");
    }

    private void ObserveMerges(NodeMetrics metrics) => Meter.CreateObservableCounter(
        "weft.merge.results",
        () => new Measurement<long>[]
        {
            new(metrics.Won, new KeyValuePair<string, object?>("result", "won")),
            new(metrics.Kept, new KeyValuePair<string, object?>("result", "kept")),
            new(metrics.Deferred, new KeyValuePair<string, object?>("result", "deferred")),
            new(metrics.Refused, new KeyValuePair<string, object?>("result", "rejected")),
        },
        "{field}",
        "What became of fields that were offered; rejected counts whole deltas.");

    private void ObserveStorage(WeftNode node)
    {
        Meter.CreateObservableGauge(
            "weft.storage.size",
            () =>
            {
                StoreStats stats = node.Store.ReadStats();
                return new Measurement<long>[]
                {
                    new(stats.MemoryBytes, new KeyValuePair<string, object?>("kind", "memory")),
                    new(stats.DiskBytes, new KeyValuePair<string, object?>("kind", "disk")),
                    new(stats.LogBytes, new KeyValuePair<string, object?>("kind", "log")),
                };
            },
            "By",
            "Bytes that the store holds.");
        Meter.CreateObservableGauge(
            "weft.storage.queue", () => (long)node.WritesWaiting, "{write}", "Writes that wait in the lanes.");
    }
}
