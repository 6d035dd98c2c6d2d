using System.Buffers;
using System.Buffers.Binary;
using Weft.Libp2p.Streams;
using Weft.Protocols.Noise;

namespace Weft.Libp2p.Connections;

/// <summary>
/// What waits to be sent: plain bytes in rented buffers, each with room for length and tag, so that it is sealed where
/// it lies and sent as one Noise frame. Many small writes share a frame.
/// </summary>
/// <remarks>
/// Three lines, and the first that is not empty goes: a stream may therefore change to a later line at any time without
/// its bytes changing places, but never to an earlier one. Not safe to use from several threads: the connection's gate
/// guards it.
/// </remarks>
internal sealed class FrameQueue
{
    // The largest size of the pool's bucket that still fits one Noise message with its length.
    private const int BufferLength = 65_536;
    private const int PlainMax = BufferLength - NoiseSessionCore.PrefixLength - NoiseCipher.TagLength;

    private readonly Line[] _lines = [new(), new(), new()];
    private int _unfinished = -1;

    internal bool IsEmpty => _lines[0].IsEmpty && _lines[1].IsEmpty && _lines[2].IsEmpty;

    /// <summary>Plain bytes that wait in all lines, or were taken and are not sent yet.</summary>
    internal int Bytes => _lines[0].Bytes + _lines[1].Bytes + _lines[2].Bytes;

    /// <summary>The same of one line.</summary>
    internal int BytesOf(StreamPriority priority) => _lines[(int)priority].Bytes;

    /// <summary>Puts bytes in line.</summary>
    /// <param name="priority">Which line.</param>
    /// <param name="bytes">The bytes.</param>
    /// <param name="following">How many bytes belong to these and are put in line next, without a pause between.</param>
    internal void Append(StreamPriority priority, ReadOnlySpan<byte> bytes, int following = 0) =>
        _lines[(int)priority].Append(bytes, following);

    /// <summary>Takes the next frame to seal and send.</summary>
    internal bool TryTake(out Frame frame)
    {
        // A muxer's frame that is broken off by the end of one of Noise goes on before anything else does.
        for (int i = Math.Max(0, _unfinished); i < _lines.Length; i++)
        {
            if (_lines[i].TryTake((StreamPriority)i, out frame))
            {
                _unfinished = frame.IsBrokenOff ? i : -1;
                return true;
            }
        }

        frame = default;
        return false;
    }

    /// <summary>A frame that was taken has been sent.</summary>
    internal void OnSent(in Frame frame) => _lines[(int)frame.Priority].Bytes -= frame.Plain;

    internal void Clear()
    {
        _unfinished = -1;
        while (TryTake(out Frame frame))
        {
            frame.Return();
        }

        _unfinished = -1;
        Array.ForEach(_lines, line => line.Bytes = 0);
    }

    /// <summary>One line.</summary>
    private sealed class Line
    {
        private Queue<(byte[] Buffer, int Plain, bool IsBrokenOff)>? _full; // Most connections never fill a frame.
        private byte[]? _buffer;
        private int _plain;

        internal int Bytes { get; set; }

        internal bool IsEmpty => _plain == 0 && _full is null or { Count: 0 };

        internal void Append(ReadOnlySpan<byte> bytes, int following)
        {
            Bytes += bytes.Length;
            if (_plain > 0 && bytes.Length + following is var whole && whole <= PlainMax && whole > PlainMax - _plain)
            {
                // A muxer's frame that fits into one of Noise is not broken off: other lines could not go between.
                (_full ??= new()).Enqueue((_buffer!, _plain, false));
                _buffer = null;
                _plain = 0;
            }

            while (!bytes.IsEmpty)
            {
                _buffer ??= ArrayPool<byte>.Shared.Rent(BufferLength);
                int part = Math.Min(bytes.Length, PlainMax - _plain);
                bytes[..part].CopyTo(_buffer.AsSpan(NoiseSessionCore.PrefixLength + _plain));
                _plain += part;
                bytes = bytes[part..];
                if (_plain == PlainMax)
                {
                    (_full ??= new()).Enqueue((_buffer, PlainMax, bytes.Length + following > 0));
                    _buffer = null;
                    _plain = 0;
                }
            }
        }

        internal bool TryTake(StreamPriority priority, out Frame frame)
        {
            if (_full is { Count: > 0 })
            {
                (byte[] buffer, int plain, bool isBrokenOff) = _full.Dequeue();
                frame = new(buffer, plain, priority, isBrokenOff);
                return true;
            }

            bool has = _plain > 0;
            frame = has ? new(_buffer!, _plain, priority, isBrokenOff: false) : default;
            _buffer = has ? null : _buffer;
            _plain = 0;
            return has;
        }
    }

    /// <summary>One frame: two bytes of length, the plain bytes, room for the tag.</summary>
    internal readonly struct Frame(byte[] buffer, int plain, StreamPriority priority, bool isBrokenOff)
    {
        internal int Plain => plain;

        internal StreamPriority Priority => priority;

        /// <summary>A frame of the muxer begins in it and ends in the next of its line.</summary>
        internal bool IsBrokenOff => isBrokenOff;

        internal ReadOnlyMemory<byte> Seal(NoiseCipher? cipher)
        {
            if (cipher is null)
            {
                return buffer.AsMemory(NoiseSessionCore.PrefixLength, plain);
            }

            int sealedLength = plain + NoiseCipher.TagLength;
            BinaryPrimitives.WriteUInt16BigEndian(buffer, (ushort)sealedLength);
            cipher.Seal(
                buffer.AsSpan(NoiseSessionCore.PrefixLength, plain), [],
                buffer.AsSpan(NoiseSessionCore.PrefixLength, sealedLength));
            return buffer.AsMemory(0, NoiseSessionCore.PrefixLength + sealedLength);
        }

        internal void Return() => ArrayPool<byte>.Shared.Return(buffer);
    }
}
