using System.Numerics;
using Weft.Storage.Memory;

namespace Weft.Storage.Tier;

/// <summary>
/// Says for most souls that the disk tier does not hold, that it does not: 10 bits a soul, about 1 % false alarms, no
/// false denials. Grows by whole levels, each twice the last, so nothing is ever read again to enlarge it.
/// </summary>
/// <remarks>Written by the flush thread only; readers see a bit late at worst, while the soul is still in a table.</remarks>
internal sealed class SoulFilter(ulong seed)
{
    public const int PageWords = 512; // 4 KiB

    private const long FirstLevelSouls = 1L << 16;
    private const int BitsPerSoul = 10;
    private const int Probes = 6;
    private const int LineBits = 512; // One cache line answers one question.

    private volatile Level[] _levels = [];

    public long Bytes => _levels.Sum(level => (long)level.Words.Length * sizeof(ulong));

    /// <summary>False when there cannot be such a soul.</summary>
    public bool MayHold(ReadOnlySpan<byte> soul)
    {
        ulong hash = KeyHash.Compute(soul, seed);
        foreach (Level level in _levels)
        {
            if (level.Holds(hash))
            {
                return true;
            }
        }

        return false;
    }

    public void Add(ReadOnlySpan<byte> soul)
    {
        Level[] levels = _levels;
        if (levels.Length == 0 || levels[^1].Count >= levels[^1].CountMax)
        {
            long souls = FirstLevelSouls << levels.Length;
            levels = [.. levels, new Level(souls, new ulong[souls * BitsPerSoul / 64 / PageWords * PageWords])];
            levels[^1].Dirty.AsSpan().Fill(true); // Empty pages are saved too, so that a missing one is noticed.
            _levels = levels;
        }

        levels[^1].Add(KeyHash.Compute(soul, seed));
    }

    /// <summary>Gives every page that has changed since the last call.</summary>
    public void TakeDirty(Action<int, int, ReadOnlyMemory<ulong>> onPage)
    {
        Level[] levels = _levels;
        for (int level = 0; level < levels.Length; level++)
        {
            for (int page = 0; page < levels[level].Dirty.Length; page++)
            {
                if (levels[level].Dirty[page])
                {
                    levels[level].Dirty[page] = false;
                    onPage(level, page, levels[level].Words.AsMemory(page * PageWords, PageWords));
                }
            }
        }
    }

    /// <summary>How many souls each level holds, for <see cref="Restore"/>.</summary>
    public long[] Counts() => [.. _levels.Select(level => level.Count)];

    /// <summary>Starts again from what was saved.</summary>
    /// <param name="counts">See <see cref="Counts"/>.</param>
    public void Restore(ReadOnlySpan<long> counts)
    {
        var levels = new Level[counts.Length];
        for (int i = 0; i < counts.Length; i++)
        {
            long souls = FirstLevelSouls << i;
            levels[i] = new Level(souls, new ulong[souls * BitsPerSoul / 64 / PageWords * PageWords]) { Count = counts[i] };
        }

        _levels = levels;
    }

    public Span<ulong> Page(int level, int page) => _levels[level].Words.AsSpan(page * PageWords, PageWords);

    /// <summary>How many pages must be read back.</summary>
    public int PageCount => _levels.Sum(level => level.Dirty.Length);

    /// <summary>Marks every page for the next save.</summary>
    public void MarkAllDirty()
    {
        foreach (Level level in _levels)
        {
            level.Dirty.AsSpan().Fill(true);
        }
    }

    private sealed class Level(long countMax, ulong[] words)
    {
        public long CountMax { get; } = countMax;

        public long Count { get; set; }

        public ulong[] Words { get; } = words;

        public bool[] Dirty { get; } = new bool[words.Length / PageWords];

        public bool Holds(ulong hash)
        {
            int line = LineOf(hash);
            uint probe = (uint)hash;
            for (int i = 0; i < Probes; i++)
            {
                int bit = (int)(probe % LineBits);
                if ((Volatile.Read(ref Words[line + (bit >> 6)]) & (1UL << (bit & 63))) == 0)
                {
                    return false;
                }

                probe = (probe * 0x9E3779B1) ^ BitOperations.RotateRight(probe, 9);
            }

            return true;
        }

        public void Add(ulong hash)
        {
            int line = LineOf(hash);
            uint probe = (uint)hash;
            for (int i = 0; i < Probes; i++)
            {
                int bit = (int)(probe % LineBits);
                Volatile.Write(ref Words[line + (bit >> 6)], Words[line + (bit >> 6)] | (1UL << (bit & 63)));
                probe = (probe * 0x9E3779B1) ^ BitOperations.RotateRight(probe, 9);
            }

            Dirty[line / PageWords] = true;
            Count++;
        }

        private int LineOf(ulong hash) =>
            (int)Math.BigMul(hash, (ulong)(Words.Length / 8), out _) * 8; // By the high bits; the probes use the low ones.
    }
}
