using Weft.Primitives;
using Weft.Protocols.Gossip;
using Weft.Protocols.Topics;

namespace Weft.Simulation.Topics;

/// <summary>
/// A reader that comes late: it takes what one relay keeps, and compares that with another one; the production cores.
/// </summary>
internal sealed class TopicSimReader(TopicWorld world, IReadOnlyList<TopicSimRelay> relays)
{
    private readonly TopicReaderCore _core = new(new(), isFromStart: true);
    private readonly Outbox<TopicReaderOutput> _outbox = new();

    /// <summary>Relays that it asked.</summary>
    internal IReadOnlyList<TopicSimRelay> Relays => relays;

    /// <summary>What it was given, in order.</summary>
    internal List<GossipMessage> Messages { get; } = [];

    internal int Gaps { get; private set; }

    internal int Forged { get; private set; }

    internal bool IsDone { get; private set; }

    /// <summary>The relays whose answers stood up: the first that gave everything, and the one it was compared with.</summary>
    internal List<TopicSimRelay> Believed { get; } = [];

    internal void Begin() => Read(0, tries: 0);

    private void Read(int at, int tries)
    {
        if (at == relays.Count)
        {
            End();
            return;
        }

        world.Ask(relays[at], new(TopicRequestKind.Subscribe, TopicWorld.Topic, TopicStart.All), answer =>
        {
            if (answer is null && tries < 5)
            {
                Read(at, tries + 1);
                return;
            }

            if (answer is null || !Take(answer.Value))
            {
                Read(at + 1, 0);
                return;
            }

            Believed.Add(relays[at]);
            Compare(at, at == 0 ? 1 : 0, 0);
        });
    }

    private bool Take(in TopicAnswer answer)
    {
        var messages = new List<GossipMessage>();
        foreach (ReadOnlyMemory<byte> body in answer.Messages ?? [])
        {
            if (TopicWire.ReadBody(body.Span, TopicWorld.Topic, new()) is not { } message)
            {
                Forged++;
                return false;
            }

            messages.Add(message);
        }

        if (!TopicChain.Verify(messages, world.Crypto, out GossipMessageId[] hashes, out _))
        {
            Forged++;
            return false;
        }

        for (int i = 0; i < messages.Count; i++)
        {
            _core.OnMessage(messages[i], hashes[i], null, world.World.Now, _outbox);
        }

        Drain();
        return true;
    }

    private void Compare(int first, int at, int tries)
    {
        if (at == first)
        {
            at++;
        }

        if (at >= relays.Count)
        {
            End();
            return;
        }

        Dictionary<TopicSpace, TopicIndex> indexes = new()
        {
            [TopicSpace.Events] = _core.IndexOf(TopicSpace.Events, world.Crypto),
            [TopicSpace.Values] = _core.IndexOf(TopicSpace.Values, world.Crypto),
        };
        var session = new TopicSessionCore(
            TopicWorld.Topic, space => indexes[space], (_, point) => _core.Wants(point), gives: false, new(), new(),
            world.Crypto);
        world.Run(session, relays[at], () => true, Take, _ => [], isWell =>
        {
            if (!isWell)
            {
                Compare(first, tries < 5 ? at : at + 1, tries < 5 ? tries + 1 : 0);
                return;
            }

            Believed.Add(relays[at]);
            End();
        });
    }

    private void Take(IReadOnlyList<(GossipMessage Message, double ReceivedMs)> messages)
    {
        foreach ((GossipMessage message, _) in messages)
        {
            _core.OnMessage(
                message, TopicLogCore.HashOf(message, world.Crypto), null, world.World.Now, _outbox);
        }

        Drain();
    }

    private void End()
    {
        _core.OnCaughtUp(_outbox);
        Drain();
        IsDone = true;
    }

    private void Drain()
    {
        foreach (TopicReaderOutput output in _outbox.Items)
        {
            if (output.Message is { } message)
            {
                Messages.Add(message);
            }
            else
            {
                Gaps++;
            }
        }

        _outbox.Clear();
    }
}
