namespace Weft.Primitives;

/// <content>Signed logs: why one cannot be read, written or believed.</content>
public static partial class ErrorCatalogue
{
    private static ErrorEntry[] BuildLogs() =>
    [
        new(WeftError.LogUnknown, 404, false, "There is no such log here",
            "No log of that name, and none with that key, is kept by this node.",
            ["weft log ls", "weft log new NAME", "weft log pull KEY --from HOST:PORT"]),
        new(WeftError.LogNotWritable, 403, false, "The log is someone else's",
            "Only who has the key that signs a log can append to it; this node has not, or the log wants several signers.",
            ["weft log ls", "weft log new NAME"]),
        new(WeftError.LogStopped, 409, false, "The log contradicts itself",
            "Its key signed two different logs, most likely in two places. Both proofs are kept; it takes nothing more.",
            ["weft log verify LOG", "weft log new NAME            begin another log"]),
        new(WeftError.LogRecovering, 409, true, "The log waits for its peers",
            "The node was restored from a backup. What the log's writer signed since then is not known here; appending "
            + "now could contradict it. It goes on once a peer has said how long the log is.",
            ["connect a peer that has the log", "weft log recover LOG         when there is surely none"]),
        new(WeftError.LogOutOfRange, 416, false, "The log has no such block",
            "The number is below 0 or not below the log's length.",
            ["weft log ls"]),
        new(WeftError.LogNameTaken, 409, false, "A log of that name is there already",
            "Names are this node's own, and each names one log.",
            ["weft log ls", "choose another name"]),
        new(WeftError.LogProofRefused, 422, false, "The proof does not hold",
            "It is malformed, of another log, or not signed by the log's key.",
            ["ask for the proof again", "check the log's key"]),
        new(WeftError.LogDamaged, 500, false, "The log cannot be opened",
            "What the store holds of it is not what its key signed. Nothing of it is served.",
            ["weft verify", "weft log pull KEY --from HOST:PORT       into another folder"]),
    ];
}
