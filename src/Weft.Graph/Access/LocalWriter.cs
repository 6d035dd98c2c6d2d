using Weft.Crypto;

namespace Weft.Graph.Access;

/// <summary>Which local writes get a signature of their own.</summary>
public enum SigningMode
{
    /// <summary>None: what comes without a proof stays without one.</summary>
    Never = 0,

    /// <summary>Only where a key or a policy says who may write.</summary>
    WhereNeeded,

    /// <summary>Every write that can carry one.</summary>
    Always,
}

/// <summary>As whom this node signs the writes of one source. Holds no secrets.</summary>
/// <param name="Key">The Ed25519 key that signs native writes.</param>
/// <param name="Mode">Which writes are signed.</param>
/// <param name="SeaPub">The P-256 key "x.y" that signs values of SEA souls; null for none.</param>
/// <param name="Certificate">A certificate of SEA for the graphs of others, as text; null for none.</param>
/// <param name="Grant">The chain of grants to write with; null for none.</param>
public sealed record LocalWriter(
    Ed25519PublicKey Key,
    SigningMode Mode = SigningMode.Always,
    string? SeaPub = null,
    string? Certificate = null,
    Grant? Grant = null);
