using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Weft.Primitives;

namespace Weft.Crypto;

/// <summary>
/// An Ed25519 public key: 32 bytes, compared by value. Its text is base64url without padding: 43 characters.
/// </summary>
public readonly struct Ed25519PublicKey : IEquatable<Ed25519PublicKey>, IComparable<Ed25519PublicKey>
{
    /// <summary>Bytes of a key.</summary>
    public const int Length = 32;

    /// <summary>Characters of its text.</summary>
    public const int TextLength = 43;

    private readonly Bytes32 _bytes;

    /// <summary>Takes a key as it is; whether it is a point on the curve shows when something is verified.</summary>
    /// <param name="bytes">32 bytes.</param>
    /// <exception cref="ArgumentException">Another length.</exception>
    public Ed25519PublicKey(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Length)
        {
            throw new ArgumentException("An Ed25519 public key has 32 bytes.", nameof(bytes));
        }

        bytes.CopyTo(_bytes);
    }

    /// <summary>The 32 bytes.</summary>
    [UnscopedRef]
    public ReadOnlySpan<byte> Span => _bytes;

    /// <summary>Reads the text of a key: 43 characters of base64url, in the one canonical form.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out Ed25519PublicKey key)
    {
        Span<byte> bytes = stackalloc byte[Length];
        bool canonical = Base64UrlText.TryDecode(text, bytes);
        key = canonical ? new(bytes) : default;
        return canonical;
    }

    /// <summary>The libp2p peer id of this key.</summary>
    public PeerId ToPeerId() => PeerId.FromEd25519(Span);

    /// <summary>The key that a peer id carries; false when it carries another kind, or only a hash.</summary>
    public static bool TryFrom(PeerId peer, out Ed25519PublicKey key)
    {
        bool has = peer.TryGetEd25519(out ReadOnlySpan<byte> bytes);
        key = has ? new(bytes) : default;
        return has;
    }

    /// <inheritdoc/>
    public bool Equals(Ed25519PublicKey other) => Span.SequenceEqual(other.Span);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Ed25519PublicKey other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode(); // Seeded per process: a peer cannot choose keys that collide.
        hash.AddBytes(Span);
        return hash.ToHashCode();
    }

    /// <inheritdoc/>
    public int CompareTo(Ed25519PublicKey other) => Span.SequenceCompareTo(other.Span);

    /// <summary>43 characters of base64url.</summary>
    public override string ToString() => Base64Url.EncodeToString(Span);

    /// <summary>True when both are the same key.</summary>
    public static bool operator ==(Ed25519PublicKey left, Ed25519PublicKey right) => left.Equals(right);

    /// <summary>True when they are different keys.</summary>
    public static bool operator !=(Ed25519PublicKey left, Ed25519PublicKey right) => !left.Equals(right);

    [InlineArray(Length)]
    private struct Bytes32
    {
        private byte _first;
    }
}
