namespace Weft.Graph.Policy;

/// <summary>
/// The bounds of policies and rules. They are constants, because two peers with different ones would judge differently.
/// </summary>
/// <remarks>Source: docs/spec/policy.md, section 8.</remarks>
public static class PolicyLimits
{
    /// <summary>Bytes of the longest document, in UTF-8.</summary>
    public const int DocumentBytesMax = 65_536;

    /// <summary>Versions of one policy: the fields "1" to "64".</summary>
    public const int VersionsMax = 64;

    /// <summary>Keys in a list of writers.</summary>
    public const int WritersMax = 256;

    /// <summary>Fields a document may have rules for, and fields it may have merge methods for.</summary>
    public const int FieldsMax = 256;

    /// <summary>Values of one enumeration, and prefixes of one list of links.</summary>
    public const int ChoicesMax = 256;

    /// <summary>How many keys a chain of rotations is followed; what hangs on a longer one belongs to nobody.</summary>
    public const int RotationsMax = 32;

    /// <summary>Recovery keys of one key.</summary>
    public const int RecoveryKeysMax = 16;

    /// <summary>The lowest state of the records of a key: whoever names recovery keys with it is the first.</summary>
    public const int KeyStateMin = 1;

    /// <summary>Characters of the longest pattern.</summary>
    public const int PatternCharsMax = 512;

    /// <summary>Parts of a pattern once its counts are written out.</summary>
    public const int PatternPartsMax = 1_024;

    /// <summary>Parts of all patterns of a document.</summary>
    public const int PatternPartsTotalMax = 8_192;

    /// <summary>Steps the rules may take for one write; what needs more is refused.</summary>
    public const int StepsMax = 1_000_000;
}
