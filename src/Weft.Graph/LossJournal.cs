using Weft.Graph.Access;

namespace Weft.Graph;

/// <summary>How a losing write stands to the one that won.</summary>
public enum LossKind
{
    /// <summary>Nothing says it: one of the two carries no proof, or a proof that does not tell.</summary>
    Unknown = 0,

    /// <summary>
    /// Whoever won had seen it, or wrote both: nothing was lost that its writer did not mean to replace.
    /// </summary>
    Stale,

    /// <summary>
    /// Whoever won had not seen it: two people wrote at the same time, and one of them may want to know.
    /// </summary>
    Concurrent,
}

/// <summary>One write that lost: who wrote what, and why it is not the value now.</summary>
/// <param name="Number">Rises by one for each entry; never reused.</param>
/// <param name="Soul">The node.</param>
/// <param name="Field">The field.</param>
/// <param name="Value">The losing value; a long one is cut to null, see <paramref name="ValueCut"/>.</param>
/// <param name="State">Its state.</param>
/// <param name="WinnerState">The state that won.</param>
/// <param name="Reason">Why it lost.</param>
/// <param name="From">Who brought it: a peer's name, "http", "local".</param>
/// <param name="AtMs">Wall time at which it lost, in milliseconds.</param>
/// <param name="ValueCut">True when the value was too long to keep.</param>
/// <param name="Author">Whose key signed the losing write; null when it carried no proof that was verified.</param>
/// <param name="AuthorSequence">The author's number of it; 0 for none.</param>
/// <param name="Kind">How it stands to the write that won.</param>
public sealed record Loss(
    long Number,
    string Soul,
    string Field,
    WeftValue Value,
    double State,
    double WinnerState,
    HamVerdict Reason,
    string From,
    double AtMs,
    bool ValueCut = false,
    string? Author = null,
    ulong AuthorSequence = 0,
    LossKind Kind = LossKind.Unknown);

/// <summary>The bounded journal of losing writes: the newest stay, the oldest go.</summary>
/// <remarks>Pure; one caller at a time.</remarks>
public sealed class LossJournal(GraphOptions options)
{
    /// <summary>Bytes of the longest value that is kept whole.</summary>
    public const int ValueBytesMax = 1_024;

    private readonly Queue<Loss> _losses = new();
    private long _bytes;

    /// <summary>How many losses were ever noted.</summary>
    public long Total { get; private set; }

    /// <summary>The losses held now, oldest first.</summary>
    public IReadOnlyCollection<Loss> Items => _losses;

    /// <summary>Notes one loss and drops the oldest while a bound is passed.</summary>
    public void Add(
        in FieldWrite loser,
        double winnerState,
        HamVerdict reason,
        string from,
        double atMs,
        Authorship author = default,
        LossKind kind = LossKind.Unknown)
    {
        bool cut = loser.Value.Json.Length > ValueBytesMax;
        Restore(new(Total + 1, loser.Soul, loser.Field, cut ? WeftValue.Null : loser.Value, loser.State, winnerState,
            reason, from, atMs, cut, author.Author, author.Sequence, kind));
    }

    /// <summary>Takes an entry back after a restart; numbers must rise.</summary>
    public void Restore(Loss loss)
    {
        Total = Math.Max(Total, loss.Number);
        _losses.Enqueue(loss);
        _bytes += SizeOf(loss);
        while (_losses.Count > options.JournalMax || _bytes > options.JournalBytesMax)
        {
            if (!_losses.TryDequeue(out Loss? oldest))
            {
                break;
            }

            _bytes -= SizeOf(oldest);
        }
    }

    /// <summary>Bytes one entry is counted with.</summary>
    private static long SizeOf(Loss loss) =>
        120 + (2 * (loss.Soul.Length + loss.Field.Length + loss.From.Length + (loss.Author?.Length ?? 0)))
        + loss.Value.Json.Length;
}
