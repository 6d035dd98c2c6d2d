using Weft.Graph;
using Weft.Tests.Graph.Policy;

namespace Weft.Tests.Protocols.Replication;

public sealed class GraphRecordRuleTests
{
    private const double NowMs = 1_000_000;

    private static readonly string Soul = ReplicationRig.Owned + "room/1";

    [Fact]
    public void A_state_holds_what_admission_lets_in_and_nothing_else()
    {
        var rig = new ReplicationRig();
        byte[] key = ReplicationRig.KeyOf(Soul);
        byte[] good = ReplicationRig.Value(3, ReplicationRig.Signed(Soul, "a", "x", 10));

        Assert.True(rig.Rule.IsValid(key, good, NowMs));
        Assert.True(rig.Rule.IsValid(key, good, NowMs)); // Remembered.
        Assert.False(rig.Rule.IsValid(key, ReplicationRig.Value(3, new FieldWrite(Soul, "a", "x", 10)), NowMs));
        Assert.False(rig.Rule.IsValid(
            key, ReplicationRig.Value(3, ReplicationRig.Signed(Soul, "a", "x", 10, key: 2)), NowMs));
        Assert.Equal(2, rig.Rule.Refused);
    }

    [Fact]
    public void Not_one_bit_of_a_signed_state_can_be_changed()
    {
        var rig = new ReplicationRig();
        byte[] key = ReplicationRig.KeyOf(Soul);
        byte[] good = ReplicationRig.Value(3, ReplicationRig.Signed(Soul, "a", "x", 10));
        int accepted = 0;
        for (int bit = 3 * 8; bit < good.Length * 8; bit++)
        {
            byte[] tampered = [.. good];
            tampered[bit / 8] ^= (byte)(1 << (bit % 8));
            accepted += rig.Rule.IsValid(key, tampered, NowMs) ? 1 : 0;
        }

        Assert.Equal(0, accepted); // The three bytes in front say how many peers and which pages; nobody signs those.
    }

    [Fact]
    public void A_policy_that_comes_changes_the_verdict()
    {
        var rig = new ReplicationRig();
        byte[] key = ReplicationRig.KeyOf(Soul);
        byte[] foreign = ReplicationRig.Value(3, ReplicationRig.Signed(Soul, "a", "x", 10, key: 2));
        Assert.False(rig.Rule.IsValid(key, foreign, NowMs));

        rig.Store("room/", $$"""{'weft':1,'class':'protected','writers':['{{PolicyRig.Key(2)}}']}""");
        Assert.True(rig.Rule.IsValid(key, foreign, NowMs));
        rig.Store("room/", "{'weft':1,'class':'protected','replicate':'local'}", version: 2);
        Assert.False(rig.Rule.IsValid(key, foreign, NowMs));
    }

    [Fact]
    public void A_state_of_the_far_future_is_refused_until_its_time_has_come()
    {
        var rig = new ReplicationRig();
        byte[] key = ReplicationRig.KeyOf(Soul);
        byte[] early = ReplicationRig.Value(3, ReplicationRig.Signed(Soul, "a", "x", NowMs + 3_600_000));

        Assert.False(rig.Rule.IsValid(key, early, NowMs));
        Assert.True(rig.Rule.IsValid(key, early, NowMs + 3_600_000));
    }

    [Fact]
    public void The_policy_says_how_many_peers_and_the_value_where_no_policy_is_known()
    {
        var rig = new ReplicationRig();
        byte[] key = ReplicationRig.KeyOf(Soul);
        byte[] value = ReplicationRig.Value(7, ReplicationRig.Signed(Soul, "a", "x", 10));

        Assert.Equal(7, rig.Rule.CopiesOf(key, value));
        rig.Store("room/", "{'weft':1,'class':'protected','replicate':'responsible(2)'}");
        Assert.Equal(2, rig.Rule.CopiesOf(key, value));
        Assert.Equal(0, rig.Rule.CopiesOf("/weft/x/y"u8, "z"u8));
    }

    [Fact]
    public void Two_states_that_do_not_fit_into_one_record_stay_two()
    {
        var rig = new ReplicationRig();
        byte[] key = ReplicationRig.KeyOf("free/1");
        byte[] one = ReplicationRig.Value(3, new FieldWrite("free/1", "a", new string('x', 30_000), 10));
        byte[] other = ReplicationRig.Value(3, new FieldWrite("free/1", "b", new string('y', 30_000), 10));

        Assert.Equal(one, rig.Rule.Merge(key, one, other).ToArray());
        Assert.Equal(other, rig.Rule.Merge(key, other, one).ToArray());
    }

    [Fact]
    public void Other_keys_of_the_namespace_are_judged_as_before()
    {
        var rig = new ReplicationRig();

        Assert.False(rig.Rule.IsState("/weft/x/y"u8));
        Assert.False(rig.Rule.IsValid("/weft/x/y"u8, "nothing signed"u8, NowMs));
        Assert.True(rig.Rule.IsState(ReplicationRig.KeyOf(Soul)));
    }
}
