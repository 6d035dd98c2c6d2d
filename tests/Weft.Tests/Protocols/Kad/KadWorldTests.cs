using System.Text;
using Weft.Protocols.Kad;
using Weft.Simulation;

namespace Weft.Tests.Protocols.Kad;

/// <summary>A few peers, the production core: commands from end to end.</summary>
public sealed class KadWorldTests
{
    private static readonly byte[] Key = Encoding.UTF8.GetBytes("/open/tea");

    [Fact]
    public void A_record_is_put_to_the_closest_and_found_from_anywhere()
    {
        KadWorld world = Make(60);
        KadResult put = Run(world, world.Nodes[3], (core, now, ms, outbox) =>
            core.PutValue(KadRecord.Make(Key, "five"u8), KadQuorum.All, now, ms, outbox));

        Assert.Equal(KadStatus.Done, put.Status);
        Assert.Equal(20, put.Copies);
        foreach (KadSimNode holder in world.Nearest(world.PlaceOf(Key), 20))
        {
            Assert.True(holder.Records!.TryGet(Key, world.World.WallMs, out _), holder.ToString());
        }

        KadResult get = Run(world, world.Nodes[41], (core, now, ms, outbox) =>
            core.GetValue(Key, KadQuorum.Majority, now, ms, outbox));

        Assert.Equal(KadStatus.Done, get.Status);
        Assert.Equal("five"u8.ToArray(), get.Record.Value.ToArray());
        Assert.True(get.Copies >= 11);
    }

    [Fact]
    public void What_nobody_has_is_not_found_and_a_namespace_nobody_knows_is_refused()
    {
        KadWorld world = Make(30);

        Assert.Equal(KadStatus.NotFound, Run(world, world.Nodes[1], (core, now, ms, outbox) =>
            core.GetValue(Key, KadQuorum.One, now, ms, outbox)).Status);
        Assert.Equal(KadStatus.Refused, Run(world, world.Nodes[1], (core, now, ms, outbox) =>
            core.PutValue(KadRecord.Make("/other/x"u8, "v"u8), KadQuorum.One, now, ms, outbox)).Status);
    }

    [Fact]
    public void A_peer_is_found_by_its_id()
    {
        KadWorld world = Make(60);

        KadResult found = Run(world, world.Nodes[5], (core, now, ms, outbox) =>
            core.FindPeer(world.Nodes[50].Peer, now, ms, outbox));

        Assert.Equal(KadStatus.Done, found.Status);
        Assert.Equal(world.Nodes[50].Peer, found.Peers[0].Id);
    }

    [Fact]
    public void A_provider_is_found_and_only_for_its_own_announcement()
    {
        KadWorld world = Make(60);
        byte[] content = Encoding.UTF8.GetBytes("content");
        KadResult provide = Run(world, world.Nodes[7], (core, now, ms, outbox) => core.Provide(content, now, ms, outbox));
        KadResult found = Run(world, world.Nodes[44], (core, now, ms, outbox) =>
            core.FindProviders(content, 1, now, ms, outbox));

        Assert.Equal(KadStatus.Done, provide.Status);
        Assert.Equal(KadStatus.Done, found.Status);
        Assert.Equal(world.Nodes[7].Peer, Assert.Single(found.Providers).Id);
    }

    [Fact]
    public void A_read_repairs_those_who_have_less()
    {
        KadWorld world = Make(40);
        Run(world, world.Nodes[3], (core, now, ms, outbox) =>
            core.PutValue(KadRecord.Make(Key, "a"u8), KadQuorum.All, now, ms, outbox));
        List<KadSimNode> holders = world.Nearest(world.PlaceOf(Key), 20);
        foreach (KadSimNode forgetful in holders.Skip(15))
        {
            forgetful.Records!.Remove(Key);
        }

        foreach (KadSimNode newer in holders.Take(2))
        {
            newer.Records!.Put(
                KadRecord.Make(Key, "b"u8), world.World.WallMs + 3_600_000, newer == world.Nodes[3], world.World.WallMs);
        }

        KadSimNode reader = world.Nodes.First(node => !holders.Contains(node) && node != world.Nodes[3]);
        KadResult get = Run(world, reader, (core, now, ms, outbox) =>
            core.GetValue(Key, KadQuorum.All, now, ms, outbox));
        world.World.RunFor(TimeSpan.FromSeconds(5));

        Assert.Equal("b"u8.ToArray(), get.Record.Value.ToArray());
        Assert.True(get.Repaired > 15, $"{get.Repaired} repaired");
        Assert.All(holders.Where(node => node != world.Nodes[3]), holder =>
        {
            Assert.True(holder.Records!.TryGet(Key, world.World.WallMs, out var held));
            Assert.Equal("b"u8.ToArray(), held.Record.Value.ToArray());
        });
    }

    [Fact]
    public void The_same_seed_gives_the_same_run() => Assert.Equal(Make(30).World.TraceHash, Make(30).World.TraceHash);

    [Fact]
    public void A_command_of_a_peer_that_knows_nobody_says_so()
    {
        var world = new KadWorld(1, new());
        world.Start(world.Make());

        Assert.Equal(KadStatus.NoPeers, Run(world, world.Nodes[0], (core, now, ms, outbox) =>
            core.FindClosest(Key, now, ms, outbox)).Status);
    }

    internal static KadWorld Make(int nodes, KadOptions? options = null)
    {
        var world = new KadWorld(7, options ?? new());
        for (int i = 0; i < nodes; i++)
        {
            world.Make();
        }

        world.JoinAll(10);
        return world;
    }

    internal static KadResult Run(
        KadWorld world,
        KadSimNode node,
        Func<KadCore, Weft.Primitives.WeftInstant, double, Weft.Primitives.Outbox<KadOutput>, KadQueryId> command)
    {
        KadResult? result = null;
        world.Command(node, command, done => result = done);
        world.World.RunFor(TimeSpan.FromSeconds(90));
        return result ?? throw new InvalidOperationException("The command did not end.");
    }
}
