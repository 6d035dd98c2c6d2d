using System.Buffers.Binary;
using System.Globalization;

namespace Weft.Protocols.Peers;

/// <summary>IP addresses as text, without a socket library: pure assemblies have none.</summary>
/// <remarks>Source: RFC 4291, section 2.2; RFC 5952 for the one text that is written.</remarks>
internal static class IpText
{
    private const int Groups = 8;

    internal static bool TryParse4(ReadOnlySpan<char> text, Span<byte> address)
    {
        for (int i = 0; i < 4; i++)
        {
            int end = i < 3 ? text.IndexOf('.') : text.Length;
            if (end < 1 || end > 3 || (text[0] == '0' && end > 1) // "010" is 8 to some readers and 10 to others.
                || !byte.TryParse(text[..end], NumberStyles.None, CultureInfo.InvariantCulture, out address[i]))
            {
                return false;
            }

            text = text[Math.Min(end + 1, text.Length)..];
        }

        return true;
    }

    internal static string Format4(ReadOnlySpan<byte> address) =>
        string.Create(CultureInfo.InvariantCulture, $"{address[0]}.{address[1]}.{address[2]}.{address[3]}");

    internal static bool TryParse6(ReadOnlySpan<char> text, Span<byte> address)
    {
        int gap = text.IndexOf("::");
        if (gap < 0)
        {
            return TryGroups(text, address, out int all) && all == Groups;
        }

        Span<byte> tail = stackalloc byte[16];
        address.Clear();
        ReadOnlySpan<char> after = text[(gap + 2)..];
        if (!TryGroups(text[..gap], address, out int before, isTail: false) || !TryGroups(after, tail, out int behind)
            || before + behind >= Groups)
        {
            return false;
        }

        tail[..(behind * 2)].CopyTo(address[(16 - (behind * 2))..]);
        return true;
    }

    internal static string Format6(ReadOnlySpan<byte> address)
    {
        (int start, int length) = LongestZeros(address);
        Span<char> text = stackalloc char[40];
        int at = 0;
        for (int group = 0; group < Groups; group++)
        {
            if (group == start && length > 1)
            {
                if (group == 0)
                {
                    text[at++] = ':'; // Otherwise the colon behind the group before is the first of the two.
                }

                text[at++] = ':';
                group += length - 1;
                continue;
            }

            ushort value = BinaryPrimitives.ReadUInt16BigEndian(address[(group * 2)..]);
            value.TryFormat(text[at..], out int written, "x", CultureInfo.InvariantCulture);
            at += written;
            if (group < Groups - 1)
            {
                text[at++] = ':';
            }
        }

        return new string(text[..at]);
    }

    private static bool TryGroups(ReadOnlySpan<char> text, Span<byte> target, out int count, bool isTail = true)
    {
        count = 0;
        while (!text.IsEmpty)
        {
            int end = text.IndexOf(':');
            ReadOnlySpan<char> group = end < 0 ? text : text[..end];
            if (isTail && end < 0 && group.Contains('.')) // The last 32 bits may be written as IPv4.
            {
                bool fits = count <= Groups - 2 && TryParse4(group, target[(count * 2)..]);
                count += 2;
                return fits;
            }

            if (count == Groups || group.Length is 0 or > 4
                || !ushort.TryParse(group, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ushort value))
            {
                return false;
            }

            BinaryPrimitives.WriteUInt16BigEndian(target[(count * 2)..], value);
            count++;
            text = end < 0 ? [] : text[(end + 1)..];
            if (end >= 0 && text.IsEmpty)
            {
                return false; // A colon with nothing behind it.
            }
        }

        return true;
    }

    private static (int Start, int Length) LongestZeros(ReadOnlySpan<byte> address)
    {
        int bestStart = -1;
        int bestLength = 0;
        int length = 0;
        for (int group = 0; group < Groups; group++)
        {
            length = address[group * 2] == 0 && address[(group * 2) + 1] == 0 ? length + 1 : 0;
            if (length > bestLength)
            {
                bestLength = length;
                bestStart = group - length + 1;
            }
        }

        return (bestStart, bestLength);
    }
}
