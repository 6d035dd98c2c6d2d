using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Weft.Protocols.Blobs;

/// <summary>The name of a blob: a hash of its size and of the tree over its content. As text 64 hexadecimal digits.</summary>
/// <remarks>Source: docs/spec/blobs.md, section 1.</remarks>
public readonly struct BlobId : IEquatable<BlobId>, IComparable<BlobId>
{
    /// <summary>Bytes of an id.</summary>
    public const int Length = 32;

    /// <summary>Characters of its text.</summary>
    public const int TextLength = 2 * Length;

    /// <summary>What a field links to that links to a blob: this, then the id's text.</summary>
    public const string SoulPrefix = "weft:blob/";

    private readonly Bytes32 _bytes;

    /// <summary>Copies the bytes.</summary>
    /// <param name="bytes">32 bytes.</param>
    /// <exception cref="ArgumentException">Another length.</exception>
    public BlobId(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Length)
        {
            throw new ArgumentException("A blob's id has 32 bytes.", nameof(bytes));
        }

        bytes.CopyTo(_bytes);
    }

    /// <summary>The 32 bytes.</summary>
    [UnscopedRef]
    public ReadOnlySpan<byte> Span => _bytes;

    /// <summary>The soul that a field links to in order to link to this blob.</summary>
    public string Soul => SoulPrefix + ToString();

    /// <summary>Reads 64 hexadecimal digits, or the soul of a link to a blob.</summary>
    /// <returns>False for anything else; the id is then all zero.</returns>
    public static bool TryParse(ReadOnlySpan<char> text, out BlobId id)
    {
        id = default;
        if (text.StartsWith(SoulPrefix, StringComparison.Ordinal))
        {
            text = text[SoulPrefix.Length..];
        }

        Span<byte> bytes = stackalloc byte[Length];
        if (text.Length != TextLength
            || Convert.FromHexString(text, bytes, out _, out _) != OperationStatus.Done)
        {
            return false;
        }

        id = new(bytes);
        return true;
    }

    /// <inheritdoc/>
    public bool Equals(BlobId other) => Span.SequenceEqual(other.Span);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is BlobId other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode(); // Seeded per process: nobody chooses ids that collide.
        hash.AddBytes(Span);
        return hash.ToHashCode();
    }

    /// <summary>By bytes, as the texts are ordered.</summary>
    public int CompareTo(BlobId other) => Span.SequenceCompareTo(other.Span);

    /// <summary>64 hexadecimal digits, lower case.</summary>
    public override string ToString() => Convert.ToHexStringLower(Span);

    /// <summary>True when both are the same 32 bytes.</summary>
    public static bool operator ==(BlobId left, BlobId right) => left.Equals(right);

    /// <summary>True when they differ.</summary>
    public static bool operator !=(BlobId left, BlobId right) => !left.Equals(right);

    [InlineArray(Length)]
    private struct Bytes32
    {
        private byte _first;
    }
}
