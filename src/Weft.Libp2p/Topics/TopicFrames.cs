using System.Buffers;
using Weft.Libp2p.Streams;
using Weft.Primitives;
using Weft.Protocols.Topics;

namespace Weft.Libp2p.Topics;

/// <summary>Reads frames with a length in front from a stream.</summary>
internal sealed class TopicFrames(PeerStream stream)
{
    private byte[] _buffer = new byte[1_024];
    private int _held;
    private int _used;

    /// <summary>The next frame, without its length; valid until the next call. Null at the end.</summary>
    /// <exception cref="InvalidDataException">Longer than a frame may be.</exception>
    internal async ValueTask<ReadOnlyMemory<byte>?> ReadAsync(CancellationToken cancellationToken)
    {
        _buffer.AsSpan(_used, _held - _used).CopyTo(_buffer);
        _held -= _used;
        _used = 0;
        while (true)
        {
            int needed = _held + 1;
            switch (Uvarint.Read(_buffer.AsSpan(0, _held), out ulong length, out int head))
            {
                case OperationStatus.InvalidData:
                    throw new InvalidDataException("A frame has no length.");
                case OperationStatus.Done when length > TopicWire.FrameMax:
                    throw new InvalidDataException("A frame is too long.");
                case OperationStatus.Done when _held >= head + (int)length:
                    _used = head + (int)length;
                    return _buffer.AsMemory(head, (int)length);
                case OperationStatus.Done:
                    needed = head + (int)length;
                    break;
            }

            if (_buffer.Length < needed)
            {
                Array.Resize(ref _buffer, needed);
            }

            int read = await stream.ReadAsync(_buffer.AsMemory(_held), cancellationToken).ConfigureAwait(false);
            if (read == 0)
            {
                return null;
            }

            _held += read;
        }
    }
}
