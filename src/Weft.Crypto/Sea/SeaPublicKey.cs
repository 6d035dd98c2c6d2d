using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Weft.Crypto.Sea;

/// <summary>
/// A public key of SEA: a P-256 point, compared by value. Its text is "x.y", two parts of 43 characters.
/// </summary>
/// <remarks>Source: docs/spec/crypto.md, section 5.</remarks>
public readonly struct SeaPublicKey : IEquatable<SeaPublicKey>
{
    /// <summary>Bytes: x, then y.</summary>
    public const int Length = 64;

    /// <summary>Characters of its text.</summary>
    public const int TextLength = (2 * PartLength) + 1;

    private const int PartLength = 43;

    private readonly Bytes64 _bytes;

    /// <summary>Takes a point as it is; whether it lies on the curve shows when it is imported.</summary>
    /// <param name="x">32 bytes, big-endian.</param>
    /// <param name="y">32 bytes, big-endian.</param>
    /// <exception cref="ArgumentException">Another length.</exception>
    public SeaPublicKey(ReadOnlySpan<byte> x, ReadOnlySpan<byte> y)
    {
        if (x.Length != Length / 2 || y.Length != Length / 2)
        {
            throw new ArgumentException("A coordinate of P-256 has 32 bytes.");
        }

        Span<byte> bytes = _bytes;
        x.CopyTo(bytes);
        y.CopyTo(bytes[(Length / 2)..]);
    }

    /// <summary>The x coordinate, 32 bytes.</summary>
    [UnscopedRef]
    public ReadOnlySpan<byte> X => ((ReadOnlySpan<byte>)_bytes)[..(Length / 2)];

    /// <summary>The y coordinate, 32 bytes.</summary>
    [UnscopedRef]
    public ReadOnlySpan<byte> Y => ((ReadOnlySpan<byte>)_bytes)[(Length / 2)..];

    /// <summary>Reads "x.y", each part in canonical base64url.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out SeaPublicKey key)
    {
        Span<byte> x = stackalloc byte[Length / 2];
        Span<byte> y = stackalloc byte[Length / 2];
        bool fits = text.Length == TextLength && text[PartLength] == '.'
            && Base64UrlText.TryDecode(text[..PartLength], x) && Base64UrlText.TryDecode(text[(PartLength + 1)..], y);
        key = fits ? new SeaPublicKey(x, y) : default;
        return fits;
    }

    /// <summary>
    /// Readies the key for verifying; null when the point is not on the curve. The caller disposes it.
    /// </summary>
    public IP256PublicKey? Import(ICrypto crypto)
    {
        ArgumentNullException.ThrowIfNull(crypto);
        return crypto.ImportP256(X, Y);
    }

    /// <inheritdoc/>
    public bool Equals(SeaPublicKey other) => ((ReadOnlySpan<byte>)_bytes).SequenceEqual(other._bytes);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is SeaPublicKey other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode); // Seeded per process: a peer cannot choose keys that collide.
        hash.AddBytes(_bytes);
        return hash.ToHashCode();
    }

    /// <summary>"x.y", 87 characters.</summary>
    public override string ToString() => $"{Base64Url.EncodeToString(X)}.{Base64Url.EncodeToString(Y)}";

    /// <summary>True when both are the same key.</summary>
    public static bool operator ==(SeaPublicKey left, SeaPublicKey right) => left.Equals(right);

    /// <summary>True when they are different keys.</summary>
    public static bool operator !=(SeaPublicKey left, SeaPublicKey right) => !left.Equals(right);

    [InlineArray(Length)]
    private struct Bytes64
    {
        private byte _first;
    }
}
