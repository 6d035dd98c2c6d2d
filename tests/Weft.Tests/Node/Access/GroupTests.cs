using Weft.Crypto;
using Weft.Graph;
using Weft.Node;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Tests.Node;

public sealed class GroupTests : IAsyncLifetime
{
    private readonly GroupRig _rig = new();
    private WeftNode _ada = null!;
    private WeftNode _bob = null!;
    private WeftNode _eve = null!;

    public async Task InitializeAsync()
    {
        _ada = await _rig.StartAsync(1);
        _bob = await _rig.StartAsync(2);
        _eve = await _rig.StartAsync(3);
        foreach (WeftNode node in new[] { _bob, _eve })
        {
            await node.Groups.PublishKeyAsync();
            await GroupRig.CarryAsync(node, _ada);
        }
    }

    public async Task DisposeAsync() => await _rig.DisposeAsync();

    [Fact]
    public async Task Members_read_what_is_sealed_and_the_graph_holds_ciphertext()
    {
        Group family = await _ada.Groups.CreateAsync("family", [Key(_bob), Key(_eve)]);
        WriteResult written = await _ada.Graph.Get("trip").ProtectFor(family).PutAsync("hotel", "Ritz");
        Assert.True(written.IsAccepted);
        await SyncAsync();

        foreach (WeftNode node in new[] { _ada, _bob, _eve })
        {
            ProtectedResult read = await ReadAsync(node, "hotel");
            Assert.Equal(SealStatus.Opened, read.Seal);
            Assert.Equal("Ritz", read.Value.AsText());
            Assert.Equal(written.State, read.State);
            Assert.DoesNotContain("Ritz", await GroupRig.DumpAsync(node));
        }
    }

    [Fact]
    public async Task Every_kind_of_value_comes_back_as_it_was()
    {
        Group family = await _ada.Groups.CreateAsync("family", [Key(_bob)]);
        ProtectedNode trip = _ada.Graph.Get("trip").ProtectFor(family);
        var values = new Dictionary<string, WeftValue>
        {
            ["text"] = "\u00fc \"quoted\" \ud83d\ude00",
            ["number"] = 12.5,
            ["yes"] = true,
            ["link"] = WeftValue.Link("hotel/1"),
            ["empty"] = "",
            ["long"] = new string('x', 500_000),
        };

        Assert.Equal(6, (await trip.PutAsync(values)).Applied);
        ProtectedNodeResult read = await trip.GetAsync();

        Assert.Equal(values.Keys.Order(StringComparer.Ordinal), read.Fields.Select(field => field.Field));
        Assert.All(read.Fields, field => Assert.Equal(values[field.Field], field.Value));
        Assert.Equal(
            WeftError.TooLarge, (await trip.PutAsync("more", new string('x', SealedValue.PlainBytesMax))).Error);
    }

    [Fact]
    public async Task Who_was_removed_reads_nothing_written_afterwards_and_is_told_so()
    {
        Group family = await _ada.Groups.CreateAsync("family", [Key(_bob), Key(_eve)]);
        ProtectedNode trip = _ada.Graph.Get("trip").ProtectFor(family);
        await trip.PutAsync("hotel", "Ritz");
        GroupResult removed = await family.RemoveAsync(Key(_eve));
        await trip.PutAsync("room", "12");
        await SyncAsync();

        Assert.True(removed.IsAccepted);
        Assert.Equal(SealStatus.Opened, (await ReadAsync(_eve, "hotel")).Seal);
        ProtectedResult closed = await ReadAsync(_eve, "room");
        Assert.Equal(ReadStatus.Found, closed.Status);
        Assert.Equal(SealStatus.NotReadable, closed.Seal);
        Assert.True(closed.Value.IsNull);
        Assert.Equal("12", (await ReadAsync(_bob, "room")).Value.AsText());
        Assert.Equal(
            WeftError.GroupKeyMissing,
            (await _eve.Graph.Get("trip").ProtectFor(Family(_eve)).PutAsync("room", "13")).Error);
        Assert.Equal(
            [(Key(_ada), true), (Key(_bob), true), (Key(_eve), false)],
            (await Family(_bob).ListAsync()).Select(person => (person.Key, person.IsMember))
                .OrderBy(person => person.Key == Key(_ada) ? 0 : person.Key == Key(_bob) ? 1 : 2));
    }

