using Weft.Crypto;
using Weft.Primitives;
using static Weft.Tests.Crypto.GroupKit;

namespace Weft.Tests.Crypto;

public sealed class GroupStateTests
{
    private readonly WeftRandom _random = new(seed: 21);

    [Fact]
    public void Members_open_what_the_group_seals_and_a_stranger_does_not()
    {
        var owner = new Device(Owner);
        owner.Change([Bob, Eve], [], _random, Published);
        string text = owner.Seal("trip", "hotel", "\"Ritz\"", _random)!;

        Assert.Equal("\"Ritz\"", Open(text, "trip", "hotel", KeysOf(Bob, owner.Known)));
        Assert.Equal("\"Ritz\"", Open(text, "trip", "hotel", KeysOf(Owner, owner.Known)));
        Assert.Null(Open(text, "trip", "hotel", KeysOf(Zoe, owner.Known)));
    }

    [Fact]
    public void Who_is_removed_keeps_what_was_there_and_gets_nothing_new()
    {
        var owner = new Device(Owner);
        owner.Change([Bob, Eve], [], _random, Published);
        string before = owner.Seal("trip", "hotel", "1", _random)!;
        owner.Change([], [Eve], _random, Published);
        string after = owner.Seal("trip", "hotel", "2", _random)!;

        Assert.False(owner.State.IsMember(Eve.PublicKey));
        Assert.Equal("1", Open(before, "trip", "hotel", KeysOf(Eve, owner.Known)));
        Assert.Null(Open(after, "trip", "hotel", KeysOf(Eve, owner.Known)));
        Assert.Equal("2", Open(after, "trip", "hotel", KeysOf(Bob, owner.Known)));
    }

    [Fact]
    public void Who_joins_reads_what_was_there_unless_he_joins_from_now_on()
    {
        var owner = new Device(Owner);
        owner.Change([Bob], [], _random, Published);
        string before = owner.Seal("trip", "hotel", "1", _random)!;
        owner.Change([Eve], [], _random, Published);
        owner.Change([Zoe], [], _random, Published, GroupStanding.InFromNow);
        string after = owner.Seal("trip", "hotel", "2", _random)!;

        Assert.Equal("1", Open(before, "trip", "hotel", KeysOf(Eve, owner.Known)));
        Assert.Null(Open(before, "trip", "hotel", KeysOf(Zoe, owner.Known)));
        Assert.Equal("2", Open(after, "trip", "hotel", KeysOf(Zoe, owner.Known)));
    }

    [Fact]
    public void What_was_written_while_somebody_was_out_stays_closed_when_he_comes_back()
    {
        var owner = new Device(Owner);
        owner.Change([Bob, Eve], [], _random, Published);
        string first = owner.Seal("trip", "hotel", "1", _random)!;
        owner.Change([], [Eve], _random, Published);
        string between = owner.Seal("trip", "hotel", "2", _random)!;
        owner.Change([Eve], [], _random, Published);
        string back = owner.Seal("trip", "hotel", "3", _random)!;

        Dictionary<string, byte[]> keys = KeysOf(Eve, owner.Known);
        Assert.Equal("1", Open(first, "trip", "hotel", keys));
        Assert.Null(Open(between, "trip", "hotel", keys));
        Assert.Equal("3", Open(back, "trip", "hotel", keys));
    }

    [Fact]
    public void Two_removals_apart_from_each_other_both_hold_at_once()
    {
        var phone = new Device(Owner);
        var laptop = new Device(Owner);
        laptop.Learn(phone.Change([Bob, Eve, Zoe], [], _random, Published));
        GroupEpoch withoutEve = phone.Change([], [Eve], _random, Published);
        GroupEpoch withoutZoe = laptop.Change([], [Zoe], _random, Published);
        var writer = new Device(Bob);
        foreach (GroupEpoch epoch in phone.Known.Concat(laptop.Known))
        {
            writer.Learn(epoch);
        }

        Assert.Equal(2, writer.State.Heads.Count);
        string text = writer.Seal("trip", "hotel", "1", _random)!;
        Assert.Null(Open(text, "trip", "hotel", KeysOf(Eve, writer.Known)));
        Assert.Null(Open(text, "trip", "hotel", KeysOf(Zoe, writer.Known)));
        Assert.Equal("1", Open(text, "trip", "hotel", KeysOf(Owner, writer.Known)));

        phone.Learn(withoutZoe);
        writer.Learn(phone.Change([], [], _random, Published));
        Assert.Single(writer.State.Heads);
        Assert.False(writer.State.IsMember(Eve.PublicKey));
        Assert.False(writer.State.IsMember(Zoe.PublicKey));
        Assert.True(writer.State.IsMember(Bob.PublicKey));
        Assert.Contains(withoutEve, phone.Known);
    }

