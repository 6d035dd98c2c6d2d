namespace Weft.Crypto;

/// <summary>Why a grant does not allow something, or that it does.</summary>
public enum GrantVerdict
{
    /// <summary>It allows it.</summary>
    Allowed = 0,

    /// <summary>The bytes are no grant in the one canonical form, or are too long.</summary>
    Malformed,

    /// <summary>It was made for another network.</summary>
    OtherNetwork,

    /// <summary>It does not begin with the owner.</summary>
    OtherOwner,

    /// <summary>It was made for another key.</summary>
    OtherAudience,

    /// <summary>A block was not signed by the one the block before is for, or does not name that block.</summary>
    ChainBroken,

    /// <summary>It was handed on more often than it allows.</summary>
    HandedOnTooOften,

    /// <summary>A block allows more than the one before.</summary>
    Widened,

    /// <summary>It does not hold yet.</summary>
    NotYet,

    /// <summary>It holds no more.</summary>
    Expired,

    /// <summary>It, or a grant it hangs on, was revoked.</summary>
    Revoked,

    /// <summary>It does not give the right.</summary>
    RightMissing,

    /// <summary>It does not cover the soul.</summary>
    SoulOutside,

    /// <summary>It does not cover the field.</summary>
    FieldOutside,

    /// <summary>A signature does not fit.</summary>
    SignatureWrong,
}
