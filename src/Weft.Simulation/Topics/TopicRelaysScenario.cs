using System.Text;
using Weft.Primitives;
using Weft.Protocols.Gossip;
using Weft.Protocols.Topics;

namespace Weft.Simulation.Topics;

/// <summary>
/// Relays that keep a topic, a third of them hostile; every honest one is killed once and one is wiped; the authors
/// leave; then readers come.
/// </summary>
internal sealed class TopicRelaysScenario : Scenario
{
    private const int Authors = 6;
    private const int EachPublishes = 24;

    public override string Name => "topics";

    public override string Summary => "relays keep a topic: kills, a wiped disk, a third of them hostile; late readers";

    public override int NodesDefault => 9;

    protected override void Play(ScenarioRun run)
    {
        using var world = new TopicWorld(run.Nodes, run.Nodes / 3, Authors, run.Seed, loss: 0.05);
        run.Begin(world.World, "5 % of questions and answers lost, 1 to 100 ms, spikes to 5 s");
        world.Begin();
        world.Publish(EachPublishes, TimeSpan.FromSeconds(1));
        int kill = 0;
        foreach (TopicSimRelay relay in world.Honest)
        {
            bool wipes = kill == 2;
            world.World.After(
                TimeSpan.FromSeconds(6 + (6 * kill++)), () => relay.Kill(TimeSpan.FromSeconds(5), wipes));
        }

        run.RunFor(TimeSpan.FromSeconds(30), "publishing, kills one after another");
        world.Fork(author: 0);
        run.RunFor(TimeSpan.FromSeconds(40), "the authors leave");
        run.RunFor(TimeSpan.FromSeconds(60), "relays compare");
        world.CheckRelays();
        TopicSimReader[] readers = [.. Enumerable.Range(0, 12).Select(_ => new TopicSimReader(
            world, [.. world.Relays.OrderBy(_ => world.Draw(int.MaxValue)).Take(3)]))];
        Array.ForEach(readers, reader => reader.Begin());
        run.RunFor(TimeSpan.FromSeconds(120), "readers come");
        int complete = readers.Count(reader => Check(world, reader));
        CheckLatest(world, run);
        run.Count("acknowledged", world.Acknowledged.Count);
        run.Count("sessions", world.Relays.Sum(relay => relay.Sessions));
        run.Count("sessions refused or lost", world.Relays.Sum(relay => relay.Refused));
        run.Count("readers with everything", complete);
        run.Count("relays of which readers got forged messages", readers.Sum(reader => reader.Forged));
        run.Passed("T1", "honest relays keep the same, and nothing that was not published");
        run.Passed("T3", $"none of {world.Acknowledged.Count} acknowledged messages is lost");
        run.Passed("I4", "every honest relay has seen the fork");
        run.Passed("T4", "readers who believed one honest relay have everything, in order, once; nobody has a forged one");
        run.Passed("T5", "the latest value of every key is found");
    }

    private static bool Check(TopicWorld world, TopicSimReader reader)
    {
        string name = string.Join(", ", reader.Relays.Select(relay => $"{relay.Number} {relay.Attack}"));
        if (!reader.IsDone)
        {
            world.World.Report("T4", -1, $"a reader of {name} does not end");
            return false;
        }

        GossipMessageId[] got = [.. reader.Messages.Select(message => TopicLogCore.HashOf(message, world.Crypto))];
        if (got.Distinct().Count() != got.Length || got.Any(hash => !world.IsPublished(hash)))
        {
            world.World.Report("T2", -1, $"a reader of {name} has a message twice, or one that nobody published");
        }

        foreach (IGrouping<PeerId, GossipMessage> author in reader.Messages.GroupBy(message => message.From))
        {
            ulong[] events = [.. author.Where(IsEvent).Select(message => message.Sequence)];
            if (author.Key != world.Forker && !events.SequenceEqual(events.Order()))
            {
                world.World.Report("T4", -1, $"a reader of {name} has an author's events out of their order");
            }
        }

        bool hasHonest = reader.Believed.Any(relay => relay.IsHonest);
        int missing = world.Honest.First().Kept.Except(got).Count();
        if (hasHonest && missing > 0)
        {
            world.World.Report("T4", -1, $"a reader of {name} lacks {missing} messages");
        }

        return missing == 0;
    }

    private static bool IsEvent(GossipMessage message) =>
        TopicRecord.TryRead(message.Data.Span, out TopicRecord record) && record.Kind == TopicRecordKind.Event;

    /// <summary>Two relays are asked for each key; what either has is verified, and the later one wins.</summary>
    private static void CheckLatest(TopicWorld world, ScenarioRun run)
    {
        TopicSimRelay honest = world.Honest.First();
        foreach (TopicSimRelay other in world.Relays)
        {
            foreach ((string key, GossipMessage expected) in world.Values)
            {
                GossipMessage? best = null;
                foreach (TopicSimRelay relay in (TopicSimRelay[])[honest, other])
                {
                    TopicAnswer answer = relay.Answer(
                        new(TopicRequestKind.Latest, TopicWorld.Topic, Bytes: Encoding.UTF8.GetBytes(key)))!.Value;
                    if (answer.Messages is [{ } body, ..]
                        && TopicWire.ReadBody(body.Span, TopicWorld.Topic, new()) is { } message
                        && GossipSigning.Verify(message, world.Crypto) && (best is null || Time(message) > Time(best)))
                    {
                        best = message;
                    }
                }

                if (best is null || Time(best) < Time(expected))
                {
                    world.World.Report("T5", other.Number, $"the latest value of {key} is not {world.Text(expected)}");
                }
            }
        }
    }

    private static ulong Time(GossipMessage message) =>
        TopicRecord.TryRead(message.Data.Span, out TopicRecord record) ? record.Time : 0;
}
