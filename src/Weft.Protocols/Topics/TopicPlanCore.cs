using Weft.Primitives;

namespace Weft.Protocols.Topics;

/// <summary>How often a relay compares what it keeps with other relays.</summary>
public sealed class TopicPlanOptions
{
    /// <summary>How often with each, with a quarter of jitter either way. Default: 30 s.</summary>
    public TimeSpan Every { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>A relay that has just come is compared with within this time. Default: 500 ms.</summary>
    public TimeSpan FirstMax { get; set; } = TimeSpan.FromMilliseconds(500);

    /// <summary>With how many at once. Default: 2.</summary>
    public int RunningMax { get; set; } = 2;

    /// <summary>With how many at all; configured ones and those that came first are taken. Default: 16.</summary>
    public int RelaysMax { get; set; } = 16;
}

/// <summary>Decides when to compare with which relay.</summary>
/// <remarks>Pure; one caller at a time. The output is the relay to begin with.</remarks>
public sealed class TopicPlanCore(TopicPlanOptions options, WeftRandom random)
{
    private readonly SortedDictionary<PeerId, WeftInstant> _due = [];
    private readonly HashSet<PeerId> _running = [];

    /// <summary>Relays that are compared with now.</summary>
    public int RunningCount => _running.Count;

    /// <summary>Relays that take turns.</summary>
    public int Count => _due.Count;

    /// <summary>Takes the relays that are connected, the preferred ones first, and says with which to begin.</summary>
    public void OnTick(IReadOnlyList<PeerId> relays, WeftInstant now, Outbox<PeerId> outbox)
    {
        ArgumentNullException.ThrowIfNull(relays);
        ArgumentNullException.ThrowIfNull(outbox);
        foreach (PeerId gone in _due.Keys.Where(known => !relays.Contains(known)).ToList())
        {
            _due.Remove(gone);
        }

        foreach (PeerId relay in relays)
        {
            if (_due.Count < options.RelaysMax && !_due.ContainsKey(relay))
            {
                _due.Add(relay, now + (options.FirstMax * random.NextDouble()));
            }
        }

        foreach (PeerId relay in _due.Where(one => one.Value <= now).OrderBy(one => one.Value.Microseconds)
            .Select(one => one.Key).ToList())
        {
            if (_running.Count < options.RunningMax && _running.Add(relay))
            {
                _due[relay] = now + (options.Every * (0.75 + (0.5 * random.NextDouble())));
                outbox.Add(relay);
            }
        }
    }

    /// <summary>The comparison with a relay has ended, well or not.</summary>
    public void OnEnded(PeerId relay) => _running.Remove(relay);
}
