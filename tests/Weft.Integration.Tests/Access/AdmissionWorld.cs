using Weft.Graph;
using Weft.Graph.Access;
using Weft.Graph.Policy;
using Weft.Node;
using static Weft.Integration.Tests.Access.AdmissionSigners;

namespace Weft.Integration.Tests.Access;

/// <summary>What the table of who may write what builds on.</summary>
internal static class AdmissionWorld
{
    /// <summary>Policies, a rotation, and what the cases build on; the owners sign them.</summary>
    public static async Task PrepareAsync(WeftNode node, double nowMs)
    {
        double at = nowMs - 10_000_000;
        string alice = SoulOf(Alice);
        var typed = new PolicyDocument
        {
            Class = PolicyClass.Protected,
            Writers = [Bob.PublicKey],
            Rules = new RuleSet { Fields = new([new("age*", new FieldRule { Types = FieldTypes.Number, Max = 150 })]) },
        };
        FieldWrite[] records =
        [
            Sign(Alice, new($"weft:policy/prefix/{alice}/typed/", "1", Policy(typed), at)),
            Sign(Alice, new($"weft:policy/prefix/{alice}/zodiac/", "1", UnknownPolicy(), at)),
            Sign(Alice, new($"weft:policy/prefix/{alice}/secret/", "1",
                Policy(new PolicyDocument { Class = PolicyClass.Private }), at)),
            Sign(Alice, new($"weft:policy/prefix/{alice}/open/", "1",
                Policy(new PolicyDocument { Class = PolicyClass.Public }), at)),
            Sign(
                Carol,
                new($"weft:key/{Carol.PublicKey}", "next", RotationRecord.Write(Dave.PublicKey), nowMs - 3_600_000)),
        ];
        foreach (FieldWrite record in records)
        {
            WriteResult written = await node.Graph.WriteAsync([record], WriteSource.Local);
            Assert.True(written.IsAccepted, $"{record.Soul}: {written.Error} {written.Reason}");
        }

        while (node.IsRejudging)
        {
            await Task.Yield();
        }
    }
}
