using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using Weft.Node;

namespace Weft.Server;

/// <summary>Sends the metrics and spans named "Weft" to a collector, when an endpoint is configured.</summary>
internal sealed class OtlpExport : IDisposable
{
    private readonly MeterProvider _meters;
    private readonly TracerProvider _spans;

    private OtlpExport(MeterProvider meters, TracerProvider spans) => (_meters, _spans) = (meters, spans);

    /// <summary>Starts to export to the configured endpoint.</summary>
    internal static OtlpExport Start(ServerOptions options)
    {
        var endpoint = new Uri(options.OtlpEndpoint!);
        ResourceBuilder resource = ResourceBuilder.CreateEmpty().AddService(
            "weft", serviceInstanceId: options.Peer.Name);
        MeterProvider meters = Sdk.CreateMeterProviderBuilder()
            .SetResourceBuilder(resource)
            .AddMeter(NodeTelemetry.Name)
            .AddOtlpExporter((exporter, _) => exporter.Endpoint = endpoint)
            .Build();
        TracerProvider spans = Sdk.CreateTracerProviderBuilder()
            .SetResourceBuilder(resource)
            .AddSource(NodeTelemetry.Name)
            .AddOtlpExporter(exporter => exporter.Endpoint = endpoint)
            .Build();
        return new OtlpExport(meters, spans);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // A collector that is gone must not hold up the stop.
        _meters.Shutdown(timeoutMilliseconds: 500);
        _spans.Shutdown(timeoutMilliseconds: 500);
        _meters.Dispose();
        _spans.Dispose();
    }
}
