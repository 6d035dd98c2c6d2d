namespace Weft.Log;

/// <summary>
/// Bounds of the format that every peer must share. What a node chooses for itself is in the options.
/// </summary>
/// <remarks>Source: docs/spec/log.md, section 8.</remarks>
public static class LogLimits
{
    /// <summary>The largest number on the wire: JavaScript peers hold no more. 2^53 - 1.</summary>
    public const long NumberMax = (1L << 53) - 1;

    /// <summary>Blocks of a log, at most: tree indexes are twice as large and are numbers too. 2^52 - 1.</summary>
    public const long LengthMax = (1L << 52) - 1;

    /// <summary>Bytes of one block, block encryption included: 15 MiB.</summary>
    public const int BlockBytesMax = 15 * 1_024 * 1_024;

    /// <summary>Items of an array on the wire: 2^20.</summary>
    public const int ArrayItemsMax = 0x100000;

    /// <summary>Nodes in one list of a proof. A tree has at most 53 levels, so that honest lists are shorter.</summary>
    public const int ProofNodesMax = 128;

    /// <summary>Signers of a manifest. Weft's own bound; the reference has none but that of arrays.</summary>
    public const int SignersMax = 1_024;

    /// <summary>Keys that a manifest links to. Weft's own bound.</summary>
    public const int LinkedMax = 4_096;

    /// <summary>Bytes of a manifest. Weft's own bound: 1 MiB.</summary>
    public const int ManifestBytesMax = 1_024 * 1_024;

    /// <summary>Bytes of the signature of a head. Weft's own bound: 1 MiB, for many signers with patches.</summary>
    public const int SignatureBytesMax = 1_024 * 1_024;
}
