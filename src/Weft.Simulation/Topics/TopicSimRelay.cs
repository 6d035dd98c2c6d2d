using Weft.Crypto;
using Weft.Primitives;
using Weft.Protocols.Gossip;
using Weft.Protocols.Topics;

namespace Weft.Simulation.Topics;

/// <summary>What a hostile relay does.</summary>
internal enum TopicAttack
{
    /// <summary>Nothing: it is honest.</summary>
    None,

    /// <summary>Keeps only half of what it gets, and says that it has kept all of it.</summary>
    Withhold,

    /// <summary>Stops to learn after a while, and answers from then on with what was.</summary>
    Stale,

    /// <summary>Changes a bit of some messages that it hands on.</summary>
    Forge,

    /// <summary>Hands messages on in another order.</summary>
    Reorder,

    /// <summary>Names messages that nobody wrote, and gives none of those that it names.</summary>
    Invent,
}

/// <summary>
/// A relay of the simulator: the production log, responder, session and plan on virtual time. What was not flushed when
/// it is killed is lost.
/// </summary>
internal sealed class TopicSimRelay
{
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(250);

    private readonly TopicWorld _world;
    private readonly WeftRandom _random;
    private readonly Outbox<TopicLogOutput> _outbox = new();
    private readonly List<(long Offset, GossipMessage Message, double ReceivedMs)> _disk = [];
    private readonly TopicReconcileOptions _options = new() { IndexAgeMs = 100 };
    private TopicLogCore _log;
    private TopicPlanCore _plan;
    private long _durable = 1;
    private int _life; // What was begun before a kill does not go on after it.

    internal TopicSimRelay(TopicWorld world, int number, TopicAttack attack, WeftRandom random)
    {
        (_world, Number, Attack, _random) = (world, number, attack, random);
        (_log, _plan) = (NewLog(), NewPlan());
    }

    internal int Number { get; }

    internal TopicAttack Attack { get; }

    internal bool IsUp { get; private set; } = true;

    internal bool IsHonest => Attack == TopicAttack.None;

    internal HashSet<PeerId> Forkers { get; } = [];

    internal int Sessions { get; private set; }

    internal int Refused { get; private set; }

    internal IEnumerable<GossipMessageId> Kept => Entries().Select(entry => entry.Hash).OrderBy(hash => hash.ToString());

    internal TopicLogCore Log => _log;

    internal void Begin() => After(Tick * (1 + _random.NextDouble()), OnTick);

    /// <summary>Loses what was not flushed, and its disk when it is wiped; comes back later.</summary>
    internal void Kill(TimeSpan away, bool wipes)
    {
        IsUp = false;
        _life++;
        _disk.RemoveAll(row => wipes || row.Offset >= _durable);
        _world.World.After(away, () =>
        {
            IsUp = true;
            (_log, _plan) = (NewLog(), NewPlan());
            foreach ((long offset, GossipMessage message, double receivedMs) in _disk)
            {
                _log.Restore(offset, message, receivedMs, _outbox);
            }

            _durable = _log.Next;
            Apply();
            Begin();
        });
    }

    /// <summary>Keeps a message that came over the mesh or from its author; its signature was verified.</summary>
    internal void Keep(GossipMessage message, Action<bool> acknowledge)
    {
        if (Attack == TopicAttack.Stale && _world.World.Now > TopicWorld.StaleAt)
        {
            acknowledge(true); // It lies.
            return;
        }

        if (Attack == TopicAttack.Withhold && TopicLogCore.HashOf(message, _world.Crypto).Span[0] % 2 == 0)
        {
            acknowledge(true);
            return;
        }

        TopicAppend status = _log.Append(message, _world.World.WallMs, _outbox, out _);
        Apply();
        Flush(() => acknowledge(status is TopicAppend.Kept or TopicAppend.Known or TopicAppend.Superseded));
    }

    /// <summary>Answers a request, as the production driver does; null where it would reset the stream.</summary>
    internal TopicAnswer? Answer(TopicRequest request)
    {
        switch (request.Kind)
        {
            case TopicRequestKind.Give:
                return Take(request);
            case TopicRequestKind.Subscribe:
                var entries = new List<TopicEntry>();
                _log.Read(1, _durable, int.MaxValue, entries);
                return Spoil(new(
                    TopicAnswerKind.Batch, [.. entries.Select(entry => TopicWire.BodyOf(entry.Message))], Offset: _durable));
            case TopicRequestKind.Latest:
                TopicEntry? latest = _log.Latest(request.Bytes.Span);
                return Spoil(new(
                    TopicAnswerKind.Batch,
                    latest is { } entry && entry.Offset < _durable ? [TopicWire.BodyOf(entry.Message)] : []));
            default:
                return Spoil(TopicResponder.Answer(
                    _log, _durable, request, $"{Number}", _world.World.WallMs, _options));
        }
    }