    [Fact]
    public void Who_joined_in_one_part_reads_what_the_other_part_wrote_once_the_owner_has_both()
    {
        var phone = new Device(Owner);
        var laptop = new Device(Owner);
        laptop.Learn(phone.Change([Bob], [], _random, Published));
        GroupEpoch rotated = phone.Change([], [], _random, Published);
        string text = phone.Seal("trip", "hotel", "1", _random)!;
        GroupEpoch joined = laptop.Change([Zoe], [], _random, Published);

        Assert.Null(Open(text, "trip", "hotel", KeysOf(Zoe, [rotated, joined])));
        laptop.Learn(rotated);
        laptop.Change([], [], _random, Published);
        Assert.Equal("1", Open(text, "trip", "hotel", KeysOf(Zoe, laptop.Known)));
    }

    [Fact]
    public void Who_has_published_no_key_waits_for_one()
    {
        var owner = new Device(Owner);
        owner.Change([Bob], [], _random, key => key == Bob.PublicKey ? [] : Published(key));
        string text = owner.Seal("trip", "hotel", "1", _random)!;

        Assert.True(owner.State.IsMember(Bob.PublicKey));
        Assert.True(owner.State.NeedsEpoch());
        Assert.Null(Open(text, "trip", "hotel", KeysOf(Bob, owner.Known)));

        owner.Change([], [], _random, Published);
        Assert.False(owner.State.NeedsEpoch());
        Assert.Equal("1", Open(text, "trip", "hotel", KeysOf(Bob, owner.Known)));
    }

    [Fact]
    public void A_member_whose_published_key_is_none_gets_no_key_and_harms_nobody()
    {
        var owner = new Device(Owner);
        owner.Change([Bob, Eve], [], _random, key => key == Eve.PublicKey ? new byte[32] : Published(key));

        Assert.False(owner.State.Heads[0].HasKeyFor(Eve.PublicKey));
        Assert.True(owner.State.Heads[0].HasKeyFor(Bob.PublicKey));
    }

    [Fact]
    public void The_owner_stays_and_nobody_else_makes_epochs()
    {
        var owner = new Device(Owner);
        owner.Change([Bob], [], _random, Published);
        var bob = new Device(Bob);
        bob.Learn(owner.Known.Single());

        Assert.Throws<ArgumentException>(() => owner.Change([], [Owner], _random, Published));
        Assert.Throws<ArgumentException>(() => bob.Change([Eve], [], _random, Published));
        Ed25519KeyPair[] tooMany =
            [.. Enumerable.Range(1_000, GroupEpoch.MembersMax).Select(seed => Pair((ulong)seed))];
        Assert.Throws<ArgumentException>(() => new Device(Owner).Change(tooMany, [], _random, Published));
    }

    [Fact]
    public void More_heads_than_keys_fit_stop_sealing_until_the_owner_joins_them()
    {
        var first = new Device(Owner);
        Ed25519KeyPair[] people = [.. Enumerable.Range(200, 9).Select(seed => Pair((ulong)seed))];
        GroupEpoch root = first.Change(people, [], _random, Published);
        var writer = new Device(Owner);
        writer.Learn(root);
        foreach (Ed25519KeyPair person in people)
        {
            Assert.True(writer.State.CanSeal);
            var apart = new Device(Owner);
            apart.Learn(root);
            writer.Learn(apart.Change([], [person], _random, Published));
        }

        Assert.Equal(9, writer.State.Heads.Count);
        Assert.False(writer.State.CanSeal);
        writer.Change([], [], _random, Published);
        Assert.True(writer.State.CanSeal);
        Assert.All(people, person => Assert.False(writer.State.IsMember(person.PublicKey)));
    }

    private static byte[] Published(Ed25519PublicKey key) =>
        All.TryGetValue(key, out byte[]? known) ? known : new byte[32];

    private static readonly Dictionary<Ed25519PublicKey, byte[]> All =
        new[] { Owner, Bob, Eve, Zoe }.ToDictionary(pair => pair.PublicKey, SealingKeyOf);
}
