using Weft.Primitives;

namespace Weft.Simulation;

/// <summary>One file of a <see cref="SimDisk"/>: what the node sees, and what is safely on the platter.</summary>
internal sealed class SimFile
{
    private const int SectorBytes = 512;

    private readonly List<(int Offset, int Length)> _pending = [];
    private byte[] _view = [];   // Grown only as far as something was written; the rest reads as zeros.
    private byte[] _platter = [];
    private int _flushed;        // Writes that left _pending, so that an older flush cannot take newer ones along.

    /// <summary>Bytes of the file.</summary>
    public int Length { get; private set; }

    /// <summary>A mark of all writes so far, for <see cref="Flush"/>.</summary>
    public int WritesPending => _flushed + _pending.Count;

    /// <summary>The whole file as the node sees it.</summary>
    public ReadOnlyMemory<byte> View
    {
        get
        {
            Reserve(Length);
            return _view.AsMemory(0, Length);
        }
    }

    /// <summary>Makes the file at least so long, with zeros.</summary>
    public void Grow(int length) => Length = Math.Max(Length, length);

    /// <summary>Writes without flushing.</summary>
    public void Write(int offset, ReadOnlySpan<byte> bytes)
    {
        Reserve(offset + bytes.Length);
        bytes.CopyTo(_view.AsSpan(offset));
        Length = Math.Max(Length, offset + bytes.Length);
        _pending.Add((offset, bytes.Length));
    }

    /// <summary>Makes the writes up to a mark durable.</summary>
    public void Flush(int mark)
    {
        int count = Math.Clamp(mark - _flushed, 0, _pending.Count);
        foreach ((int offset, int length) in _pending.Take(count))
        {
            _view.AsSpan(offset, length).CopyTo(_platter.AsSpan(offset));
        }

        _pending.RemoveRange(0, count);
        _flushed += count;
    }

    /// <summary>Flips one bit, on the platter too.</summary>
    public void FlipBit(long bit)
    {
        Reserve(Length);
        _view[bit / 8] ^= (byte)(1 << (int)(bit % 8));
        _platter[bit / 8] ^= (byte)(1 << (int)(bit % 8));
    }

    /// <summary>Decides, sector by sector, what became of the writes that were not flushed.</summary>
    public void Crash(WeftRandom random, double tearing)
    {
        double kept = random.NextDouble(); // Some crashes lose nearly all, some nearly nothing.
        foreach ((int offset, int length) in _pending)
        {
            int end = offset + length;
            for (int at = offset; at < end;)
            {
                int next = Math.Min(end, (at / SectorBytes * SectorBytes) + SectorBytes);
                Span<byte> sector = _platter.AsSpan(at, next - at);
                if (random.Chance(kept))
                {
                    _view.AsSpan(at, next - at).CopyTo(sector);
                }

                if (random.Chance(tearing))
                {
                    Tear(sector, random);
                }

                at = next;
            }
        }

        _flushed += _pending.Count;
        _pending.Clear();
        _platter.CopyTo(_view, 0);
    }

    private static void Tear(Span<byte> sector, WeftRandom random)
    {
        switch (random.Next(3))
        {
            case 0:
                sector.Clear();
                break;
            case 1:
                random.Fill(sector);
                break;
            default:
                sector[random.Next(sector.Length)] ^= (byte)(1 << random.Next(8));
                break;
        }
    }

    private void Reserve(int length)
    {
        if (_view.Length < length)
        {
            int size = Math.Max(length, _view.Length * 2);
            Array.Resize(ref _view, size);
            Array.Resize(ref _platter, size);
        }
    }
}
