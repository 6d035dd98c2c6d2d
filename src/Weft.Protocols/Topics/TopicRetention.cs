namespace Weft.Protocols.Topics;

/// <summary>What is kept of a topic: whatever is reached first ends the oldest.</summary>
public sealed class TopicRetention
{
    internal const double AgeMaxMs = 3_155_760_000_000; // A hundred years.

    /// <summary>
    /// Messages, beside the present values of keys: 0 to 10,000,000; 0 keeps values only. Default: 100,000.
    /// </summary>
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

    /// <summary>What is out of bounds; null when nothing is.</summary>
    public string? FindFault() =>
        MessagesMax is < 0 or > 10_000_000 ? "messages: 0 to 10,000,000"
        : BytesMax is < 1_024 or > 1L << 40 ? "bytes: 1,024 to 1 TiB"
        : Age < TimeSpan.FromSeconds(1) || Age.TotalMilliseconds > AgeMaxMs ? "age: 1 s to 100 years"
        : AuthorBytesMax is < 1_024 or > 1L << 40 ? "bytes of an author: 1,024 to 1 TiB"
        : KeysMax is < 0 or > 1_000_000 ? "keys: 0 to 1,000,000"
        : null;
}
