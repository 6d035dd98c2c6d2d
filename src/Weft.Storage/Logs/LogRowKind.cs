using Weft.Log;

namespace Weft.Storage.Logs;

/// <summary>The rows that a log has in the disk tier, by kind and number.</summary>
/// <remarks>
/// Nodes go by groups of 127: a subtree of 64 leaves, whose indexes follow each other. What is above all groups of a
/// level is numbered as a tree of its own, the next level. Source: docs/spec/log.md, section 9.
/// </remarks>
internal static class LogRowKind
{
    /// <summary>64 blocks; large ones only by name.</summary>
    public const int Blocks = 0;

    /// <summary>One large block.</summary>
    public const int LargeBlock = 1;

    /// <summary>32,768 bits of the bitfield.</summary>
    public const int Bits = 2;

    /// <summary>Nodes of level 0; the levels above follow.</summary>
    public const int Nodes = 3;

    /// <summary>Levels of nodes: 7 heights each.</summary>
    public const int Levels = 8;

    /// <summary>Blocks in a row.</summary>
    public const int BlocksPerRow = 64;

    /// <summary>Bytes from which a block has a row of its own.</summary>
    public const int LargeBytes = 1_024;

    /// <summary>Indexes of a group of nodes, and the one between it and the next.</summary>
    private const int GroupStep = 128;

    /// <summary>The row of a node, and its place in it.</summary>
    public static (int Kind, long Number, int Slot) OfNode(long index)
    {
        int level = 0;
        while (index % GroupStep == GroupStep - 1)
        {
            index /= GroupStep;
            level++;
        }

        return (Nodes + level, index / GroupStep, (int)(index % GroupStep));
    }

    /// <summary>The index of the node in a slot of a row.</summary>
    public static long NodeOf(int kind, long number, int slot)
    {
        long index = (number * GroupStep) + slot;
        for (int level = kind - Nodes; level > 0; level--)
        {
            index = (index * GroupStep) + GroupStep - 1;
        }

        return index;
    }

    /// <summary>Blocks that a row of nodes spans.</summary>
    public static long SpanOf(int kind)
    {
        long span = BlocksPerRow;
        for (int level = kind - Nodes; level > 0; level--)
        {
            span *= GroupStep;
        }

        return span;
    }

    /// <summary>The page of the bitfield with a block.</summary>
    public static long PageOf(long block) => block / LogBitfield.PageBits;
}
