namespace Weft.Protocols.Rendezvous;

/// <summary>What a rendezvous point keeps for others.</summary>
public sealed class RendezvousOptions
{
    /// <summary>How long a registration stays that names no time. Default: 2 h.</summary>
    public TimeSpan TtlDefault { get; set; } = TimeSpan.FromHours(2);

    /// <summary>The longest time that is granted. Default: 72 h.</summary>
    public TimeSpan TtlMax { get; set; } = TimeSpan.FromHours(72);

    /// <summary>Registrations at all. Default: 10,000.</summary>
    public int RegistrationsMax { get; set; } = 10_000;

    /// <summary>Namespaces of one peer. Default: 64; the specification recommends at most 1,000.</summary>
    public int PerPeerMax { get; set; } = 64;

    /// <summary>Bytes of signed records at all. Default: 16 MiB.</summary>
    public long RecordBytesMax { get; set; } = 16 * 1024 * 1024;

    /// <summary>Bytes of the longest signed record that is taken. Default: 4 KiB.</summary>
    public int RecordBytesEach { get; set; } = 4_096;

    /// <summary>Registrations in one answer. Default: 100; more are asked for with the cookie.</summary>
    public int AnswerMax { get; set; } = 100;

    /// <summary>Questions of one peer a second, with a burst of ten times as many. Default: 10.</summary>
    public double QuestionsPerSecond { get; set; } = 10;
}
