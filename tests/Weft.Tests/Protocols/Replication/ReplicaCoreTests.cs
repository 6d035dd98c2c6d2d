using Weft.Graph;
using Weft.Primitives;
using Weft.Protocols.Replication;

namespace Weft.Tests.Protocols.Replication;

public sealed class ReplicaCoreTests
{
    private readonly Outbox<ReplicaOutput> _outbox = new();
    private readonly ReplicationOptions _options = new() { StoresMax = 2, PendingMax = 4, TopicsMax = 3 };

    [Fact]
    public void Topics_are_joined_where_a_wish_and_a_scope_meet_and_left_when_the_policy_goes()
    {
        var rig = new ReplicationRig(("room/a/", "everyone"), ("room/", "everyone"), ("other/", "everyone"));
        ReplicaCore core = Core(rig, "room/a/b");

        core.OnPlans(_outbox);
        Assert.Equal(["room/", "room/a/"], Scopes(ReplicaOutputKind.Join));
        core.OnPlans(_outbox);
        Assert.Empty(Scopes(ReplicaOutputKind.Join));

        rig = new ReplicationRig();
        core = Core(rig, "");
        rig.Store("x/", "{'weft':1,'class':'public','replicate':'everyone+responsible(2)'}");
        core.OnPlans(_outbox);
        Assert.Equal([ReplicationRig.Owned + "x/"], Scopes(ReplicaOutputKind.Join, clears: false));
        Assert.Equal([ReplicationRig.Owned + "x/"], Scopes(ReplicaOutputKind.Scan));
        rig.Store("x/", "{'weft':1,'class':'public','replicate':'responsible(2)'}", version: 2);
        core.OnPlans(_outbox);
        Assert.Equal([ReplicationRig.Owned + "x/"], Scopes(ReplicaOutputKind.Leave, clears: false));
        Assert.Empty(Scopes(ReplicaOutputKind.Scan)); // The same peers are responsible.
    }

    [Fact]
    public void No_more_topics_are_joined_than_the_ceiling_allows()
    {
        var rig = new ReplicationRig([.. Enumerable.Range(0, 9).Select(i => ($"p{i}/", "everyone"))]);
        ReplicaCore core = Core(rig, "");

        core.OnPlans(_outbox);

        Assert.Equal(3, core.JoinedCount);
        Assert.Equal(["p0/", "p1/", "p2/"], Scopes(ReplicaOutputKind.Join));
    }

    [Fact]
    public void Own_changes_are_published_by_scope_and_those_of_peers_are_not()
    {
        ReplicaCore core = Core(new(("a/", "everyone"), ("b/", "everyone"), ("l/", "local")), "");

        foreach (string soul in (string[])["a/1", "b/1", "a/2", "l/1", "free"])
        {
            core.OnChange(new(soul, "f", 1, 10), isOwn: true, default, _outbox);
        }

        core.OnChange(new("a/3", "f", 1, 10), isOwn: false, default, _outbox);
        core.Flush(_outbox);

        Assert.Equal(
            [("a/", 2), ("b/", 1)],
            _outbox.Items.ToArray().Select(output => (output.Plan.Scope, output.Writes!.Count)));
    }

    [Fact]
    public void A_message_is_full_at_its_ceiling()
    {
        _options.MessageFieldsMax = 3;
        ReplicaCore core = Core(new(("a/", "everyone")), "");

        for (int i = 0; i < 7; i++)
        {
            core.OnChange(new($"a/{i}", "f", 1, 10), isOwn: true, default, _outbox);
        }

        core.Flush(_outbox);
        Assert.Equal([3, 3, 1], _outbox.Items.ToArray().Select(output => output.Writes!.Count));
    }

