using Weft.Primitives;
using Weft.Protocols.Protobuf;

namespace Weft.Protocols.Gossip;

/// <content>Messages: what comes, what was found out about it, whom it goes to.</content>
public sealed partial class GossipCore
{
    /// <summary>An RPC has come.</summary>
    /// <param name="peer">From whom.</param>
    /// <param name="rpc">Its bytes, without the length in front; not needed after the call.</param>
    /// <param name="now">The time.</param>
    /// <param name="outbox">Takes the wishes.</param>
    /// <returns>False when it is malformed: the stream should be ended.</returns>
    public bool OnRpc(GossipPeer peer, ReadOnlySpan<byte> rpc, WeftInstant now, Outbox<GossipOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(peer);
        ArgumentNullException.ThrowIfNull(outbox);
        if (peer.IsGone)
        {
            return true;
        }

        if (IsGraylisted(peer))
        {
            Refuse(peer, GossipReason.Graylisted, outbox);
            return true;
        }

        var reader = new ProtobufReader(rpc);
        bool isWhole = true;
        while (isWhole && reader.TryRead())
        {
            isWhole = reader.Wire == ProtobufWire.Bytes ? reader.Field switch
            {
                GossipCodec.SubscriptionField => OnSubscription(peer, reader.Bytes, now, outbox),
                GossipCodec.PublishField => OnPublish(peer, reader.Bytes, now, outbox),
                GossipCodec.ControlField => OnControl(peer, reader.Bytes, now, outbox),
                _ => true,
            } : reader.Field > GossipCodec.ControlField;
        }

        isWhole &= reader.IsWhole;
        if (!isWhole)
        {
            Blame(peer, 1);
            Refuse(peer, GossipReason.Malformed, outbox);
        }

        Flush(outbox);
        return isWhole;
    }

    /// <summary>Sends an own message.</summary>
    /// <param name="message">Signed; sent at most once.</param>
    /// <param name="now">The time.</param>
    /// <param name="outbox">Takes the wishes.</param>
    /// <returns>To how many peers it goes.</returns>
    public int Publish(GossipMessage message, WeftInstant now, Outbox<GossipOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(message);
        GossipTopic? topic = Find(message.Topic, isOwn: false);
        GossipMessageView view = message.View;
        message.Id = IdOf(view);
        if (topic is null || message.Id.IsEmpty || _seen.Contains(message.Id))
        {
            return 0;
        }

        message.In = topic;
        message.AcceptedAt = now;
        _seen.Add(message.Id, isRefused: false, now);
        _cache.Add(message);
        if (topic.IsJoined)
        {
            outbox.Add(new(GossipOutputKind.Deliver, Message: message, Topic: topic.Name));
        }
        else
        {
            topic.PublishedAt = now;
            Activate(topic);
            FillFanout(topic);
        }

        return _options.FloodPublish ? Flood(topic, message, outbox) : Spread(topic, message, outbox);
    }

    /// <summary>A message was judged; see <see cref="GossipOutputKind.Judge"/>.</summary>
    public void OnVerdict(
        GossipMessage message, GossipVerdict verdict, WeftInstant now, Outbox<GossipOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(message);
        if (message.In is not { } topic || message.Source is not { } source || !RemovePending(message))
        {
            return; // Judged twice.
        }

        source.Pending--;
        _pendingCount--;
        _pendingBytes -= message.Frame.Length;
        switch (verdict)
        {
            case GossipVerdict.Dropped:
                Refuse(source, GossipReason.Overload, outbox, message);
                return;
            case GossipVerdict.BadSignature:
                Invalid(message, topic);
                Refuse(source, GossipReason.BadSignature, outbox, message);
                return;
        }

        if (_seen.Contains(message.Id))
        {
            return; // Another copy was quicker.
        }

        _seen.Add(message.Id, verdict == GossipVerdict.Reject, now);
        _promises.Keep(message.Id);
        if (verdict == GossipVerdict.Accept)
        {
            Accept(message, topic, now, outbox);
            return;
        }

        if (verdict == GossipVerdict.Reject)
        {
            Invalid(message, topic);
        }

        Refuse(
            source, verdict == GossipVerdict.Reject ? GossipReason.Rejected : GossipReason.Ignored, outbox, message);
    }

    private void Accept(GossipMessage message, GossipTopic topic, WeftInstant now, Outbox<GossipOutput> outbox)
    {
        message.AcceptedAt = now;
        CountFirst(message.Source!, topic);
        foreach (GossipPeer also in message.AlsoFrom ?? [])
        {
            CountMesh(also, topic);
        }

        _cache.Add(message);
        outbox.Add(new(GossipOutputKind.Deliver, Message: message, Topic: topic.Name));
        Spread(topic, message, outbox);
    }

    private bool OnPublish(GossipPeer peer, ReadOnlySpan<byte> bytes, WeftInstant now, Outbox<GossipOutput> outbox)
    {
        if (!GossipCodec.TryRead(bytes, _options, out GossipMessageView view))
        {
            Blame(peer, 1);
            Refuse(peer, GossipReason.Malformed, outbox);
            return true; // The stream is whole; only this message is not.
        }

        GossipTopic? topic = Find(view.Topic);
        if (topic is null || !topic.IsJoined)
        {
            Refuse(peer, GossipReason.UnknownTopic, outbox);
            return true;
        }

        GossipMessageId id = IdOf(view);
        if (_seen.Contains(id, out bool wasRefused))
        {
            Duplicate(peer, topic, id, wasRefused, now);
            return true;
        }

        if (id.IsEmpty || view.From.SequenceEqual(Self.Span))
        {
            Invalid(peer, topic);
            Refuse(peer, id.IsEmpty ? GossipReason.Malformed : GossipReason.OwnName, outbox);
            return true;
        }

        Take(peer, topic, view, id, outbox);
        return true;
    }

