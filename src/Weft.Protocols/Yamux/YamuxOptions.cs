namespace Weft.Protocols.Yamux;

/// <summary>Bytes that the windows of a session may grow by, beyond the session's own ceiling.</summary>
public interface IWindowBudget
{
    /// <summary>Takes room for a window to grow.</summary>
    /// <returns>False when there is none; the window stays as it is.</returns>
    bool TryTake(long bytes);

    /// <summary>Gives room back.</summary>
    void Return(long bytes);
}

/// <summary>The ceilings of one Yamux session.</summary>
public sealed class YamuxOptions
{
    /// <summary>Bytes of every stream's first window, fixed by the protocol: 256 KiB.</summary>
    public const int FirstWindow = 262_144;

    /// <summary>Streams the other side may have open at once: 1 to 100,000. Default: 256.</summary>
    public int InboundStreamsMax { get; set; } = 256;

    /// <summary>Streams this side may have open at once: 1 to 100,000. Default: 1,024.</summary>
    public int OutboundStreamsMax { get; set; } = 1_024;

    /// <summary>Streams opened here and not yet accepted there: 1 to 256, the protocol's bound. Default: 256.</summary>
    public int UnacceptedMax { get; set; } = 256;

    /// <summary>Bytes one stream's receive window may grow to: 256 KiB to 1 GiB. Default: 16 MiB.</summary>
    public int WindowMax { get; set; } = 16 << 20;

    /// <summary>
    /// Bytes all receive windows together may grow beyond their first 256 KiB each. Default: 32 MiB. It bounds what a
    /// peer can make this side hold.
    /// </summary>
    public long WindowGrowthMax { get; set; } = 32L << 20;

    /// <summary>Bytes of one data frame that is sent. Default: 65,000, which fits one Noise frame.</summary>
    public int FrameBytesMax { get; set; } = 65_000;

    /// <summary>
    /// Frames without data (pings, window updates, refused streams, resets) the other side may send a second, with a
    /// burst of as many. Default: 4,000. Window updates for data that was sent to it, one for each 8 KiB and frame, do not
    /// count.
    /// </summary>
    public int ControlFramesPerSecond { get; set; } = 4_000;

    /// <summary>Time between pings, which also measure the round trip. Default: 15 s.</summary>
    public TimeSpan PingInterval { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>Silence after a ping that ends the session. Default: 15 s.</summary>
    public TimeSpan PingTimeout { get; set; } = TimeSpan.FromSeconds(15);
}
