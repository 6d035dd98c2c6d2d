using Weft.Primitives;
using Weft.Protocols.Protobuf;

namespace Weft.Protocols.Gossip;

/// <content>The mesh, and the heartbeat that keeps it.</content>
public sealed partial class GossipCore
{
    private void Beat(WeftInstant now, Outbox<GossipOutput> outbox)
    {
        _tick++;
        while (_promises.NextBroken(now) is { } liar)
        {
            if (!liar.IsGone)
            {
                Blame(liar, 1);
                Refuse(liar, GossipReason.BrokenPromise, outbox);
            }
        }

        DecayAll(now);
        foreach (GossipPeer peer in _ordered)
        {
            peer.IHaveMessages = peer.IdsAsked = peer.IWantMessages = peer.DontWantIds = 0;
            ForgetDontWant(peer);
        }

        _cache.Tell(_options.HistoryGossip);
        for (int i = _active.Count - 1; i >= 0; i--)
        {
            GossipTopic topic = _active[i];
            if (topic.IsJoined)
            {
                Keep(topic, now, outbox);
            }
            else
            {
                KeepFanout(topic, now);
            }

            Tell(topic, outbox);
            topic.ToTell.Clear();
            if (!topic.IsJoined && now - topic.PublishedAt > _options.FanoutTtl)
            {
                _active.RemoveAt(i);
                ForgetIfIdle(topic);
            }
        }

        _cache.Shift();
        _seen.Expire(now);
        Flush(outbox);
    }

    private void ForgetDontWant(GossipPeer peer)
    {
        if (peer.DontWant is { } unwanted)
        {
            foreach ((GossipMessageId id, long until) in unwanted)
            {
                if (until <= _tick)
                {
                    unwanted.Remove(id); // Removing while walking is allowed, and order does not matter here.
                }
            }

            peer.DontWant = unwanted.Count == 0 ? null : unwanted;
        }
    }

    private void Keep(GossipTopic topic, WeftInstant now, Outbox<GossipOutput> outbox)
    {
        for (int i = topic.Mesh.Count - 1; i >= 0; i--)
        {
            if (Score(topic.Mesh[i]) < 0)
            {
                Prune(topic, topic.Mesh[i], _options.PruneBackoff, exchange: false, now, outbox);
            }
        }

        if (topic.Mesh.Count < _options.DegreeLow)
        {
            Fill(topic, _options.Degree, now, outbox);
        }
        else if (topic.Mesh.Count > _options.DegreeHigh)
        {
            Shrink(topic, now, outbox);
        }

        if (topic.Mesh.Count >= _options.DegreeLow)
        {
            AddOutbound(topic, now, outbox);
        }

        if (_tick % _options.OpportunisticTicks == 0 && topic.Mesh.Count > 1)
        {
            Improve(topic, now, outbox);
        }
    }

    /// <summary>Keeps the best and draws the rest, with enough outbound ones; cuts the others.</summary>
    private void Shrink(GossipTopic topic, WeftInstant now, Outbox<GossipOutput> outbox)
    {
        _picked.Clear();
        _picked.AddRange(topic.Mesh);
        Shuffle(_picked, _picked.Count);
        List<GossipPeer> ranked = [.. _picked.OrderByDescending(Score)]; // Stable: the draw decides among equals.
        Span<GossipPeer> rest =
            System.Runtime.InteropServices.CollectionsMarshal.AsSpan(ranked)[_options.DegreeScore..];
        for (int i = rest.Length - 1; i > 0; i--)
        {
            int other = _random.Next(i + 1);
            (rest[i], rest[other]) = (rest[other], rest[i]);
        }

        int outbound = ranked.Take(_options.Degree).Count(peer => peer.Info.IsOutbound);
        for (int i = _options.Degree; i < ranked.Count && outbound < _options.DegreeOut; i++)
        {
            int weakest = ranked.FindLastIndex(_options.Degree - 1, peer => !peer.Info.IsOutbound);
            if (ranked[i].Info.IsOutbound && weakest >= 0)
            {
                (ranked[i], ranked[weakest]) = (ranked[weakest], ranked[i]);
                outbound++;
            }
        }

        foreach (GossipPeer peer in ranked.Skip(_options.Degree))
        {
            Prune(topic, peer, _options.PruneBackoff, exchange: true, now, outbox);
        }
    }

