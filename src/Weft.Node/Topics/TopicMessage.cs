using System.Text;
using Weft.Primitives;

namespace Weft.Node.Topics;

/// <summary>One message of a topic, or a gap: see <see cref="IsGap"/>.</summary>
/// <param name="Topic">The topic's name.</param>
/// <param name="From">Who signed it; empty for a gap.</param>
/// <param name="Sequence">The author's number; it rises with every message of the author.</param>
/// <param name="Data">What it says.</param>
/// <param name="Missed">For a gap: how many messages are missing here; 0 for a message.</param>
public readonly record struct TopicMessage(
    string Topic, PeerId From, ulong Sequence, ReadOnlyMemory<byte> Data, long Missed = 0)
{
    /// <summary>True when messages are missing here, because this reader was slow.</summary>
    public bool IsGap => Missed > 0;

    /// <summary>What it says, read as UTF-8; what is none becomes U+FFFD.</summary>
    public string Text => Encoding.UTF8.GetString(Data.Span);
}

/// <summary>What became of a published message.</summary>
/// <param name="Sequence">The number it got.</param>
/// <param name="Peers">To how many peers it was sent at once; others may get it through them.</param>
public readonly record struct TopicReceipt(ulong Sequence, int Peers);
