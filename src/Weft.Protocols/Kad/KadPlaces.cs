using System.Numerics;
using System.Runtime.CompilerServices;
using Weft.Crypto;
using Weft.Primitives;

namespace Weft.Protocols.Kad;

/// <summary>
/// Remembers places of short keys: the peers of a network are named again and again, and each name costs a SHA-256.
/// </summary>
/// <remarks>
/// Every slot holds the last key that fell on it, so that nobody makes it grow; keys that are chosen to fall on one slot
/// cost what they would cost without it. One caller at a time; cores of one thread may share one.
/// </remarks>
public sealed class KadPlaces
{
    private const int KeyBytesMin = 16;
    private const int KeyBytesMax = PeerId.LengthMax;

    private readonly ICrypto _crypto;
    private readonly Slot[] _slots;
    private readonly int _shift;

    /// <summary>Remembers nothing yet.</summary>
    /// <param name="crypto">Hashes.</param>
    /// <param name="slots">How many are remembered at the most, 80 bytes each: a power of two from 2. Default: 512.</param>
    public KadPlaces(ICrypto crypto, int slots = 512)
    {
        ArgumentNullException.ThrowIfNull(crypto);
        ArgumentOutOfRangeException.ThrowIfNotEqual(slots > 1 && BitOperations.IsPow2(slots), true, nameof(slots));
        _crypto = crypto;
        _slots = new Slot[slots];
        _shift = 64 - BitOperations.Log2((uint)slots);
    }

    /// <summary>The place of a key.</summary>
    public KadKey Of(ReadOnlySpan<byte> key)
    {
        if (key.Length is < KeyBytesMin or > KeyBytesMax)
        {
            return KadKey.Of(key, _crypto);
        }

        ulong mixed = BitConverter.ToUInt64(key[2..]) ^ BitOperations.RotateLeft(BitConverter.ToUInt64(key[^8..]), 32);
        ref Slot slot = ref _slots[(mixed * 0x9E3779B97F4A7C15) >> _shift];
        Span<byte> held = slot.Key;
        if (slot.Length != key.Length || !held[..key.Length].SequenceEqual(key))
        {
            key.CopyTo(held);
            slot.Length = key.Length;
            slot.Place = KadKey.Of(key, _crypto);
        }

        return slot.Place;
    }

    private struct Slot
    {
        public KadKey Place;
        public KeyBytes Key;
        public int Length;
    }

    [InlineArray(KeyBytesMax)]
    private struct KeyBytes
    {
        private byte _first;
    }
}
