namespace Weft.Primitives;

/// <summary>
/// Base58 with Bitcoin's alphabet, for short identifiers: the work grows with the square of the length.
/// </summary>
/// <remarks>Source: multiformats multibase, base58btc.</remarks>
internal static class Base58
{
    private const string Alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

    /// <summary>The text of at most 64 bytes.</summary>
    internal static string Encode(ReadOnlySpan<byte> bytes)
    {
        Span<byte> digits = stackalloc byte[96]; // 64 bytes make at most 88 digits.
        int count = 0;
        foreach (byte next in bytes)
        {
            int carry = next;
            for (int i = 0; i < count; i++)
            {
                carry += digits[i] << 8;
                digits[i] = (byte)(carry % 58);
                carry /= 58;
            }

            while (carry > 0)
            {
                digits[count++] = (byte)(carry % 58);
                carry /= 58;
            }
        }

        int zeros = ZerosAtStart(bytes);
        Span<char> text = stackalloc char[zeros + count];
        text[..zeros].Fill(Alphabet[0]);
        for (int i = 0; i < count; i++)
        {
            text[zeros + i] = Alphabet[digits[count - 1 - i]];
        }

        return new string(text);
    }

    /// <summary>
    /// Reads text into <paramref name="target"/>; false when a character is foreign or the bytes do not fit.
    /// </summary>
    internal static bool TryDecode(ReadOnlySpan<char> text, Span<byte> target, out int written)
    {
        written = 0;
        int zeros = 0;
        while (zeros < text.Length && text[zeros] == Alphabet[0])
        {
            zeros++;
        }

        int count = 0; // Bytes so far, lowest first.
        foreach (char next in text[zeros..])
        {
            int carry = Alphabet.IndexOf(next, StringComparison.Ordinal);
            if (carry < 0)
            {
                return false;
            }

            for (int i = 0; i < count; i++)
            {
                carry += target[i] * 58;
                target[i] = (byte)carry;
                carry >>= 8;
            }

            if (carry > 0)
            {
                if (count == target.Length)
                {
                    return false;
                }

                target[count++] = (byte)carry;
            }
        }

        if (zeros + count > target.Length)
        {
            return false;
        }

        target[count..(zeros + count)].Clear();
        written = zeros + count;
        target[..written].Reverse();
        return true;
    }

    private static int ZerosAtStart(ReadOnlySpan<byte> bytes)
    {
        int firstOther = bytes.IndexOfAnyExcept((byte)0);
        return firstOther < 0 ? bytes.Length : firstOther;
    }
}
