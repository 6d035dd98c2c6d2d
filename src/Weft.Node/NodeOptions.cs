using Weft.Graph;
using Weft.Primitives;

namespace Weft.Node;

/// <summary>How a node behaves. Section "Weft" of the configuration.</summary>
public sealed class NodeOptions
{
    /// <summary>A name people know the node by; it need not be unique. Default: the machine's name.</summary>
    public string Name { get; set; } = "weft";

    /// <summary>What a completed write means. Default: <see cref="Primitives.Durability.Disk"/>.</summary>
    public Durability Durability { get; set; } = Durability.Disk;

    /// <summary>Write lanes, sharded by soul: 1 to 64; 0 for one per processor, at most 8. Default: 0.</summary>
    public int Lanes { get; set; }

    /// <summary>Writes that may wait in one lane before callers wait: 1 to 1,000,000. Default: 4,096.</summary>
    public int LaneQueueMax { get; set; } = 4_096;

    /// <summary>Fields that one observer may have waiting before it skips versions: 1 to 1,000,000. Default: 1,024.</summary>
    public int ObserverFieldsMax { get; set; } = 1_024;

    /// <summary>Bytes of recent changes kept for observers and peers to catch up from memory. Default: 8 MiB.</summary>
    public long RecentChangesBytesMax { get; set; } = 8L << 20;

    /// <summary>The knobs of the merge.</summary>
    public GraphOptions Graph { get; set; } = new();
}
