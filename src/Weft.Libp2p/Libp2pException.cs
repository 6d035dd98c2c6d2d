using Weft.Primitives;

namespace Weft.Libp2p;

/// <summary>A connection or stream could not be opened.</summary>
public sealed class Libp2pException : WeftException
{
    /// <summary>Makes the error.</summary>
    /// <param name="error">The stable number.</param>
    /// <param name="message">What was refused, and why.</param>
    /// <param name="inner">What lay under it, if anything.</param>
    public Libp2pException(WeftError error, string message, Exception? inner = null)
        : base(error, message, inner)
    {
    }
}

/// <summary>Why a stream gives no more.</summary>
public enum StreamEnd
{
    /// <summary>The other side reset it.</summary>
    RemoteReset = 0,

    /// <summary>This side reset it.</summary>
    LocalReset,

    /// <summary>Its connection is gone.</summary>
    ConnectionLost,
}

/// <summary>A stream ended before its time: what was not read is lost.</summary>
public sealed class PeerStreamException : IOException
{
    internal PeerStreamException(StreamEnd end)
        : base(end switch
        {
            StreamEnd.RemoteReset => "The other side reset the stream.",
            StreamEnd.LocalReset => "The stream was reset here.",
            _ => "The connection of the stream is gone.",
        }) => End = end;

    /// <summary>Why.</summary>
    public StreamEnd End { get; }
}
