using Weft.Primitives;

namespace Weft.Cli.App;

/// <summary>
/// What the command line answers to the shell; scripts rely on it, so a number never changes its meaning.
/// </summary>
internal static class ExitCode
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int Usage = 2;
    public const int NothingThere = 3;
    public const int Refused = 4;
    public const int Unreachable = 5;
    public const int Conflict = 6;
    public const int Deadline = 7;
    public const int Damage = 8;
    public const int Warning = 9;
    public const int Interrupted = 130;

    /// <summary>The exit code that goes with an error.</summary>
    public static int Of(WeftError error) => error switch
    {
        WeftError.Usage or WeftError.AddressInvalid or WeftError.StoreKeyUnusable => Usage,
        WeftError.Absent or WeftError.LogUnknown or WeftError.LogOutOfRange => NothingThere,
        WeftError.TokenMissing or WeftError.HostRefused or WeftError.OriginRefused
            or WeftError.ScopeMissing or WeftError.KeySealed or WeftError.StoreKeyNeeded or WeftError.StoreKeyWrong
            or WeftError.StoreNotEncrypted or WeftError.LogNotWritable
            or (>= WeftError.SignatureRefused and <= WeftError.ProofMalformed) => Refused,
        WeftError.NodeUnreachable or WeftError.NodeUnavailable => Unreachable,
        WeftError.OlderState or WeftError.SmallerText or WeftError.PreconditionFailed
            or WeftError.WrittenOnce or WeftError.TargetNotEmpty or WeftError.LogNameTaken or WeftError.LogStopped
            or WeftError.LogRecovering => Conflict,
        WeftError.DeadlinePassed => Deadline,
        WeftError.FileDamaged or WeftError.LogDamaged or WeftError.LogProofRefused => Damage,
        _ => Failed,
    };
}
