using System.Buffers;
using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Weft.Graph;
using Weft.Libp2p.Gossip;
using Weft.Node.Network;
using Weft.Primitives;
using Weft.Protocols.Gossip;
using Weft.Protocols.Replication;
using Weft.Protocols.Sync;

namespace Weft.Node.Replication;

/// <summary>
/// The topics of prefixes: changes go out as signed messages, and what comes passes the one admission of every write
/// before it is sent on.
/// </summary>
/// <remarks>Source: docs/spec/replication.md, section 2.</remarks>
internal sealed class ReplicaTopics : IAsyncDisposable
{
    private readonly NodeNetwork _network;
    private readonly WeftNode _node;
    private readonly ReplicationPlans _plans;
    private readonly ILogger _log;
    private readonly SyncOptions _limits = new();
    private readonly ConcurrentDictionary<string, GossipSubscription> _joined = new(StringComparer.Ordinal);
    private long _published;
    private long _taken;
    private long _refused;

    public ReplicaTopics(NodeNetwork network, ReplicationPlans plans)
    {
        _network = network;
        _node = network.Node;
        _plans = plans;
        _log = _node.Loggers.CreateLogger("Weft.Replication");
    }

    /// <summary>Messages published, taken and refused.</summary>
    public (long Published, long Taken, long Refused) Counts =>
        (Interlocked.Read(ref _published), Interlocked.Read(ref _taken), Interlocked.Read(ref _refused));

    /// <summary>The topic of a scope.</summary>
    public string TopicOf(in ReplicationPlan plan) =>
        ReplicationPlans.TopicOf(_node.Crypto, _node.NetworkId.Span, plan);

    /// <summary>Takes part: what comes is judged, merged, and only then sent on.</summary>
    public void Join(in ReplicationPlan plan)
    {
        string topic = TopicOf(plan);
        ReplicationPlan scope = plan;
        _network.Gossip.SetValidator(topic, (message, stopping) => JudgeAsync(scope, message, stopping));
        try
        {
            // Nobody reads it here: the validator has merged what it says.
            GossipSubscription joined = _network.Gossip.Subscribe(topic, isRead: false);
            if (_joined.TryAdd(topic, joined))
            {
                ReplicationLog.Joined(_log, plan.Scope, topic);
            }
        }
        catch (WeftException full)
        {
            ReplicationLog.Failed(_log, $"the topic of {plan.Scope} could not be joined", full);
        }
    }

    /// <summary>Takes part no more.</summary>
    public async ValueTask LeaveAsync(ReplicationPlan plan)
    {
        string topic = TopicOf(plan);
        if (_joined.TryRemove(topic, out GossipSubscription? joined))
        {
            await joined.DisposeAsync().ConfigureAwait(false);
            _network.Gossip.SetValidator(topic, null);
            ReplicationLog.Left(_log, plan.Scope);
        }
    }

    /// <summary>Publishes changes. Who is not reached now is reached by sessions and comparisons.</summary>
    public async ValueTask PublishAsync(
        ReplicationPlan plan, IReadOnlyList<FieldWrite> writes, CancellationToken cancellationToken)
    {
        var frame = new ArrayBufferWriter<byte>(1_024);
        SyncCodec.Write(new SyncChanges(-1, writes), frame);
        if (frame.WrittenCount > _network.Gossip.Options.Core.DataBytesMax)
        {
            return; // One field of nearly 1 MiB and its proof: it goes by sessions alone.
        }

        try
        {
            await _network.Gossip.PublishAsync(TopicOf(plan), frame.WrittenMemory, cancellationToken)
                .ConfigureAwait(false);
            Interlocked.Increment(ref _published);
        }
        catch (ObjectDisposedException)
        {
            // The network stops.
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (GossipSubscription joined in _joined.Values)
        {
            await joined.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async ValueTask<GossipVerdict> JudgeAsync(
        ReplicationPlan scope, GossipMessage message, CancellationToken cancellationToken)
    {
        GossipVerdict verdict = await MergeAsync(scope, message, cancellationToken).ConfigureAwait(false);
        Interlocked.Increment(ref verdict == GossipVerdict.Accept ? ref _taken : ref _refused);
        return verdict;
    }

    private async ValueTask<GossipVerdict> MergeAsync(
        ReplicationPlan scope, GossipMessage message, CancellationToken cancellationToken)
    {
        if (SyncReader.Read(message.Data.Span, _limits) is not SyncChanges { Cursor: -1, Writes.Count: > 0 } changes)
        {
            return GossipVerdict.Reject;
        }

        foreach (FieldWrite write in changes.Writes)
        {
            ReplicationPlan plan = _plans.PlanOf(write.Soul);
            if (plan.Scope != scope.Scope || plan.IsNode != scope.IsNode || !plan.Words.IsEveryone)
            {
                return GossipVerdict.Ignore; // One of the two does not know a policy yet.
            }
        }

        try
        {
            string name = message.From.ToString();
            WriteResult result = await _node.Graph.WriteAsync(
                changes.Writes, new WriteSource(name, ReplicationService.GossipOrigin, WriteDoor.Link),
                Durability.Memory, cancellationToken).ConfigureAwait(false);
            WeftError refusal = result.Error != WeftError.None ? result.Error : result.Dropped;
            if (refusal == WeftError.None)
            {
                return GossipVerdict.Accept;
            }

            ReplicationLog.Refused(_log, name, ErrorCatalogue.Code(refusal));
            return refusal is WeftError.SignatureRefused or WeftError.ProofMalformed
                ? GossipVerdict.Reject // Forged: no order of arrival makes that right.
                : GossipVerdict.Ignore;
        }
        catch (WeftException)
        {
            return GossipVerdict.Ignore; // This store takes no writes; that is nobody's fault but its own.
        }
    }
}
