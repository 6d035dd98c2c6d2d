using Weft.Crypto;
using Weft.Crypto.Sea;

namespace Weft.Node;

/// <summary>
/// As whom a local write is made, when that is not the node itself. Its secrets stay in the pairs it was given.
/// </summary>
public sealed class WriteIdentity
{
    /// <summary>Signs native writes; null for the node's own key.</summary>
    public Ed25519KeyPair? Key { get; init; }

    /// <summary>Signs values of SEA souls, as gun.js does for a user that is logged in; null for none.</summary>
    public SeaPair? Sea { get; init; }

    /// <summary>A chain of grants for <see cref="Key"/>; null for none.</summary>
    public Grant? Grant { get; init; }

    /// <summary>
    /// A certificate for <see cref="Sea"/> to write into another's graph, as SEA.certify gave it; null for none.
    /// </summary>
    public string? Certificate { get; init; }

    /// <summary>A native identity.</summary>
    public static implicit operator WriteIdentity(Ed25519KeyPair key) => new() { Key = key };

    /// <summary>A SEA user.</summary>
    public static implicit operator WriteIdentity(SeaPair sea) => new() { Sea = sea };
}
