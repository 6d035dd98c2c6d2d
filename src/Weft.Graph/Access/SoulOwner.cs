using Weft.Crypto;

namespace Weft.Graph.Access;

/// <summary>Who may write a soul, as its own text says.</summary>
public enum SoulOwnerKind
{
    /// <summary>No owner: anyone writes, unless a policy says otherwise.</summary>
    Everybody = 0,

    /// <summary>Reserved, or what looks like a key is none: no write is ever taken.</summary>
    Nobody,

    /// <summary>The Ed25519 key in <see cref="SoulOwner.Key"/>.</summary>
    Native,

    /// <summary>The P-256 key in <see cref="SoulOwner.Sea"/>, by the rules of gun.js's SEA.</summary>
    Sea,

    /// <summary>"~@": every field is a link to "~@" and its own name.</summary>
    AliasList,

    /// <summary>"~@NAME": every field is a link to the soul that is its own name.</summary>
    Alias,

    /// <summary>A soul with "#": every field ends in the hash of its value.</summary>
    Content,

    /// <summary>The network key of the configuration; where there is none, nobody.</summary>
    Network,
}

/// <summary>What a soul says about its owner.</summary>
/// <param name="Kind">Which rule holds.</param>
/// <param name="Key">The owner of a native soul.</param>
/// <param name="Sea">The owner of a SEA soul, "x.y"; else null.</param>
/// <param name="AgeMaxMs">
/// Writes older than this are refused ("&lt;?N"); 0 for no bound; may be negative or infinite.
/// </param>
public readonly record struct SoulOwner(
    SoulOwnerKind Kind, Ed25519PublicKey Key = default, string? Sea = null, double AgeMaxMs = 0)
{
    /// <summary>True when nothing about a write of this soul needs to be judged but a policy.</summary>
    public bool IsOrdinary => Kind == SoulOwnerKind.Everybody && AgeMaxMs == 0;
}
