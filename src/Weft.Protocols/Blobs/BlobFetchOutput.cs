using Weft.Primitives;

namespace Weft.Protocols.Blobs;

/// <summary>The kinds of <see cref="BlobFetchOutput"/>.</summary>
public enum BlobFetchOutputKind
{
    /// <summary>Ask Peer for Count chunks from From on; open a stream when there is none.</summary>
    Ask = 0,

    /// <summary>Close the stream to Peer: see Fault. It is not asked again.</summary>
    Drop,

    /// <summary>Size and tree are known now: see the core. Make room, then call OnReady.</summary>
    Head,

    /// <summary>The chunk From is right; its content is Data. Keep it before the next message of Peer is handed in.</summary>
    Chunk,

    /// <summary>No peer is left that could give what is missing; name more, or say that there are none.</summary>
    WantPeers,

    /// <summary>Everything that is wanted is here.</summary>
    Done,

    /// <summary>It ends without: see Fault.</summary>
    Failed,

    /// <summary>Call OnTimer at Due.</summary>
    StartTimer,
}

/// <summary>What went wrong with a peer, or with a whole fetch.</summary>
public enum BlobFault
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>The peer has not got the blob.</summary>
    Absent,

    /// <summary>What the peer sent is not what the id stands for.</summary>
    WrongBytes,

    /// <summary>The peer sent what nobody asked for, or what is no message.</summary>
    Malformed,

    /// <summary>The peer was silent for too long, or sent too little.</summary>
    Slow,

    /// <summary>Its streams broke too often.</summary>
    Unreachable,

    /// <summary>The blob is larger than is taken here.</summary>
    TooLarge,
}

/// <summary>What a fetch asks its driver to do; <paramref name="Kind"/> says which fields count.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Peer">Ask, Drop, Chunk: the peer.</param>
/// <param name="From">Ask: the first chunk. Chunk: which.</param>
/// <param name="Count">Ask: how many chunks; 0 asks whether the peer has the blob.</param>
/// <param name="Data">Chunk: its content, a part of the message that was handed in.</param>
/// <param name="Fault">Drop, Failed: why.</param>
/// <param name="Due">StartTimer: when.</param>
public readonly record struct BlobFetchOutput(
    BlobFetchOutputKind Kind, PeerId Peer = default, int From = 0, int Count = 0, ReadOnlyMemory<byte> Data = default,
    BlobFault Fault = BlobFault.None, WeftInstant Due = default);
