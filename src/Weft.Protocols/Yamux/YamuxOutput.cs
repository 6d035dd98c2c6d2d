namespace Weft.Protocols.Yamux;

/// <summary>What a Yamux session asks its driver to do.</summary>
public enum YamuxOutputKind
{
    /// <summary>Send Header; for data, the payload of Header.Length bytes follows it.</summary>
    Send,

    /// <summary>The other side opened Stream.</summary>
    Opened,

    /// <summary>Bytes of Stream: Length bytes at Offset of what was handed in.</summary>
    Data,

    /// <summary>Stream may send Length more bytes than before.</summary>
    Writable,

    /// <summary>The other side writes nothing more to Stream.</summary>
    EndOfData,

    /// <summary>Stream is gone: reset by the other side, or with the session.</summary>
    Reset,

    /// <summary>Both sides have finished Stream; it may be forgotten.</summary>
    Finished,

    /// <summary>A round trip was measured: RoundTrip.</summary>
    Measured,

    /// <summary>The other side opens nothing more and takes no new streams; those that are open go on.</summary>
    RemoteGoAway,

    /// <summary>Close the connection, because of Reason. Nothing else comes after it.</summary>
    Close,

    /// <summary>Call OnTimer at Due.</summary>
    StartTimer,
}

/// <summary>Why a session is closed.</summary>
public enum YamuxCloseReason
{
    /// <summary>It is not.</summary>
    None = 0,

    /// <summary>A header that is no Yamux header.</summary>
    Malformed,

    /// <summary>More bytes than the window allows.</summary>
    WindowExceeded,

    /// <summary>A window that grows beyond 4 GiB.</summary>
    WindowOverflow,

    /// <summary>A stream number of the wrong side, or one used twice.</summary>
    StreamNumber,

    /// <summary>Too many frames without data.</summary>
    ControlFlood,

    /// <summary>No answer to a ping.</summary>
    Silent,

    /// <summary>The other side said goodbye, and no stream is left.</summary>
    RemoteGoAway,
}

/// <summary>One wish of a Yamux session; <see cref="Kind"/> says which of the others count.</summary>
/// <param name="Kind">What to do.</param>
/// <param name="Stream">The stream it concerns.</param>
/// <param name="Header">The frame to send.</param>
/// <param name="Offset">Where the bytes begin.</param>
/// <param name="Length">How many bytes.</param>
/// <param name="Reason">Why the session is closed.</param>
/// <param name="RoundTrip">The time a ping took.</param>
/// <param name="Due">When a timer is due.</param>
public readonly record struct YamuxOutput(
    YamuxOutputKind Kind,
    uint Stream = 0,
    YamuxHeader Header = default,
    int Offset = 0,
    int Length = 0,
    YamuxCloseReason Reason = YamuxCloseReason.None,
    TimeSpan RoundTrip = default,
    Weft.Primitives.WeftInstant Due = default);
