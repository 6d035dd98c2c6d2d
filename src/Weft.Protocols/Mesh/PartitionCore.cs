using Weft.Primitives;

namespace Weft.Protocols.Mesh;

/// <summary>What the core says.</summary>
public enum PartitionOutputKind
{
    /// <summary>Call OnTimer at Due; earlier ones may be forgotten.</summary>
    StartTimer = 0,

    /// <summary>A part of the mesh has become unreachable together: Peers, with Left still here.</summary>
    Began,

    /// <summary>More of it has: Peers are all that are away.</summary>
    Grew,

    /// <summary>It is over: Peers are those that did not come back.</summary>
    Healed,

    /// <summary>Nobody came back for a long time: Peers count as gone.</summary>
    GivenUp,
}

/// <summary>One thing the core says. Which members count is said by <see cref="PartitionOutputKind"/>.</summary>
public readonly record struct PartitionOutput(
    PartitionOutputKind Kind,
    IReadOnlyList<PeerId>? Peers = null,
    int Left = 0,
    WeftInstant Since = default,
    WeftInstant Due = default);

/// <summary>
/// Tells a partition from peers that leave one by one: many settled peers that are lost within a short time, by the network
/// and not by a goodbye, and that stay away.
/// </summary>
/// <remarks>
/// Pure: no clock, no task; one caller at a time. It sees connections of this node alone, so a machine that stops with
/// several peers on it looks like a partition, and is one to those who remain. Source: docs/operate/network.md.
/// </remarks>
/// <param name="options">Bounds.</param>
public sealed class PartitionCore(PartitionOptions options)
{
    private readonly SortedDictionary<PeerId, WeftInstant> _here = []; // Since when. Sorted: its order reaches the output.
    private readonly SortedDictionary<PeerId, WeftInstant> _lost = []; // When.
    private readonly SortedSet<PeerId> _away = [];                     // Of the present partition.
    private int _total;                                                // Those it ever had.
    private WeftInstant _since;

    /// <summary>True while a partition lasts.</summary>
    public bool IsPartitioned { get; private set; }

    /// <summary>Peers of it that are still away.</summary>
    public int Away => _away.Count;

    /// <summary>Peers that are here.</summary>
    public int Here => _here.Count;

    /// <summary>Peers that are followed.</summary>
    public int Followed => _here.Count + _lost.Count + _away.Count;

    /// <summary>A peer is here; saying it twice is harmless.</summary>
    public void OnUp(PeerId peer, WeftInstant now, Outbox<PartitionOutput> outbox)
    {
        if (_here.ContainsKey(peer))
        {
            return;
        }

        bool wasKnown = _lost.Remove(peer, out _) | _away.Remove(peer);
        if (!wasKnown && Followed >= options.PeersMax)
        {
            return;
        }

        // One that comes back is as settled as it was.
        _here[peer] = wasKnown ? new(now.Microseconds - (long)options.SettledAfter.TotalMicroseconds) : now;
        if (IsPartitioned && _total - _away.Count >= options.HealShare * _total)
        {
            End(PartitionOutputKind.Healed, outbox);
        }
    }

    /// <summary>A peer is no longer here: its last connection is gone.</summary>
    /// <param name="peer">The peer.</param>
    /// <param name="isLeave">True when it said goodbye, or was sent away; false when the network lost it.</param>
    /// <param name="now">Time.</param>
    /// <param name="outbox">Takes what is to be done.</param>
    public void OnDown(PeerId peer, bool isLeave, WeftInstant now, Outbox<PartitionOutput> outbox)
    {
        if (!_here.Remove(peer, out WeftInstant since) || isLeave || now - since < options.SettledAfter)
        {
            return;
        }

        if (IsPartitioned)
        {
            _away.Add(peer);
            _total++;
            outbox.Add(new(PartitionOutputKind.Grew, [.. _away], _here.Count, _since));
            return;
        }

        _lost[peer] = now;
        outbox.Add(new(PartitionOutputKind.StartTimer, Due: now + options.Confirm));
    }

    /// <summary>A timer has rung; late and double calls are harmless.</summary>
    public void OnTimer(WeftInstant now, Outbox<PartitionOutput> outbox)
    {
        if (IsPartitioned)
        {
            if (now - _since >= options.GiveUp)
            {
                End(PartitionOutputKind.GivenUp, outbox);
            }
            else
            {
                outbox.Add(new(PartitionOutputKind.StartTimer, Due: _since + options.GiveUp));
            }

            return;
        }

        foreach (PeerId old in _lost.Where(lost => now - lost.Value > options.Window + options.Confirm)
            .Select(lost => lost.Key).ToList())
        {
            _lost.Remove(old); // Alone, so it left.
        }

        List<PeerId> together = [.. _lost.Where(lost => now - lost.Value >= options.Confirm).Select(lost => lost.Key)];
        if (together.Count >= Math.Max(2, options.PeersMin)
            && together.Count >= options.Share * (_here.Count + _lost.Count))
        {
            Begin(now, outbox);
            return;
        }

        // A driver may know of the earliest timer only.
        foreach (WeftInstant at in _lost.Values.Where(at => now - at < options.Confirm).Order().Take(1))
        {
            outbox.Add(new(PartitionOutputKind.StartTimer, Due: at + options.Confirm));
        }
    }

    private void Begin(WeftInstant now, Outbox<PartitionOutput> outbox)
    {
        IsPartitioned = true;
        _since = _lost.Values.Min();
        _away.UnionWith(_lost.Keys); // Those lost a moment ago are of the same part.
        _lost.Clear();
        _total = _away.Count;
        outbox.Add(new(PartitionOutputKind.Began, [.. _away], _here.Count, _since));
        outbox.Add(new(PartitionOutputKind.StartTimer, Due: now + options.GiveUp));
    }

    private void End(PartitionOutputKind how, Outbox<PartitionOutput> outbox)
    {
        IsPartitioned = false;
        outbox.Add(new(how, [.. _away], _here.Count, _since));
        _away.Clear();
        _total = 0;
    }
}
