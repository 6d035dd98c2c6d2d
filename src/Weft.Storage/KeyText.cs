using System.Text;

namespace Weft.Storage;

/// <summary>
/// Souls and field names as bytes whose order is JavaScript's: each UTF-16 unit is written on its own (CESU-8), so that
/// comparing bytes compares UTF-16 units. For text without characters beyond U+FFFF this is UTF-8.
/// </summary>
internal static class KeyText
{
    /// <summary>Bytes that encoding may take.</summary>
    public static int BytesMax(string text) => text.Length * 3;

    /// <summary>Writes the bytes of <paramref name="text"/>.</summary>
    /// <returns>How many.</returns>
    public static int Encode(ReadOnlySpan<char> text, Span<byte> target)
    {
        Ascii.FromUtf16(text, target, out int at);
        for (int i = at; i < text.Length; i++)
        {
            char unit = text[i];
            if (unit < 0x80)
            {
                target[at++] = (byte)unit;
            }
            else if (unit < 0x800)
            {
                target[at++] = (byte)(0xC0 | (unit >> 6));
                target[at++] = (byte)(0x80 | (unit & 0x3F));
            }
            else
            {
                target[at++] = (byte)(0xE0 | (unit >> 12));
                target[at++] = (byte)(0x80 | ((unit >> 6) & 0x3F));
                target[at++] = (byte)(0x80 | (unit & 0x3F));
            }
        }

        return at;
    }

    public static byte[] Encode(string text)
    {
        Span<byte> buffer = text.Length <= 256 ? stackalloc byte[768] : new byte[BytesMax(text)];
        return buffer[..Encode(text, buffer)].ToArray();
    }

    /// <summary>Encodes into a buffer of this thread; valid until its next use.</summary>
    /// <param name="text">The text.</param>
    /// <param name="buffer">The buffer, made or grown.</param>
    public static ReadOnlySpan<byte> Encode(string text, ref byte[]? buffer)
    {
        if (buffer is null || buffer.Length < BytesMax(text))
        {
            buffer = new byte[Math.Max(1_024, BytesMax(text))];
        }

        return buffer.AsSpan(0, Encode(text, buffer));
    }

    /// <summary>Reads bytes that <see cref="Encode(ReadOnlySpan{char}, Span{byte})"/> wrote.</summary>
    public static string Decode(ReadOnlySpan<byte> bytes)
    {
        if (Ascii.IsValid(bytes))
        {
            return Encoding.ASCII.GetString(bytes);
        }

        char[] units = new char[bytes.Length];
        int count = 0;
        for (int i = 0; i < bytes.Length; i++)
        {
            byte lead = bytes[i];
            if (lead < 0x80)
            {
                units[count++] = (char)lead;
            }
            else if (lead < 0xE0 && i + 1 < bytes.Length)
            {
                units[count++] = (char)(((lead & 0x1F) << 6) | (bytes[++i] & 0x3F));
            }
            else if (i + 2 < bytes.Length)
            {
                units[count++] = (char)(((lead & 0x0F) << 12) | ((bytes[i + 1] & 0x3F) << 6) | (bytes[i + 2] & 0x3F));
                i += 2;
            }
        }

        return new string(units, 0, count);
    }
}
