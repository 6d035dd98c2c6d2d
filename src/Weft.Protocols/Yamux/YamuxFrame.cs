using System.Buffers.Binary;

namespace Weft.Protocols.Yamux;

/// <summary>The four types of a Yamux frame.</summary>
public enum YamuxType
{
    /// <summary>Bytes of a stream; the length field counts them.</summary>
    Data = 0,

    /// <summary>Room for more bytes of a stream; the length field is the increase.</summary>
    WindowUpdate = 1,

    /// <summary>A question (SYN) or answer (ACK) that measures the round trip; the length field is its value.</summary>
    Ping = 2,

    /// <summary>The sender opens nothing more; the length field is a <see cref="YamuxGoAway"/>.</summary>
    GoAway = 3,
}

/// <summary>The flags of a Yamux frame.</summary>
[Flags]
public enum YamuxFlags
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>Opens a stream, or asks a ping.</summary>
    Syn = 1,

    /// <summary>Accepts a stream, or answers a ping.</summary>
    Ack = 2,

    /// <summary>The sender writes nothing more to the stream.</summary>
    Fin = 4,

    /// <summary>The stream is gone at once, both ways.</summary>
    Rst = 8,
}

/// <summary>Why a session ends.</summary>
public enum YamuxGoAway
{
    /// <summary>A clean end.</summary>
    Normal = 0,

    /// <summary>The other side broke the protocol.</summary>
    ProtocolError = 1,

    /// <summary>This side failed.</summary>
    InternalError = 2,
}

/// <summary>The 12 bytes in front of every Yamux frame: version, type, flags, stream, length; big-endian.</summary>
/// <param name="Type">What it is.</param>
/// <param name="Flags">See <see cref="YamuxFlags"/>.</param>
/// <param name="Stream">0 for the session itself.</param>
/// <param name="Length">Its meaning depends on the type.</param>
/// <remarks>Source: hashicorp/yamux spec.md; libp2p specs, yamux/README.md.</remarks>
public readonly record struct YamuxHeader(YamuxType Type, YamuxFlags Flags, uint Stream, uint Length)
{
    /// <summary>Bytes of a header.</summary>
    public const int Size = 12;

    private const YamuxFlags KnownFlags = YamuxFlags.Syn | YamuxFlags.Ack | YamuxFlags.Fin | YamuxFlags.Rst;

    /// <summary>Writes the header.</summary>
    /// <param name="target">At least <see cref="Size"/> bytes.</param>
    public void Write(Span<byte> target)
    {
        target[0] = 0;
        target[1] = (byte)Type;
        BinaryPrimitives.WriteUInt16BigEndian(target[2..], (ushort)Flags);
        BinaryPrimitives.WriteUInt32BigEndian(target[4..], Stream);
        BinaryPrimitives.WriteUInt32BigEndian(target[8..], Length);
    }

    /// <summary>Reads a header.</summary>
    /// <param name="source">At least <see cref="Size"/> bytes.</param>
    /// <param name="header">The header.</param>
    /// <returns>False for another version, an unknown type or an unknown flag.</returns>
    public static bool TryRead(ReadOnlySpan<byte> source, out YamuxHeader header)
    {
        var flags = (YamuxFlags)BinaryPrimitives.ReadUInt16BigEndian(source[2..]);
        header = new(
            (YamuxType)source[1],
            flags,
            BinaryPrimitives.ReadUInt32BigEndian(source[4..]),
            BinaryPrimitives.ReadUInt32BigEndian(source[8..]));
        return source[0] == 0 && source[1] <= (byte)YamuxType.GoAway && (flags & ~KnownFlags) == 0;
    }
}
