using Weft.Primitives;

namespace Weft.Protocols.Gossip;

/// <content>How peers are judged.</content>
public sealed partial class GossipCore
{
    private readonly Dictionary<string, int> _ips = [];
    private readonly Dictionary<PeerId, GossipStanding> _retained = [];
    private readonly Queue<PeerId> _retainedOrder = [];

    private GossipScoreOptions Scores => _options.Score;

    /// <summary>A peer's score now.</summary>
    public double Score(GossipPeer peer)
    {
        ArgumentNullException.ThrowIfNull(peer);
        GossipStanding standing = peer.Standing;
        if (standing.IsDirty)
        {
            standing.IsDirty = false;
            standing.Score = Compute(peer, standing);
        }

        return standing.Score;
    }

    /// <summary>What the application thinks of a peer (P5); it stays until it is set again.</summary>
    /// <param name="peer">The peer.</param>
    /// <param name="score">Any number; less than 0 for a bad one.</param>
    public static void SetApplicationScore(GossipPeer peer, double score)
    {
        ArgumentNullException.ThrowIfNull(peer);
        peer.Standing.Application = score;
        peer.Standing.IsDirty = true;
    }

    private bool IsGraylisted(GossipPeer peer) => !peer.Info.IsDirect && Score(peer) < Scores.GraylistThreshold;

    private double Compute(GossipPeer peer, GossipStanding standing)
    {
        double topics = 0;
        foreach (GossipTopicStanding one in standing.Topics.Values)
        {
            GossipTopicScore score = one.Parameters;
            double sum = one.First * score.FirstDeliveriesWeight;
            if (one.IsInMesh)
            {
                double time = Math.Min(one.MeshTime / score.TimeInMeshQuantum, score.TimeInMeshCap);
                double deficit = Deficit(one);
                sum += (time * score.TimeInMeshWeight) + (deficit * deficit * score.MeshDeliveriesWeight);
            }

            sum += (one.Failure * score.MeshFailureWeight) + (one.Invalid * one.Invalid * score.InvalidWeight);
            topics += sum * score.Weight;
        }

        if (Scores.TopicCap > 0 && topics > Scores.TopicCap)
        {
            topics = Scores.TopicCap;
        }

        double total = topics + (standing.Application * Scores.ApplicationWeight);
        int surplus = peer.Info.Ip is { } ip ? _ips.GetValueOrDefault(ip) - Scores.ColocationThreshold : 0;
        if (surplus > 0)
        {
            total += (double)surplus * surplus * Scores.ColocationWeight;
        }

        double bad = standing.Behaviour - Scores.BehaviourThreshold;
        return bad > 0 ? total + (bad * bad * Scores.BehaviourWeight) : total;
    }

    private static double Deficit(GossipTopicStanding one)
    {
        GossipTopicScore score = one.Parameters;
        return one.MeshTime > score.MeshDeliveriesActivation
            ? Math.Max(0, score.MeshDeliveriesThreshold - one.Mesh)
            : 0;
    }

    private GossipTopicStanding StandingIn(GossipPeer peer, GossipTopic topic)
    {
        if (!peer.Standing.Topics.TryGetValue(topic.Name, out GossipTopicStanding? standing))
        {
            GossipTopicScore score = Scores.Topics.TryGetValue(topic.Name, out GossipTopicScore? own)
                ? own
                : Scores.DefaultTopic;
            peer.Standing.Topics[topic.Name] = standing = new(score);
        }

        return standing;
    }

    private void CountFirst(GossipPeer peer, GossipTopic topic)
    {
        GossipTopicStanding standing = StandingIn(peer, topic);
        standing.First = Math.Min(standing.First + 1, standing.Parameters.FirstDeliveriesCap);
        peer.Standing.IsDirty = true;
        CountMesh(peer, topic);
    }

    private void CountMesh(GossipPeer peer, GossipTopic topic)
    {
        GossipTopicStanding standing = StandingIn(peer, topic);
        if (standing.IsInMesh)
        {
            standing.Mesh = Math.Min(standing.Mesh + 1, standing.Parameters.MeshDeliveriesCap);
            peer.Standing.IsDirty = true;
        }
    }