    [Fact]
    public async Task A_member_on_another_node_seals_without_the_owner_as_soon_as_he_knows_of_a_removal()
    {
        Group family = await _ada.Groups.CreateAsync("family", [Key(_bob), Key(_eve)]);
        await SyncAsync();
        ProtectedNode trip = _bob.Graph.Get("trip").ProtectFor(Family(_bob));
        await trip.PutAsync("before", "1");

        await family.RemoveAsync(Key(_eve));
        await GroupRig.CarryAsync(_ada, _bob);
        await trip.PutAsync("after", "2");
        await SyncAsync();

        Assert.Equal("1", (await ReadAsync(_eve, "before")).Value.AsText());
        Assert.Equal(SealStatus.NotReadable, (await ReadAsync(_eve, "after")).Seal);
        Assert.Equal("2", (await ReadAsync(_ada, "after")).Value.AsText());
    }

    [Fact]
    public async Task Who_joins_later_reads_what_was_there_unless_he_joins_from_now_on()
    {
        Group family = await _ada.Groups.CreateAsync("family", []);
        await _ada.Graph.Get("trip").ProtectFor(family).PutAsync("hotel", "Ritz");
        await family.AddAsync(Key(_bob));
        await family.AddAsync(Key(_eve), fromNowOn: true);
        await _ada.Graph.Get("trip").ProtectFor(family).PutAsync("room", "12");
        await SyncAsync();

        Assert.Equal("Ritz", (await ReadAsync(_bob, "hotel")).Value.AsText());
        Assert.Equal(SealStatus.NotReadable, (await ReadAsync(_eve, "hotel")).Seal);
        Assert.Equal("12", (await ReadAsync(_eve, "room")).Value.AsText());
    }

    [Fact]
    public async Task Who_has_published_no_key_gets_one_when_the_owner_writes_after_he_has()
    {
        WeftNode zoe = await _rig.StartAsync(4, new GroupOptions { LookupDeadline = TimeSpan.Zero });
        Group family = await _ada.Groups.CreateAsync("family", [Key(zoe)]);
        Assert.False((await family.ListAsync()).Single(person => person.Key == Key(zoe)).HasKey);
        await _ada.Graph.Get("trip").ProtectFor(family).PutAsync("hotel", "Ritz");

        await zoe.Groups.PublishKeyAsync();
        await GroupRig.CarryAsync(zoe, _ada);
        await _ada.Graph.Get("trip").ProtectFor(family).PutAsync("room", "12");
        await GroupRig.CarryAsync(_ada, zoe);

        Assert.True((await family.ListAsync()).Single(person => person.Key == Key(zoe)).HasKey);
        Assert.Equal("Ritz", (await ReadAsync(zoe, "hotel")).Value.AsText());
        Assert.Equal("12", (await ReadAsync(zoe, "room")).Value.AsText());
        string[] epochs = [.. (await _ada.Graph.ReadNodeAsync(family.Soul)).Fields.Select(field => field.Field)];
        Assert.Equal(2, epochs.Length);
    }

    [Fact]
    public async Task Nobody_but_the_owner_changes_a_group()
    {
        await _ada.Groups.CreateAsync("family", [Key(_bob)]);
        await SyncAsync();

        Assert.Equal(WeftError.NotOwner, (await Family(_bob).AddAsync(Key(_eve))).Error);
        Assert.Equal(WeftError.NotOwner, (await Family(_bob).RemoveAsync(Key(_ada))).Error);
        Assert.Equal(WeftError.NotOwner, (await Family(_bob).RotateAsync()).Error);
        await Assert.ThrowsAsync<ArgumentException>(async () => await Family(_ada).RemoveAsync(Key(_ada)));
        Assert.Throws<ArgumentException>(() => _ada.Groups.Open(Key(_ada), ""));
    }

