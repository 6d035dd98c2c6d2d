using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Weft.Protocols.Gossip;

/// <summary>The name of a message: 1 to 47 bytes, held without an allocation.</summary>
public readonly struct GossipMessageId : IEquatable<GossipMessageId>
{
    /// <summary>Bytes of the longest id; longer ones are not understood.</summary>
    public const int LengthMax = Size - 1;

    private const int Size = 48;

    private readonly Store _bytes; // The last byte is the length.

    private GossipMessageId(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second)
    {
        Span<byte> bytes = _bytes;
        first.CopyTo(bytes);
        second.CopyTo(bytes[first.Length..]);
        bytes[LengthMax] = (byte)(first.Length + second.Length);
    }

    /// <summary>The bytes.</summary>
    [UnscopedRef]
    public ReadOnlySpan<byte> Span => ((ReadOnlySpan<byte>)_bytes)[.._bytes[LengthMax]];

    /// <summary>True for the default value, which names nothing.</summary>
    public bool IsEmpty => _bytes[LengthMax] == 0;

    /// <summary>Takes bytes of the wire.</summary>
    /// <returns>False when there are none, or too many.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out GossipMessageId id) => TryRead(bytes, [], out id);

    /// <summary>Takes two parts as one.</summary>
    /// <returns>False when there are no bytes, or too many.</returns>
    public static bool TryRead(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, out GossipMessageId id)
    {
        bool fits = first.Length + second.Length is > 0 and <= LengthMax;
        id = fits ? new(first, second) : default;
        return fits;
    }

    /// <inheritdoc/>
    public bool Equals(GossipMessageId other) =>
        ((ReadOnlySpan<byte>)_bytes).SequenceEqual((ReadOnlySpan<byte>)other._bytes);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is GossipMessageId other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode); // Seeded per process: a peer cannot choose ids that collide.
        hash.AddBytes(Span);
        return hash.ToHashCode();
    }

    /// <summary>Hexadecimal.</summary>
    public override string ToString() => Convert.ToHexStringLower(Span);

    /// <summary>True when both name the same message.</summary>
    public static bool operator ==(GossipMessageId left, GossipMessageId right) => left.Equals(right);

    /// <summary>True when they name different messages.</summary>
    public static bool operator !=(GossipMessageId left, GossipMessageId right) => !left.Equals(right);

    [InlineArray(Size)]
    private struct Store
    {
        private byte _first;
    }
}
