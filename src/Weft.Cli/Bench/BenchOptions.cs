namespace Weft.Cli.Bench;

/// <summary>What a benchmark does.</summary>
/// <param name="Puts">Clients that write.</param>
/// <param name="Gets">Clients that read.</param>
/// <param name="Duration">How long; not used when <paramref name="Count"/> is set.</param>
/// <param name="Count">Operations of each kind in all; 0 for as many as fit in the duration.</param>
/// <param name="ValueBytes">Bytes of a value's text.</param>
/// <param name="Rate">Operations per second of each kind, planned; 0 for as fast as it goes.</param>
/// <param name="Seed">Chooses values and the order of reads.</param>
/// <param name="Keys">Nodes that are written beforehand for the readers.</param>
/// <param name="Prefix">Where the souls of the benchmark start.</param>
internal sealed record BenchOptions(
    int Puts,
    int Gets,
    TimeSpan Duration,
    long Count,
    int ValueBytes,
    double Rate,
    ulong Seed,
    int Keys,
    string Prefix);

/// <summary>What one kind of operation reached.</summary>
/// <param name="Name">"put" or "get".</param>
/// <param name="Latency">The latencies, from the planned send time when there is a rate.</param>
/// <param name="Errors">Operations that failed.</param>
/// <param name="Elapsed">From the first to the last.</param>
/// <param name="Bytes">Bytes of values moved.</param>
internal sealed record BenchRow(string Name, LatencyHistogram Latency, long Errors, TimeSpan Elapsed, long Bytes)
{
    public double PerSecond => Latency.Count / Math.Max(0.000_001, Elapsed.TotalSeconds);

    public double MegabytesPerSecond => Bytes / 1e6 / Math.Max(0.000_001, Elapsed.TotalSeconds);
}

/// <summary>What reading back found.</summary>
/// <param name="Written">Writes that were acknowledged.</param>
/// <param name="Equal">Of these, how many were read back as written.</param>
internal sealed record BenchCheck(long Written, long Equal)
{
    public long Lost => Written - Equal;
}
