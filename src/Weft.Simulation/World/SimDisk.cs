using Weft.Primitives;

namespace Weft.Simulation;

/// <summary>How a simulated disk behaves.</summary>
public sealed record DiskProfile
{
    /// <summary>The quickest flush. Default: 0.1 ms.</summary>
    public TimeSpan SyncMin { get; init; } = TimeSpan.FromMilliseconds(0.1);

    /// <summary>The slowest flush. Default: 10 ms.</summary>
    public TimeSpan SyncMax { get; init; } = TimeSpan.FromMilliseconds(10);

    /// <summary>
    /// Chance that a sector that was not flushed is torn by a crash, instead of old or new: 0 to 1. Default: 0.1.
    /// </summary>
    public double Tearing { get; init; } = 0.1;

    /// <summary>Bytes the disk holds; 0 (the default) for no limit.</summary>
    public long Capacity { get; init; }
}

/// <summary>
/// The disk of one node: what was written but not flushed is lost or torn by a crash, sector by sector.
/// </summary>
/// <remarks>
/// It survives the node. A flush that ends covers what was written before it began. Sectors are 512 bytes; bytes that
/// were
/// flushed never change, even when their sector is written again.
/// </remarks>
public sealed class SimDisk
{
    private readonly SimWorld _world;
    private readonly WeftRandom _random;
    private readonly SortedDictionary<string, SimFile> _files = new(StringComparer.Ordinal);

    /// <summary>Makes an empty disk.</summary>
    public SimDisk(SimWorld world, DiskProfile profile)
    {
        _world = world;
        _random = world.Random.Fork();
        Profile = profile;
    }

    /// <summary>How it behaves from now on.</summary>
    public DiskProfile Profile { get; set; }

    /// <summary>The names of all files, in order.</summary>
    public IReadOnlyCollection<string> Files => _files.Keys;

    /// <summary>How many flushes ended well.</summary>
    public long Syncs { get; private set; }

    /// <summary>How often the disk has lost its power.</summary>
    public int Crashes { get; private set; }

    /// <summary>Bytes of all files.</summary>
    public long Length => _files.Values.Sum(file => (long)file.Length);

    /// <summary>
    /// Makes a file of zeros, durably and at once, as filling and flushing it would; an old one is kept as it is.
    /// </summary>
    /// <param name="file">Its name.</param>
    /// <param name="length">Its bytes; an old file grows to this.</param>
    /// <returns>False when the disk has no room; nothing was done.</returns>
    public bool TryAllocate(string file, int length)
    {
        long old = _files.TryGetValue(file, out SimFile? found) ? found.Length : 0;
        if (Profile.Capacity > 0 && Length + length - old > Profile.Capacity)
        {
            return false;
        }

        Open(file).Grow(length);
        return true;
    }

    /// <summary>Writes bytes at a place in a file, made or grown as needed. Not durable before a flush.</summary>
    public void Write(string file, long offset, ReadOnlySpan<byte> bytes) => Open(file).Write((int)offset, bytes);

    /// <summary>Adds bytes to the end of a file. Not durable before a flush.</summary>
    public void Append(string file, ReadOnlySpan<byte> bytes)
    {
        SimFile target = Open(file);
        target.Write(target.Length, bytes);
    }

    /// <summary>Flushes a file: calls <paramref name="done"/> when all that is written now is durable.</summary>
    /// <remarks>
    /// A crash in between means that nothing is promised and <paramref name="done"/> is never called.
    /// </remarks>
    public void BeginSync(string file, Action done)
    {
        SimFile target = Open(file);
        int writes = target.WritesPending;
        int crashes = Crashes;
        _world.After(NextSync(), () =>
        {
            if (crashes == Crashes)
            {
                target.Flush(writes);
                Syncs++;
                done();
            }
        });
    }

    /// <summary>How long the next flush takes.</summary>
    public TimeSpan NextSync() =>
        Profile.SyncMin + ((Profile.SyncMax - Profile.SyncMin) * _random.NextDouble());

    /// <summary>The bytes of a file as the running node sees them; empty when there is none.</summary>
    public ReadOnlyMemory<byte> Read(string file) =>
        _files.TryGetValue(file, out SimFile? found) ? found.View : ReadOnlyMemory<byte>.Empty;

    /// <summary>Removes a file; durable at once.</summary>
    public void Delete(string file) => _files.Remove(file);

    /// <summary>Gives a file another name, durably and at once; it replaces what had that name.</summary>
    public void Rename(string file, string name)
    {
        SimFile moved = Open(file);
        _files.Remove(file);
        _files[name] = moved;
    }

    /// <summary>Flips one bit of a file for good, as a dying disk does.</summary>
    public void FlipBit(string file, long bit) => Open(file).FlipBit(bit);

    /// <summary>
    /// The power goes. Of what was not flushed, each sector keeps its old bytes, has its new ones, or holds noise.
    /// </summary>
    public void Crash()
    {
        Crashes++;
        foreach (SimFile file in _files.Values)
        {
            file.Crash(_random, Profile.Tearing);
        }
    }

    private SimFile Open(string file)
    {
        if (!_files.TryGetValue(file, out SimFile? found))
        {
            found = new SimFile();
            _files.Add(file, found);
        }

        return found;
    }
}
