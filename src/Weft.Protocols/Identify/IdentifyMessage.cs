using Weft.Protocols.Peers;

namespace Weft.Protocols.Identify;

/// <summary>What a peer says of itself. Every part may be missing.</summary>
/// <remarks>Source: libp2p specs, identify/README.md.</remarks>
public sealed record IdentifyMessage
{
    /// <summary>The protocol that asks for it.</summary>
    public const string Protocol = "/ipfs/id/1.0.0";

    /// <summary>The protocol that tells of a change.</summary>
    public const string PushProtocol = "/ipfs/id/push/1.0.0";

    /// <summary>The family of protocols, for example "ipfs/0.1.0"; at most 256 characters.</summary>
    public string? ProtocolVersion { get; init; }

    /// <summary>Name and version of the program; at most 256 characters.</summary>
    public string? AgentVersion { get; init; }

    /// <summary>The peer's key.</summary>
    public PeerPublicKey? Key { get; init; }

    /// <summary>Where it listens.</summary>
    public IReadOnlyList<Multiaddr> ListenAddresses { get; init; } = [];

    /// <summary>The protocols it answers.</summary>
    public IReadOnlyList<string> Protocols { get; init; } = [];

    /// <summary>Where it sees the reader come from.</summary>
    public Multiaddr? ObservedAddress { get; init; }

    /// <summary>Its signed addresses: see <see cref="PeerRecord.TryOpen"/>. Empty when there are none.</summary>
    public ReadOnlyMemory<byte> SignedRecord { get; init; }
}