    private void AddOutbound(GossipTopic topic, WeftInstant now, Outbox<GossipOutput> outbox)
    {
        int missing = _options.DegreeOut - topic.Mesh.Count(peer => peer.Info.IsOutbound);
        if (missing > 0)
        {
            Pick(topic, missing, now, peer => peer.Info.IsOutbound);
            GraftPicked(topic, now, outbox);
        }
    }

    /// <summary>A mesh of poor peers gets better ones.</summary>
    private void Improve(GossipTopic topic, WeftInstant now, Outbox<GossipOutput> outbox)
    {
        double[] scores = [.. topic.Mesh.Select(Score).Order()];
        double median = scores[scores.Length / 2];
        if (median < Scores.OpportunisticThreshold)
        {
            Pick(topic, _options.OpportunisticPeers, now, peer => Score(peer) > median);
            GraftPicked(topic, now, outbox);
        }
    }

    private void Fill(GossipTopic topic, int wanted, WeftInstant now, Outbox<GossipOutput> outbox)
    {
        Pick(topic, wanted - topic.Mesh.Count, now, null);
        GraftPicked(topic, now, outbox);
    }

    private void GraftPicked(GossipTopic topic, WeftInstant now, Outbox<GossipOutput> outbox)
    {
        foreach (GossipPeer peer in _picked)
        {
            Graft(topic, peer, now, outbox);
        }
    }

    /// <summary>Draws peers of a topic that may become mesh links.</summary>
    private void Pick(GossipTopic topic, int count, WeftInstant now, Func<GossipPeer, bool>? also)
    {
        _picked.Clear();
        foreach (GossipPeer peer in topic.Peers)
        {
            if (MayGraft(topic, peer, now) && also?.Invoke(peer) != false)
            {
                _picked.Add(peer);
            }
        }

        Draw(count);
    }

    private void Draw(int count)
    {
        count = Math.Clamp(count, 0, _picked.Count);
        Shuffle(_picked, count);
        _picked.RemoveRange(count, _picked.Count - count);
    }

    private void Shuffle(List<GossipPeer> peers, int count)
    {
        for (int i = 0; i < count && i < peers.Count - 1; i++)
        {
            int other = _random.Next(i, peers.Count);
            (peers[i], peers[other]) = (peers[other], peers[i]);
        }
    }

    private bool MayGraft(GossipTopic topic, GossipPeer peer, WeftInstant now) =>
        peer.IsMesh && !peer.Info.IsDirect && !topic.Mesh.Contains(peer) && Score(peer) >= 0
        && !(peer.Standing.Topics.TryGetValue(topic.Name, out GossipTopicStanding? standing)
            && standing.BackoffUntil > now);

    private void Graft(GossipTopic topic, GossipPeer peer, WeftInstant now, Outbox<GossipOutput> outbox)
    {
        AddToMesh(topic, peer, now, outbox);
        _inner.ResetWrittenCount();
        new ProtobufWriter(_inner).Text(GossipFields.GraftTopic, topic.Name);
        AddControl(peer, GossipFields.Graft, outbox);
    }

    private void AddToMesh(GossipTopic topic, GossipPeer peer, WeftInstant now, Outbox<GossipOutput> outbox)
    {
        topic.Mesh.Add(peer);
        GossipTopicStanding standing = StandingIn(peer, topic);
        standing.IsInMesh = true;
        standing.GraftedAt = now;
        standing.MeshTime = TimeSpan.Zero;
        peer.Standing.IsDirty = true;
        outbox.Add(new(GossipOutputKind.Grafted, peer, Topic: topic.Name));
    }

    private void RemoveFromMesh(GossipTopic topic, GossipPeer peer, WeftInstant now, Outbox<GossipOutput> outbox)
    {
        if (topic.Mesh.Remove(peer))
        {
            CountFailure(StandingIn(peer, topic), peer, now);
            outbox.Add(new(GossipOutputKind.Pruned, peer, Topic: topic.Name));
        }
    }

    private void Prune(
        GossipTopic topic, GossipPeer peer, TimeSpan apart, bool exchange, WeftInstant now, Outbox<GossipOutput> outbox)
    {
        RemoveFromMesh(topic, peer, now, outbox);
        KeepApart(StandingIn(peer, topic), apart, now);
        SendPrune(topic, peer, apart, exchange, outbox);
    }

