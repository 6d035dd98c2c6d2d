using System.Buffers;
using System.Buffers.Binary;
using Weft.Protocols.Noise;

namespace Weft.Libp2p.Connections;

/// <summary>
/// What waits to be sent: plain bytes in rented buffers, each with room for length and tag, so that it is sealed where
/// it lies and sent as one Noise frame. Many small writes share a frame.
/// </summary>
/// <remarks>Not safe to use from several threads: the connection's gate guards it.</remarks>
internal sealed class FrameQueue
{
    // The largest size of the pool's bucket that still fits one Noise message with its length.
    private const int BufferLength = 65_536;
    private const int PlainMax = BufferLength - NoiseSessionCore.PrefixLength - NoiseCipher.TagLength;

    private readonly Queue<Frame> _full = new();
    private byte[]? _buffer;
    private int _plain;

    /// <summary>Plain bytes that wait, or were taken and are not sent yet.</summary>
    internal int Bytes { get; private set; }

    internal bool IsEmpty => _full.Count == 0 && _plain == 0;

    internal void Append(ReadOnlySpan<byte> bytes)
    {
        Bytes += bytes.Length;
        while (!bytes.IsEmpty)
        {
            _buffer ??= ArrayPool<byte>.Shared.Rent(BufferLength);
            int part = Math.Min(bytes.Length, PlainMax - _plain);
            bytes[..part].CopyTo(_buffer.AsSpan(NoiseSessionCore.PrefixLength + _plain));
            _plain += part;
            bytes = bytes[part..];
            if (_plain == PlainMax)
            {
                Close();
            }
        }
    }

    /// <summary>Takes the next frame to seal and send.</summary>
    internal bool TryTake(out Frame frame)
    {
        if (_full.Count == 0 && _plain > 0)
        {
            Close();
        }

        return _full.TryDequeue(out frame);
    }

    /// <summary>A frame that was taken has been sent.</summary>
    internal void OnSent(int plain) => Bytes -= plain;

    internal void Clear()
    {
        while (TryTake(out Frame frame))
        {
            frame.Return();
        }

        Bytes = 0;
    }

    private void Close()
    {
        _full.Enqueue(new Frame(_buffer!, _plain));
        _buffer = null;
        _plain = 0;
    }

    /// <summary>One frame: two bytes of length, the plain bytes, room for the tag.</summary>
    internal readonly struct Frame(byte[] buffer, int plain)
    {
        internal int Plain => plain;

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
