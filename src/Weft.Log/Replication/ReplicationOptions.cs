namespace Weft.Log;

/// <summary>What one log allows itself and its peers while it replicates.</summary>
public sealed class ReplicationOptions
{
    /// <summary>Peers at once; more are turned away. Default: 64.</summary>
    public int PeersMax { get; init; } = 64;

    /// <summary>Requests that wait for an answer, per peer: 1 to 512. Default: 48.</summary>
    public int InFlightMax { get; init; } = 48;

    /// <summary>Requests of a peer that wait to be answered; more are refused. Default: 1,024.</summary>
    public int ServeQueueMax { get; init; } = 1_024;

    /// <summary>
    /// Bytes of answers that a peer's connection has not yet taken; then its requests wait. Default: 1 MiB.
    /// </summary>
    public int UnsentBytesMax { get; init; } = 1_024 * 1_024;

    /// <summary>Requests of a peer that cannot be proven, until it is dropped. Default: 64.</summary>
    public int InvalidRequestsMax { get; init; } = 64;

    /// <summary>Answers of a peer that do not hold, until it is dropped. Default: 8.</summary>
    public int BadAnswersMax { get; init; } = 8;

    /// <summary>Pages of 4 KiB that say what a peer has, beyond its beginning without a gap. Default: 1,024.</summary>
    public int RemotePagesMax { get; init; } = 1_024;

    /// <summary>Regions a peer may ask to hear about; with more it hears about everything. Default: 512.</summary>
    public int WantsMax { get; init; } = 512;

    /// <summary>Downloads at once, and single blocks waited for. Default: 4,096 of each.</summary>
    public int DownloadsMax { get; init; } = 4_096;

    /// <summary>How long a peer may be silent while it owes answers. Default: 30 seconds.</summary>
    public TimeSpan AnswerTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Peers with at least as much as a log from a backup has, that must agree before it appends. Default: 1.
    /// </summary>
    public int RecoveryPeersMin { get; init; } = 1;

    /// <summary>How long they must agree, without anyone knowing a longer log. Default: 8 seconds.</summary>
    public TimeSpan RecoverySettle { get; init; } = TimeSpan.FromSeconds(8);
}
