using System.Buffers;
using Weft.Protocols.Blobs;

namespace Weft.Node.Blobs;

/// <summary>Reads frames of <see cref="BlobCodec"/> from a stream. One caller.</summary>
internal sealed class BlobFrames(Stream stream, int bytesMax)
{
    private byte[] _buffer = new byte[Math.Max(256, Math.Min(bytesMax * 2, 160 << 10))];
    private int _start;
    private int _end;

    /// <summary>Reads the next message; it is valid until the next call.</summary>
    /// <returns>Done; NeedMoreData when the stream has ended; InvalidData when no frame can follow.</returns>
    public async ValueTask<(OperationStatus Status, ReadOnlyMemory<byte> Message)> ReadAsync(
        CancellationToken cancellationToken)
    {
        while (true)
        {
            OperationStatus status = BlobCodec.ReadFrame(
                _buffer.AsSpan(_start, _end - _start), bytesMax, out int at, out int length);
            if (status == OperationStatus.Done)
            {
                ReadOnlyMemory<byte> message = _buffer.AsMemory(_start + at, length);
                _start += at + length;
                return (status, message);
            }

            if (status == OperationStatus.InvalidData)
            {
                return (status, default);
            }

            MakeRoom();
            int read = await stream.ReadAsync(_buffer.AsMemory(_end), cancellationToken).ConfigureAwait(false);
            if (read == 0)
            {
                return (_start == _end ? OperationStatus.NeedMoreData : OperationStatus.InvalidData, default);
            }

            _end += read;
        }
    }

    private void MakeRoom()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
        }

        if (_end == _buffer.Length)
        {
            Array.Resize(ref _buffer, Math.Min(_buffer.Length * 2, bytesMax + 16));
        }
    }
}
