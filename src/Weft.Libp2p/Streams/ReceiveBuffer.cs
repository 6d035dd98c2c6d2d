using System.Buffers;
using Weft.Libp2p.Connections;

namespace Weft.Libp2p.Streams;

/// <summary>Bytes that came and were not read yet, in rented pieces. Holds nothing while empty.</summary>
/// <param name="memory">Says how much may be held.</param>
internal sealed class ReceiveBuffer(MemoryScope memory)
{
    private bool _isCounted = true;

    private const int PieceMin = 4_096;
    private const int PieceMax = 65_536;

    private Piece? _first;
    private Piece? _last;

    internal int Length { get; private set; }

    /// <summary>Keeps bytes.</summary>
    /// <returns>False when there is no room for them in memory; nothing was kept.</returns>
    internal bool TryAppend(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return true;
        }

        if (!memory.TryTake(bytes.Length))
        {
            return false;
        }

        Length += bytes.Length;
        while (!bytes.IsEmpty)
        {
            if (_last is null || _last.End == _last.Bytes.Length)
            {
                var piece = new Piece(ArrayPool<byte>.Shared.Rent(Math.Clamp(bytes.Length, PieceMin, PieceMax)));
                _first ??= piece;
                if (_last is not null)
                {
                    _last.Next = piece;
                }

                _last = piece;
            }

            int part = Math.Min(bytes.Length, _last.Bytes.Length - _last.End);
            bytes[..part].CopyTo(_last.Bytes.AsSpan(_last.End));
            _last.End += part;
            bytes = bytes[part..];
        }

        return true;
    }

    /// <summary>Puts bytes back in front: what a negotiation read too much.</summary>
    internal void Prepend(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return;
        }

        Count(-bytes.Length); // A few bytes that were counted a moment ago; there is always room for them.

        var piece = new Piece(ArrayPool<byte>.Shared.Rent(bytes.Length)) { Next = _first, End = bytes.Length };
        bytes.CopyTo(piece.Bytes);
        _first = piece;
        _last ??= piece;
        Length += bytes.Length;
    }

    internal int Read(Span<byte> target)
    {
        int read = 0;
        while (_first is not null && read < target.Length)
        {
            int part = Math.Min(target.Length - read, _first.End - _first.Start);
            _first.Bytes.AsSpan(_first.Start, part).CopyTo(target[read..]);
            _first.Start += part;
            read += part;
            if (_first.Start == _first.End)
            {
                DropFirst();
            }
        }

        Length -= read;
        Count(read);
        return read;
    }

    internal void Clear()
    {
        while (_first is not null)
        {
            DropFirst();
        }

        Count(Length);
        Length = 0;
    }

    /// <summary>The stream is over: nothing more comes, and what is left is no longer held for the peer.</summary>
    internal void Uncount()
    {
        Count(Length);
        _isCounted = false;
    }

    private void Count(int returned)
    {
        if (_isCounted)
        {
            memory.Return(returned);
        }
    }

    private void DropFirst()
    {
        ArrayPool<byte>.Shared.Return(_first!.Bytes);
        _first = _first.Next;
        if (_first is null)
        {
            _last = null;
        }
    }

    private sealed class Piece(byte[] bytes)
    {
        internal byte[] Bytes { get; } = bytes;

        internal int Start { get; set; }

        internal int End { get; set; }

        internal Piece? Next { get; set; }
    }
}
