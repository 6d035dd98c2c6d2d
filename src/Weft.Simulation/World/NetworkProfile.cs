namespace Weft.Simulation;

/// <summary>How the links of a simulated network behave.</summary>
public sealed record NetworkProfile
{
    /// <summary>One-way latency of a quick message. Default: 10 ms.</summary>
    public TimeSpan LatencyMin { get; init; } = TimeSpan.FromMilliseconds(10);

    /// <summary>One-way latency of a slow message. Default: 50 ms.</summary>
    public TimeSpan LatencyMax { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>
    /// Share of packets lost, 0 to 0.9. On an ordered connection a lost packet is sent again and holds up what follows
    /// it; a
    /// datagram is gone. Default: 0.
    /// </summary>
    public double Loss { get; init; }

    /// <summary>Share of datagrams that arrive twice, 0 to 1; ordered connections have none. Default: 0.</summary>
    public double Duplication { get; init; }

    /// <summary>Share of messages that are late by up to <see cref="SpikeMax"/>, 0 to 1. Default: 0.</summary>
    public double Spikes { get; init; }

    /// <summary>The longest spike. Default: 5 s.</summary>
    public TimeSpan SpikeMax { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long a lost packet takes to be sent again the first time; it doubles each time. Default: 200 ms.
    /// </summary>
    public TimeSpan Retransmission { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>
    /// True (the default) for connections as TCP and WebSocket give them: in order, whole, or broken. False for
    /// datagrams:
    /// lost, doubled and overtaken one by one.
    /// </summary>
    public bool IsOrdered { get; init; } = true;

    /// <summary>How long a cut connection hangs before both ends notice. Default: 15 s.</summary>
    public TimeSpan BreakAfter { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long a dial into nothing takes to fail. Default: 5 s.</summary>
    public TimeSpan DialTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Bytes that one direction of a connection takes in a second; 0 (the default) for no limit.</summary>
    public long BytesPerSecond { get; init; }

    /// <summary>A quiet local network: 0.1 to 1 ms, no faults.</summary>
    public static NetworkProfile Local { get; } = new()
    {
        LatencyMin = TimeSpan.FromMilliseconds(0.1),
        LatencyMax = TimeSpan.FromMilliseconds(1),
    };

    /// <summary>The Internet on an ordinary day: 10 to 50 ms, 1 % loss, a few spikes.</summary>
    public static NetworkProfile Internet { get; } = new() { Loss = 0.01, Spikes = 0.001 };
}
