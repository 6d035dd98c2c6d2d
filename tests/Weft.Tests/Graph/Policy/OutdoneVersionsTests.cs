using Weft.Graph;
using Weft.Graph.Policy;

namespace Weft.Tests.Graph.Policy;

public sealed class OutdoneVersionsTests
{
    private static readonly FieldExtras Signed = new(new byte[32], new byte[64]);

    [Fact]
    public void Signed_losers_of_either_side_are_given_back_once()
    {
        var outdone = new OutdoneVersions(new PolicyOptions());
        outdone.Note(Write("new", 5), Won(Known("old", 3)));
        outdone.Note(Write("late", 4), Lost(HamVerdict.KnownNewer));
        outdone.Note(Write("late", 4), Lost(HamVerdict.KnownNewer)); // The same again.
        outdone.Note(Write("same", 5), Lost(HamVerdict.Equal));
        outdone.Note(Write("plain", 4.5) with { Extras = null }, Lost(HamVerdict.KnownNewer));

        Assert.Equal(2, outdone.Count);
        Assert.Empty(outdone.Take("s", "other"));
        Assert.Equal(["old", "late"], outdone.Take("s", "f").Select(version => version.Value.AsText()));
        Assert.Equal((0, 0L), (outdone.Count, outdone.Bytes));
        Assert.Empty(outdone.Take("s", "f"));
    }

    [Fact]
    public void A_field_keeps_its_newest_few()
    {
        var outdone = new OutdoneVersions(new PolicyOptions());
        for (int i = 0; i < 10; i++)
        {
            outdone.Note(Write($"v{i}", i), Lost(HamVerdict.KnownNewer));
        }

        Assert.Equal(["v6", "v7", "v8", "v9"], outdone.Take("s", "f").Select(version => version.Value.AsText()));
    }

    [Theory]
    [InlineData(10, 1 << 20)]
    [InlineData(1_000, 5_000)]
    [InlineData(0, 0)]
    public void Both_ceilings_are_kept_and_the_oldest_goes_first(int versions, long bytes)
    {
        var outdone = new OutdoneVersions(new PolicyOptions { OutdoneMax = versions, OutdoneBytesMax = bytes });
        for (int i = 0; i < 2_000; i++)
        {
            outdone.Note(Write("value", i % 7, $"f{i % 300}"), Lost(HamVerdict.KnownNewer));
            Assert.InRange(outdone.Count, 0, versions);
            Assert.InRange(outdone.Bytes, 0, bytes);
        }

        Assert.Equal(versions > 0, outdone.Take("s", $"f{1_999 % 300}").Length > 0);
        Assert.Empty(outdone.Take("s", "f250"));
    }

    [Fact]
    public void Ordinary_writes_cost_nothing()
    {
        var outdone = new OutdoneVersions(new PolicyOptions());
        FieldWrite write = Write("v", 5) with { Extras = null };
        GraphOutput won = Won(Known("old", 3) with { Extras = null });
        outdone.Note(write, won);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1_000; i++)
        {
            outdone.Note(write, won);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(0, outdone.Count);
    }

    private static FieldWrite Write(string value, double state, string field = "f") =>
        new("s", field, value, state, Signed);

    private static StoredField Known(string value, double state) => new("f", value, state, 1, Signed);

    private static GraphOutput Won(StoredField displaced) =>
        new(GraphOutputKind.Persist, 0, Displaced: displaced, HadKnown: true);

    private static GraphOutput Lost(HamVerdict verdict) =>
        new(GraphOutputKind.Keep, 0, verdict, Displaced: Known("stays", 100), HadKnown: true);
}
