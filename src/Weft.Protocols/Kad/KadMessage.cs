using Weft.Primitives;
using Weft.Protocols.Peers;

namespace Weft.Protocols.Kad;

/// <summary>What a message asks for; an answer has the kind of its question.</summary>
public enum KadMessageKind
{
    /// <summary>Keep a record; the answer repeats it.</summary>
    PutValue = 0,

    /// <summary>A record, or peers closer to its key.</summary>
    GetValue = 1,

    /// <summary>The sender provides a key. It has no answer.</summary>
    AddProvider = 2,

    /// <summary>Who provides a key, and peers closer to it.</summary>
    GetProviders = 3,

    /// <summary>The peers closest to a key.</summary>
    FindNode = 4,

    /// <summary>Deprecated by the specification; answered, never sent.</summary>
    Ping = 5,
}

/// <summary>How the sender stands to a peer it names.</summary>
public enum KadConnection
{
    /// <summary>No connection, nothing known.</summary>
    NotConnected = 0,

    /// <summary>Connected now.</summary>
    Connected = 1,

    /// <summary>Was connected lately.</summary>
    CanConnect = 2,

    /// <summary>Tried in vain.</summary>
    CannotConnect = 3,
}

/// <summary>A peer as a message names it.</summary>
/// <param name="Id">Who.</param>
/// <param name="Addresses">Where; may be empty.</param>
/// <param name="Connection">How the sender stands to it.</param>
public readonly record struct KadPeer(
    PeerId Id, IReadOnlyList<Multiaddr> Addresses, KadConnection Connection = KadConnection.NotConnected);

/// <summary>A message of the DHT: a question or an answer.</summary>
/// <param name="Kind">What it asks for.</param>
/// <param name="Key">A record's key, a provider's multihash, a peer id: by kind.</param>
/// <param name="Record">The record, or the default.</param>
/// <param name="RecordTtlSeconds">How long the record still lives; 0 says nothing.</param>
/// <param name="Closer">Peers closer to the key; null for none.</param>
/// <param name="Providers">Peers that provide the key; null for none.</param>
/// <remarks>Source: libp2p specs, kad-dht/README.md, "RPC messages".</remarks>
public readonly record struct KadMessage(
    KadMessageKind Kind,
    ReadOnlyMemory<byte> Key = default,
    KadRecord Record = default,
    uint RecordTtlSeconds = 0,
    IReadOnlyList<KadPeer>? Closer = null,
    IReadOnlyList<KadPeer>? Providers = null);
