using Weft.Graph.Policy;
using Weft.Protocols.Replication;
using Weft.Tests.Graph.Policy;

namespace Weft.Tests.Protocols.Replication;

public sealed class ReplicationPlansTests
{
    [Fact]
    public void The_longest_policy_counts_then_the_configuration_then_nothing()
    {
        var rig = new ReplicationRig(("room/", "everyone"), ("room/quiet/", "local"), (ReplicationRig.Owned, "local"));
        rig.Store("", "{'weft':1,'class':'public','replicate':'responsible(2)'}");
        rig.Store("a/", "{'weft':1,'class':'public','replicate':'everyone+responsible(3)'}");
        rig.Store("silent/", "{'weft':1,'class':'public'}");

        Assert.Equal((ReplicationRig.Owned + "a/", "everyone+responsible(3)"), Plan(rig, ReplicationRig.Owned + "a/x"));
        Assert.Equal((ReplicationRig.Owned, "responsible(2)"), Plan(rig, ReplicationRig.Owned + "b"));
        Assert.Equal((ReplicationRig.Owned, "local"), Plan(rig, ReplicationRig.Owned + "silent/x"));
        Assert.Equal(("room/", "everyone"), Plan(rig, "room/1"));
        Assert.Equal(("room/quiet/", "local"), Plan(rig, "room/quiet/1"));
        Assert.Equal(("", ""), Plan(rig, "elsewhere"));
        Assert.Equal(("", ""), Plan(rig, "weft:policy/prefix/" + ReplicationRig.Owned));
    }

    [Fact]
    public void Reach_says_who_gets_it_without_asking()
    {
        var rig = new ReplicationRig(
            ("e/", "everyone"), ("r/", "responsible(3)"), ("b/", "everyone+responsible(3)"), ("l/", "local"));

        Assert.Equal(ReplicaReach.Everywhere, rig.Plans.PlanOf("e/1").Reach);
        Assert.Equal(ReplicaReach.Asked, rig.Plans.PlanOf("r/1").Reach);
        Assert.Equal(ReplicaReach.Everywhere, rig.Plans.PlanOf("b/1").Reach);
        Assert.Equal(ReplicaReach.Nowhere, rig.Plans.PlanOf("l/1").Reach);
        Assert.Equal(ReplicaReach.Everywhere, rig.Plans.PlanOf("other").Reach);
    }

    [Fact]
    public void The_newest_version_counts_whatever_its_state()
    {
        var rig = new ReplicationRig();
        rig.Store("", "{'weft':1,'class':'public','replicate':'everyone'}");
        rig.Store("", "{'weft':1,'class':'public','replicate':'local'}", version: 2);

        Assert.True(rig.Plans.PlanOf(ReplicationRig.Owned + "x").Words.IsLocal);
        Assert.True(Assert.Single(rig.Plans.ReadAll()).Words.IsLocal);
    }

    [Fact]
    public void Topics_of_scopes_networks_and_kinds_are_different()
    {
        var prefix = new ReplicationPlan("room/", false, default);
        string[] topics =
        [
            ReplicationPlans.TopicOf(PolicyRig.Crypto, new byte[32], prefix),
            ReplicationPlans.TopicOf(PolicyRig.Crypto, new byte[32], prefix with { IsNode = true }),
            ReplicationPlans.TopicOf(PolicyRig.Crypto, new byte[32], prefix with { Scope = "room" }),
            ReplicationPlans.TopicOf(PolicyRig.Crypto, PolicyRig.NetworkId, prefix),
        ];

        Assert.Equal(4, topics.Distinct().Count());
        Assert.All(topics, topic => Assert.Equal(ReplicationPlans.TopicStart.Length + 43, topic.Length));
    }

    private static (string Scope, string Words) Plan(ReplicationRig rig, string soul)
    {
        ReplicationPlan plan = rig.Plans.PlanOf(soul);
        return (plan.Scope, plan.Words.ToString());
    }
}
