namespace Weft.Protocols.Blobs;

/// <summary>How a blob is fetched from peers.</summary>
public sealed class BlobFetchOptions
{
    /// <summary>Peers that are known to one fetch: 1 to 1,024. Default: 64; more are not asked.</summary>
    public int PeersMax { get; set; } = 64;

    /// <summary>Peers that are asked at the same time: 1 to 64. Default: 8.</summary>
    public int ActiveMax { get; set; } = 8;

    /// <summary>Chunks in one question: 1 to 256. Default: 32, which are 2 MiB.</summary>
    public int AskChunks { get; set; } = 32;

    /// <summary>How long a peer may take for its next message: 100 ms and up. Default: 10 s. Then another is asked.</summary>
    public TimeSpan MessageDeadline { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long a peer may take for all that one question asks for. Default: 2 min; a peer slower than that is not used.
    /// </summary>
    public TimeSpan AskDeadline { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>
    /// When nothing else is left to ask for, an idle peer is asked for what another has owed for so long. Default: 2 s.
    /// </summary>
    public TimeSpan StealAfter { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>How often a peer whose stream broke is tried again. Default: 4 times.</summary>
    public int RetriesMax { get; set; } = 4;

    /// <summary>The first wait before such a peer is tried again; it doubles. Default: 500 ms.</summary>
    public TimeSpan RetryDelay { get; set; } = TimeSpan.FromMilliseconds(500);
}