    private void OnTick()
    {
        var outbox = new Outbox<PeerId>();
        PeerId[] others = [.. _world.Relays.Where(other => other.Number != Number && other.IsUp)
            .Select(other => _world.IdOf(other.Number))];
        _plan.OnTick(others, _world.World.Now, outbox);
        foreach (PeerId other in outbox.Items)
        {
            TopicSimRelay peer = _world.Relays[_world.NumberOf(other)];
            Sessions++;
            var session = new TopicSessionCore(
                TopicWorld.Topic, space => _log.IndexOf(space, _durable, _world.World.WallMs, 0),
                (space, point) => _log.Wants(space, point), gives: true, _options, new(), _world.Crypto)
            {
                Low = _log.LowOf(TopicSpace.Events),
            };
            int life = _life;
            _world.Run(
                session, peer, () => IsUp && _life == life, Take,
                points => [.. points.Select(point => _log.Find(point)).OfType<TopicEntry>()],
                isWell =>
                {
                    Refused += isWell ? 0 : 1;
                    if (life == _life)
                    {
                        _plan.OnEnded(other);
                    }
                });
        }

        After(Tick, OnTick);
    }

    private TopicAnswer? Take(TopicRequest request)
    {
        var taken = new List<(GossipMessage Message, double ReceivedMs)>();
        for (int i = 0; i < request.Messages!.Count; i++)
        {
            GossipMessage? message = TopicWire.ReadBody(request.Messages[i].Span, TopicWorld.Topic, new());
            if (message is null || !GossipSigning.Verify(message, _world.Crypto))
            {
                Refused++;
                return null;
            }

            taken.Add((message, request.Times![i]));
        }

        Take(taken);
        return new(TopicAnswerKind.Acknowledged, Offset: taken.Count);
    }

    private void Take(IReadOnlyList<(GossipMessage Message, double ReceivedMs)> messages)
    {
        if (Attack is TopicAttack.Withhold or TopicAttack.Stale)
        {
            return;
        }

        foreach ((GossipMessage message, double receivedMs) in messages)
        {
            _log.AppendReplica(message, _world.World.WallMs, receivedMs, _outbox, out _);
        }

        Apply();
        Flush(() => { });
    }

    private TopicAnswer Spoil(in TopicAnswer answer)
    {
        List<ReadOnlyMemory<byte>> messages = [.. answer.Messages ?? []];
        switch (Attack)
        {
            case TopicAttack.Forge when messages.Count > 0:
                int at = _random.Next(messages.Count);
                byte[] body = messages[at].ToArray();
                body[_random.Next(body.Length)] ^= (byte)(1 << _random.Next(8));
                messages[at] = body;
                break;
            case TopicAttack.Reorder:
                messages = [.. messages.OrderBy(_ => _random.NextUInt64())];
                return answer with { Messages = messages }; // With times of others.
            case TopicAttack.Invent when answer.Kind == TopicAnswerKind.Ranges:
                return answer with
                {
                    Ranges = [.. (answer.Ranges ?? []).Select(range => range.Kind != TopicRangeKind.Points ? range
                        : range with { Points = [new TopicPoint(range.From.Stamp + 1, _random.NextUInt64(), 7)] })],
                };
            case TopicAttack.Invent when answer.Kind == TopicAnswerKind.Batch:
                messages.Clear();
                break;
        }

        return answer with { Messages = messages };
    }

    private void Apply()
    {
        foreach (TopicLogOutput output in _outbox.Items)
        {
            switch (output.Kind)
            {
                case TopicLogOutputKind.Keep:
                    _disk.Add((output.Entry.Offset, output.Entry.Message, output.Entry.ReceivedMs));
                    break;
                case TopicLogOutputKind.Drop:
                    _disk.RemoveAll(row => row.Offset == output.Entry.Offset);
                    break;
                case TopicLogOutputKind.Fork:
                    Forkers.Add(output.Entry.Message.From);
                    break;
            }
        }

        _outbox.Clear();
    }

    private void Flush(Action done)
    {
        long until = _log.Next;
        After(TimeSpan.FromMilliseconds(1 + (20 * _random.NextDouble())), () =>
        {
            _durable = Math.Max(_durable, until);
            done();
        });
    }

    private void After(TimeSpan span, Action action)
    {
        int life = _life;
        _world.World.After(span, () =>
        {
            if (life == _life && IsUp)
            {
                action();
            }
        });
    }

    private List<TopicEntry> Entries()
    {
        var entries = new List<TopicEntry>();
        _log.Read(1, _durable, int.MaxValue, entries);
        return entries;
    }

    private TopicLogCore NewLog() => new(TopicWorld.Topic, new(), _world.Crypto);

    private TopicPlanCore NewPlan() => new(new() { Every = TimeSpan.FromSeconds(5) }, _random.Fork());
}
