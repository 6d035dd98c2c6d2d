using System.Runtime.InteropServices;

namespace Weft.Storage.Memory;

/// <summary>A keyed 64-bit hash of short keys. The seed is secret, so that nobody can choose keys that collide.</summary>
/// <remarks>Multiply and fold, 8 bytes at a time, as wyhash (Wang Yi) does it. Persisted by the filter: never change it.</remarks>
internal static class KeyHash
{
    private const ulong First = 0xA0761D6478BD642F;
    private const ulong Second = 0xE7037ED1A0B428DB;

    public static ulong Compute(ReadOnlySpan<byte> key, ulong seed)
    {
        ulong hash = seed ^ First;
        ulong length = (ulong)key.Length;
        while (key.Length > sizeof(ulong))
        {
            hash = Fold(hash ^ MemoryMarshal.Read<ulong>(key), Second);
            key = key[sizeof(ulong)..];
        }

        ulong last = 0;
        for (int i = 0; i < key.Length; i++)
        {
            last |= (ulong)key[i] << (8 * i);
        }

        return Fold(Fold(hash ^ last, Second ^ length), seed ^ First);
    }

    private static ulong Fold(ulong a, ulong b)
    {
        ulong high = Math.BigMul(a, b, out ulong low);
        return high ^ low;
    }
}
