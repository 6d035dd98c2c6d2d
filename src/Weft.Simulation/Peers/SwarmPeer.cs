using Weft.Primitives;
using Weft.Protocols.Dialing;
using Weft.Protocols.Peers;

namespace Weft.Simulation;

/// <summary>One simulated peer: the driver of its cores.</summary>
public sealed class SwarmPeer
{
    private static readonly TimeSpan ExchangeInterval = TimeSpan.FromSeconds(60);

    private readonly PeerSwarm _swarm;
    private readonly SortedDictionary<long, SwarmLink> _links = [];
    private readonly WeftRandom _random;
    private AddressBook _book;
    private ConnectionPlannerCore _planner;
    private WeftInstant _timerAt = WeftInstant.Never;
    private int _run; // Timers of an earlier run mean nothing.

    internal SwarmPeer(PeerSwarm swarm, int number, PeerId id, Multiaddr address, bool isSybil)
    {
        _swarm = swarm;
        Number = number;
        Id = id;
        Address = address;
        IsSybil = isSybil;
        _random = swarm.Random.Fork();
        _book = new(swarm.Book);
        _planner = new(swarm.Planner, _book, id, _random);
    }

    /// <summary>Its number, from 0.</summary>
    public int Number { get; }

    /// <summary>Its name.</summary>
    public PeerId Id { get; }

    /// <summary>Where it listens.</summary>
    public Multiaddr Address { get; }

    /// <summary>It belongs to the attacker.</summary>
    public bool IsSybil { get; }

    /// <summary>It runs.</summary>
    public bool IsUp { get; private set; }

    /// <summary>Its connections.</summary>
    public IReadOnlyCollection<SwarmLink> Links => _links.Values;

    /// <summary>Connections it chose itself.</summary>
    public int OutboundCount => _planner.OutboundCount;

    /// <summary>Connections others opened.</summary>
    public int InboundCount { get; private set; }

    /// <summary>Peers in its book.</summary>
    public int KnownCount => _book.Count;

    private WeftInstant Now => _swarm.World.Now;

    /// <summary>Starts.</summary>
    /// <param name="bootstrap">Peers it knows by configuration.</param>
    /// <param name="keepsBook">Its book and anchors were kept over the restart; else it begins with nothing.</param>
    public void Start(IEnumerable<SwarmPeer> bootstrap, bool keepsBook = false)
    {
        IReadOnlyList<PeerId> anchors = keepsBook ? LastAnchors : [];
        IsUp = true;
        _run++;
        _timerAt = WeftInstant.Never;
        _book = keepsBook ? _book : new(_swarm.Book);
        _planner = new(_swarm.Planner, _book, Id, _random);
        _planner.SetAnchors(anchors);
        foreach (SwarmPeer peer in bootstrap)
        {
            _book.Add(peer.Id, [peer.Address], PeerSource.Configured, AddressScope.Public, Now);
        }

        Drive((now, outbox) => _planner.Start(now, outbox));
        ScheduleExchange(_run);
    }

    /// <summary>Stops at once; the others notice when their end is told.</summary>
    public void Stop()
    {
        LastAnchors = _planner.Anchors;
        IsUp = false;
        _run++;
        foreach (SwarmLink link in _links.Values.ToArray())
        {
            _swarm.Break(link);
        }
    }

    /// <summary>Dials another peer, as an attacker does: whether its planner wants it or not.</summary>
    public bool Dial(SwarmPeer target) => _swarm.TryLink(this, target) is not null;

    private IReadOnlyList<PeerId> LastAnchors { get; set; } = [];

    internal void OnLinked(SwarmLink link)
    {
        SwarmPeer other = link.Other(this);
        _links.Add(link.Id, link);
        InboundCount += link.Target == this ? 1 : 0;
        if (link.Dialler == this)
        {
            _book.OnReached(other.Id, other.Address, 4 * link.Latency, Now);
        }
        else
        {
            _book.Add(other.Id, [other.Address], PeerSource.Identify, AddressScope.Public, Now);
            _book.OnSeen(other.Id);
        }

        Drive((now, outbox) => _planner.OnConnected(
            link.Id, other.Id, other.Address, isInbound: link.Target == this, isLimited: false, now, outbox));
        _planner.OnRoundTrip(link.Id, 2 * link.Latency);
        Ask(link);
    }

    internal void OnBroken(SwarmLink link)
    {
        InboundCount -= link.Target == this ? 1 : 0;
        if (_links.Remove(link.Id) && IsUp)
        {
            Drive((now, outbox) => _planner.OnClosed(link.Id, now, outbox));
        }
    }

