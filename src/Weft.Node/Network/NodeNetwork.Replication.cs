using Weft.Graph.Access;
using Weft.Libp2p.Connections;
using Weft.Node.Replication;
using Weft.Node.Sync;
using Weft.Primitives;

namespace Weft.Node.Network;

/// <content>Replication by policy.</content>
public sealed partial class NodeNetwork
{
    /// <summary>Topics of prefixes and responsible peers.</summary>
    internal ReplicationService? Replication { get; private set; }

    /// <summary>Sessions with peers; null when they are off.</summary>
    internal SyncService? Sync { get; private set; }

    /// <summary>The shortest round trip of a peer's connections; zero before one was measured.</summary>
    internal TimeSpan RoundTripOf(PeerId peer)
    {
        TimeSpan best = TimeSpan.Zero;
        foreach (PeerConnection connection in Host.Connections)
        {
            TimeSpan one = connection.Remote == peer ? connection.RoundTrip : TimeSpan.Zero;
            best = one > TimeSpan.Zero && (best == TimeSpan.Zero || one < best) ? one : best;
        }

        return best;
    }

    /// <summary>
    /// What this node wants of its peers: what its options name, and always the system's records. Who does not know the
    /// policies would follow others.
    /// </summary>
    private IReadOnlyList<string> Interests()
    {
        string[] named = [.. Options.SyncPrefixes];
        return named.Any(prefix => Ownership.SystemPrefix.StartsWith(prefix, StringComparison.Ordinal))
            ? named
            : [.. named, Ownership.SystemPrefix];
    }

    private async Task AddReplicationAsync(CancellationToken cancellationToken)
    {
        Replication = new ReplicationService(this, Interests());
        await AddAsync(Replication, Replication.StartAsync, cancellationToken).ConfigureAwait(false);
    }
}