    [Fact]
    public async Task Making_a_group_again_opens_it_and_adds_who_is_missing()
    {
        Group first = await _ada.Groups.CreateAsync("family", [Key(_bob)]);
        Group again = await _ada.Groups.CreateAsync("family", [Key(_bob)]);
        int epochs = (await _ada.Graph.ReadNodeAsync(first.Soul)).Fields.Count;
        await _ada.Groups.CreateAsync("family", [Key(_eve)]);

        Assert.Equal(first.Soul, again.Soul);
        Assert.Equal(1, epochs);
        Assert.Equal(3, (await first.ListAsync()).Count(person => person.IsMember));
        Assert.Equal([first.Soul], (await _ada.Groups.ListAsync()).Select(group => group.Soul));
        Assert.Empty(await _bob.Groups.ListAsync());
        await SyncAsync();
        Assert.Equal([first.Soul], (await _bob.Groups.ListAsync()).Select(group => group.Soul));
    }

    [Fact]
    public async Task What_is_no_value_of_the_group_is_never_shown_as_one()
    {
        Group family = await _ada.Groups.CreateAsync("family", []);
        Group work = await _ada.Groups.CreateAsync("work", []);
        ProtectedNode trip = _ada.Graph.Get("trip").ProtectFor(family);
        await trip.PutAsync("hotel", "Ritz");
        string text = (await _ada.Graph.Get("trip").GetAsync("hotel")).Value.AsText()!;

        await _ada.Graph.Get("trip").PutAsync("clear", "hello");
        await _ada.Graph.Get("trip").PutAsync("moved", text);
        await _ada.Graph.Get("trip").PutAsync("damaged", text.Replace("\"c\":\"", "\"c\":\"AAAA"));
        await _ada.Graph.Get("trip").ProtectFor(work).PutAsync("other", "x");
        await trip.PutAsync("gone", "x");
        await _ada.Graph.Get("trip").DeleteAsync("gone");

        Assert.Equal(SealStatus.NotSealed, (await trip.GetAsync("clear")).Seal);
        Assert.Equal(SealStatus.Damaged, (await trip.GetAsync("moved")).Seal);
        Assert.Equal(SealStatus.Damaged, (await trip.GetAsync("damaged")).Seal);
        Assert.Equal(SealStatus.OtherGroup, (await trip.GetAsync("other")).Seal);
        Assert.Equal(SealStatus.Nothing, (await trip.GetAsync("gone")).Seal);
        Assert.Equal(ReadStatus.Deleted, (await trip.GetAsync("gone")).Status);
        Assert.Equal(SealStatus.Nothing, (await trip.GetAsync("never")).Seal);
        Assert.All(
            (await trip.GetAsync()).Fields.Where(field => field.Field != "hotel"),
            field => Assert.True(field.Value.IsNull));
    }

    [Fact]
    public async Task A_group_nobody_here_knows_seals_nothing()
    {
        Group unknown = _bob.Groups.Open(Key(_ada), "nothing");

        Assert.Equal(
            WeftError.GroupUnknown, (await _bob.Graph.Get("trip").ProtectFor(unknown).PutAsync("hotel", "Ritz")).Error);
        Assert.Equal(ReadStatus.Unknown, (await _bob.Graph.Get("trip").GetAsync("hotel")).Status);
        Assert.Empty(await unknown.ListAsync());
    }

    [Fact]
    public async Task Two_devices_of_the_owner_change_the_group_apart_and_both_removals_hold()
    {
        WeftNode laptop = await _rig.StartAsync(1);
        Group family = await _ada.Groups.CreateAsync("family", [Key(_bob), Key(_eve)]);
        await GroupRig.CarryAsync(_ada, laptop);
        await family.RemoveAsync(Key(_eve));
        WeftNode zoe = await _rig.StartAsync(4, new GroupOptions { LookupDeadline = TimeSpan.Zero });
        await Family(laptop).AddAsync(Key(zoe));
        await GroupRig.CarryAsync(_ada, _bob);
        await GroupRig.CarryAsync(laptop, _bob);

        await _bob.Graph.Get("trip").ProtectFor(Family(_bob)).PutAsync("split", "1");
        await GroupRig.CarryAsync(_bob, _ada);
        await _ada.Graph.Get("trip").ProtectFor(family).PutAsync("joined", "2");
        await SyncAsync();

        foreach (string field in new[] { "split", "joined" })
        {
            Assert.Equal(SealStatus.Opened, (await ReadAsync(_bob, field)).Seal);
            Assert.Equal(SealStatus.NotReadable, (await ReadAsync(_eve, field)).Seal);
        }

        Assert.True(SealedValue.TryParse(
            (await _ada.Graph.Get("trip").GetAsync("split")).Value.AsText(), out SealedValue? split));
        Assert.True(SealedValue.TryParse(
            (await _ada.Graph.Get("trip").GetAsync("joined")).Value.AsText(), out SealedValue? joined));
        Assert.Equal(2, split.Epochs.Count);
        Assert.Single(joined.Epochs);
    }

