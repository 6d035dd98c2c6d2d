using Weft.Primitives;
using Weft.Protocols.Mesh;

namespace Weft.Tests.Protocols.Mesh;

public sealed class PartitionCoreTests
{
    private readonly PartitionOptions _options = new();
    private readonly Outbox<PartitionOutput> _outbox = new();
    private readonly List<PartitionOutput> _said = [];
    private WeftInstant _now = new(1_000_000);

    [Fact]
    public void Peers_that_are_lost_together_and_stay_away_are_a_partition_and_it_heals_when_they_are_back()
    {
        PartitionCore core = Settled(6);
        Down(core, 0, 1);
        Pass(core, 4);
        Assert.False(core.IsPartitioned); // Not before they had the time to dial again.
        Pass(core, 2);

        PartitionOutput began = Assert.Single(_said);
        Assert.Equal((PartitionOutputKind.Began, 4), (began.Kind, began.Left));
        Assert.Equal([Peer(0), Peer(1)], began.Peers!.Order());
        Assert.True(core.IsPartitioned);
        Assert.Equal(2, core.Away);

        Up(core, 0);
        Assert.True(core.IsPartitioned);
        Up(core, 1);
        Assert.False(core.IsPartitioned);
        Assert.Equal(PartitionOutputKind.Healed, _said[^1].Kind);
        Assert.Empty(_said[^1].Peers!);
        Down(core, 0, 1); // They were settled before, so a second one right after is seen, too.
        Pass(core, 6);
        Assert.True(core.IsPartitioned);
    }

    [Fact]
    public void One_peer_that_is_lost_is_no_partition_however_few_there_are()
    {
        foreach (int peers in (int[])[1, 2, 3, 50])
        {
            PartitionCore core = Settled(peers);
            Down(core, 0);
            Pass(core, 100);
            Assert.False(core.IsPartitioned);
            Assert.Equal(peers - 1, core.Followed);
        }

        Assert.Empty(_said);
    }

    [Fact]
    public void Goodbyes_short_visits_and_quick_returns_are_no_partition()
    {
        PartitionCore core = Settled(6);
        for (int i = 0; i < 4; i++)
        {
            core.OnDown(Peer(i), isLeave: true, _now, _outbox);
        }

        Pass(core, 10);
        PartitionCore visits = Settled(3);
        for (int i = 10; i < 30; i++)
        {
            Up(visits, i);
        }

        Pass(visits, 5);
        Down(visits, [.. Enumerable.Range(10, 20)]);
        Pass(visits, 10);
        PartitionCore redial = Settled(6);
        Down(redial, 0, 1, 2, 3);
        Pass(redial, 3);
        Up(redial, 0, 1, 2, 3);
        Pass(redial, 60);

        Assert.Empty(_said);
    }

    [Fact]
    public void Peers_that_leave_one_by_one_are_no_partition()
    {
        PartitionCore core = Settled(20);
        for (int i = 0; i < 19; i++)
        {
            Down(core, i);
            Pass(core, 40); // More than the window.
        }

        Assert.Empty(_said);
    }

    [Fact]
    public void A_small_share_of_many_is_no_partition_and_silence_noticed_over_some_seconds_is()
    {
        PartitionCore many = Settled(30);
        Down(many, 0, 1, 2);
        Pass(many, 60);
        Assert.Empty(_said);

        PartitionCore slow = Settled(9);
        foreach (int peer in (int[])[0, 1, 2, 3])
        {
            Down(slow, peer);
            Pass(slow, 3);
        }

        Pass(slow, 10);
        Assert.True(slow.IsPartitioned);
        Assert.Equal(4, slow.Away);
    }

    [Fact]
    public void It_grows_with_further_losses_and_ends_after_a_long_time_without_anybody()
    {
        PartitionCore core = Settled(6);
        Down(core, 0, 1, 2);
        Pass(core, 6);
        Down(core, 3, 4, 5);
        Assert.Equal(PartitionOutputKind.Grew, _said[^1].Kind);
        Assert.Equal((6, 0), (core.Away, core.Here)); // Cut off from everybody.

        Pass(core, 3_700);

        Assert.Equal(PartitionOutputKind.GivenUp, _said[^1].Kind);
        Assert.False(core.IsPartitioned);
        Assert.Equal(0, core.Followed);
    }

    [Fact]
    public void Peers_without_number_do_not_grow_memory()
    {
        _options.PeersMax = 100;
        var core = new PartitionCore(_options);
        for (int i = 0; i < 10_000; i++)
        {
            Up(core, i);
        }

        Assert.Equal(100, core.Followed);
        Pass(core, 20);
        Down(core, [.. Enumerable.Range(0, 10_000)]);
        Pass(core, 10);
        Assert.True(core.IsPartitioned);
        Assert.InRange(core.Followed, 0, 100);
    }

    [Fact]
    public void Whatever_happens_the_state_agrees_with_what_was_said_and_late_timers_are_harmless()
    {
        for (ulong seed = 1; seed <= 100; seed++)
        {
            var random = new WeftRandom(seed);
            _said.Clear();
            var core = new PartitionCore(_options);
            bool isOn = false;
            for (int step = 0; step < 400; step++)
            {
                switch (random.Next(4))
                {
                    case 0:
                        Up(core, random.Next(12));
                        break;
                    case 1:
                        core.OnDown(Peer(random.Next(12)), random.Chance(0.2), _now, _outbox);
                        break;
                    case 2:
                        Pass(core, random.Next(30));
                        break;
                    default:
                        core.OnTimer(_now, _outbox);
                        break;
                }

                Take();
                isOn = _said.Count == 0 ? isOn : _said[^1].Kind is PartitionOutputKind.Began or PartitionOutputKind.Grew;
                Assert.Equal(isOn, core.IsPartitioned);
                Assert.True(isOn || core.Away == 0);
            }

            PartitionOutputKind[] kinds = [.. _said.Select(one => one.Kind).Where(kind => kind != PartitionOutputKind.Grew)];
            Assert.All(kinds.Where((_, i) => i % 2 == 0), kind => Assert.Equal(PartitionOutputKind.Began, kind));
            Assert.All(kinds.Where((_, i) => i % 2 == 1), kind => Assert.NotEqual(PartitionOutputKind.Began, kind));
        }
    }

    private static PeerId Peer(int number)
    {
        byte[] key = new byte[32];
        BitConverter.TryWriteBytes(key, number);
        return PeerId.FromEd25519(key);
    }

    private PartitionCore Settled(int peers)
    {
        var core = new PartitionCore(_options);
        Up(core, [.. Enumerable.Range(0, peers)]);
        Pass(core, 20);
        return core;
    }

    private void Up(PartitionCore core, params int[] peers)
    {
        foreach (int peer in peers)
        {
            core.OnUp(Peer(peer), _now, _outbox);
        }

        Take();
    }

    private void Down(PartitionCore core, params int[] peers)
    {
        foreach (int peer in peers)
        {
            core.OnDown(Peer(peer), isLeave: false, _now, _outbox);
        }

        Take();
    }

    // Timers ring when they are due, and in between for nothing.
    private void Pass(PartitionCore core, int seconds)
    {
        for (int i = 0; i < seconds; i++)
        {
            _now += TimeSpan.FromSeconds(1);
            core.OnTimer(_now, _outbox);
            Take();
        }
    }

    private void Take()
    {
        _said.AddRange(_outbox.Items.ToArray().Where(one => one.Kind != PartitionOutputKind.StartTimer));
        _outbox.Clear();
    }
}
