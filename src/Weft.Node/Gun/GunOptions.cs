using Weft.Protocols.Gun;

namespace Weft.Node.Gun;

/// <summary>How a node speaks GUN. Section "Weft:Gun" of the configuration.</summary>
public sealed class GunOptions
{
    /// <summary>Ceilings of what is decided: subscriptions, questions, chunks.</summary>
    public GunPeerOptions Peers { get; set; } = new();

    /// <summary>Ceilings of one frame.</summary>
    public GunLimits Limits { get; set; } = new();

    /// <summary>Connections held at once: 1 to 1,000,000; more are turned away. Default: 20,000.</summary>
    public int ConnectionsMax { get; set; } = 20_000;

    /// <summary>Links to other relays: 0 to 1,024. Default: 64.</summary>
    public int LinksMax { get; set; } = 64;

    /// <summary>Inputs that may wait for the loop: 16 to 1,000,000. Default: 8,192.</summary>
    public int InputsMax { get; set; } = 8_192;

    /// <summary>Messages of one connection in progress before its reading pauses. Default: 8,192.</summary>
    public int InFlightMax { get; set; } = 8_192;

    /// <summary>Bytes of those before its reading pauses. Default: 8 MiB.</summary>
    public long InFlightBytesMax { get; set; } = 8L << 20;

    /// <summary>
    /// Bytes of all connections together that are in progress or being read: beyond, reading pauses, and a frame that
    /// would have to grow closes its connection. 1 MiB to 1 PiB. Default: 128 MiB.
    /// </summary>
    public long TotalBytesMax { get; set; } = 128L << 20;

    /// <summary>Unsent bytes of one connection before its reading pauses. Default: 1 MiB.</summary>
    public long OutboundBytesHigh { get; set; } = 1L << 20;

    /// <summary>Unsent bytes at which a connection is closed. Default: 64 MiB.</summary>
    public long OutboundBytesMax { get; set; } = 64L << 20;

    /// <summary>Messages per second one connection may send before it is slowed down. Default: 200,000.</summary>
    public double MessagesPerSecond { get; set; } = 200_000;

    /// <summary>Bytes per second one connection may send before it is slowed down. Default: 128 MiB.</summary>
    public double BytesPerSecond { get; set; } = 128 << 20;

    /// <summary>Bytes of several messages joined in one frame to a GUN peer. Default: 8,000.</summary>
    public int FrameBytes { get; set; } = 8_000;

    /// <summary>The same to a Weft peer. Default: 128 KiB.</summary>
    public int WeftFrameBytes { get; set; } = 128 << 10;

    /// <summary>The first wait before a relay is dialled again. Default: 500 ms; it doubles each time.</summary>
    public TimeSpan RedialMin { get; set; } = TimeSpan.FromMilliseconds(500);

    /// <summary>The longest wait before a relay is dialled again. Default: 30 s.</summary>
    public TimeSpan RedialMax { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long dialling may take. Default: 10 s.</summary>
    public TimeSpan DialTimeout { get; set; } = TimeSpan.FromSeconds(10);
}
