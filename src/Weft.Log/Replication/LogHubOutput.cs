using Weft.Primitives;

namespace Weft.Log;

/// <summary>The kinds of <see cref="LogHubOutput"/>.</summary>
public enum LogHubOutputKind
{
    /// <summary>Send bytes over a connection, in order; then say so with <see cref="LogHubCore.OnSent"/>.</summary>
    Send = 0,

    /// <summary>End a connection; it is forgotten here already.</summary>
    Close,

    /// <summary>The other side of a connection is known.</summary>
    Established,

    /// <summary>A peer asked for a log that is not here, by its discovery key; it was told no.</summary>
    Asked,

    /// <summary>A log has news: see Event.</summary>
    Event,

    /// <summary>Call <see cref="LogHubCore.OnTimer"/> with Key at Due.</summary>
    StartTimer,
}

/// <summary>What a hub asks its driver to do, or tells it; <paramref name="Kind"/> says which fields count.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Connection">Send, Close, Established, Asked: the connection.</param>
/// <param name="Bytes">Send: the bytes.</param>
/// <param name="Key">Established: the peer's public key. Asked: the discovery key. Event, StartTimer: the log's
/// key.</param>
/// <param name="Event">Event: what happened; never Send, Drop or StartTimer.</param>
/// <param name="Reason">Close: why, for a report.</param>
/// <param name="Due">StartTimer: when.</param>
public readonly record struct LogHubOutput(
    LogHubOutputKind Kind, int Connection = 0, ReadOnlyMemory<byte> Bytes = default, Hash32 Key = default,
    ReplicationOutput Event = default, string Reason = "", WeftInstant Due = default);
