using Weft.Protocols.Blobs;

namespace Weft.Node.Blobs;

/// <summary>How a node keeps, serves and fetches blobs. Section "Weft:Blobs" of the configuration.</summary>
public sealed class BlobOptions
{
    /// <summary>Bytes of one blob, in MiB: 1 to 65,536. Default: 1,024; a larger one is refused.</summary>
    public int BlobMiB { get; set; } = 1_024;

    /// <summary>Bytes of all blobs together, in MiB: 1 to 1,073,741,824. Default: 16,384.</summary>
    public int TotalMiB { get; set; } = 16_384;

    /// <summary>Blobs at once: 1 to 1,000,000. Default: 100,000.</summary>
    public int CountMax { get; set; } = 100_000;

    /// <summary>
    /// How long a blob stays that is neither pinned nor linked, since it was last used: 1 minute and up. Default: 1 day.
    /// When there is no room such blobs go earlier, the one that was used longest ago first.
    /// </summary>
    public TimeSpan UnlinkedGrace { get; set; } = TimeSpan.FromDays(1);

    /// <summary>Gives blobs to peers that ask for them by their ids. Default: true.</summary>
    public bool Serve { get; set; } = true;

    /// <summary>Says in the DHT which blobs are here, as far as <see cref="AnnounceMax"/> goes. Default: true.</summary>
    public bool Announce { get; set; } = true;

    /// <summary>Blobs that are announced: 0 to 100,000; pinned ones first. Default: 512.</summary>
    public int AnnounceMax { get; set; } = 512;

    /// <summary>Blobs that are fetched at the same time: 1 to 1,000. Default: 32.</summary>
    public int FetchesMax { get; set; } = 32;

    /// <summary>How a blob is fetched from peers.</summary>
    public BlobFetchOptions Fetch { get; set; } = new();

    /// <summary>What is given to peers.</summary>
    public BlobServeOptions ServeLimits { get; set; } = new();

    /// <summary>Bytes of one blob.</summary>
    internal long BlobBytesMax => (long)BlobMiB << 20;

    /// <summary>Bytes of all blobs.</summary>
    internal long TotalBytesMax => (long)TotalMiB << 20;

    internal void ThrowIfInvalid()
    {
        Require(BlobMiB is >= 1 and <= 65_536, nameof(BlobMiB), BlobMiB, "1 to 65,536");
        Require(TotalMiB is >= 1 and <= 1 << 30, nameof(TotalMiB), TotalMiB, "1 to 1,073,741,824");
        Require(CountMax is >= 1 and <= 1_000_000, nameof(CountMax), CountMax, "1 to 1,000,000");
        Require(UnlinkedGrace >= TimeSpan.FromMinutes(1), nameof(UnlinkedGrace), UnlinkedGrace, "1 minute and up");
        Require(AnnounceMax is >= 0 and <= 100_000, nameof(AnnounceMax), AnnounceMax, "0 to 100,000");
        Require(FetchesMax is >= 1 and <= 1_000, nameof(FetchesMax), FetchesMax, "1 to 1,000");
        Require(Fetch.PeersMax is >= 1 and <= 1_024, "Fetch:PeersMax", Fetch.PeersMax, "1 to 1,024");
        Require(Fetch.ActiveMax is >= 1 and <= 64, "Fetch:ActiveMax", Fetch.ActiveMax, "1 to 64");
        Require(
            Fetch.AskChunks is >= 1 and <= BlobLimits.AskChunksMax, "Fetch:AskChunks", Fetch.AskChunks, "1 to 256");
        Require(
            Fetch.MessageDeadline >= TimeSpan.FromMilliseconds(100), "Fetch:MessageDeadline", Fetch.MessageDeadline,
            "100 ms and up");
        Require(
            ServeLimits.StreamsPerPeerMax is >= 1 and <= 64, "ServeLimits:StreamsPerPeerMax",
            ServeLimits.StreamsPerPeerMax, "1 to 64");
        Require(
            ServeLimits.StreamsMax is >= 1 and <= 10_000, "ServeLimits:StreamsMax", ServeLimits.StreamsMax,
            "1 to 10,000");
        Require(
            ServeLimits.PeerBytesPerSecond >= 64 << 10, "ServeLimits:PeerBytesPerSecond",
            ServeLimits.PeerBytesPerSecond, "65,536 and up");
        Require(ServeLimits.PeersMax is >= 16 and <= 100_000, "ServeLimits:PeersMax", ServeLimits.PeersMax,
            "16 to 100,000");
    }

    private static void Require<T>(bool holds, string option, T value, string allowed)
    {
        if (!holds)
        {
            throw new ArgumentException($"Weft:Blobs:{option} is {value}; allowed is {allowed}.", option);
        }
    }
}
