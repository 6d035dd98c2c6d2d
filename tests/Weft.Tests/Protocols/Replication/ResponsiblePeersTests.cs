using Weft.Graph;
using Weft.Primitives;
using Weft.Protocols.Kad;
using Weft.Protocols.Kad.Records;
using Weft.Simulation;
using Weft.Tests.Protocols.Kad;

namespace Weft.Tests.Protocols.Replication;

/// <summary>States of souls among the production cores of a DHT: who keeps them, and what happens when peers come and go.</summary>
public sealed class ResponsiblePeersTests
{
    private const string Soul = "room/1";

    private static readonly byte[] Key = ReplicationRig.KeyOf(Soul);

    private readonly ReplicationRig _rig = new((Soul, "responsible(3)"));

    [Fact]
    public void A_state_is_kept_by_the_closest_peers_alone_and_not_by_who_wrote_it()
    {
        KadWorld world = Make(40);
        KadSimNode writer = world.Nodes.First(node => !Closest(world, 3).Contains(node));

        KadResult put = Store(world, writer, new FieldWrite(Soul, "a", 1, 10));

        Assert.Equal((KadStatus.Done, 3, 3), (put.Status, put.Copies, put.Wanted));
        Assert.Equal(Closest(world, 3).Select(node => node.Peer).Order(), put.Holders.Order());
        Assert.Equal(Closest(world, 3), Holders(world));
    }

    [Fact]
    public void Two_writers_states_meet_and_all_holders_have_both()
    {
        KadWorld world = Make(40);
        Store(world, world.Nodes[1], new FieldWrite(Soul, "a", 1, 10), new FieldWrite(Soul, "c", "old", 5));
        KadResult second = Store(world, world.Nodes[2], new FieldWrite(Soul, "b", 2, 9), new FieldWrite(Soul, "c", "new", 6));

        Assert.Equal((KadStatus.Done, 3), (second.Status, second.Copies)); // Holding more than was put is holding it.
        Assert.All(Holders(world), holder => Assert.Equal(
            ["a=1", "b=2", "c=\"new\""],
            Read(world, holder)!.Select(field => $"{field.Field}={System.Text.Encoding.UTF8.GetString(field.Value.Json)}")));
        Assert.Equal(3, second.Record.Value.Span[1]);
        KadResult found = KadWorldTests.Run(world, world.Nodes[30], (core, now, ms, outbox) =>
            core.GetValue(Key, KadQuorum.Of(2), now, ms, outbox));
        Assert.Equal(3, Weft.Protocols.Replication.GraphRecord.Read(
            Weft.Tests.Graph.Policy.PolicyRig.Crypto, ReplicationRig.Network, Key, found.Record.Value.Span)!.Fields.Count);
    }

    [Fact]
    public void When_two_of_three_holders_die_the_third_puts_new_copies_without_a_command()
    {
        KadWorld world = Make(40);
        Store(world, world.Nodes[1], new FieldWrite(Soul, "a", 1, 10));
        List<KadSimNode> holders = Holders(world);
        world.Kill(holders[0]);
        world.Kill(holders[2]);

        world.World.RunFor(TimeSpan.FromHours(2));

        List<KadSimNode> now = [.. Holders(world).Where(node => node.IsUp)];
        Assert.Equal(Closest(world, 3), now);
        Assert.Contains(holders[1], now);
    }

    [Fact]
    public void A_state_moves_to_a_closer_peer_that_joins_and_its_farthest_holder_keeps_none()
    {
        KadWorld world = Make(40);
        Store(world, world.Nodes[1], new FieldWrite(Soul, "a", 1, 10));
        List<KadSimNode> before = Holders(world);
        KadSimNode joined = world.MakeNear(KadKeyOf(world), bits: 12, KadBehaviour.Honest);
        world.Start(joined, world.Nodes[5]);

        world.World.RunFor(TimeSpan.FromHours(3));

        Assert.Equal(Closest(world, 3), Holders(world));
        Assert.Contains(joined, Holders(world));
        KadSimNode left = Assert.Single(before, node => !Holders(world).Contains(node));
        Assert.Equal(1, left.Core!.HandedOverCount);
    }

    [Fact]
    public void A_state_outlives_its_writer_and_the_life_of_a_record()
    {
        KadWorld world = Make(30);
        KadSimNode writer = world.Nodes.First(node => !Closest(world, 3).Contains(node));
        Store(world, writer, new FieldWrite(Soul, "a", 1, 10));
        world.Kill(writer);

        world.World.RunFor(TimeSpan.FromHours(60)); // Records of others live 48 h.

        Assert.Equal(3, Holders(world).Count);
    }

    [Fact]
    public void A_state_that_admission_refuses_finds_no_holder()
    {
        KadWorld world = Make(30);
        string owned = ReplicationRig.Owned + "x";
        byte[] forged = ReplicationRig.Value(3, ReplicationRig.Signed(owned, "a", "x", 10, key: 2));

        KadResult put = KadWorldTests.Run(world, world.Nodes[1], (core, now, ms, outbox) => core.StoreState(
            KadRecord.Make(ReplicationRig.KeyOf(owned), forged), KadQuorum.All, now, ms, outbox));

        Assert.Equal(KadStatus.Refused, put.Status);
    }

    private static KadKey KadKeyOf(KadWorld world) => world.PlaceOf(Key);

    private static List<KadSimNode> Closest(KadWorld world, int count) => world.Nearest(KadKeyOf(world), count);

    private static List<KadSimNode> Holders(KadWorld world) =>
        [.. world.Nearest(KadKeyOf(world), 100).Where(node => Read(world, node) is not null)];

    private static IReadOnlyList<FieldWrite>? Read(KadWorld world, KadSimNode node) =>
        node.Records!.TryGet(Key, world.World.WallMs, out StoredRecord held)
            ? Weft.Protocols.Replication.GraphRecord.Read(
                Weft.Tests.Graph.Policy.PolicyRig.Crypto, ReplicationRig.Network, Key, held.Record.Value.Span)!.Fields
            : null;

    private static KadResult Store(KadWorld world, KadSimNode node, params FieldWrite[] fields) => KadWorldTests.Run(
        world, node, (core, now, ms, outbox) => core.StoreState(
            KadRecord.Make(Key, ReplicationRig.Value(3, fields)), KadQuorum.All, now, ms, outbox));

    private KadWorld Make(int nodes)
    {
        var world = new KadWorld(7, new KadOptions());
        world.Rules.Add("weft", _rig.Rule);
        for (int i = 0; i < nodes; i++)
        {
            world.Make();
        }

        world.JoinAll(10);
        return world;
    }
}
