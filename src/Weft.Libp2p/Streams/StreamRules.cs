namespace Weft.Libp2p.Streams;

/// <summary>How streams of a protocol are treated, at the side that sets the rules.</summary>
public sealed record StreamRules
{
    /// <summary>The rules of a protocol that sets none.</summary>
    public static StreamRules Default { get; } = new();

    /// <summary>
    /// The protocol also runs over limited connections, which a relay cuts after some time and bytes. Default: false.
    /// </summary>
    public bool AllowsLimited { get; init; }

    /// <summary>
    /// In which line what is written waits, once the protocol is agreed on. Default:
    /// <see cref="StreamPriority.Interactive"/>.
    /// </summary>
    public StreamPriority Priority { get; init; } = StreamPriority.Interactive;
}

/// <summary>In which line of a connection bytes wait to be sent. An earlier line goes first, always.</summary>
public enum StreamPriority
{
    /// <summary>What the muxer itself sends: windows, pings, goodbyes. Not for streams.</summary>
    Control = 0,

    /// <summary>Questions, answers, news.</summary>
    Interactive,

    /// <summary>Whatever is large and can wait: it is sent while nothing else waits.</summary>
    Bulk,
}
