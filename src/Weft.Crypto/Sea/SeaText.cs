using System.Text;

namespace Weft.Crypto.Sea;

/// <summary>The outside of SEA's texts: "SEA" and a JSON object, or in its raw form the object alone.</summary>
internal static class SeaText
{
    internal const string Prefix = "SEA";

    /// <summary>The JSON behind the prefix, in UTF-8.</summary>
    internal static byte[] ToJson(ReadOnlySpan<char> text)
    {
        ReadOnlySpan<char> json = text.StartsWith("SEA{", StringComparison.Ordinal) ? text[Prefix.Length..] : text;
        byte[] bytes = new byte[Encoding.UTF8.GetByteCount(json)];
        Encoding.UTF8.GetBytes(json, bytes);
        return bytes;
    }
}

/// <summary>Standard base64 with padding, in its one canonical form.</summary>
internal static class SeaBase64
{
    /// <summary>Decodes text that stands for exactly the target's bytes; clears it when it does not.</summary>
    internal static bool TryDecode(ReadOnlySpan<char> text, Span<byte> target)
    {
        if (text.Length == (target.Length + 2) / 3 * 4
            && !text.ContainsAny(' ', '\t', '\n') && !text.Contains('\r')
            && Convert.TryFromBase64Chars(text, target, out int written) && written == target.Length
            && IsCanonical(text, target))
        {
            return true;
        }

        target.Clear();
        return false;
    }

    /// <summary>Decodes any length up to a ceiling; null when it is not canonical base64.</summary>
    internal static byte[]? Decode(ReadOnlySpan<char> text, int lengthMax)
    {
        int padding = text.EndsWith("==") ? 2 : text.EndsWith("=") ? 1 : 0;
        if (text.Length % 4 != 0 || text.Length / 4 > (lengthMax / 3) + 1)
        {
            return null;
        }

        byte[] bytes = new byte[Math.Max(0, (text.Length / 4 * 3) - padding)];
        return TryDecode(text, bytes) ? bytes : null;
    }

    // Bits to spare before the padding must be zero, or one signature would have many texts.
    private static bool IsCanonical(ReadOnlySpan<char> text, ReadOnlySpan<byte> bytes)
    {
        if (text.IsEmpty)
        {
            return true;
        }

        Span<char> last = stackalloc char[4];
        int tail = bytes.Length - (((text.Length / 4) - 1) * 3);
        return Convert.TryToBase64Chars(bytes[^tail..], last, out _) && last.SequenceEqual(text[^4..]);
    }
}
