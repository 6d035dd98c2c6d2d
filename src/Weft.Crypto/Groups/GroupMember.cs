namespace Weft.Crypto;

/// <summary>Where somebody stands in a group.</summary>
public enum GroupStanding : byte
{
    /// <summary>A member who may read what was there before him.</summary>
    In = 0,

    /// <summary>A member who gets no keys of epochs older than his joining.</summary>
    InFromNow = 1,

    /// <summary>Removed.</summary>
    Out = 2,
}

/// <summary>What an epoch says of one person: where he stands, and since when.</summary>
/// <param name="Key">Who.</param>
/// <param name="Standing">Member or removed.</param>
/// <param name="Stamp">The number of the epoch that said so first.</param>
public readonly record struct GroupMember(Ed25519PublicKey Key, GroupStanding Standing, uint Stamp)
{
    /// <summary>True for a member.</summary>
    public bool IsIn => Standing != GroupStanding.Out;

    /// <summary>
    /// True when this is the later word, or the stricter one of two concurrent ones: a removal beats an addition.
    /// </summary>
    internal bool Beats(in GroupMember other) =>
        Stamp != other.Stamp ? Stamp > other.Stamp : Standing > other.Standing;
}
