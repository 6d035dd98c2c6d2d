namespace Weft.Protocols.Blobs;

/// <summary>The kinds of messages of <c>/weft/blob/1</c>; the numbers are those on the wire.</summary>
public enum BlobMessageKind
{
    /// <summary>Give me chunks of a blob; of none: have you got it?</summary>
    Ask = 1,

    /// <summary>I have it: size and root. What was asked for follows, chunk by chunk.</summary>
    Head = 2,

    /// <summary>I have not got it, or not whole.</summary>
    Absent = 3,

    /// <summary>Not now: ask again later.</summary>
    Busy = 4,

    /// <summary>A chunk, with the parents that come before it.</summary>
    Chunk = 5,
}

/// <summary>One message; <see cref="Kind"/> says which of the others count. It points into the bytes it was read from.</summary>
public readonly ref struct BlobMessage
{
    /// <summary>What it is.</summary>
    public BlobMessageKind Kind { get; init; }

    /// <summary>Ask: which blob.</summary>
    public BlobId Id { get; init; }

    /// <summary>Ask: the first chunk.</summary>
    public int From { get; init; }

    /// <summary>Ask: how many chunks, 0 to <see cref="BlobLimits.AskChunksMax"/>.</summary>
    public int Count { get; init; }

    /// <summary>Head: bytes of the blob.</summary>
    public long Size { get; init; }

    /// <summary>Head: the hash of the whole tree, 32 bytes.</summary>
    public ReadOnlySpan<byte> Root { get; init; }

    /// <summary>Busy: when to ask again.</summary>
    public TimeSpan RetryAfter { get; init; }

    /// <summary>Chunk: pairs of hashes, 64 bytes for each parent, in the order of the walk.</summary>
    public ReadOnlySpan<byte> Parents { get; init; }

    /// <summary>Chunk: how far before the end of the message its content begins.</summary>
    public int DataLength { get; init; }
}
