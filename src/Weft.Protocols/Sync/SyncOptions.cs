namespace Weft.Protocols.Sync;

/// <summary>Ceilings and waits of one session of <c>/weft/sync/1</c>.</summary>
/// <remarks>Source: docs/spec/sync.md.</remarks>
public sealed class SyncOptions
{
    /// <summary>
    /// Bytes of changes the other side may send before this side has made them durable: 64 KiB to 64 MiB. Default: 1 MiB.
    /// </summary>
    public int WindowBytes { get; set; } = 1 << 20;

    /// <summary>Bytes of the longest message: a single field of the largest value fits. Default: 8 MiB.</summary>
    public int MessageBytesMax { get; set; } = 8 << 20;

    /// <summary>Bytes of changes put in one message, about: 1 KiB to 1 MiB. Default: 64 KiB.</summary>
    public int ChunkBytes { get; set; } = 64 << 10;

    /// <summary>Fields in one message: 1 to 4,096. Default: 512.</summary>
    public int FieldsMax { get; set; } = 512;

    /// <summary>Prefixes one side may ask for: 1 to 1,024. Default: 64.</summary>
    public int PrefixesMax { get; set; } = 64;

    /// <summary>Questions of this side that wait for answers: 1 to 65,536. Default: 1,024.</summary>
    public int AsksMax { get; set; } = 1_024;

    /// <summary>Questions of the other side answered at once; more get "not here". Default: 16.</summary>
    public int ServedMax { get; set; } = 16;

    /// <summary>Ranges of unequal data are cut into so many parts: 2 to 64. Default: 16.</summary>
    public int Parts { get; set; } = 16;

    /// <summary>In ranges of at most so many fields, the fields are listed: 1 to 1,024. Default: 32.</summary>
    public int ItemsMax { get; set; } = 32;

    /// <summary>Fields of this side compared with a list of the other side at once. Default: 4,096.</summary>
    public int CompareMax { get; set; } = 4_096;

    /// <summary>Bytes of ranges in one message, about; the rest follows in the next one. Default: 16 KiB.</summary>
    public int RangeBytesMax { get; set; } = 16 << 10;

    /// <summary>Ranges of fields that wait to be sent: 16 to 65,536. Default: 4,096.</summary>
    public int PushesMax { get; set; } = 4_096;

    /// <summary>Fields lately received that are remembered, so as not to be sent back. Default: 4,096.</summary>
    public int KnownMax { get; set; } = 4_096;

    /// <summary>
    /// How often everything is compared again, with a fifth of jitter: 1 s and up. Default: 10 min. It finds what was lost
    /// in ways nobody thought of.
    /// </summary>
    public TimeSpan CompareInterval { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>How long a comparison may make no progress, after which the session is closed. Default: 60 s.</summary>
    public TimeSpan CompareTimeout { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// How long the news waits that there is nothing to send, so that much of it travels as one message. Default: 100 ms.
    /// </summary>
    public TimeSpan CursorDelay { get; set; } = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// Ranges a peer may have compared here a second, whatever number of sessions it opens; what it sends beyond waits:
    /// 1 and up. Default: 5,000.
    /// </summary>
    public double RangesPerSecond { get; set; } = 5_000;

    /// <summary>Ranges beyond that at once: as many as a million fields that all differ need. Default: 100,000.</summary>
    public double RangesBurst { get; set; } = 100_000;

    /// <summary>Peers whose rate is remembered; the one that came first goes first: 1 and up. Default: 1,024.</summary>
    public int BudgetsMax { get; set; } = 1_024;
}
