using Weft.Primitives;

namespace Weft.Protocols.Relay;

/// <summary>How places at relays are kept.</summary>
public sealed class RelayClientOptions
{
    /// <summary>Relays at which places are kept: 1 to 64. Default: 4.</summary>
    public int RelaysMax { get; set; } = 4;

    /// <summary>Pause after the first refusal; it doubles with each. Default: 5 s.</summary>
    public TimeSpan RetryMin { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>The longest pause. Default: 10 min.</summary>
    public TimeSpan RetryMax { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>Circuits that others open to this peer and that are not taken yet. Default: 16.</summary>
    public int WaitingMax { get; set; } = 16;
}

/// <summary>What the core of a relay's client asks its driver to do.</summary>
public enum RelayClientOutputKind
{
    /// <summary>Call OnTimer at Due.</summary>
    StartTimer = 0,

    /// <summary>Ask Relay for a place, then call OnReserved or OnRefused.</summary>
    Ask,

    /// <summary>There is a place at Relay: announce the addresses through it.</summary>
    Reserved,

    /// <summary>The place at Relay is lost: withdraw the addresses.</summary>
    Lost,
}

/// <summary>One wish of the core; <see cref="Kind"/> says which of the others count.</summary>
/// <param name="Kind">What to do.</param>
/// <param name="Relay">At which relay.</param>
/// <param name="Due">When a timer is due.</param>
public readonly record struct RelayClientOutput(
    RelayClientOutputKind Kind, PeerId Relay = default, WeftInstant Due = default);

/// <summary>
/// Keeps places at relays: asks, asks again before a place ends, and again after a pause where one was refused or lost.
/// </summary>
/// <remarks>
/// Pure: no clock, no socket, no task, one caller at a time. A place is asked for again when half of its time is over,
/// so
/// that one answer may be lost. Source: libp2p specs, relay/circuit-v2.md, "Reservation".
/// </remarks>
public sealed class RelayClientCore(RelayClientOptions options, WeftRandom random)
{
    private static readonly TimeSpan TimeMin = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan TimeMax = TimeSpan.FromHours(24);

    private readonly SortedDictionary<PeerId, Place> _places = [];
    private WeftInstant _due = WeftInstant.Never;

    /// <summary>Relays at which there is a place now.</summary>
    public IReadOnlyList<PeerId> Reserved => [.. _places.Where(one => one.Value.IsReserved).Select(one => one.Key)];

    /// <summary>Keeps a place at this relay from now on. Harmless when called twice.</summary>
    /// <returns>False when there are as many relays as the options allow.</returns>
    public bool Add(PeerId relay, Outbox<RelayClientOutput> outbox)
    {
        if (_places.ContainsKey(relay))
        {
            return true;
        }

        if (_places.Count >= options.RelaysMax)
        {
            return false;
        }

        var place = new Place();
        _places.Add(relay, place);
        Ask(relay, place, outbox);
        return true;
    }

    /// <summary>Keeps no place at this relay any more.</summary>
    public void Remove(PeerId relay, Outbox<RelayClientOutput> outbox)
    {
        if (_places.Remove(relay, out Place? place) && place.IsReserved)
        {
            outbox.Add(new(RelayClientOutputKind.Lost, relay));
        }
    }

    /// <summary>The relay has given a place.</summary>
    /// <param name="relay">Which relay.</param>
    /// <param name="time">
    /// How long it says the place lasts; kept between a minute and a day, because its clock may be wrong.
    /// </param>
    /// <param name="now">The moment.</param>
    /// <param name="outbox">Takes the news and a timer.</param>
    public void OnReserved(PeerId relay, TimeSpan time, WeftInstant now, Outbox<RelayClientOutput> outbox)
    {
        if (!_places.TryGetValue(relay, out Place? place) || !place.IsAsking)
        {
            return;
        }

        place.IsAsking = false;
        place.Refusals = 0;
        time = time < TimeMin ? TimeMin : time > TimeMax ? TimeMax : time;
        place.Ends = now + time;
        place.AskAt = now + (time / 2);
        if (!place.IsReserved)
        {
            place.IsReserved = true;
            outbox.Add(new(RelayClientOutputKind.Reserved, relay));
        }

        Schedule(place.AskAt, outbox);
    }

    /// <summary>The relay has refused, does not answer, or cannot be reached.</summary>
    public void OnRefused(PeerId relay, WeftInstant now, Outbox<RelayClientOutput> outbox)
    {
        if (!_places.TryGetValue(relay, out Place? place) || !place.IsAsking)
        {
            return;
        }

        place.IsAsking = false;
        if (place.IsReserved && place.Ends <= now)
        {
            Lose(relay, place, outbox);
        }

        Pause(place, now, outbox);
    }

    /// <summary>The last connection with the relay is gone, and its place with it.</summary>
    public void OnRelayGone(PeerId relay, WeftInstant now, Outbox<RelayClientOutput> outbox)
    {
        if (_places.TryGetValue(relay, out Place? place) && place.IsReserved)
        {
            Lose(relay, place, outbox);
            if (!place.IsAsking)
            {
                Pause(place, now, outbox);
            }
        }
    }

    /// <summary>A timer asked for has come; late and double calls are harmless.</summary>
    public void OnTimer(WeftInstant now, Outbox<RelayClientOutput> outbox)
    {
        _due = WeftInstant.Never;
        WeftInstant next = WeftInstant.Never;
        foreach ((PeerId relay, Place place) in _places)
        {
            if (place.IsReserved && place.Ends <= now)
            {
                Lose(relay, place, outbox);
            }

            if (!place.IsAsking && place.AskAt <= now)
            {
                Ask(relay, place, outbox);
            }

            WeftInstant own = place.IsAsking ? WeftInstant.Never : place.AskAt;
            own = place.IsReserved && place.Ends < own ? place.Ends : own;
            next = own < next ? own : next;
        }

        Schedule(next, outbox);
    }

    private static void Ask(PeerId relay, Place place, Outbox<RelayClientOutput> outbox)
    {
        place.IsAsking = true;
        outbox.Add(new(RelayClientOutputKind.Ask, relay));
    }

    private static void Lose(PeerId relay, Place place, Outbox<RelayClientOutput> outbox)
    {
        place.IsReserved = false;
        outbox.Add(new(RelayClientOutputKind.Lost, relay));
    }

    private void Pause(Place place, WeftInstant now, Outbox<RelayClientOutput> outbox)
    {
        double factor = Math.Pow(2, Math.Min(place.Refusals++, 16)) * (0.75 + (random.NextDouble() / 2));
        TimeSpan pause = options.RetryMin * factor;
        place.AskAt = now + (pause > options.RetryMax ? options.RetryMax : pause);
        Schedule(place.AskAt, outbox);
    }

    private void Schedule(WeftInstant due, Outbox<RelayClientOutput> outbox)
    {
        if (due < _due)
        {
            _due = due;
            outbox.Add(new(RelayClientOutputKind.StartTimer, Due: due));
        }
    }

    private sealed class Place
    {
        public bool IsAsking { get; set; }

        public bool IsReserved { get; set; }

        public int Refusals { get; set; }

        public WeftInstant AskAt { get; set; }

        public WeftInstant Ends { get; set; }
    }
}