    /// <summary>Asks for peers: the answer comes after one round trip.</summary>
    private void Ask(SwarmLink link) => _swarm.World.After(2 * link.Latency, () =>
    {
        if (!link.IsBroken && IsUp)
        {
            SwarmPeer other = link.Other(this);
            foreach (SwarmPeer told in other.Tell())
            {
                if (told != this)
                {
                    _book.Add(told.Id, [told.Address], PeerSource.PeerExchange, AddressScope.Public, Now);
                }
            }
        }
    });

    private IEnumerable<SwarmPeer> Tell()
    {
        if (IsSybil)
        {
            return Enumerable.Range(0, _swarm.ExchangeCount).Select(_ => _swarm.Sybils[_random.Next(_swarm.Sybils.Count)]);
        }

        return _book.Draw(_swarm.ExchangeCount, _ => true, Now, _random)
            .Select(_swarm.Of);
    }

    private void ScheduleExchange(int run) =>
        _swarm.World.After((0.75 + (0.5 * _random.NextDouble())) * ExchangeInterval, () =>
        {
            if (run != _run || !IsUp)
            {
                return;
            }

            _book.OnTimer(Now);
            if (_links.Count > 0)
            {
                Ask(_links.Values.ElementAt(_random.Next(_links.Count)));
            }

            ScheduleExchange(run);
        });

    private void Drive(Action<WeftInstant, Outbox<PlannerOutput>> input)
    {
        var outbox = new Outbox<PlannerOutput>();
        input(Now, outbox);
        int run = _run;
        for (int i = 0; i < outbox.Count; i++)
        {
            PlannerOutput output = outbox[i];
            switch (output.Kind)
            {
                case PlannerOutputKind.Dial:
                    new SwarmDial(_swarm, this, output.Peer, _book, _random).Start(isConnected =>
                    {
                        if (run == _run)
                        {
                            Drive((now, more) => _planner.OnDialEnded(output.Peer, isConnected, now, more));
                        }
                    });
                    break;
                case PlannerOutputKind.StartTimer:
                    SetTimer(output.Due);
                    break;
                default:
                    if (_links.TryGetValue(output.Connection, out SwarmLink? link))
                    {
                        _swarm.World.After(link.Latency, () => _swarm.Break(link));
                    }

                    break;
            }
        }
    }

    /// <summary>One timer, at the earliest moment asked for; it asks for the next itself.</summary>
    private void SetTimer(WeftInstant due)
    {
        if (due >= _timerAt)
        {
            return;
        }

        _timerAt = due;
        int run = _run;
        _swarm.World.At(due, () =>
        {
            if (run == _run && due == _timerAt)
            {
                _timerAt = WeftInstant.Never;
                Drive((now, outbox) => _planner.OnTimer(now, outbox));
            }
        });
    }
}

/// <summary>One dial of a simulated peer: the driver of its core.</summary>
internal sealed class SwarmDial(PeerSwarm swarm, SwarmPeer dialler, PeerId peer, AddressBook book, WeftRandom random)
{
    private readonly DialCore _core = new(peer, new());
    private readonly Outbox<DialOutput> _outbox = new();
    private Action<bool> _done = _ => { };

    internal void Start(Action<bool> done)
    {
        _done = done;
        _core.Start(book.Find(peer, swarm.World.Now), AddressScope.Public, false, swarm.World.Now, _outbox);
        Act();
    }

    private void Act()
    {
        DialOutput[] outputs = [.. _outbox.Items];
        _outbox.Clear();
        foreach (DialOutput output in outputs)
        {
            switch (output.Kind)
            {
                case DialOutputKind.Dial:
                    Attempt(output);
                    break;
                case DialOutputKind.StartTimer:
                    swarm.World.At(output.Due, () =>
                    {
                        _core.OnTimer(swarm.World.Now, _outbox);
                        Act();
                    });
                    break;
                case DialOutputKind.Failed:
                    if (output.Failure == DialFailure.AllFailed)
                    {
                        book.OnUnreachable(peer, swarm.World.Now, random);
                    }

                    _done(false);
                    break;
            }
        }
    }

    private void Attempt(DialOutput output)
    {
        SwarmPeer? target = swarm.At(output.Address!);
        bool answers = target is { IsUp: true } && swarm.IsCut?.Invoke(dialler, target) != true;
        swarm.World.After(answers ? 4 * swarm.Latency() : output.Timeout, () =>
        {
            if (_core.IsOver || !dialler.IsUp)
            {
                return;
            }

            SwarmLink? link = target is not null && target.Id == peer ? swarm.TryLink(dialler, target) : null;
            if (link is not null && _core.OnConnected(output.Attempt, _outbox))
            {
                _outbox.Clear();
                _done(true);
                return;
            }

            book.OnFailed(peer, output.Address!, swarm.World.Now, random);
            _core.OnFailed(output.Attempt, swarm.World.Now, _outbox);
            Act();
        });
    }
}
