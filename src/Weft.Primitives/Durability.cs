namespace Weft.Primitives;

/// <summary>How firmly a write is held. A higher level includes the lower ones.</summary>
public enum Durability
{
    /// <summary>Held by this process only: gone when the process dies.</summary>
    Memory = 0,

    /// <summary>Handed to the operating system: survives the process, not a power cut.</summary>
    Buffered = 1,

    /// <summary>Flushed to the disk: survives both. The default.</summary>
    Disk = 2,
}
