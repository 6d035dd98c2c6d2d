using System.Buffers;

namespace Weft.Libp2p.Streams;

/// <summary>Bytes that came and were not read yet, in rented pieces. Holds nothing while empty.</summary>
internal sealed class ReceiveBuffer
{
    private const int PieceMin = 4_096;
    private const int PieceMax = 65_536;

    private Piece? _first;
    private Piece? _last;

    internal int Length { get; private set; }

    internal void Append(ReadOnlySpan<byte> bytes)
    {
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
    }

    /// <summary>Puts bytes back in front: what a negotiation read too much.</summary>
    internal void Prepend(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return;
        }

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
        return read;
    }

    internal void Clear()
    {
        while (_first is not null)
        {
            DropFirst();
        }

        Length = 0;
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
