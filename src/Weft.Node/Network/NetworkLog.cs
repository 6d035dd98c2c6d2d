using Microsoft.Extensions.Logging;
using Weft.Primitives;
using Weft.Protocols.Peers;

namespace Weft.Node.Network;

/// <summary>Everything the network of a node logs. Ids 4700 to 4799 belong to it; an id is never used again.</summary>
internal static partial class NetworkLog
{
    [LoggerMessage(4700, LogLevel.Information, "Libp2p peer {Peer} listens at {Count} addresses")]
    internal static partial void Started(ILogger logger, PeerId peer, int count);

    [LoggerMessage(4701, LogLevel.Information, "Peer at {Address} is connected")]
    internal static partial void LinkUp(ILogger logger, Multiaddr address);

    [LoggerMessage(4702, LogLevel.Information, "Peer at {Address} is away: {Reason}; dialling again in {WaitMs} ms")]
    internal static partial void LinkDown(ILogger logger, Multiaddr address, string reason, long waitMs);

    [LoggerMessage(4704, LogLevel.Error, "Service {Service} did not stop as it should")]
    internal static partial void StopFailed(ILogger logger, string service, Exception error);

    [LoggerMessage(4710, LogLevel.Warning,
        "A partition: {Away} peers were lost together and stay away; {Here} are here")]
    internal static partial void Partitioned(ILogger logger, int away, int here);

    [LoggerMessage(4711, LogLevel.Warning, "The partition has grown: {Away} peers are away, {Here} are here")]
    internal static partial void PartitionGrew(ILogger logger, int away, int here);

    [LoggerMessage(4712, LogLevel.Information, "The partition has healed after {Seconds} s; {Away} peers did not come back")]
    internal static partial void PartitionHealed(ILogger logger, long seconds, int away);

    [LoggerMessage(4713, LogLevel.Warning, "After {Seconds} s the {Away} peers of the partition count as gone")]
    internal static partial void PartitionGivenUp(ILogger logger, long seconds, int away);

    [LoggerMessage(4706, LogLevel.Warning, "The peers to dial first after a restart were not saved: {Reason}")]
    internal static partial void AnchorsNotSaved(ILogger logger, string reason);

    [LoggerMessage(4705, LogLevel.Warning, "Peers in the local network are not looked for: {Reason}")]
    internal static partial void LocalFailed(ILogger logger, string reason);
}
