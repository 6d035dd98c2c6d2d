using System.Text;
using Weft.Primitives;
using Weft.Protocols.Protobuf;

namespace Weft.Protocols.Gossip;

/// <content>Subscriptions and control messages.</content>
public sealed partial class GossipCore
{
    private bool OnSubscription(
        GossipPeer peer, ReadOnlySpan<byte> bytes, WeftInstant now, Outbox<GossipOutput> outbox)
    {
        bool joins = false;
        ReadOnlySpan<byte> name = default;
        var reader = new ProtobufReader(bytes);
        while (reader.TryRead())
        {
            switch (reader.Field)
            {
                case GossipFields.SubscribeFlag: joins = reader.Number != 0; break;
                case GossipFields.SubscribeTopic: name = reader.Bytes; break;
            }
        }

        if (!reader.IsWhole)
        {
            return false;
        }

        GossipTopic? topic = Find(name);
        if (joins)
        {
            topic ??= MakeTopic(peer, name);
            if (topic is null || (peer.Topics.Count >= _options.TopicsPerPeerMax && !peer.Topics.Contains(topic)))
            {
                Refuse(peer, GossipReason.TopicLimit, outbox);
                return true;
            }

            if (TryAddTopic(peer, topic))
            {
                Welcome(topic, peer, now, outbox);
            }
        }
        else if (topic is not null && peer.Topics.Remove(topic))
        {
            topic.Peers.Remove(peer);
            topic.Fanout.Remove(peer);
            RemoveFromMesh(topic, peer, now, outbox);
            ForgetIfIdle(topic);
        }

        return true;
    }

    private static bool TryAddTopic(GossipPeer peer, GossipTopic topic)
    {
        if (peer.Topics.Contains(topic))
        {
            return false;
        }

        peer.Topics.Add(topic);
        topic.Peers.Add(peer);
        return true;
    }

    /// <summary>A mesh that has too few links does not wait for the heartbeat.</summary>
    private void Welcome(GossipTopic topic, GossipPeer peer, WeftInstant now, Outbox<GossipOutput> outbox)
    {
        if (topic.IsJoined && topic.Mesh.Count < _options.DegreeLow && MayGraft(topic, peer, now))
        {
            Graft(topic, peer, now, outbox);
        }
    }

    private GossipTopic? MakeTopic(GossipPeer peer, ReadOnlySpan<byte> name)
    {
        bool isFull = name.Length > _options.TopicBytesMax || peer.Topics.Count >= _options.TopicsPerPeerMax;
        return isFull || !System.Text.Unicode.Utf8.IsValid(name)
            ? null
            : Find(Encoding.UTF8.GetString(name), isOwn: false);
    }

    private bool OnControl(GossipPeer peer, ReadOnlySpan<byte> bytes, WeftInstant now, Outbox<GossipOutput> outbox)
    {
        var reader = new ProtobufReader(bytes);
        while (reader.TryRead())
        {
            if (reader.Wire != ProtobufWire.Bytes)
            {
                continue;
            }

            bool isWhole = reader.Field switch
            {
                GossipFields.IHave => OnIHave(peer, reader.Bytes, now, outbox),
                GossipFields.IWant => OnIWant(peer, reader.Bytes, outbox),
                GossipFields.Graft => OnGraft(peer, reader.Bytes, now, outbox),
                GossipFields.Prune => OnPrune(peer, reader.Bytes, now, outbox),
                GossipFields.IDontWant => OnIDontWant(peer, reader.Bytes),
                _ => true,
            };
            if (!isWhole)
            {
                return false;
            }
        }

        return reader.IsWhole;
    }

