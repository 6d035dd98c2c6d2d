namespace Weft.Log;

/// <summary>
/// How a log answers to something it is asked to do or to believe. Never an exception: much of it is a peer's.
/// </summary>
public enum LogVerdict
{
    /// <summary>Done, and written to the store.</summary>
    Accepted = 0,

    /// <summary>The log's key is not here, or its manifest asks for more than one signer.</summary>
    NotWritable,

    /// <summary>The log contradicted itself once; it is stopped for good, and the evidence is kept.</summary>
    Stopped,

    /// <summary>The log comes from a backup and has not yet learned from its peers how long it really is.</summary>
    Recovering,

    /// <summary>A number lies outside of the log.</summary>
    OutOfRange,

    /// <summary>
    /// A block is larger than <see cref="LogLimits.BlockBytesMax"/>, or the log would be longer than allowed.
    /// </summary>
    TooLarge,

    /// <summary>About another fork, or an older length: honest perhaps, but of no use now.</summary>
    Stale,

    /// <summary>Nodes are missing, in the wrong place, or too many.</summary>
    Malformed,

    /// <summary>Nothing that is stored says whether it is true.</summary>
    Unproven,

    /// <summary>It leads to another hash than the one that is stored.</summary>
    WrongHash,

    /// <summary>The signers of the manifest did not sign this.</summary>
    WrongSignature,

    /// <summary>The manifest is not the one whose hash is the log's key.</summary>
    WrongManifest,

    /// <summary>
    /// Two trees of one fork, both signed, contradict each other; the log is stopped, with both as evidence.
    /// </summary>
    Conflict,
}