    private static void CountFailure(GossipTopicStanding standing, GossipPeer peer, WeftInstant now)
    {
        standing.MeshTime = now - standing.GraftedAt;
        double deficit = Deficit(standing);
        standing.Failure += deficit * deficit;
        standing.IsInMesh = false;
        peer.Standing.IsDirty = true;
    }

    private void Invalid(GossipMessage message, GossipTopic topic)
    {
        Invalid(message.Source!, topic);
        foreach (GossipPeer also in message.AlsoFrom ?? [])
        {
            Invalid(also, topic);
        }
    }

    private void Invalid(GossipPeer peer, GossipTopic topic)
    {
        StandingIn(peer, topic).Invalid++;
        peer.Standing.IsDirty = true;
    }

    private static void Blame(GossipPeer peer, double amount)
    {
        peer.Standing.Behaviour += amount;
        peer.Standing.IsDirty = true;
    }

    private void DecayAll(WeftInstant now)
    {
        foreach (GossipPeer peer in _ordered)
        {
            GossipStanding standing = peer.Standing;
            standing.Behaviour = Decay(standing.Behaviour, Scores.BehaviourDecay);
            foreach ((string name, GossipTopicStanding one) in standing.Topics)
            {
                GossipTopicScore score = one.Parameters;
                one.First = Decay(one.First, score.FirstDeliveriesDecay);
                one.Mesh = Decay(one.Mesh, score.MeshDeliveriesDecay);
                one.Failure = Decay(one.Failure, score.MeshFailureDecay);
                one.Invalid = Decay(one.Invalid, score.InvalidDecay);
                one.MeshTime = one.IsInMesh ? now - one.GraftedAt : TimeSpan.Zero;
                if (one.IsBlank && one.BackoffUntil <= now)
                {
                    standing.Topics.Remove(name);
                }
            }

            standing.IsDirty = true; // Also because others may have come to its IP, or gone.
        }
    }

    private double Decay(double value, double factor)
    {
        value *= factor;
        return value < Scores.DecayToZero ? 0 : value;
    }

    private void CountIp(GossipPeer peer, int change)
    {
        if (peer.Info.Ip is not { } ip)
        {
            return;
        }

        int count = _ips.GetValueOrDefault(ip) + change;
        if (count > 0)
        {
            _ips[ip] = count;
        }
        else
        {
            _ips.Remove(ip);
        }

        if (count >= Scores.ColocationThreshold)
        {
            foreach (GossipPeer other in _ordered)
            {
                other.Standing.IsDirty |= other.Info.Ip == ip;
            }
        }
    }

    /// <summary>Remembers a peer that went with a bad score, or before its time apart was over.</summary>
    private void Retain(GossipPeer peer, WeftInstant now)
    {
        GossipStanding standing = peer.Standing;
        WeftInstant forget = Score(peer) < 0 ? now + Scores.Retain : now;
        foreach (GossipTopicStanding one in standing.Topics.Values)
        {
            one.First = 0; // Merits end with the connection; faults do not.
            one.Mesh = 0;
            forget = one.BackoffUntil > forget ? one.BackoffUntil : forget;
        }

        if (forget > now)
        {
            standing.ForgetAt = forget;
            standing.IsDirty = true;
            _retained[peer.Id] = standing;
            _retainedOrder.Enqueue(peer.Id);
            while (_retainedOrder.Count > _options.RetainedMax)
            {
                _retained.Remove(_retainedOrder.Dequeue());
            }
        }

        Forget(now);
    }

    private void Forget(WeftInstant now)
    {
        while (_retainedOrder.TryPeek(out PeerId oldest)
            && !(_retained.TryGetValue(oldest, out GossipStanding? standing) && standing.ForgetAt > now))
        {
            _retainedOrder.Dequeue();
            _retained.Remove(oldest);
        }
    }

    private GossipStanding Recall(PeerId peer, WeftInstant now) =>
        _retained.Remove(peer, out GossipStanding? standing) && standing.ForgetAt > now ? standing : new();
}
