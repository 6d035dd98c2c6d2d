using Weft.Primitives;

namespace Weft.Storage;

/// <summary>How and where a node keeps its data. Section "Weft:Storage" of the configuration.</summary>
public sealed class StorageOptions
{
    /// <summary>Folder of the log and the disk tier, made if missing (readable by its owner only). Default: "weft-data".</summary>
    public string Path { get; set; } = "weft-data";

    /// <summary>
    /// Ceiling of memory table, caches, filter and SQLite's cache together, in MiB: 16 to 65,536. Default: 128. The process
    /// takes more: its code, the connections, and what waits for the garbage collector.
    /// </summary>
    public int MemoryMiB { get; set; } = 128;

    /// <summary>What a completed write means. Default: <see cref="Primitives.Durability.Disk"/>.</summary>
    public Durability Durability { get; set; } = Durability.Disk;

    /// <summary>Size of one segment of the commit log, in MiB: 1 to 256. Default: 16. Two are kept ready.</summary>
    public int SegmentMiB { get; set; } = 16;

    /// <summary>
    /// How long a deletion is remembered: at least 1 minute. Default: 30 days. A peer that was away for longer may bring a
    /// deleted field back.
    /// </summary>
    public TimeSpan TombstoneHorizon { get; set; } = TimeSpan.FromDays(30);

    /// <summary>Connections that read the disk tier at the same time: 1 to 64. Default: 4.</summary>
    public int Readers { get; set; } = 4;

    /// <summary>
    /// What to do when acknowledged commits of the log cannot be read. False, the default: refuse to open, and touch
    /// nothing. True: set the damaged segments aside in the folder "quarantine" and go on without those commits.
    /// </summary>
    public bool AcceptLogDamage { get; set; }

    /// <summary>
    /// What opens an encrypted store, or asks for a new one to be encrypted; null, the default, for a plain store.
    /// </summary>
    public Sealing.StoreEncryption? Encryption { get; set; }

    /// <summary>The file access; tests put faults into it.</summary>
    internal Files.IFileSystem Files { get; set; } = Storage.Files.DiskFileSystem.Instance;

    /// <summary>Bytes of a segment when a test wants small ones; 0 for <see cref="SegmentMiB"/>.</summary>
    internal int SegmentBytes { get; set; }

    /// <summary>Bytes of the memory table when a test wants a small one; 0 for the share of the ceiling.</summary>
    internal long TableBytes { get; set; }

    /// <summary>Bytes of the node cache when a test wants a small one; 0 for the share of the ceiling.</summary>
    internal long CacheBytes { get; set; }

    /// <summary>Called before each step of the disk tier; a test may throw from it.</summary>
    internal Action<string>? TierStep { get; set; }

    internal void Validate()
    {
        ArgumentException.ThrowIfNullOrEmpty(Path);
        Check(MemoryMiB is >= 16 and <= 65_536, nameof(MemoryMiB), MemoryMiB, "16 to 65,536");
        Check(SegmentMiB is >= 1 and <= 256, nameof(SegmentMiB), SegmentMiB, "1 to 256");
        Check(Readers is >= 1 and <= 64, nameof(Readers), Readers, "1 to 64");
        Check(TombstoneHorizon >= TimeSpan.FromMinutes(1), nameof(TombstoneHorizon), TombstoneHorizon, "1 minute and more");
        Check(Enum.IsDefined(Durability), nameof(Durability), Durability, "disk, buffered or memory");
    }

    private static void Check<T>(bool holds, string name, T value, string allowed)
    {
        if (!holds)
        {
            throw new ArgumentException($"Weft:Storage:{name} is {value}; allowed is {allowed}.", name);
        }
    }
}