    private bool OnIHave(GossipPeer peer, ReadOnlySpan<byte> bytes, WeftInstant now, Outbox<GossipOutput> outbox)
    {
        if (Score(peer) < Scores.GossipThreshold)
        {
            return true;
        }

        if (++peer.IHaveMessages > _options.IHaveMessagesMax || peer.IdsAsked >= _options.IHaveIdsMax)
        {
            Refuse(peer, GossipReason.ControlFlood, outbox);
            return true;
        }

        GossipTopic? topic = null;
        int looked = 0;
        int asked = 0;
        GossipMessageId promised = default;
        _inner.ResetWrittenCount();
        var inner = new ProtobufWriter(_inner);
        var reader = new ProtobufReader(bytes);
        while (reader.TryRead())
        {
            if (reader.Field == GossipFields.IHaveTopic)
            {
                topic = Find(reader.Bytes);
            }
            else if (reader.Field == GossipFields.IHaveIds && topic is { IsJoined: true }
                && looked++ < _options.IHaveIdsMax && peer.IdsAsked < _options.IHaveIdsMax
                && TryReadId(peer, reader.Bytes, out GossipMessageId id)
                && !_seen.Contains(id) && !_pending.ContainsKey(id))
            {
                asked++;
                peer.IdsAsked++;
                inner.Bytes(GossipFields.IWantIds, reader.Bytes); // In the form the peer wrote it.
                promised = _random.Next(asked) == 0 ? id : promised; // Each with the same chance.
            }
        }

        if (asked > 0)
        {
            AddControl(peer, GossipFields.IWant, outbox);
            _promises.Add(promised, peer, now + _options.PromiseTime);
        }

        return reader.IsWhole;
    }

    private bool OnIWant(GossipPeer peer, ReadOnlySpan<byte> bytes, Outbox<GossipOutput> outbox)
    {
        if (Score(peer) < Scores.GossipThreshold)
        {
            return true;
        }

        if (++peer.IWantMessages > _options.IWantMessagesMax)
        {
            Refuse(peer, GossipReason.ControlFlood, outbox);
            return true;
        }

        int looked = 0;
        var reader = new ProtobufReader(bytes);
        while (reader.TryRead())
        {
            if (reader.Field == GossipFields.IWantIds && looked++ < _options.IHaveIdsMax
                && TryReadId(peer, reader.Bytes, out GossipMessageId id) && _cache.Find(id) is { } message)
            {
                message.Asked ??= [];
                int times = message.Asked.GetValueOrDefault(peer);
                if (times < _options.Retransmissions)
                {
                    message.Asked[peer] = times + 1;
                    outbox.Add(new(GossipOutputKind.Send, peer, message.Frame, message));
                }
            }
        }

        return reader.IsWhole;
    }

    private bool OnGraft(GossipPeer peer, ReadOnlySpan<byte> bytes, WeftInstant now, Outbox<GossipOutput> outbox)
    {
        GossipTopic? topic = null;
        var reader = new ProtobufReader(bytes);
        while (reader.TryRead())
        {
            topic = reader.Field == GossipFields.GraftTopic ? Find(reader.Bytes) : topic;
        }

        // A topic that is not joined here gets no answer, and leaves no trace: its name may be made up.
        if (!reader.IsWhole || topic is not { IsJoined: true } || !peer.IsMesh || topic.Mesh.Contains(peer))
        {
            return reader.IsWhole;
        }

        if (!peer.Topics.Contains(topic) && peer.Topics.Count >= _options.TopicsPerPeerMax)
        {
            Refuse(peer, GossipReason.TopicLimit, outbox);
            return true;
        }

        TryAddTopic(peer, topic); // Who wants to be linked has joined.
        GossipTopicStanding standing = StandingIn(peer, topic);
        if (peer.Info.IsDirect || Score(peer) < 0)
        {
            SendPrune(topic, peer, _options.PruneBackoff, exchange: false, outbox);
            KeepApart(standing, _options.PruneBackoff, now);
        }
        else if (standing.BackoffUntil > now)
        {
            Blame(peer, now < standing.PrunedAt + _options.GraftFlood ? 2 : 1);
            Refuse(peer, GossipReason.GraftTooEarly, outbox);
            SendPrune(topic, peer, _options.PruneBackoff, exchange: false, outbox);
            KeepApart(standing, _options.PruneBackoff, now);
        }
        else if (topic.Mesh.Count >= _options.DegreeHigh && !peer.Info.IsOutbound)
        {
            SendPrune(topic, peer, _options.PruneBackoff, exchange: true, outbox);
            KeepApart(standing, _options.PruneBackoff, now);
        }
        else
        {
            AddToMesh(topic, peer, now, outbox);
        }

        return true;
    }

