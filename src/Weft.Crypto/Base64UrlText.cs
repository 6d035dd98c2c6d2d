using System.Buffers;
using System.Buffers.Text;
using System.Text;

namespace Weft.Crypto;

/// <summary>
/// Base64url without padding, in its one canonical form: no white space, no '=', no set bits to spare.
/// </summary>
/// <remarks>
/// Never throws over characters, which the decoder of the .NET library does. Source: RFC 4648, section 5.
/// </remarks>
public static class Base64UrlText
{
    private const int StackMax = 512;

    /// <summary>The characters of that many bytes.</summary>
    public static int LengthOf(int bytes) => (bytes * 4 + 2) / 3;

    /// <summary>Decodes text that stands for exactly <paramref name="target"/>.Length bytes.</summary>
    /// <returns>False, and <paramref name="target"/> cleared, when it is anything else.</returns>
    public static bool TryDecode(ReadOnlySpan<char> text, Span<byte> target)
    {
        if (text.Length != LengthOf(target.Length))
        {
            target.Clear();
            return false;
        }

        byte[]? rented = text.Length > StackMax ? new byte[text.Length] : null;
        Span<byte> ascii = rented ?? stackalloc byte[StackMax];
        bool decoded = Encoding.ASCII.TryGetBytes(text, ascii, out int length) && TryDecode(ascii[..length], target);
        ascii.Clear();
        return decoded;
    }

    /// <summary>As the other, from UTF-8.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> text, Span<byte> target)
    {
        if (text.Length == LengthOf(target.Length)
            && text.IndexOfAnyExcept(Alphabet) < 0
            && Base64Url.DecodeFromUtf8(text, target, out _, out int written) == OperationStatus.Done
            && written == target.Length)
        {
            return true;
        }

        target.Clear();
        return false;
    }

    private static SearchValues<byte> Alphabet { get; } =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"u8);
}
