namespace Weft.Protocols.Audit;

/// <summary>Ceilings of an audit, on both sides.</summary>
/// <remarks>Source: docs/spec/sync.md, section 8.</remarks>
public sealed class AuditOptions
{
    /// <summary>Bytes of the longest message. Default: 1 MiB.</summary>
    public int MessageBytesMax { get; set; } = 1 << 20;

    /// <summary>Bytes of findings after which an answer leaves the other ranges for the next one. Default: 256 KiB.</summary>
    public int AnswerBytesMax { get; set; } = 256 << 10;

    /// <summary>Ranges in one question: 1 to 64. Default: 16.</summary>
    public int RangesMax { get; set; } = 16;

    /// <summary>Parts that an unequal range is cut into: 2 to 64. Default: 16.</summary>
    public int Parts { get; set; } = 16;

    /// <summary>Ranges of at most so many fields are listed; a list has no more of them: 1 to 1,024. Default: 64.</summary>
    public int ItemsMax { get; set; } = 64;

    /// <summary>Differences that are named one by one; the others are counted. Default: 1,000.</summary>
    public int DifferencesMax { get; set; } = 1_000;

    /// <summary>Questions of one audit, after which it ends as incomplete. Default: 16,384.</summary>
    public int AsksMax { get; set; } = 16_384;

    /// <summary>Ranges that wait to be looked into; what is beyond is left out, and the audit incomplete. Default: 65,536.</summary>
    public int WorkMax { get; set; } = 65_536;

    /// <summary>Samples of a sampled audit: 1 to this. Default: 1,024.</summary>
    public int SamplesMax { get; set; } = 1_024;
}