    private static void KeepApart(GossipTopicStanding standing, TimeSpan apart, WeftInstant now)
    {
        standing.PrunedAt = now;
        WeftInstant until = now + apart;
        standing.BackoffUntil = until > standing.BackoffUntil ? until : standing.BackoffUntil;
    }

    private void SendPrune(
        GossipTopic topic, GossipPeer peer, TimeSpan apart, bool exchange, Outbox<GossipOutput> outbox)
    {
        _inner.ResetWrittenCount();
        var inner = new ProtobufWriter(_inner);
        inner.Text(GossipFields.PruneTopic, topic.Name);
        if (peer.Info.Version >= GossipVersion.V11)
        {
            if (exchange)
            {
                NamePeers(topic, peer, inner);
            }

            inner.Number(GossipFields.PruneBackoff, (ulong)apart.TotalSeconds);
        }

        AddControl(peer, GossipFields.Prune, outbox);
    }

    private void NamePeers(GossipTopic topic, GossipPeer except, ProtobufWriter inner)
    {
        _picked.Clear();
        foreach (GossipPeer peer in topic.Peers)
        {
            if (peer != except && peer.Record is not null && Score(peer) >= 0)
            {
                _picked.Add(peer);
            }
        }

        Draw(_options.ExchangePeersMax);
        foreach (GossipPeer peer in _picked)
        {
            _innermost.ResetWrittenCount();
            var info = new ProtobufWriter(_innermost);
            info.Bytes(GossipFields.PeerInfoId, peer.Id.Span);
            info.Bytes(GossipFields.PeerInfoRecord, peer.Record);
            inner.Bytes(GossipFields.PrunePeers, _innermost.WrittenSpan);
        }
    }

    private void FillFanout(GossipTopic topic)
    {
        if (topic.Fanout.Count >= _options.Degree)
        {
            return;
        }

        _picked.Clear();
        foreach (GossipPeer peer in topic.Peers)
        {
            if (peer.IsMesh && !peer.Info.IsDirect && !topic.Fanout.Contains(peer)
                && Score(peer) >= Scores.PublishThreshold)
            {
                _picked.Add(peer);
            }
        }

        Draw(_options.Degree - topic.Fanout.Count);
        topic.Fanout.AddRange(_picked);
    }

    private void KeepFanout(GossipTopic topic, WeftInstant now)
    {
        if (now - topic.PublishedAt > _options.FanoutTtl)
        {
            topic.Fanout.Clear();
            return;
        }

        topic.Fanout.RemoveAll(peer => Score(peer) < Scores.PublishThreshold);
        FillFanout(topic);
    }

    /// <summary>Tells some peers outside of the mesh what came of late.</summary>
    private void Tell(GossipTopic topic, Outbox<GossipOutput> outbox)
    {
        if (topic.ToTell.Count == 0)
        {
            return;
        }

        _picked.Clear();
        List<GossipPeer> linked = topic.IsJoined ? topic.Mesh : topic.Fanout;
        foreach (GossipPeer peer in topic.Peers)
        {
            if (peer.IsMesh && !peer.Info.IsDirect && !linked.Contains(peer) && Score(peer) >= Scores.GossipThreshold)
            {
                _picked.Add(peer);
            }
        }

        Draw(Math.Max(_options.DegreeLazy, (int)(_options.GossipFactor * _picked.Count)));
        int ids = Math.Min(topic.ToTell.Count, _options.IHaveIdsMax);
        foreach (GossipPeer peer in _picked)
        {
            if (topic.ToTell.Count > ids)
            {
                ShuffleIds(topic.ToTell, ids); // Each peer hears of others: together they hear of all.
            }

            _inner.ResetWrittenCount();
            new ProtobufWriter(_inner).Text(GossipFields.IHaveTopic, topic.Name);
            for (int i = 0; i < ids; i++)
            {
                WriteId(peer, GossipFields.IHaveIds, topic.ToTell[i]);
            }

            AddControl(peer, GossipFields.IHave, outbox);
        }
    }

    private void ShuffleIds(List<GossipMessageId> ids, int count)
    {
        for (int i = 0; i < count; i++)
        {
            int other = _random.Next(i, ids.Count);
            (ids[i], ids[other]) = (ids[other], ids[i]);
        }
    }
}
