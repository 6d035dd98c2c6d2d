using Weft.Crypto;
using Weft.Graph.Access;
using Weft.Graph.Policy;

namespace Weft.Simulation;

/// <summary>Makes simulated nodes judge writes by owner, signature and policy, as real ones do.</summary>
public sealed record SimAccess
{
    /// <summary>The primitives. They must give the same answers in every run.</summary>
    public ICrypto Crypto { get; init; } = new BouncyCastleCrypto();

    /// <summary>The key of the network; null for the open one.</summary>
    public Ed25519PublicKey? NetworkKey { get; init; }

    /// <summary>The id of the network: 32 bytes.</summary>
    public ReadOnlyMemory<byte> NetworkId { get; init; } = new byte[32];

    /// <summary>Of the policy book.</summary>
    public PolicyOptions Policy { get; init; } = new();

    /// <summary>
    /// False makes a node that takes and forwards everything: a hostile one, or one of an earlier version.
    /// </summary>
    public bool Judges { get; init; } = true;
}

/// <summary>As whom a simulated node makes a write.</summary>
/// <param name="Key">Signs.</param>
/// <param name="Grant">The chain of grants to write with; null for none.</param>
public sealed record SimWriter(Ed25519KeyPair Key, Grant? Grant = null)
{
    internal LocalWriter AsLocal() => new(Key.PublicKey, Grant: Grant);
}
