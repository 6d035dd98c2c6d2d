using System.Buffers;
using System.IO.Compression;
using Weft.Libp2p.Streams;
using Weft.Primitives;
using Weft.Protocols.Sync;

namespace Weft.Node.Sync;

/// <summary>Messages as frames of a stream: a length as a varint, then the message; a large one is compressed.</summary>
/// <remarks>
/// The highest bit of a message's first byte says that what follows it is its length and the rest of it, deflated. The
/// length is bounded before anything is unpacked, and unpacking ends there. Source: docs/spec/sync.md, section 2.
/// </remarks>
internal static class SyncFrames
{
    private const byte Deflated = 0x80;
    private const int CompressFrom = 1_024;
    private const int HeadMax = Uvarint.BytesMax;

    /// <summary>Writes one message with its length in front.</summary>
    public static void Write(SyncMessage message, bool compresses, ArrayBufferWriter<byte> target)
    {
        var plain = new ArrayBufferWriter<byte>(256);
        SyncCodec.Write(message, plain);
        ReadOnlySpan<byte> body = plain.WrittenSpan;
        if (compresses && body.Length >= CompressFrom && TryDeflate(body) is { } packed)
        {
            body = packed;
        }

        target.Advance(Uvarint.Write(target.GetSpan(HeadMax), (ulong)body.Length));
        target.Write(body);
    }

    /// <summary>Reads one message.</summary>
    /// <param name="bytes">A frame without its length.</param>
    /// <param name="options">The ceilings.</param>
    /// <returns>Null when it is none.</returns>
    public static SyncMessage? Read(ReadOnlyMemory<byte> bytes, SyncOptions options)
    {
        if (bytes.IsEmpty || (bytes.Span[0] & Deflated) == 0)
        {
            return SyncReader.Read(bytes.Span, options);
        }

        if (Uvarint.Read(bytes.Span[1..], out ulong length, out int head) != OperationStatus.Done
            || length > (ulong)options.MessageBytesMax)
        {
            return null;
        }

        byte[] plain = ArrayPool<byte>.Shared.Rent((int)length + 1);
        try
        {
            return TryInflate(bytes[(1 + head)..], plain, (int)length, (byte)(bytes.Span[0] & ~Deflated))
                ? SyncReader.Read(plain.AsSpan(0, (int)length), options)
                : null;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(plain);
        }
    }

    /// <summary>Reads the next frame. The buffer grows with what comes, not with what is announced.</summary>
    /// <returns>Its length; -1 at the end of the stream; -2 for a frame beyond the ceiling or without a proper length.</returns>
    public static async ValueTask<int> ReadFrameAsync(
        PeerStream stream, SyncBuffer buffer, int bytesMax, CancellationToken cancellationToken)
    {
        buffer.Shift();
        while (true)
        {
            OperationStatus status = Uvarint.Read(buffer.Held.Span, out ulong length, out int head);
            if (status == OperationStatus.InvalidData || length > (ulong)bytesMax)
            {
                return -2;
            }

            if (status == OperationStatus.Done && buffer.Held.Length >= head + (int)length)
            {
                buffer.Take(head);
                return (int)length;
            }

            int read = await stream.ReadAsync(buffer.Room(), cancellationToken).ConfigureAwait(false);
            if (read == 0)
            {
                return buffer.Held.IsEmpty ? -1 : -2;
            }

            buffer.Add(read);
        }
    }

    private static byte[]? TryDeflate(ReadOnlySpan<byte> body)
    {
        using var packed = new MemoryStream(body.Length);
        packed.WriteByte((byte)(body[0] | Deflated));
        Span<byte> head = stackalloc byte[HeadMax];
        packed.Write(head[..Uvarint.Write(head, (ulong)body.Length)]);
        using (var deflate = new DeflateStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            deflate.Write(body[1..]);
        }

        return packed.Length < body.Length ? packed.ToArray() : null;
    }

    private static bool TryInflate(ReadOnlyMemory<byte> packed, byte[] plain, int length, byte kind)
    {
        if (length == 0)
        {
            return false;
        }

        try
        {
            plain[0] = kind;
            using var source = new MemoryStream(packed.ToArray(), writable: false);
            using var inflate = new DeflateStream(source, CompressionMode.Decompress);
            int read = inflate.ReadAtLeast(plain.AsSpan(1, length), length, throwOnEndOfStream: false);
            return read == length - 1; // One byte more was asked for: it must not be there.
        }
        catch (InvalidDataException)
        {
            return false;
        }
    }
}

/// <summary>Bytes read from a stream and not taken yet, in a pooled array. One caller at a time.</summary>
internal sealed class SyncBuffer : IDisposable
{
    private const int Least = 4 << 10;
    private const int KeptMax = 256 << 10;

    private byte[] _bytes = ArrayPool<byte>.Shared.Rent(Least);
    private int _start;
    private int _end;

    /// <summary>What is there.</summary>
    public ReadOnlyMemory<byte> Held => _bytes.AsMemory(_start, _end - _start);

    /// <summary>Room to read into: at least one byte, at most as much again as is there.</summary>
    public Memory<byte> Room()
    {
        if (_end == _bytes.Length)
        {
            Move(_start > 0 && _end - _start <= _bytes.Length / 2 ? _bytes.Length : _bytes.Length * 2);
        }

        return _bytes.AsMemory(_end);
    }

    /// <summary>So many bytes were read into the room.</summary>
    public void Add(int count) => _end += count;

    /// <summary>So many bytes are done with.</summary>
    public void Take(int count) => _start += count;

    /// <summary>Moves what is there to the front, and lets go of an array that one large message made.</summary>
    public void Shift()
    {
        if (_start == _end)
        {
            _start = 0;
            _end = 0;
        }

        if (_bytes.Length > KeptMax && _end - _start <= Least)
        {
            Move(Least);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = [];
    }

    private void Move(int length)
    {
        byte[] next = ArrayPool<byte>.Shared.Rent(length);
        Held.CopyTo(next);
        _end -= _start;
        _start = 0;
        ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = next;
    }
}
