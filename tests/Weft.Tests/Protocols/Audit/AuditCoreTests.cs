using Weft.Graph;
using Weft.Primitives;
using Weft.Protocols.Audit;
using Weft.Protocols.Sync;

namespace Weft.Tests.Protocols.Audit;

public sealed class AuditCoreTests
{
    [Fact]
    public void Equal_stores_are_equal_for_a_handful_of_bytes()
    {
        var rig = new AuditRig();
        Fill(rig, 3_000);

        AuditTally tally = rig.Run();

        Assert.Equal((0, 3_000, 3_000, 1), (tally.Different, tally.FieldsHere, tally.FieldsThere, tally.Asks));
        Assert.InRange(rig.Bytes, 1, 100);
    }

    [Fact]
    public void Every_kind_of_difference_is_found_and_named()
    {
        var rig = new AuditRig();
        Fill(rig, 3_000);
        rig.Here.Merge(Field("room/0007", "mine", 1, 5), 0);
        rig.There.Merge(Field("room/0900", "theirs", 1, 6), 0);
        rig.Here.Merge(Field("room/1100", "f", 2, 70), 0);
        rig.There.Merge(Field("room/2000", "f", 2, 80), 0);
        rig.Here.Merge(Field("tie", "f", 1, 9), 0);
        rig.There.Merge(Field("tie", "f", 2, 9), 0);

        AuditTally tally = rig.Run();

        Assert.Equal(
            [
                new(new("room/0007", "mine"), AuditDifferenceKind.OnlyHere, 5, double.NaN),
                new(new("room/0900", "theirs"), AuditDifferenceKind.OnlyThere, double.NaN, 6),
                new(new("room/1100", "f"), AuditDifferenceKind.NewerHere, 70, 1),
                new(new("room/2000", "f"), AuditDifferenceKind.NewerThere, 1, 80),
                new(new("tie", "f"), AuditDifferenceKind.Tied, 9, 9),
            ],
            tally.Differences.OrderBy(one => one.Key));
        Assert.Equal((1L, 1L, 1L, 1L, 1L), (tally.OnlyHere, tally.OnlyThere, tally.NewerHere, tally.NewerThere, tally.Tied));
        Assert.InRange(rig.Bytes, 1, 40_000); // The fields alone would be some 200 KB.
        Assert.Empty(rig.Exchanges);
    }