    private bool OnPrune(GossipPeer peer, ReadOnlySpan<byte> bytes, WeftInstant now, Outbox<GossipOutput> outbox)
    {
        GossipTopic? topic = null;
        ulong seconds = 0;
        int named = 0;
        bool isHeard = Score(peer) >= Scores.ExchangeThreshold;
        var reader = new ProtobufReader(bytes);
        while (reader.TryRead())
        {
            switch (reader.Field)
            {
                case GossipFields.PruneTopic: topic = Find(reader.Bytes); break;
                case GossipFields.PruneBackoff: seconds = reader.Number; break;
                case GossipFields.PrunePeers when isHeard && topic is { IsJoined: true }
                    && named++ < _options.ExchangePeersMax:
                    OnExchange(peer, topic, reader.Bytes, outbox);
                    break;
            }
        }

        if (!reader.IsWhole || topic is not { IsJoined: true })
        {
            return reader.IsWhole;
        }

        RemoveFromMesh(topic, peer, now, outbox);
        TimeSpan apart = seconds == 0
            ? _options.PruneBackoff
            : TimeSpan.FromSeconds(Math.Min(seconds, _options.BackoffMax.TotalSeconds));
        KeepApart(StandingIn(peer, topic), apart, now);
        return true;
    }

    private void OnExchange(GossipPeer peer, GossipTopic topic, ReadOnlySpan<byte> info, Outbox<GossipOutput> outbox)
    {
        PeerId candidate = default;
        ReadOnlySpan<byte> record = default;
        var reader = new ProtobufReader(info);
        while (reader.TryRead())
        {
            switch (reader.Field)
            {
                case GossipFields.PeerInfoId: PeerId.TryRead(reader.Bytes, out candidate); break;
                case GossipFields.PeerInfoRecord: record = reader.Bytes; break;
            }
        }

        if (reader.IsWhole && !candidate.IsEmpty && candidate != Self && !_peers.ContainsKey(candidate)
            && record.Length <= Protocols.Peers.SignedEnvelope.BytesMax)
        {
            outbox.Add(new(
                GossipOutputKind.Exchange, peer, record.ToArray(), Topic: topic.Name, Candidate: candidate));
        }
    }

    private bool OnIDontWant(GossipPeer peer, ReadOnlySpan<byte> bytes)
    {
        var reader = new ProtobufReader(bytes);
        while (reader.TryRead())
        {
            if (reader.Field == GossipFields.IDontWantIds && peer.DontWantIds < _options.IDontWantIdsMax
                && TryReadId(peer, reader.Bytes, out GossipMessageId id))
            {
                peer.DontWantIds++;
                (peer.DontWant ??= [])[id] = _tick + _options.IDontWantTicks;
            }
        }

        return reader.IsWhole;
    }

    private void TellDontWant(GossipTopic topic, GossipPeer source, in GossipMessageId id)
    {
        foreach (GossipPeer peer in topic.Mesh)
        {
            if (peer != source && peer.Info.Version >= GossipVersion.V12)
            {
                _inner.ResetWrittenCount();
                WriteId(peer, GossipFields.IDontWantIds, id);
                new ProtobufWriter(peer.Control).Bytes(GossipFields.IDontWant, _inner.WrittenSpan);
                Touch(peer);
            }
        }
    }

    /// <summary>Reads an id, and learns from it in which form the peer writes them.</summary>
    private bool TryReadId(GossipPeer peer, ReadOnlySpan<byte> bytes, out GossipMessageId id)
    {
        if (_options.IdRule == GossipIdRule.FromSequence && _options.IdFunction is null)
        {
            if (GossipIds.TryReadKeyForm(bytes, out id))
            {
                peer.UsesKeyIds = true;
                return true;
            }

            if (GossipIds.HasKeyForm(bytes))
            {
                peer.UsesKeyIds = false;
            }
        }

        return GossipMessageId.TryRead(bytes, out id);
    }

    /// <summary>Writes an id to the inner buffer in the form the peer understands.</summary>
    private void WriteId(GossipPeer peer, int field, in GossipMessageId id)
    {
        ReadOnlySpan<byte> bytes = id.Span;
        bool isShort = peer.UsesKeyIds && _options.IdRule == GossipIdRule.FromSequence && GossipIds.HasKeyForm(bytes);
        new ProtobufWriter(_inner).Bytes(field, isShort ? bytes[2..] : bytes);
    }

    /// <summary>Puts what is in the inner buffer in line for a peer, as one entry of its control message.</summary>
    private void AddControl(GossipPeer peer, int field, Outbox<GossipOutput> outbox)
    {
        if (peer.Control.WrittenCount > 0 && peer.Control.WrittenCount + _inner.WrittenCount > ControlFrameBytes)
        {
            SendControl(peer, outbox);
        }

        new ProtobufWriter(peer.Control).Bytes(field, _inner.WrittenSpan);
        Touch(peer);
    }
}
