using Weft.Protocols.Blobs;

namespace Weft.Node.Blobs;

/// <summary>A blob of a node.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Size">Bytes of its content.</param>
/// <param name="IsWhole">All of it is here; false for one that is fetched, or was in part.</param>
/// <param name="IsPinned">It stays until somebody says otherwise.</param>
/// <param name="IsLinked">A field of the graph here links to it; null when nobody looked.</param>
/// <param name="UsedAt">When it was last added, read or served, to the hour.</param>
public sealed record BlobInfo(
    BlobId Id, long Size, bool IsWhole, bool IsPinned, bool? IsLinked, DateTimeOffset UsedAt)
{
    /// <summary>It was whole here once, and a part of it could not be read; peers may give it again.</summary>
    public bool IsDamaged { get; init; }

    /// <summary>False when an add found the same content here already.</summary>
    public bool IsNew { get; init; }
}

/// <summary>What a collection of blobs removed that nobody wants.</summary>
/// <param name="Removed">Blobs that went.</param>
/// <param name="BytesFreed">Bytes that gave back.</param>
/// <param name="Kept">Blobs that stay.</param>
/// <param name="Duration">How long it took.</param>
public readonly record struct BlobCollection(int Removed, long BytesFreed, int Kept, TimeSpan Duration);

/// <summary>What a check of all blobs found.</summary>
/// <param name="Blobs">Blobs that were read.</param>
/// <param name="Bytes">Bytes that were read.</param>
/// <param name="Damaged">Those of which a chunk was not what it should be; at most 1,000 are named.</param>
/// <param name="DamagedCount">How many these are.</param>
/// <param name="Repaired">How many of them are whole again, with what peers gave.</param>
/// <param name="Duration">How long it took.</param>
public sealed record BlobCheck(
    int Blobs, long Bytes, IReadOnlyList<BlobId> Damaged, int DamagedCount, int Repaired, TimeSpan Duration);

/// <summary>Counts of the blobs of a node.</summary>
/// <param name="Count">Blobs, parts included.</param>
/// <param name="Bytes">Bytes of their content; a part counts as the whole.</param>
/// <param name="BytesMax">How many there may be.</param>
/// <param name="Fetching">Blobs that are fetched now.</param>
/// <param name="Streams">Streams of peers that are served now.</param>
/// <param name="Liars">Peers that were dropped since the start because of what they sent.</param>
public readonly record struct BlobStats(int Count, long Bytes, long BytesMax, int Fetching, int Streams, long Liars);
