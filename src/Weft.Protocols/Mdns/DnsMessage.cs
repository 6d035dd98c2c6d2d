namespace Weft.Protocols.Mdns;

/// <summary>The kinds of records Weft looks at.</summary>
public enum DnsType
{
    /// <summary>Another kind.</summary>
    None = 0,

    /// <summary>A name that stands for another.</summary>
    Ptr = 12,

    /// <summary>Texts.</summary>
    Txt = 16,

    /// <summary>In a question: every kind.</summary>
    Any = 255,
}

/// <summary>A question.</summary>
/// <param name="Name">Labels with dots between them, no dot at the end.</param>
/// <param name="Type">Which kind of record is asked for, as a number: any may come.</param>
public readonly record struct DnsQuestion(string Name, int Type);

/// <summary>A record.</summary>
/// <param name="Name">Labels with dots between them, no dot at the end.</param>
/// <param name="Type">Which kind, as a number: any may come.</param>
/// <param name="TtlSeconds">How long it may be kept; 0 takes it back.</param>
/// <param name="Target">The name of a PTR; else empty.</param>
/// <param name="Texts">The texts of a TXT; else none.</param>
public sealed record DnsRecord(
    string Name, int Type, uint TtlSeconds, string Target, IReadOnlyList<ReadOnlyMemory<byte>> Texts);

/// <summary>One message of multicast DNS.</summary>
/// <param name="IsAnswer">True for an answer.</param>
/// <param name="Questions">The questions.</param>
/// <param name="Answers">The answers.</param>
/// <param name="Additional">What belongs to them.</param>
public sealed record DnsMessage(
    bool IsAnswer,
    IReadOnlyList<DnsQuestion> Questions,
    IReadOnlyList<DnsRecord> Answers,
    IReadOnlyList<DnsRecord> Additional);