    [Fact]
    public void Changes_of_a_soul_gather_and_it_is_stored_again_when_it_changed_meanwhile()
    {
        ReplicaCore core = Core(new(("r/", "responsible(3)")), "");
        core.OnChange(new("r/1", "f", 1, 10), isOwn: true, default, _outbox);
        core.OnChange(new("r/1", "g", 1, 10), isOwn: true, default, _outbox);
        WeftInstant due = Single(ReplicaOutputKind.StartTimer).Due;

        core.OnTimer(due, _outbox);
        ReplicaOutput store = Single(ReplicaOutputKind.Store);
        Assert.Equal(("r/1", 3), (store.Soul, store.Plan.Words.Copies));
        core.OnChange(new("r/1", "h", 1, 10), isOwn: true, due, _outbox);
        core.OnTimer(due + TimeSpan.FromSeconds(9), _outbox);
        Assert.Equal(0, _outbox.Count); // One at a time.

        core.OnStored("r/1", ReplicaStored.Done, due + TimeSpan.FromSeconds(9), _outbox);
        Single(ReplicaOutputKind.Store);
        core.OnStored("r/1", ReplicaStored.Done, due + TimeSpan.FromSeconds(9), _outbox);
        core.OnStored("r/1", ReplicaStored.Done, due + TimeSpan.FromSeconds(9), _outbox); // A late call is harmless.
        Assert.Equal((0, 0), (core.PendingCount, core.RunningCount));
    }

    [Fact]
    public void What_too_few_took_is_stored_again_with_growing_pauses_and_what_is_dropped_is_not()
    {
        ReplicaCore core = Core(new(("r/", "responsible(3)")), "");
        WeftInstant now = default;
        core.OnUrgent("r/1", now, _outbox);
        core.OnTimer(now, _outbox);
        TimeSpan last = TimeSpan.Zero;
        for (int i = 0; i < 6; i++)
        {
            _outbox.Clear();
            core.OnStored("r/1", ReplicaStored.Missed, now, _outbox);
            WeftInstant due = Single(ReplicaOutputKind.StartTimer).Due;
            TimeSpan wait = due - now;
            Assert.True(wait > last, $"{wait} after {last}");
            last = wait;
            now = due;
            core.OnTimer(now, _outbox);
            Assert.Contains(_outbox.Items.ToArray(), output => output.Kind == ReplicaOutputKind.Store);
        }

        core.OnStored("r/1", ReplicaStored.Dropped, now, _outbox);
        Assert.Equal(0, core.PendingCount);
    }

    [Fact]
    public void A_few_are_stored_at_once_and_what_finds_no_room_is_looked_up_in_the_store_later()
    {
        ReplicaCore core = Core(new(("r/", "responsible(3)")), "");
        WeftInstant now = default;
        for (int i = 0; i < 9; i++)
        {
            core.OnChange(new($"r/{i}", "f", 1, 10), isOwn: true, now, _outbox);
        }

        Assert.Equal(4, core.PendingCount); // The ceiling.
        now += TimeSpan.FromSeconds(1);
        _outbox.Clear();
        core.OnTimer(now, _outbox);
        string[] running = [.. _outbox.Items.ToArray().Where(output => output.Kind == ReplicaOutputKind.Store)
            .Select(output => output.Soul)];
        Assert.Equal(["r/0", "r/1"], running);
        Assert.False(core.OnFound("r/8", now, _outbox));

        _outbox.Clear();
        core.OnStored("r/0", ReplicaStored.Done, now, _outbox);
        core.OnStored("r/1", ReplicaStored.Done, now, _outbox);
        Assert.Equal("", Single(ReplicaOutputKind.Scan).Soul);
        Assert.True(core.OnFound("r/8", now, _outbox));
    }

    private ReplicaCore Core(ReplicationRig rig, params string[] interests) =>
        new(_options, rig.Plans, interests, new WeftRandom(7));

    private string[] Scopes(ReplicaOutputKind kind, bool clears = true)
    {
        string[] scopes = [.. _outbox.Items.ToArray().Where(output => output.Kind == kind)
            .Select(output => output.Plan.Scope)];
        if (clears)
        {
            _outbox.Clear();
        }

        return scopes;
    }

    private ReplicaOutput Single(ReplicaOutputKind kind)
    {
        ReplicaOutput found = Assert.Single(_outbox.Items.ToArray(), output => output.Kind == kind);
        _outbox.Clear();
        return found;
    }
}
