using System.Buffers;
using System.Buffers.Text;
using Weft.Crypto;

namespace Weft.Graph.Access;

/// <summary>The P-256 public key of SEA, "x.y": two texts of 43 characters of base64url.</summary>
public static class SeaKey
{
    /// <summary>Characters of the key's text.</summary>
    public const int TextLength = 87;

    private const int PartLength = 43;

    /// <summary>Letters, digits, "-" and "_".</summary>
    internal static SearchValues<char> Alphabet { get; } =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

    /// <summary>
    /// Finds the key in a soul as gun.js does: the text between the first "~" and the second, cut at everything that is
    /// no letter, digit, "-" or "_"; the first two parts are the key.
    /// </summary>
    /// <param name="soul">Any text.</param>
    /// <param name="pub">
    /// "x.y" in the form of a key; null when the parts cannot be one: gun.js takes no write then.
    /// </param>
    /// <returns>Where the "~" stands; -1 when the soul has no key part.</returns>
    public static int Find(ReadOnlySpan<char> soul, out string? pub)
    {
        pub = null;
        int at = soul.IndexOf('~');
        if (at < 0)
        {
            return -1;
        }

        ReadOnlySpan<char> text = soul[(at + 1)..];
        int second = text.IndexOf('~');
        text = second < 0 ? text : text[..second];
        int cut = text.IndexOfAnyExcept(Alphabet);
        if (text.IsEmpty || cut < 0 || text[0] == '@')
        {
            return -1;
        }

        ReadOnlySpan<char> x = text[..cut];
        ReadOnlySpan<char> y = text[(cut + 1)..];
        int end = y.IndexOfAnyExcept(Alphabet);
        y = end < 0 ? y : y[..end];
        if (IsPart(x) && IsPart(y))
        {
            pub = $"{x}.{y}";
        }

        return at;
    }

    /// <summary>Takes a key's text apart.</summary>
    /// <param name="pub">Exactly "x.y".</param>
    /// <param name="x">Takes 32 bytes.</param>
    /// <param name="y">Takes 32 bytes.</param>
    /// <returns>False when it has another form; whether it is a point on the curve shows at the import.</returns>
    public static bool TryDecode(ReadOnlySpan<char> pub, Span<byte> x, Span<byte> y) =>
        pub.Length == TextLength && pub[PartLength] == '.'
        && TryDecodePart(pub[..PartLength], x) && TryDecodePart(pub[(PartLength + 1)..], y);

    private static bool IsPart(ReadOnlySpan<char> part)
    {
        Span<byte> bytes = stackalloc byte[32];
        return TryDecodePart(part, bytes);
    }

    /// <summary>
    /// Only the one canonical text of 32 bytes counts, so that one key never owns two souls of one path.
    /// </summary>
    private static bool TryDecodePart(ReadOnlySpan<char> part, Span<byte> bytes)
    {
        if (part.Length != PartLength || !Base64UrlText.TryDecode(part, bytes[..32]))
        {
            return false;
        }

        Span<char> back = stackalloc char[PartLength];
        return Base64Url.TryEncodeToChars(bytes[..32], back, out _) && back.SequenceEqual(part);
    }
}
