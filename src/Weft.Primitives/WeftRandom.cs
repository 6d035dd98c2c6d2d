using System.Numerics;

namespace Weft.Primitives;

/// <summary>A small, fast, seeded generator (xoshiro256**): same seed, same numbers, on every platform.</summary>
/// <remarks>
/// Never for secrets. Source: Blackman and Vigna, "Scrambled linear pseudorandom number generators" (2018);
/// seeded through SplitMix64 as its authors advise.
/// </remarks>
public sealed class WeftRandom
{
    private ulong _a;
    private ulong _b;
    private ulong _c;
    private ulong _d;

    /// <summary>Starts the sequence that <paramref name="seed"/> stands for.</summary>
    /// <param name="seed">Any number, 0 included.</param>
    public WeftRandom(ulong seed)
    {
        _a = SplitMix(ref seed);
        _b = SplitMix(ref seed);
        _c = SplitMix(ref seed);
        _d = SplitMix(ref seed);
    }

    /// <summary>The next 64 bits.</summary>
    public ulong NextUInt64()
    {
        ulong result = BitOperations.RotateLeft(_b * 5, 7) * 9;
        ulong shifted = _b << 17;
        _c ^= _a;
        _d ^= _b;
        _b ^= _c;
        _a ^= _d;
        _c ^= shifted;
        _d = BitOperations.RotateLeft(_d, 45);
        return result;
    }

    /// <summary>A whole number from 0 up to, but not including, <paramref name="end"/>.</summary>
    /// <param name="end">1 or more.</param>
    public int Next(int end)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(end);
        return (int)Math.BigMul(NextUInt64(), (ulong)end, out _);
    }

    /// <summary>A whole number from <paramref name="start"/> up to, but not including, <paramref name="end"/>.</summary>
    public int Next(int start, int end) => start + Next(end - start);

    /// <summary>A number from 0 up to, but not including, 1.</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    /// <summary>True with the given probability.</summary>
    /// <param name="probability">0 (never) to 1 (always).</param>
    public bool Chance(double probability) => NextDouble() < probability;

    /// <summary>Fills <paramref name="target"/>.</summary>
    public void Fill(Span<byte> target)
    {
        while (target.Length >= sizeof(ulong))
        {
            BitConverter.TryWriteBytes(target, NextUInt64());
            target = target[sizeof(ulong)..];
        }

        if (!target.IsEmpty)
        {
            ulong last = NextUInt64();
            for (int i = 0; i < target.Length; i++)
            {
                target[i] = (byte)(last >> (8 * i));
            }
        }
    }

    /// <summary>A generator of its own, so that one part's draws never shift another's.</summary>
    public WeftRandom Fork() => new(NextUInt64());

    private static ulong SplitMix(ref ulong state)
    {
        ulong z = state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
