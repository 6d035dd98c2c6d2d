using Weft.Log;

namespace Weft.Node.Logs;

/// <summary>How a node keeps and replicates signed logs. Section "Weft:Logs" of the configuration.</summary>
public sealed class LogOptions
{
    /// <summary>Logs at once, own and others': 1 to 100,000; one more is refused. Default: 1,024.</summary>
    public int LogsMax { get; set; } = 1_024;

    /// <summary>Connections with other peers for logs at once: 1 to 10,000. Default: 256.</summary>
    public int ConnectionsMax { get; set; } = 256;

    /// <summary>Peers that are dialled again and again until told otherwise: 1 to 1,024. Default: 64.</summary>
    public int LinksMax { get; set; } = 64;

    /// <summary>Blocks that one signature takes together: 1 to 65,536. Default: 4,096.</summary>
    public int BatchBlocksMax { get; set; } = 4_096;

    /// <summary>
    /// Bytes that one signature takes together: 1 KiB to 64 MiB. Default: 4 MiB. A larger block goes alone.
    /// </summary>
    public int BatchBytesMax { get; set; } = 4 << 20;

    /// <summary>Calls that may wait for the loop that works the logs: 16 to 1,000,000. Default: 4,096.</summary>
    public int QueueMax { get; set; } = 4_096;

    /// <summary>Blocks that a read takes in one go: 1 to 65,536. Default: 512.</summary>
    public int ReadBlocksMax { get; set; } = 512;

    /// <summary>Bytes that a read takes in one go: 1 KiB to 64 MiB. Default: 1 MiB.</summary>
    public int ReadBytesMax { get; set; } = 1 << 20;

    /// <summary>The first wait before a peer is dialled again; it doubles up to a minute. Default: 500 ms.</summary>
    public TimeSpan RedialMin { get; set; } = TimeSpan.FromMilliseconds(500);

    /// <summary>What one log allows its peers. Default: its own defaults, but 256 requests under way.</summary>
    public ReplicationOptions Replication { get; set; } = new() { InFlightMax = 256 };

    internal void ThrowIfInvalid()
    {
        Require(LogsMax is >= 1 and <= 100_000, nameof(LogsMax), LogsMax, "1 to 100,000");
        Require(ConnectionsMax is >= 1 and <= 10_000, nameof(ConnectionsMax), ConnectionsMax, "1 to 10,000");
        Require(LinksMax is >= 1 and <= 1_024, nameof(LinksMax), LinksMax, "1 to 1,024");
        Require(BatchBlocksMax is >= 1 and <= 65_536, nameof(BatchBlocksMax), BatchBlocksMax, "1 to 65,536");
        Require(BatchBytesMax is >= 1_024 and <= 64 << 20, nameof(BatchBytesMax), BatchBytesMax, "1 KiB to 64 MiB");
        Require(QueueMax is >= 16 and <= 1_000_000, nameof(QueueMax), QueueMax, "16 to 1,000,000");
        Require(ReadBlocksMax is >= 1 and <= 65_536, nameof(ReadBlocksMax), ReadBlocksMax, "1 to 65,536");
        Require(ReadBytesMax is >= 1_024 and <= 64 << 20, nameof(ReadBytesMax), ReadBytesMax, "1 KiB to 64 MiB");
        Require(RedialMin > TimeSpan.Zero, nameof(RedialMin), RedialMin, "more than zero");
    }

    private static void Require<T>(bool holds, string option, T value, string allowed)
    {
        if (!holds)
        {
            throw new ArgumentException($"Weft:Logs:{option} is {value}; allowed is {allowed}.", option);
        }
    }
}
