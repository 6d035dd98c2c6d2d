namespace Weft.Crypto.Keys;

/// <summary>What became of reading a key file.</summary>
public enum KeyFileStatus
{
    /// <summary>The keys are there.</summary>
    Ok,

    /// <summary>The bytes are no key file of Weft.</summary>
    NotAKeyFile,

    /// <summary>A later version of Weft wrote it.</summary>
    TooNew,

    /// <summary>It was a key file, and bytes of it were changed or lost.</summary>
    Damaged,

    /// <summary>It is sealed, and no passphrase was given.</summary>
    PassphraseNeeded,

    /// <summary>It is sealed and whole, and this is not its passphrase.</summary>
    WrongPassphrase,
}

/// <summary>What came out of the bytes of a key file.</summary>
/// <param name="Status">Whether it went well.</param>
/// <param name="Keys">The keys, which the caller disposes; null unless Ok.</param>
/// <param name="Problem">What is wrong, in words, without a secret; empty when Ok.</param>
public readonly record struct KeyFileRead(KeyFileStatus Status, KeyFile? Keys, string Problem)
{
    /// <summary>What went wrong; never a secret.</summary>
    public override string ToString() => Status == KeyFileStatus.Ok ? $"{Keys}" : $"{Status}: {Problem}";

    internal static KeyFileRead Damaged(string problem) => new(KeyFileStatus.Damaged, null, problem);
}
