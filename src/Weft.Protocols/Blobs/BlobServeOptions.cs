namespace Weft.Protocols.Blobs;

/// <summary>What a node gives to those who ask it for blobs.</summary>
public sealed class BlobServeOptions
{
    /// <summary>Streams of one peer at the same time: 1 to 64. Default: 4.</summary>
    public int StreamsPerPeerMax { get; set; } = 4;

    /// <summary>Streams of all peers at the same time: 1 to 10,000. Default: 64.</summary>
    public int StreamsMax { get; set; } = 64;

    /// <summary>Bytes per second for one peer: 64 KiB and up. Default: 64 MiB.</summary>
    public long PeerBytesPerSecond { get; set; } = 64L << 20;

    /// <summary>Bytes that a peer may take at once beyond that: 1 MiB and up. Default: 16 MiB.</summary>
    public long PeerBurstBytes { get; set; } = 16L << 20;

    /// <summary>Peers whose rate is remembered: 16 to 100,000. Default: 1,024.</summary>
    public int PeersMax { get; set; } = 1_024;

    /// <summary>How long a stream may rest between two questions: 1 s and up. Default: 1 min.</summary>
    public TimeSpan RestMax { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>How long a peer may take to take one chunk: 1 s and up. Default: 30 s.</summary>
    public TimeSpan ChunkDeadline { get; set; } = TimeSpan.FromSeconds(30);
}
