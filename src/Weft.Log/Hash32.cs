using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Weft.Log;

/// <summary>32 bytes compared by value: a hash of a log's tree, a log's key, a discovery key, a public key.</summary>
public readonly struct Hash32 : IEquatable<Hash32>
{
    /// <summary>Bytes of a value.</summary>
    public const int Length = 32;

    private readonly Bytes32 _bytes;

    /// <summary>Copies the bytes.</summary>
    /// <param name="bytes">32 bytes.</param>
    /// <exception cref="ArgumentException">Another length.</exception>
    public Hash32(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Length)
        {
            throw new ArgumentException("The value has 32 bytes.", nameof(bytes));
        }

        bytes.CopyTo(_bytes);
    }

    /// <summary>The 32 bytes.</summary>
    [UnscopedRef]
    public ReadOnlySpan<byte> Span => _bytes;

    /// <summary>Reads 64 hexadecimal digits.</summary>
    /// <returns>False for anything else; the value is then zero.</returns>
    public static bool TryParse(ReadOnlySpan<char> text, out Hash32 value)
    {
        Span<byte> bytes = stackalloc byte[Length];
        value = default;
        if (text.Length != Length * 2
            || Convert.FromHexString(text, bytes, out _, out _) != System.Buffers.OperationStatus.Done)
        {
            return false;
        }

        value = new(bytes);
        return true;
    }

    /// <inheritdoc/>
    public bool Equals(Hash32 other) => Span.SequenceEqual(other.Span);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Hash32 other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode(); // Seeded per process: a peer cannot choose keys that collide.
        hash.AddBytes(Span);
        return hash.ToHashCode();
    }

    /// <summary>64 hexadecimal digits, lower case.</summary>
    public override string ToString() => Convert.ToHexStringLower(Span);

    /// <summary>True when both are the same 32 bytes.</summary>
    public static bool operator ==(Hash32 left, Hash32 right) => left.Equals(right);

    /// <summary>True when they differ.</summary>
    public static bool operator !=(Hash32 left, Hash32 right) => !left.Equals(right);

    [InlineArray(Length)]
    private struct Bytes32
    {
        private byte _first;
    }
}
