using System.Buffers;
using System.Text;

namespace Weft.Protocols.Protobuf;

/// <summary>Writes the fields of one Protobuf message, in the order of the calls: deterministic, shortest varints.</summary>
/// <remarks>Source: protobuf.dev, "Encoding".</remarks>
public readonly struct ProtobufWriter(IBufferWriter<byte> target)
{
    private const int VarintBytesMax = 10;

    /// <summary>Writes a number, also when it is 0.</summary>
    public void Number(int field, ulong value)
    {
        Varint(((ulong)field << 3) | (ulong)ProtobufWire.Varint);
        Varint(value);
    }

    /// <summary>Writes bytes, also when there are none.</summary>
    public void Bytes(int field, ReadOnlySpan<byte> value)
    {
        Varint(((ulong)field << 3) | (ulong)ProtobufWire.Bytes);
        Varint((ulong)value.Length);
        target.Write(value);
    }

    /// <summary>Writes text as UTF-8.</summary>
    public void Text(int field, string value)
    {
        Varint(((ulong)field << 3) | (ulong)ProtobufWire.Bytes);
        Varint((ulong)Encoding.UTF8.GetByteCount(value));
        Encoding.UTF8.GetBytes(value, target);
    }

    /// <summary>Writes a bare varint: the length in front of a message.</summary>
    public void Varint(ulong value)
    {
        Span<byte> bytes = target.GetSpan(VarintBytesMax);
        int at = 0;
        for (; value >= 0x80; value >>= 7)
        {
            bytes[at++] = (byte)(value | 0x80);
        }

        bytes[at++] = (byte)value;
        target.Advance(at);
    }
}
