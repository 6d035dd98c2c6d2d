using System.Buffers;
using System.Buffers.Binary;

namespace Weft.Protocols.Protobuf;

/// <summary>How a Protobuf field is written.</summary>
public enum ProtobufWire
{
    /// <summary>A varint.</summary>
    Varint = 0,

    /// <summary>Eight bytes.</summary>
    Fixed64 = 1,

    /// <summary>A length and so many bytes.</summary>
    Bytes = 2,

    /// <summary>Four bytes.</summary>
    Fixed32 = 5,
}

/// <summary>Walks the fields of one Protobuf message. It allocates nothing and trusts nothing.</summary>
/// <remarks>
/// <code>
/// var reader = new ProtobufReader(bytes);
/// while (reader.TryRead())
/// {
///     switch (reader.Field) { case 1: key = reader.Bytes; break; }
/// }
/// return reader.IsWhole;
/// </code>
/// Unknown fields are simply not looked at. Groups, which nothing in libp2p uses, end the walk as broken. Varints may take
/// up to ten bytes and need not be of the shortest form, as Protobuf says.
/// Source: protobuf.dev, "Encoding".
/// </remarks>
public ref struct ProtobufReader
{
    private const int VarintBytesMax = 10;
    private const int FieldMax = (1 << 29) - 1;

    private ReadOnlySpan<byte> _rest;
    private bool _isBroken;

    /// <summary>Begins to read a message.</summary>
    public ProtobufReader(ReadOnlySpan<byte> message) => _rest = message;

    /// <summary>The number of the field read last.</summary>
    public int Field { get; private set; }

    /// <summary>How it is written.</summary>
    public ProtobufWire Wire { get; private set; }

    /// <summary>Its value when it is a varint or has a fixed size; else 0.</summary>
    public ulong Number { get; private set; }

    /// <summary>Its value when it has a length; else empty. Points into the message.</summary>
    public ReadOnlySpan<byte> Bytes { get; private set; }

    /// <summary>True when everything was read and nothing was broken.</summary>
    public readonly bool IsWhole => _rest.IsEmpty && !_isBroken;

    /// <summary>Reads the next field.</summary>
    /// <returns>False at the end, or where the message is broken: see <see cref="IsWhole"/>.</returns>
    public bool TryRead()
    {
        if (_rest.IsEmpty || _isBroken)
        {
            return false;
        }

        if (!TryVarint(out ulong tag) || tag >> 3 is 0 or > FieldMax)
        {
            _isBroken = true;
            return false;
        }

        Field = (int)(tag >> 3);
        Wire = (ProtobufWire)(tag & 7);
        Number = 0;
        Bytes = default;
        bool isRead = Wire switch
        {
            ProtobufWire.Varint => TryNumber(),
            ProtobufWire.Bytes => TryBytes(),
            ProtobufWire.Fixed32 => TryFixed(sizeof(uint)),
            ProtobufWire.Fixed64 => TryFixed(sizeof(ulong)),
            _ => false,
        };
        _isBroken = !isRead;
        return isRead;
    }

    private bool TryNumber()
    {
        bool isRead = TryVarint(out ulong number);
        Number = number;
        return isRead;
    }

    private bool TryBytes()
    {
        if (!TryVarint(out ulong length) || length > (ulong)_rest.Length)
        {
            return false;
        }

        Bytes = _rest[..(int)length];
        _rest = _rest[(int)length..];
        return true;
    }

    private bool TryFixed(int size)
    {
        if (_rest.Length < size)
        {
            return false;
        }

        Number = size == sizeof(uint)
            ? BinaryPrimitives.ReadUInt32LittleEndian(_rest)
            : BinaryPrimitives.ReadUInt64LittleEndian(_rest);
        _rest = _rest[size..];
        return true;
    }

    private bool TryVarint(out ulong value)
    {
        value = 0;
        int end = Math.Min(_rest.Length, VarintBytesMax);
        for (int i = 0; i < end; i++)
        {
            byte group = _rest[i];
            if (i == VarintBytesMax - 1 && group > 1)
            {
                break; // More than 64 bits.
            }

            value |= (ulong)(group & 0x7F) << (7 * i);
            if (group < 0x80)
            {
                _rest = _rest[(i + 1)..];
                return true;
            }
        }

        return false;
    }
}