    /// <summary>Keeps a message that nobody has brought yet, and has it judged.</summary>
    private void Take(
        GossipPeer peer, GossipTopic topic, in GossipMessageView view, in GossipMessageId id,
        Outbox<GossipOutput> outbox)
    {
        int candidates = 0;
        _pending.TryGetValue(id, out GossipMessage? first);
        for (GossipMessage? other = first; other is not null; other = other.NextCandidate)
        {
            candidates++;
            if (GossipCodec.IsSame(other, view))
            {
                AddSender(other, peer);
                return;
            }
        }

        if (_pendingCount >= _options.PendingMax || peer.Pending >= _options.PendingPerPeerMax
            || candidates >= _options.CandidatesMax || _pendingBytes + view.Data.Length > _options.PendingBytesMax)
        {
            Refuse(peer, GossipReason.Overload, outbox);
            return;
        }

        GossipMessage message = GossipCodec.Store(view, topic.Name);
        message.Id = id;
        message.In = topic;
        message.Source = peer;
        message.NextCandidate = first;
        _pending[id] = message;
        _pendingCount++;
        _pendingBytes += message.Frame.Length;
        peer.Pending++;
        if (candidates == 0 && view.Data.Length >= _options.IDontWantBytesMin)
        {
            TellDontWant(topic, peer, id);
        }

        outbox.Add(new(GossipOutputKind.Judge, peer, Message: message, Topic: topic.Name));
    }

    private void Duplicate(
        GossipPeer peer, GossipTopic topic, in GossipMessageId id, bool wasRefused, WeftInstant now)
    {
        _promises.Keep(id);
        if (wasRefused)
        {
            Invalid(peer, topic);
            return;
        }

        GossipTopicStanding standing = StandingIn(peer, topic);
        GossipTopicScore score = standing.Parameters;
        if ((score.MeshDeliveriesWeight != 0 || score.MeshFailureWeight != 0) && _cache.Find(id) is { } message
            && now - message.AcceptedAt <= score.MeshDeliveriesWindow && message.Source != peer
            && message.AlsoFrom?.Contains(peer) != true)
        {
            AddSender(message, peer);
            CountMesh(peer, topic);
        }
    }

    private static void AddSender(GossipMessage message, GossipPeer peer)
    {
        if (message.Source != peer && message.AlsoFrom?.Contains(peer) != true
            && (message.AlsoFrom?.Count ?? 0) < AlsoFromMax)
        {
            (message.AlsoFrom ??= []).Add(peer);
        }
    }

    private bool RemovePending(GossipMessage message)
    {
        if (!_pending.TryGetValue(message.Id, out GossipMessage? first))
        {
            return false;
        }

        if (first == message)
        {
            if (message.NextCandidate is { } next)
            {
                _pending[message.Id] = next;
            }
            else
            {
                _pending.Remove(message.Id);
            }

            message.NextCandidate = null;
            return true;
        }

        for (GossipMessage? other = first; other is not null; other = other.NextCandidate)
        {
            if (other.NextCandidate == message)
            {
                other.NextCandidate = message.NextCandidate;
                message.NextCandidate = null;
                return true;
            }
        }

        return false;
    }

    /// <summary>To the mesh, and to those who are reached without one.</summary>
    private int Spread(GossipTopic topic, GossipMessage message, Outbox<GossipOutput> outbox)
    {
        int reached = 0;
        foreach (GossipPeer peer in topic.IsJoined ? topic.Mesh : topic.Fanout)
        {
            reached += Send(peer, message, outbox);
        }

        if (_nonMesh > 0)
        {
            foreach (GossipPeer peer in topic.Peers)
            {
                bool isReachedSo = peer.Info.IsDirect || (!peer.IsMesh && Score(peer) >= Scores.PublishThreshold);
                reached += isReachedSo ? Send(peer, message, outbox) : 0;
            }
        }

        return reached;
    }

    /// <summary>To every peer of the topic that is good enough.</summary>
    private int Flood(GossipTopic topic, GossipMessage message, Outbox<GossipOutput> outbox)
    {
        int reached = 0;
        foreach (GossipPeer peer in topic.Peers)
        {
            reached += peer.Info.IsDirect || Score(peer) >= Scores.PublishThreshold ? Send(peer, message, outbox) : 0;
        }

        return reached;
    }

    private static int Send(GossipPeer peer, GossipMessage message, Outbox<GossipOutput> outbox)
    {
        if (peer == message.Source || message.AlsoFrom?.Contains(peer) == true
            || peer.Id.Span.SequenceEqual(message.FromBytes) || peer.DontWant?.ContainsKey(message.Id) == true)
        {
            return 0;
        }

        outbox.Add(new(GossipOutputKind.Send, peer, message.Frame, message));
        return 1;
    }

    private GossipMessageId IdOf(in GossipMessageView view) => _options.IdFunction is { } function
        ? function(view)
        : GossipIds.Of(_options.IdRule, _crypto, view);
}
