using System.Buffers;
using Weft.Primitives;

namespace Weft.Protocols.Blobs;

/// <summary>The bytes of <c>/weft/blob/1</c>: frames of a varint length and a message.</summary>
/// <remarks>Source: docs/spec/blobs.md, section 3.</remarks>
public static class BlobCodec
{
    /// <summary>The protocol's name.</summary>
    public const string Protocol = "/weft/blob/1";

    /// <summary>Bytes of the longest message that a server takes.</summary>
    public const int AskBytesMax = 1 + BlobId.Length + (2 * Uvarint.BytesMax);

    private const int PairBytes = 2 * BlobLimits.HashBytes;

    private static readonly TimeSpan RetryMax = TimeSpan.FromMinutes(10);

    /// <summary>Finds the first frame.</summary>
    /// <param name="source">Bytes from a stream.</param>
    /// <param name="bytesMax">The longest message that is taken.</param>
    /// <param name="start">Where its message begins.</param>
    /// <param name="length">Bytes of the message: 1 and up.</param>
    /// <returns>Done; NeedMoreData; InvalidData when it is too long, empty, or its length is no varint.</returns>
    public static OperationStatus ReadFrame(
        ReadOnlySpan<byte> source, int bytesMax, out int start, out int length)
    {
        length = 0;
        OperationStatus status = Uvarint.Read(source, out ulong value, out start);
        if (status != OperationStatus.Done)
        {
            return status;
        }

        if (value == 0 || value > (ulong)bytesMax)
        {
            return OperationStatus.InvalidData;
        }

        length = (int)value;
        return source.Length - start < length ? OperationStatus.NeedMoreData : OperationStatus.Done;
    }

    /// <summary>Reads a message.</summary>
    /// <param name="bytes">The whole message, without its length.</param>
    /// <param name="message">What it says.</param>
    /// <returns>False for bytes that are none.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out BlobMessage message)
    {
        message = default;
        if (bytes.IsEmpty)
        {
            return false;
        }

        ReadOnlySpan<byte> rest = bytes[1..];
        switch ((BlobMessageKind)bytes[0])
        {
            case BlobMessageKind.Ask:
                return TryReadAsk(rest, out message);
            case BlobMessageKind.Head when TryNumber(ref rest, BlobLimits.BytesMax, out long size)
                && rest.Length == BlobLimits.HashBytes:
                message = new BlobMessage { Kind = BlobMessageKind.Head, Size = size, Root = rest };
                return true;
            case BlobMessageKind.Absent when rest.IsEmpty:
                message = new BlobMessage { Kind = BlobMessageKind.Absent };
                return true;
            case BlobMessageKind.Busy when TryNumber(ref rest, (long)RetryMax.TotalMilliseconds, out long ms)
                && rest.IsEmpty:
                message = new BlobMessage { Kind = BlobMessageKind.Busy, RetryAfter = TimeSpan.FromMilliseconds(ms) };
                return true;
            case BlobMessageKind.Chunk when TryNumber(ref rest, BlobLimits.DepthMax, out long parents)
                && rest.Length >= parents * PairBytes
                && rest.Length - (parents * PairBytes) <= BlobLimits.ChunkBytes:
                message = new BlobMessage
                {
                    Kind = BlobMessageKind.Chunk,
                    Parents = rest[..((int)parents * PairBytes)],
                    DataLength = rest.Length - ((int)parents * PairBytes),
                };
                return true;
            default:
                return false;
        }
    }

    /// <summary>Writes a question as a frame.</summary>
    public static void WriteAsk(IBufferWriter<byte> target, BlobId id, int from, int count)
    {
        Span<byte> message = stackalloc byte[AskBytesMax];
        message[0] = (byte)BlobMessageKind.Ask;
        id.Span.CopyTo(message[1..]);
        int at = 1 + BlobId.Length;
        at += Uvarint.Write(message[at..], (ulong)from);
        at += Uvarint.Write(message[at..], (ulong)count);
        WriteFrame(target, message[..at]);
    }

