using Weft.Primitives;

namespace Weft.Tests.Primitives;

public sealed class WeftInstantTests
{
    [Fact]
    public void A_span_is_added_and_taken_away_again()
    {
        var start = new WeftInstant(1_000_000);

        WeftInstant later = start + TimeSpan.FromMilliseconds(1.5);

        Assert.Equal(1_001_500, later.Microseconds);
        Assert.Equal(TimeSpan.FromMilliseconds(1.5), later - start);
        Assert.True(start < later && later > start && start <= later && later >= start && start != later);
        Assert.Equal(-1, Math.Sign(start.CompareTo(later)));
    }

    [Fact]
    public void No_sum_passes_never()
    {
        var at = new WeftInstant(1);
        for (int i = 0; i < 11; i++)
        {
            at += TimeSpan.MaxValue; // A tenth of the range each.
        }

        Assert.Equal(WeftInstant.Never, at);
        Assert.Equal(WeftInstant.Never, WeftInstant.Never + TimeSpan.FromTicks(10));
    }
}
