using System.Buffers;

namespace Weft.Primitives;

/// <summary>Unsigned varint: groups of 7 bits, lowest first; a set high bit says that another group follows.</summary>
/// <remarks>Source: multiformats unsigned-varint, "at most 9 bytes" and "shortest form only".</remarks>
public static class Uvarint
{
    /// <summary>Bytes of the longest legal encoding; it holds 63 bits.</summary>
    public const int BytesMax = 9;

    /// <summary>Reads one value from the start of <paramref name="source"/>.</summary>
    /// <returns>
    /// Done; NeedMoreData when source ends inside a legal value; InvalidData when it is too long or not
    /// the shortest form. Unless Done, both out values are 0, and the caller may retry with more bytes.
    /// </returns>
    public static OperationStatus Read(ReadOnlySpan<byte> source, out ulong value, out int bytesRead)
    {
        value = 0;
        bytesRead = 0;
        ulong sum = 0;
        int end = Math.Min(source.Length, BytesMax);
        for (int i = 0; i < end; i++)
        {
            byte group = source[i];
            sum |= (ulong)(group & 0x7F) << (7 * i);
            if (group < 0x80)
            {
                if (group == 0 && i > 0)
                {
                    return OperationStatus.InvalidData; // A zero last group adds nothing: not the shortest form.
                }

                value = sum;
                bytesRead = i + 1;
                return OperationStatus.Done;
            }
        }

        return source.Length < BytesMax ? OperationStatus.NeedMoreData : OperationStatus.InvalidData;
    }

    /// <summary>Writes <paramref name="value"/> to the start of <paramref name="target"/>.</summary>
    /// <param name="target">At least <see cref="Length"/> bytes.</param>
    /// <param name="value">0 to 2^63 - 1.</param>
    /// <returns>The bytes written.</returns>
    public static int Write(Span<byte> target, ulong value)
    {
        int at = 0;
        while (value >= 0x80)
        {
            target[at++] = (byte)(value | 0x80);
            value >>= 7;
        }

        target[at++] = (byte)value;
        return at;
    }

    /// <summary>The bytes that <see cref="Write"/> takes for <paramref name="value"/>: 1 to 9.</summary>
    public static int Length(ulong value)
    {
        int length = 1;
        while (value >= 0x80)
        {
            value >>= 7;
            length++;
        }

        return length;
    }
}