    /// <summary>Writes size and root as a frame.</summary>
    public static void WriteHead(IBufferWriter<byte> target, long size, ReadOnlySpan<byte> root)
    {
        Span<byte> message = stackalloc byte[1 + Uvarint.BytesMax + BlobLimits.HashBytes];
        message[0] = (byte)BlobMessageKind.Head;
        int at = 1 + Uvarint.Write(message[1..], (ulong)size);
        root.CopyTo(message[at..]);
        WriteFrame(target, message[..(at + BlobLimits.HashBytes)]);
    }

    /// <summary>Writes that the blob is not here, as a frame.</summary>
    public static void WriteAbsent(IBufferWriter<byte> target) => WriteFrame(target, [(byte)BlobMessageKind.Absent]);

    /// <summary>Writes when to ask again, as a frame.</summary>
    public static void WriteBusy(IBufferWriter<byte> target, TimeSpan retryAfter)
    {
        Span<byte> message = stackalloc byte[1 + Uvarint.BytesMax];
        message[0] = (byte)BlobMessageKind.Busy;
        double ms = Math.Clamp(retryAfter.TotalMilliseconds, 0, RetryMax.TotalMilliseconds);
        WriteFrame(target, message[..(1 + Uvarint.Write(message[1..], (ulong)ms))]);
    }

    /// <summary>Writes a chunk as a frame, with the parents that the walk gives before it.</summary>
    /// <param name="target">Takes the frame.</param>
    /// <param name="tree">A whole tree.</param>
    /// <param name="walk">Where the answer is; it stands before the chunk, or a parent of it, and goes on.</param>
    /// <param name="data">The content of the chunk that comes next.</param>
    /// <returns>False when the walk is at its end; then nothing was written.</returns>
    public static bool TryWriteChunk(
        IBufferWriter<byte> target, BlobTree tree, ref BlobWalk walk, ReadOnlySpan<byte> data)
    {
        Span<byte> parents = stackalloc byte[BlobLimits.DepthMax * PairBytes];
        int count = 0;
        while (walk.TryNext(out BlobStep step))
        {
            if (!step.IsChunk)
            {
                int split = BlobTree.Split(step.Count);
                Span<byte> pair = parents.Slice(PairBytes * count++, PairBytes);
                tree.Hash(BlobTree.NodeOf(step.First, split)).CopyTo(pair);
                tree.Hash(BlobTree.NodeOf(step.First + split, step.Count - split)).CopyTo(pair[BlobLimits.HashBytes..]);
                continue;
            }

            int length = 2 + (count * PairBytes) + data.Length;
            Span<byte> head = target.GetSpan(length + Uvarint.BytesMax);
            int at = Uvarint.Write(head, (ulong)length);
            head[at++] = (byte)BlobMessageKind.Chunk;
            head[at++] = (byte)count; // At most DepthMax: a varint of one byte.
            parents[..(count * PairBytes)].CopyTo(head[at..]);
            at += count * PairBytes;
            data.CopyTo(head[at..]);
            target.Advance(at + data.Length);
            return true;
        }

        return false;
    }

    private static bool TryReadAsk(ReadOnlySpan<byte> rest, out BlobMessage message)
    {
        message = default;
        if (rest.Length < BlobId.Length)
        {
            return false;
        }

        var id = new BlobId(rest[..BlobId.Length]);
        rest = rest[BlobId.Length..];
        if (!TryNumber(ref rest, int.MaxValue, out long from)
            || !TryNumber(ref rest, BlobLimits.AskChunksMax, out long count) || !rest.IsEmpty)
        {
            return false;
        }

        message = new BlobMessage { Kind = BlobMessageKind.Ask, Id = id, From = (int)from, Count = (int)count };
        return true;
    }

    private static bool TryNumber(ref ReadOnlySpan<byte> rest, long max, out long number)
    {
        bool isRead = Uvarint.Read(rest, out ulong value, out int used) == OperationStatus.Done && value <= (ulong)max;
        number = isRead ? (long)value : 0;
        rest = isRead ? rest[used..] : rest;
        return isRead;
    }

    private static void WriteFrame(IBufferWriter<byte> target, ReadOnlySpan<byte> message)
    {
        Span<byte> frame = target.GetSpan(Uvarint.BytesMax + message.Length);
        int at = Uvarint.Write(frame, (ulong)message.Length);
        message.CopyTo(frame[at..]);
        target.Advance(at + message.Length);
    }
}