    [Fact]
    public void Only_the_prefix_is_looked_at()
    {
        var rig = new AuditRig();
        Fill(rig, 200);
        rig.Here.Merge(Field("other", "f", 1, 5), 0);
        rig.Here.Merge(Field("room/x", "f", 1, 5), 0);

        AuditTally tally = rig.Run("room/");

        Assert.Equal((1, 201, 200), (tally.OnlyHere, tally.FieldsHere, tally.FieldsThere));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_store_against_an_empty_one_is_counted_in_full_and_named_up_to_the_ceiling(bool isHere)
    {
        var rig = new AuditRig(new AuditOptions { DifferencesMax = 100 });
        for (int i = 0; i < 5_000; i++)
        {
            (isHere ? rig.Here : rig.There).Merge(Field($"s/{i:0000}", "f", i, 1), 0);
        }

        AuditTally tally = rig.Run();

        Assert.Equal(5_000, isHere ? tally.OnlyHere : tally.OnlyThere);
        Assert.Equal((5_000, 100), (tally.Different, tally.Differences.Count));
        Assert.InRange(rig.Bytes, 1, 20_000); // What is only there is not listed, what is only here not asked for.
    }

    [Fact]
    public void Healing_makes_both_sides_equal()
    {
        var rig = new AuditRig();
        Fill(rig, 1_000);
        for (int i = 0; i < 300; i++)
        {
            rig.Here.Merge(Field($"room/{i * 3:0000}", "mine", i, 5), 0);
            rig.There.Merge(Field($"room/{i * 2:0000}", "f", -i, 50 + (i % 2)), 0);
        }

        rig.Run(heals: true);

        Assert.NotEmpty(rig.Exchanges);
        Assert.All(rig.Exchanges, one => Assert.InRange(one.Take!.Count, 0, 4_096));
        Assert.Equal(0, rig.Run().Different);
        Assert.Equal(rig.Here.All, rig.There.All);
    }

    [Fact]
    public void Whatever_two_stores_hold_the_audit_finds_exactly_what_differs()
    {
        for (ulong seed = 1; seed <= 60; seed++)
        {
            var random = new WeftRandom(seed);
            var rig = new AuditRig(new AuditOptions
            {
                ItemsMax = random.Next(1, 40), Parts = random.Next(2, 20), RangesMax = random.Next(1, 20),
                DifferencesMax = 10_000,
            });
            int fields = random.Next(600);
            for (int i = 0; i < fields; i++)
            {
                FieldWrite write = Field($"s/{random.Next(200)}", $"f{random.Next(5)}", random.Next(3), random.Next(4));
                int where = random.Next(10);
                _ = where != 0 && rig.Here.Merge(write, 0);
                _ = where != 1 && rig.There.Merge(write, 0);
            }

            AuditTally tally = rig.Run();

            HashSet<SyncKey> wanted = [.. Differing(rig)];
            Assert.Equal(wanted.Order(), tally.Differences.Select(one => one.Key).Order());
            Assert.Equal(wanted.Count, tally.Different);
            Assert.False(tally.IsCut);
        }
    }

    [Fact]
    public void Samples_read_fields_in_drawn_places_and_see_a_store_that_differs_much()
    {
        var rig = new AuditRig();
        Fill(rig, 5_000);
        AuditTally equal = rig.Run(samples: 10);
        Assert.Equal(0, equal.Different);
        Assert.InRange(equal.Compared, 10, 10 * 64);
        for (int i = 0; i < 5_000; i += 4)
        {
            rig.There.Merge(Field($"room/{i:0000}", "f", 9, 90), 0);
        }

        AuditTally tally = rig.Run(samples: 10);

        Assert.InRange(tally.NewerThere / (double)tally.Compared, 0.15, 0.35); // A quarter of all.
        Assert.Equal(tally.Differences, rig.Run(samples: 10).Differences); // The same seed draws the same places.
        Assert.NotEqual(tally.Differences, rig.Run(samples: 10, seed: 2).Differences);
    }

    [Fact]
    public void Ceilings_end_an_audit_that_would_go_on_and_it_says_so()
    {
        var few = new AuditRig(new AuditOptions { AsksMax = 3 });
        var narrow = new AuditRig(new AuditOptions { WorkMax = 5, ItemsMax = 2 });
        foreach (AuditRig rig in (AuditRig[])[few, narrow])
        {
            Fill(rig, 2_000);
            for (int i = 0; i < 2_000; i += 7)
            {
                rig.Here.Merge(Field($"room/{i:0000}", "f", 9, 90), 0);
            }

            AuditTally tally = rig.Run();

            Assert.True(tally.IsCut);
            Assert.InRange(tally.Different, 0, 280);
        }

        Assert.InRange(narrow.WorkMost, 0, 5);
    }

    [Fact]
    public void A_peer_that_breaks_the_rules_ends_the_audit()
    {
        foreach (Func<AuditAnswer, AuditMessage?> lie in (Func<AuditAnswer, AuditMessage?>[])
        [
            _ => null,
            answer => answer with { Number = answer.Number + 1 },
            answer => answer with { Findings = [.. answer.Findings, .. answer.Findings] },
            answer => answer with { Findings = [new AuditFinding(null, [])] },
            answer => answer with { Findings = [new AuditFinding([new(new("b", ""), 1, 1)])] },
            answer => new AuditAsk(answer.Number, "", [new(SyncKey.First, SyncKey.End, 1)]),
            _ => new AuditGoodbye(WeftError.NodeUnavailable),
        ])
        {
            var rig = new AuditRig { Lie = lie };
            Fill(rig, 10);

            Assert.NotEqual(WeftError.None, rig.Run().Error);
        }
    }

    [Fact]
    public void A_peer_that_always_differs_and_never_gets_smaller_cannot_keep_an_audit_going()
    {
        var rig = new AuditRig(new AuditOptions { AsksMax = 50 });
        Fill(rig, 10);
        rig.Lie = answer => answer with
        {
            Findings = [.. answer.Findings.Select(finding => finding.Parts is { } parts
                ? finding with { Parts = [.. parts.Select(part => part with { Fingerprint = 7, Count = 1L << 40 })] }
                : finding)],
        };

        AuditTally tally = rig.Run();

        Assert.InRange(tally.Asks, 1, 50);
    }

    private static FieldWrite Field(string soul, string field, double value, double state) => new(soul, field, value, state);

    private static void Fill(AuditRig rig, int fields)
    {
        for (int i = 0; i < fields; i++)
        {
            rig.WriteBoth(Field($"room/{i:0000}", "f", i, 1));
        }
    }

    private static IEnumerable<SyncKey> Differing(AuditRig rig)
    {
        Dictionary<SyncKey, FieldWrite> here = rig.Here.All.ToDictionary(write => SyncKey.Of(write));
        Dictionary<SyncKey, FieldWrite> there = rig.There.All.ToDictionary(write => SyncKey.Of(write));
        foreach (SyncKey key in here.Keys.Union(there.Keys))
        {
            if (!here.TryGetValue(key, out FieldWrite ours) || !there.TryGetValue(key, out FieldWrite theirs)
                || ours != theirs)
            {
                yield return key;
            }
        }
    }
}
