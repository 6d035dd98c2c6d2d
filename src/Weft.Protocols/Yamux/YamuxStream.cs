namespace Weft.Protocols.Yamux;

/// <summary>What a session remembers of one stream.</summary>
internal sealed class YamuxStream(uint id, bool isOutbound)
{
    public uint Id { get; } = id;

    public bool IsOutbound { get; } = isOutbound;

    /// <summary>The other side has accepted it (or opened it itself).</summary>
    public bool IsAccepted { get; set; } = !isOutbound;

    /// <summary>Bytes this side may still send.</summary>
    public long SendWindow { get; set; } = YamuxOptions.FirstWindow;

    /// <summary>Bytes the other side may still send.</summary>
    public long ReceiveWindow { get; set; } = YamuxOptions.FirstWindow;

    /// <summary>What the receive window is filled up to.</summary>
    public long ReceiveWindowSize { get; set; } = YamuxOptions.FirstWindow;

    /// <summary>Bytes handed to the reader and not yet taken by it.</summary>
    public long Unread { get; set; }

    /// <summary>When the window was last filled up; tells how quickly a window is used.</summary>
    public Primitives.WeftInstant FilledAt { get; set; }

    public bool SentEnd { get; set; }

    public bool ReceivedEnd { get; set; }

    public bool IsFinished => SentEnd && ReceivedEnd;
}
