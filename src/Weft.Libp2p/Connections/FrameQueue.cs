using System.Buffers;
using System.Buffers.Binary;
using Weft.Libp2p.Streams;
using Weft.Protocols.Noise;

namespace Weft.Libp2p.Connections;

/// <summary>
/// What waits to be sent: plain bytes in rented buffers, with room for lengths and tags, so that frames are sealed where
/// they lie and sent several at a time. Many small writes share a frame.
/// </summary>
/// <remarks>
/// Three lines, and the first that is not empty goes: a stream may therefore change to a later line at any time without
/// its bytes changing places, but never to an earlier one. Not safe to use from several threads: the connection's gate
/// guards it.
/// </remarks>
/// <param name="batchMax">Bytes of one buffer: what is sent at once, and what other lines may have to wait for.</param>
/// <param name="isFramed">False where the transport below protects the bytes itself: they lie side by side.</param>
internal sealed class FrameQueue(int batchMax = FrameQueue.FrameMax, bool isFramed = true)
{
    /// <summary>Bytes of the longest frame, sealed: the largest size of the pool that is no more than one of Noise.</summary>
    internal const int FrameMax = 65_536;

    private const int BufferMin = 4_096;
    private const int PlainMax = FrameMax - NoiseSessionCore.PrefixLength - NoiseCipher.TagLength;
    private const int PartMin = 1_024; // A part of a write that is worth a header of its own.

    private readonly Line[] _lines =
        [new(batchMax, isFramed), new(batchMax, isFramed), new(batchMax, isFramed)];
    private int _unfinished = -1;

    internal bool IsEmpty => _lines[0].IsEmpty && _lines[1].IsEmpty && _lines[2].IsEmpty;

    /// <summary>Plain bytes that wait in all lines, or were taken and are not sent yet.</summary>
    internal int Bytes => _lines[0].Bytes + _lines[1].Bytes + _lines[2].Bytes;

    /// <summary>The same of one line.</summary>
    internal int BytesOf(StreamPriority priority) => _lines[(int)priority].Bytes;

    /// <summary>How much of a write fills the frame that is open, with a header of the muxer's before it.</summary>
    /// <returns>Everything, where it fits; everything, too, where too little would.</returns>
    internal int Fit(StreamPriority priority, int length, int headerLength)
    {
        int room = _lines[(int)priority].Room - headerLength;
        return room >= Math.Min(length, PartMin) ? Math.Min(length, room) : length;
    }

    /// <summary>Puts bytes in line.</summary>
    /// <param name="priority">Which line.</param>
    /// <param name="bytes">The bytes.</param>
    /// <param name="following">How many bytes belong to these and are put in line next, without a pause between.</param>
    /// <param name="expected">How many more are likely to come at once: a buffer is chosen by that.</param>
    internal void Append(StreamPriority priority, ReadOnlySpan<byte> bytes, int following = 0, int expected = 0) =>
        _lines[(int)priority].Append(bytes, following, expected);

    /// <summary>Takes the next frames to seal and send.</summary>
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

    /// <summary>What was taken has been sent.</summary>
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
    private sealed class Line(int batchMax, bool isFramed)
    {
        private readonly int _prefix = isFramed ? NoiseSessionCore.PrefixLength : 0;
        private readonly int _tag = isFramed ? NoiseCipher.TagLength : 0;
        private Queue<(byte[] Buffer, int End, int Plain, bool IsBrokenOff)>? _full; // Most connections never fill one.
        private byte[]? _buffer;
        private int _end;         // How much of it is used,
        private int _plain;       // and what of that is no length or tag.
        private int _frame = -1;  // Where the open frame begins.
        private bool _isBrokenOff;

        internal int Bytes { get; set; }

        internal bool IsEmpty => _plain == 0 && _full is null or { Count: 0 };

        /// <summary>Bytes the open frame still takes.</summary>
        internal int Room => _frame < 0
            ? 0
            : Math.Min(PlainMax - (_end - _frame - _prefix), Capacity - _end - _tag);

