namespace Weft.Protocols.Topics;

/// <summary>What is kept of a topic: whatever is reached first ends the oldest.</summary>
public sealed class TopicRetention
{
    /// <summary>Messages, beside the present values of keys. Default: 100,000.</summary>
    public int MessagesMax { get; set; } = 100_000;

    /// <summary>Bytes of messages and values. Default: 32 MiB.</summary>
    public long BytesMax { get; set; } = 32L << 20;

    /// <summary>Age since it came, beside the present values of keys. Default: 7 days.</summary>
    public TimeSpan Age { get; set; } = TimeSpan.FromDays(7);

    /// <summary>Bytes of one author; beyond, its own oldest go. Default: 8 MiB.</summary>
    public long AuthorBytesMax { get; set; } = 8L << 20;

    /// <summary>Authors that are known. Default: 10,000; those who have nothing kept go first.</summary>
    public int AuthorsMax { get; set; } = 10_000;

    /// <summary>Keys with a present value. Default: 10,000; beyond, values of new keys are refused.</summary>
    public int KeysMax { get; set; } = 10_000;

    /// <summary>Bytes of one message that is kept. Default: 512 KiB.</summary>
    public int MessageBytesMax { get; set; } = 512 * 1024;

    /// <summary>How far in the future an author's time may lie. Default: 10 min.</summary>
    public TimeSpan FutureMax { get; set; } = TimeSpan.FromMinutes(10);
}
