using Weft.Primitives;

namespace Weft.Log;

/// <summary>The kinds of <see cref="ReplicationOutput"/>.</summary>
public enum ReplicationOutputKind
{
    /// <summary>Send a message to a peer.</summary>
    Send = 0,

    /// <summary>End a peer's channel; it is forgotten here already.</summary>
    Drop,

    /// <summary>A block came and was verified and written.</summary>
    Stored,

    /// <summary>The log is longer now.</summary>
    Grew,

    /// <summary>The log followed its writer to a higher fork; blocks from Index on were dropped.</summary>
    Forked,

    /// <summary>The log contradicts itself and has stopped; <see cref="LogCore.Evidence"/> says how.</summary>
    Conflict,

    /// <summary>A peer's answer did not hold; it is asked no more until it agrees with us.</summary>
    Refused,

    /// <summary>All blocks of a download are here.</summary>
    Done,

    /// <summary>Call <see cref="ReplicationCore.OnTimer"/> at Due; late and double calls are harmless.</summary>
    StartTimer,

    /// <summary>A log from a backup has learned from its peers how long it is; appends may begin.</summary>
    Recovered,
}

/// <summary>
/// What a replicating log asks its driver to do, or tells it; <paramref name="Kind"/> says which fields count.
/// </summary>
/// <param name="Kind">What it is.</param>
/// <param name="Peer">Send, Drop, Refused: the peer.</param>
/// <param name="Type">Send: the type of the message in the hypercore channel.</param>
/// <param name="Body">Send: the message.</param>
/// <param name="Index">Stored: the block. Grew, Recovered: the length. Forked: the common length. Done: the
/// download.</param>
/// <param name="Verdict">Refused: why.</param>
/// <param name="Reason">Drop: why, for a report.</param>
/// <param name="Due">StartTimer: when.</param>
public readonly record struct ReplicationOutput(
    ReplicationOutputKind Kind, int Peer = 0, int Type = 0, ReadOnlyMemory<byte> Body = default, long Index = 0,
    LogVerdict Verdict = LogVerdict.Accepted, string Reason = "", WeftInstant Due = default);