        private int Capacity => Math.Min(_buffer!.Length, batchMax);

        internal void Append(ReadOnlySpan<byte> bytes, int following, int expected)
        {
            Bytes += bytes.Length;
            int whole = bytes.Length + following;
            if (_frame >= 0 && whole > Room && whole <= PlainMax)
            {
                // A muxer's frame that fits into one of Noise is not broken off: other lines could not go between.
                CloseFrame(isBrokenOff: false);
            }

            while (!bytes.IsEmpty)
            {
                if (_frame < 0)
                {
                    OpenFrame(Math.Min(whole, PlainMax), expected);
                }

                int part = Math.Min(bytes.Length, Room);
                bytes[..part].CopyTo(_buffer.AsSpan(_end));
                _end += part;
                _plain += part;
                whole -= part;
                bytes = bytes[part..];
                if (Room == 0)
                {
                    CloseFrame(isBrokenOff: whole > 0);
                }
            }
        }

        internal bool TryTake(StreamPriority priority, out Frame frame)
        {
            if (_full is { Count: > 0 })
            {
                (byte[] buffer, int end, int plain, bool isBrokenOff) = _full.Dequeue();
                frame = new(buffer, end, plain, priority, isBrokenOff);
                return true;
            }

            if (_plain == 0)
            {
                frame = default;
                return false;
            }

            if (_frame >= 0)
            {
                CloseFrame(isBrokenOff: false);
            }

            frame = new(_buffer!, _end, _plain, priority, _isBrokenOff);
            Forget();
            return true;
        }

        /// <summary>Begins a frame with room for so many bytes, in another buffer where this one has none.</summary>
        private void OpenFrame(int length, int expected)
        {
            if (_buffer is not null && Capacity - _end < _prefix + length + _tag)
            {
                (_full ??= new()).Enqueue((_buffer, _end, _plain, _isBrokenOff));
                Forget();
            }

            if (_buffer is null)
            {
                // Who fills buffers quicker than they are sent is given large ones.
                int wanted = _full is { Count: > 0 } ? batchMax : Math.Max(length, expected) + (4 * (_prefix + _tag));
                int least = _prefix + length + _tag;
                _buffer = ArrayPool<byte>.Shared.Rent(Math.Max(least, Math.Clamp(wanted, BufferMin, batchMax)));
            }

            _frame = _end;
            _end += _prefix;
        }

        private void CloseFrame(bool isBrokenOff)
        {
            if (isFramed)
            {
                BinaryPrimitives.WriteUInt16BigEndian(
                    _buffer.AsSpan(_frame), (ushort)(_end - _frame - _prefix + _tag));
            }

            _end += _tag;
            _frame = -1;
            _isBrokenOff = isBrokenOff;
        }

        private void Forget()
        {
            _buffer = null;
            _end = 0;
            _plain = 0;
            _isBrokenOff = false;
        }
    }

    /// <summary>Frames that are sent together: two bytes of length, the plain bytes, room for the tag; and again.</summary>
    internal readonly struct Frame(byte[] buffer, int end, int plain, StreamPriority priority, bool isBrokenOff)
    {
        /// <summary>Plain bytes of all.</summary>
        internal int Plain => plain;

        internal StreamPriority Priority => priority;

        /// <summary>A frame of the muxer begins in it and ends in the next of its line.</summary>
        internal bool IsBrokenOff => isBrokenOff;

        internal ReadOnlyMemory<byte> Seal(NoiseCipher? cipher)
        {
            for (int at = 0; cipher is not null && at < end;)
            {
                int length = BinaryPrimitives.ReadUInt16BigEndian(buffer.AsSpan(at));
                at += NoiseSessionCore.PrefixLength;
                cipher.Seal(
                    buffer.AsSpan(at, length - NoiseCipher.TagLength), [], buffer.AsSpan(at, length));
                at += length;
            }

            return buffer.AsMemory(0, end);
        }

        internal void Return() => ArrayPool<byte>.Shared.Return(buffer);
    }
}
