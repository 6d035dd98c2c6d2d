namespace Weft.Protocols.Mdns;

/// <summary>How peers are looked for in the local network.</summary>
public sealed class MdnsOptions
{
    /// <summary>The name all peers are found under. Default: "_p2p._udp.local".</summary>
    public string Service { get; set; } = "_p2p._udp.local";

    /// <summary>Pause after the first question; it doubles up to <see cref="PauseMax"/>. Default: 2 s.</summary>
    public TimeSpan PauseMin { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>The longest pause between questions. Default: 60 s.</summary>
    public TimeSpan PauseMax { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Time between two answers; questions within it get the one answer. Default: 1 s (RFC 6762, section 6).
    /// </summary>
    public TimeSpan AnswerPause { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Peers that are remembered as found. Default: 256.</summary>
    public int PeersMax { get; set; } = 256;

    /// <summary>Addresses that are taken of one peer. Default: 8.</summary>
    public int AddressesMax { get; set; } = 8;

    /// <summary>A peer that is found again with the same addresses is no news for so long. Default: 60 s.</summary>
    public TimeSpan NewsPause { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Messages that are read a second, with a burst of twice as many; others are dropped. Default: 100.
    /// </summary>
    public double MessagesPerSecond { get; set; } = 100;

    /// <summary>Take and tell loopback addresses, for tests on one machine. Default: false.</summary>
    public bool UseLoopback { get; set; }
}
