namespace Weft.Protocols.Gun;

/// <summary>How much one GUN frame may ask of this node. Section "Weft:Gun:Limits" of the configuration.</summary>
public sealed class GunLimits
{
    /// <summary>Bytes of the largest frame, after inflation: 1,024 to 1 GiB. Default: 16 MiB.</summary>
    public int FrameBytesMax { get; set; } = 16 << 20;

    /// <summary>Messages in one frame: 1 to 1,000,000. Default: 10,000.</summary>
    public int MessagesPerFrameMax { get; set; } = 10_000;

    /// <summary>Nodes in one put: 1 to 1,000,000. Default: 10,000.</summary>
    public int NodesPerMessageMax { get; set; } = 10_000;

    /// <summary>Fields in one put: 1 to 1,000,000. Default: 50,000.</summary>
    public int FieldsPerMessageMax { get; set; } = 50_000;

    /// <summary>Levels of JSON: 8 to 512. Default: 64. A deeper frame is not read at all.</summary>
    public int DepthMax { get; set; } = 64;

    /// <summary>Characters of a message id: 16 to 4,096. Default: 256. A longer one is treated as absent.</summary>
    public int IdLengthMax { get; set; } = 256;
}
