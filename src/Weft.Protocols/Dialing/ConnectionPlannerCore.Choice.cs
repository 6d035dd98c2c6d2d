using Weft.Primitives;
using Weft.Protocols.Peers;

namespace Weft.Protocols.Dialing;

/// <content>Whom to dial, and whom to let go.</content>
public sealed partial class ConnectionPlannerCore
{
    private void Grow(WeftInstant now, Outbox<PlannerOutput> outbox)
    {
        int wanted = Math.Min(
            options.OutboundTarget - OutboundCount - _dialling.Count, options.DialsMax - _dialling.Count);
        if (wanted <= 0)
        {
            return;
        }

        foreach (PeerId anchor in _anchors.ToArray())
        {
            if (wanted > 0 && MayDial(anchor))
            {
                Dial(anchor, ref wanted, outbox);
            }
        }

        DialElsewhere(ref wanted, now, outbox);

        // Where nobody lives elsewhere, neighbours will do, but never for more than half of the places: the rest stays
        // free for whoever turns up from another network.
        int crowded = Math.Min(wanted, (options.OutboundTarget / 2) - OutboundCount - _dialling.Count);
        if (crowded > 0)
        {
            foreach (PeerId peer in book.Draw(crowded, MayDial, now, random))
            {
                Dial(peer, ref wanted, outbox);
            }
        }
    }

    private void DialElsewhere(ref int wanted, WeftInstant now, Outbox<PlannerOutput> outbox)
    {
        Dictionary<IpRange, int> ranges = RangesOfChoice();
        Dictionary<string, int> regions = RegionsOfChoice();
        foreach (PeerId peer in book.Draw(wanted, peer => MayDial(peer) && IsElsewhere(peer, ranges, regions), now, random))
        {
            Dial(peer, ref wanted, outbox);
        }
    }

    /// <summary>
    /// Now and then one more peer than needed is dialled; once it has proved to stay, the lot falls on one that goes. The
    /// anchors are not in the lot: who gets into the book by force cannot push out who was there before.
    /// </summary>
    private void Rotate(WeftInstant now, Outbox<PlannerOutput> outbox)
    {
        if (options.OutboundTarget == 0)
        {
            return;
        }

        PlannedConnection[] chosen = [.. _connections.Values.Where(IsOwnChoice)];
        if (chosen.Length > options.OutboundTarget)
        {
            HashSet<PeerId> stays = [.. Anchors, .. _protected];
            PlannedConnection[] lot = [.. chosen.Where(one => !stays.Contains(one.Peer))];
            if (lot.Length > 0 && chosen.All(one => now - one.Since >= options.Grace))
            {
                PlannedConnection drawn = lot[random.Next(lot.Length)];
                drawn.IsClosing = true;
                outbox.Add(new(PlannerOutputKind.Trim, drawn.Peer, drawn.Id));
            }
        }
        else if (_rotateAt <= now || _rotateAt == WeftInstant.Never)
        {
            bool isFirst = _rotateAt == WeftInstant.Never;
            _rotateAt = now + ((0.75 + (0.5 * random.NextDouble())) * options.RotateInterval);
            if (!isFirst && chosen.Length == options.OutboundTarget && _dialling.Count == 0)
            {
                int one = 1;
                DialElsewhere(ref one, now, outbox);
            }
        }
    }

    private void Dial(PeerId peer, ref int wanted, Outbox<PlannerOutput> outbox)
    {
        _dialling.Add(peer);
        outbox.Add(new(PlannerOutputKind.Dial, peer));
        wanted--;
    }

    private bool MayDial(PeerId peer) =>
        peer != self && !_counts.ContainsKey(peer) && !_dialling.Contains(peer)
        && _peers.GetValueOrDefault(peer).Behaviour >= options.BehaviourMin / 2;

    /// <summary>
    /// The peer brings a range that is not full, and a region that has not half of the places. What is taken is counted,
    /// so that one draw does not fill a range either.
    /// </summary>
    private bool IsElsewhere(PeerId peer, Dictionary<IpRange, int> ranges, Dictionary<string, int> regions)
    {
        string region = _peers.GetValueOrDefault(peer).Region ?? "";
        if (region.Length > 0 && regions.GetValueOrDefault(region) >= Math.Max(1, options.OutboundTarget / 2))
        {
            return false;
        }

        if (book.RangeOf(peer) is { } known)
        {
            int count = ranges.GetValueOrDefault(known);
            if (count >= options.RangeMax)
            {
                return false;
            }

            ranges[known] = count + 1;
        }

        if (region.Length > 0)
        {
            regions[region] = regions.GetValueOrDefault(region) + 1;
        }

        return true;
    }

    private Dictionary<IpRange, int> RangesOfChoice()
    {
        var ranges = new Dictionary<IpRange, int>();
        foreach (PlannedConnection one in _connections.Values)
        {
            if (IsOwnChoice(one) && one.Range is { } range)
            {
                ranges[range] = ranges.GetValueOrDefault(range) + 1;
            }
        }

        return ranges;
    }

    private Dictionary<string, int> RegionsOfChoice()
    {
        var regions = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (PlannedConnection one in _connections.Values)
        {
            if (IsOwnChoice(one) && _peers.GetValueOrDefault(one.Peer).Region is { Length: > 0 } region)
            {
                regions[region] = regions.GetValueOrDefault(region) + 1;
            }
        }

        return regions;
    }

    /// <summary>
    /// Closes the worst until few enough are left. Of those that dialled in, whoever comes from a crowded range goes
    /// first; those chosen here are touched only beyond their target.
    /// </summary>
    private void Trim(WeftInstant now, Outbox<PlannerOutput> outbox)
    {
        int open = _connections.Values.Count(one => !one.IsClosing);
        if (open <= options.ConnectionsMax)
        {
            return;
        }

        HashSet<PeerId> anchors = [.. Anchors];
        int spare = Math.Max(0, OutboundCount - options.OutboundTarget);
        var crowd = new Dictionary<IpRange, int>();
        foreach (PlannedConnection one in _connections.Values)
        {
            if (one.IsInbound && one.Range is { } range)
            {
                crowd[range] = crowd.GetValueOrDefault(range) + 1;
            }
        }

        foreach (PlannedConnection one in _connections.Values
            .Where(one => !one.IsClosing && !_protected.Contains(one.Peer) && now - one.Since >= options.Grace)
            .OrderBy(one => Worth(one, crowd, now)).ThenBy(one => one.Id))
        {
            if (open <= options.ConnectionsLow)
            {
                return;
            }

            if (IsOwnChoice(one) && options.OutboundTarget > 0 && spare-- <= 0)
            {
                continue;
            }

            if (!anchors.Contains(one.Peer) || one.IsInbound)
            {
                one.IsClosing = true;
                open--;
                outbox.Add(new(PlannerOutputKind.Trim, one.Peer, one.Id));
            }
        }
    }

    private double Worth(PlannedConnection one, Dictionary<IpRange, int> crowd, WeftInstant now)
    {
        double worth = Score(one, now) + (one.IsInbound ? 0 : 1);
        return one.IsInbound && one.Range is { } range ? worth - (0.05 * (crowd[range] - 1)) : worth;
    }
}
