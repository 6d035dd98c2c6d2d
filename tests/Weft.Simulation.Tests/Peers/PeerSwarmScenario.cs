using Weft.Primitives;
using Weft.Protocols.Dialing;
using Weft.Simulation;
using Xunit.Abstractions;

namespace Weft.Simulation.Tests.Peers;

/// <summary>Peers that find each other and keep each other, under everything a network does to them.</summary>
public sealed class PeerSwarmScenario(ITestOutputHelper output)
{
    private const int Target = 8;

    [Theory]
    [InlineData(1UL, 1_000)]
    public void Peers_find_each_other_from_three_bootstrap_peers_and_stay_one_network(ulong seed, int count)
    {
        PeerSwarm swarm = Swarm(seed, count);
        swarm.World.RunFor(TimeSpan.FromMinutes(4));
        Check(swarm, "after the start");
        Assert.True(swarm.Peers.Average(peer => peer.KnownCount) > 100, $"seed {seed}");

        // Every minute a tenth of all stop, and come back half a minute later: half of them with an empty book.
        SwarmPeer[] bootstrap = [.. swarm.Peers.Take(3)];
        for (int minute = 0; minute < 2; minute++)
        {
            for (int i = 0; i < count / 10; i++)
            {
                SwarmPeer peer = swarm.Peers[3 + swarm.World.Random.Next(count - 3)];
                if (peer.IsUp)
                {
                    peer.Stop();
                    bool keepsBook = i % 2 == 0;
                    swarm.World.After(TimeSpan.FromSeconds(30), () => peer.Start(bootstrap, keepsBook));
                }
            }

            swarm.World.RunFor(TimeSpan.FromMinutes(1));
        }

        swarm.World.RunFor(TimeSpan.FromMinutes(2));
        Check(swarm, "after churn");

        // Two halves lose each other, and find each other again.
        swarm.IsCut = (one, other) => (one.Number % 2) != (other.Number % 2);
        swarm.BreakCutLinks();
        swarm.World.RunFor(TimeSpan.FromMinutes(3));
        Assert.False(swarm.IsConnected());
        Assert.All(swarm.Peers, peer => Assert.True(peer.OutboundCount >= Target / 2, $"seed {seed}: {peer.OutboundCount} in a half"));
        swarm.IsCut = null;
        swarm.World.RunFor(TimeSpan.FromMinutes(4));
        Check(swarm, "after the halves met");
        int across = swarm.Peers.Sum(peer => peer.Links.Count(link => link.Dialler == peer && link.Target.Number % 2 != peer.Number % 2));
        Assert.True(across > count / 10, $"seed {seed}: {across} links across");
        output.WriteLine($"seed {seed}: {swarm.World.Events} events, {across} links across, hash {swarm.World.TraceHash:x}");
    }

    [Theory]
    [InlineData(1UL)]
    [InlineData(2UL)]
    [InlineData(3UL)]
    public void An_attacker_with_four_times_as_many_names_never_gets_every_outbound_link(ulong seed)
    {
        const int honest = 60;
        PeerSwarm swarm = Swarm(seed, honest);
        swarm.World.RunFor(TimeSpan.FromMinutes(4));
        SwarmPeer victim = swarm.Peers[10];
        var sybils = new List<SwarmPeer>();
        for (int i = 0; i < 4 * honest; i++)
        {
            SwarmPeer sybil = swarm.Make(15_000 + (i % 6), isSybil: true); // Many names, few networks.
            sybils.Add(sybil);
            sybil.Start([]);
        }

        SwarmPeer[] bootstrap = [.. swarm.Peers.Take(3)];
        for (int round = 0; round < 4; round++)
        {
            // The victim starts again and again, while every sybil dials it at once and tells of its kind.
            victim.Stop();
            swarm.World.RunFor(TimeSpan.FromSeconds(5));
            victim.Start(bootstrap, keepsBook: true);
            for (int second = 0; second < 300; second += 5)
            {
                foreach (SwarmPeer sybil in sybils.Where(one => !one.Links.Any(link => link.Other(one) == victim)))
                {
                    sybil.Dial(victim);
                }

                swarm.World.RunFor(TimeSpan.FromSeconds(5));
            }

            int outbound = victim.Links.Count(link => link.Dialler == victim && !link.Target.IsSybil);
            int evil = victim.Links.Count(link => link.Dialler == victim && link.Target.IsSybil);
            output.WriteLine($"seed {seed}, round {round}: {outbound} honest, {evil} sybil outbound, {victim.InboundCount} inbound");
            Assert.True(outbound >= 2, $"seed {seed}, round {round}: {outbound} honest outbound links");
        }
    }

    [Fact]
    public void The_same_seed_gives_the_same_run()
    {
        ulong Run()
        {
            PeerSwarm swarm = Swarm(7, 60);
            swarm.World.RunFor(TimeSpan.FromMinutes(5));
            return swarm.World.TraceHash;
        }

        Assert.Equal(Run(), Run());
    }

    private static PeerSwarm Swarm(ulong seed, int count)
    {
        var swarm = new PeerSwarm(seed, new PlannerOptions { OutboundTarget = Target, ConnectionsMax = 64, ConnectionsLow = 56 });
        for (int i = 0; i < count; i++)
        {
            swarm.Make(range: i % 400);
        }

        SwarmPeer[] bootstrap = [.. swarm.Peers.Take(3)];
        foreach (SwarmPeer peer in swarm.Peers.ToArray())
        {
            TimeSpan wait = swarm.World.Random.NextDouble() * TimeSpan.FromSeconds(peer.Number < 3 ? 1 : 60);
            swarm.World.After(wait, () => peer.Start(bootstrap.Where(one => one != peer)));
        }

        return swarm;
    }

    private static void Check(PeerSwarm swarm, string when)
    {
        ulong seed = swarm.World.Seed;
        Assert.True(swarm.IsConnected(), $"seed {seed}: more than one network {when}");
        int[] outbound = [.. swarm.Peers.Where(peer => peer.IsUp).Select(peer => peer.OutboundCount)];
        Assert.True(outbound.Min() >= Target / 2, $"seed {seed}: a peer has {outbound.Min()} links of its own {when}");
        Assert.True(outbound.Count(count => count >= Target) >= outbound.Length * 95 / 100, $"seed {seed}: {outbound.Count(count => count >= Target)} of {outbound.Length} have their target {when}");
        Assert.True(swarm.Peers.Max(peer => peer.Links.Count) <= 64 + swarm.InboundMax, $"seed {seed} {when}");
    }
}
