using System.Text;
using Weft.Primitives;
using Weft.Protocols.Topics;

namespace Weft.Node.Topics;

/// <summary>One message of a topic, or a gap: see <see cref="IsGap"/>.</summary>
/// <param name="Topic">The topic's name.</param>
/// <param name="From">Who signed it; empty for a gap.</param>
/// <param name="Sequence">The author's number; it rises with every message of the author.</param>
/// <param name="Data">What it says.</param>
/// <param name="Missed">For a gap: at least how many messages are missing here; 0 for a message.</param>
public readonly record struct TopicMessage(
    string Topic, PeerId From, ulong Sequence, ReadOnlyMemory<byte> Data, long Missed = 0)
{
    /// <summary>
    /// Where a later subscription may go on (<see cref="Replay.From"/>): everything before was given. Null while something
    /// waits for the record before it, and for what came over the mesh alone.
    /// </summary>
    public string? Cursor { get; init; }

    /// <summary>True when messages are missing here: this reader was slow, or no relay has them any more.</summary>
    public bool IsGap => Missed > 0;

    /// <summary>What it says, without the head of a record: see <see cref="NodeTopics.PutAsync"/>.</summary>
    public ReadOnlyMemory<byte> Payload =>
        TopicRecord.TryRead(Data.Span, out TopicRecord record) ? Data[(Data.Length - record.Payload.Length)..] : Data;

    /// <summary>What it is: an event, the present value of a key, or the end of one.</summary>
    public TopicRecordKind Kind =>
        TopicRecord.TryRead(Data.Span, out TopicRecord record) ? record.Kind : TopicRecordKind.Event;

    /// <summary>The key of a value; empty for none.</summary>
    public ReadOnlyMemory<byte> Key =>
        TopicRecord.TryRead(Data.Span, out TopicRecord record) ? record.Key.ToArray() : default;

    /// <summary>When its author says it wrote it, in milliseconds since 1970; 0 where it does not say.</summary>
    public double TimeMs => TopicRecord.TryRead(Data.Span, out TopicRecord record) ? record.TimeMs : 0;

    /// <summary>The payload, read as UTF-8; what is none becomes U+FFFD.</summary>
    public string Text => Encoding.UTF8.GetString(Payload.Span);
}

/// <summary>What became of a published message.</summary>
/// <param name="Sequence">The number it got.</param>
/// <param name="Peers">To how many peers it was sent at once; others may get it through them.</param>
/// <param name="Stored">How many relays hold it durably; 0 where none was asked.</param>
public readonly record struct TopicReceipt(ulong Sequence, int Peers, int Stored = 0);