    [Fact]
    public async Task An_observer_gets_what_is_there_and_then_changes_opened()
    {
        Group family = await _ada.Groups.CreateAsync("family", []);
        ProtectedNode trip = _ada.Graph.Get("trip").ProtectFor(family);
        await trip.PutAsync("hotel", "Ritz");
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));

        var seen = new List<string>();
        await foreach (ProtectedChange change in trip.ObserveAsync(cancellationToken: deadline.Token))
        {
            seen.Add($"{change.Kind} {change.Field.Field} {change.Field.Seal} {change.Field.Value}");
            if (change.Kind == ChangeKind.Synced)
            {
                await trip.PutAsync("room", 12);
            }
            else if (change.Kind == ChangeKind.Change)
            {
                break;
            }
        }

        Assert.Equal(["Snapshot hotel Opened \"Ritz\"", "Synced  Nothing null", "Change room Opened 12"], seen);
    }

    [Fact]
    public async Task Few_keys_held_in_memory_slow_reading_down_and_change_nothing_else()
    {
        var store = new MemoryStore();
        WeftNode node = await _rig.StartAsync(9, new GroupOptions { KeysMax = 8, GroupsMax = 1 }, store);
        for (int i = 0; i < 20; i++)
        {
            Group group = await node.Groups.CreateAsync($"g{i % 3}", []);
            await group.RotateAsync();
            await node.Graph.Get("trip").ProtectFor(group).PutAsync($"f{i}", i);
        }

        Assert.InRange(node.Groups.Keys.Count, 1, 8);
        for (int i = 0; i < 20; i++)
        {
            Group group = node.Groups.Open(Key(node), $"g{i % 3}");
            Assert.Equal(i, (await node.Graph.Get("trip").ProtectFor(group).GetAsync($"f{i}")).Value.AsNumber());
        }

        node.Groups.Dispose();
        Assert.Equal(0, node.Groups.Keys.Count);
        Group disposed = node.Groups.Open(Key(node), "g0");
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await disposed.ListAsync());
    }

    [Fact]
    public async Task Many_members_come_in_several_epochs()
    {
        var members = new List<Ed25519PublicKey>();
        for (ulong person = 100; person < 140; person++)
        {
            var seed = new byte[32];
            new WeftRandom(person).Fill(seed);
            using var pair = new Ed25519KeyPair(_ada.Crypto, seed);
            members.Add(pair.PublicKey);
        }

        Group crowd = await _ada.Groups.CreateAsync("crowd", members);

        Assert.Equal(41, (await crowd.ListAsync()).Count(person => person.IsMember));
        Assert.Equal(2, (await _ada.Graph.ReadNodeAsync(crowd.Soul)).Fields.Count);
    }

    private static Ed25519PublicKey Key(WeftNode node) => node.Identity.PublicKey;

    private Group Family(WeftNode node) => node.Groups.Open(Key(_ada), "family");

    private ValueTask<ProtectedResult> ReadAsync(WeftNode node, string field) =>
        node.Graph.Get("trip").ProtectFor(Family(node)).GetAsync(field);

    private async Task SyncAsync()
    {
        foreach (WeftNode from in new[] { _ada, _bob, _eve })
        {
            foreach (WeftNode to in new[] { _ada, _bob, _eve })
            {
                if (from != to)
                {
                    await GroupRig.CarryAsync(from, to);
                }
            }
        }
    }
}
