using Weft.Log;
using Weft.Primitives;

namespace Weft.Node.Logs;

/// <summary>What a verdict is for the caller who asked for something.</summary>
internal static class LogErrors
{
    public static WeftException? Of(LogVerdict verdict, OpenLog log)
    {
        string name = log.Note.Name ?? log.Key.ToString();
        return verdict switch
        {
            LogVerdict.Accepted => null,
            LogVerdict.NotWritable => new WeftException(
                WeftError.LogNotWritable,
                $"The log '{name}' is signed by a key that is not here; nothing was changed."),
            LogVerdict.Stopped or LogVerdict.Conflict => new WeftException(
                WeftError.LogStopped, $"The log '{name}' contradicts itself and has stopped; nothing was changed."),
            LogVerdict.Recovering => new WeftException(
                WeftError.LogRecovering,
                $"The log '{name}' was restored from a backup and has not yet learned from a peer how long it is; "
                + "nothing was changed."),
            LogVerdict.OutOfRange => new WeftException(
                WeftError.LogOutOfRange, $"The log '{name}' has {log.Core.Length} blocks; nothing was changed."),
            LogVerdict.TooLarge => new WeftException(
                WeftError.TooLarge, $"A block has at most {LogLimits.BlockBytesMax} bytes; nothing was appended."),
            _ => new WeftException(WeftError.LogProofRefused, $"The log '{name}' does not agree: {verdict}."),
        };
    }

    /// <summary>The history of a prefix is written by what happens in the graph, and by nobody else.</summary>
    public static WeftException? OfHistory(OpenLog log) => log.Note.IsHistory
        ? new WeftException(
            WeftError.LogNotWritable,
            $"The log '{log.Note.Name}' holds the history of a prefix, which the graph alone writes; nothing was changed.")
        : null;

    public static WeftException Unknown(string name) =>
        new(WeftError.LogUnknown, $"No log '{name}' is kept here.");
}
