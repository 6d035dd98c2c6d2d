using Weft.Primitives;
using Weft.Protocols.Sync;
using Weft.Tests.Protocols.Dialing;

namespace Weft.Tests.Protocols.Sync;

public sealed class SyncBudgetTests
{
    private static readonly WeftInstant Start = new(1_000_000);

    private readonly SyncOptions _options = new() { RangesPerSecond = 10, RangesBurst = 100, BudgetsMax = 3 };

    [Fact]
    public void Who_asks_for_more_than_his_share_waits_and_others_do_not()
    {
        var budget = new SyncBudget(_options);
        Assert.Equal(TimeSpan.Zero, budget.Take(AddressBookTests.Peer(1), Ranges(100), Start));
        Assert.Equal(TimeSpan.FromSeconds(5), budget.Take(AddressBookTests.Peer(1), Ranges(50), Start));
        Assert.Equal(TimeSpan.Zero, budget.Take(AddressBookTests.Peer(2), Ranges(100), Start));
        Assert.Equal(TimeSpan.Zero, budget.Take(AddressBookTests.Peer(1), Ranges(50), Start + TimeSpan.FromSeconds(10)));
    }

    [Fact]
    public void Changes_cost_nothing_here_because_credit_bounds_them_and_questions_and_wishes_do()
    {
        Assert.Equal(0, SyncBudget.CostOf(new SyncCompared(IsSent: true)));
        Assert.Equal(1, SyncBudget.CostOf(new SyncAsk(1, "s", null)));
        Assert.Equal(1, SyncBudget.CostOf(new SyncProbe(1, -1)));
        Assert.Equal(3, SyncBudget.CostOf(new SyncWant("", default, SyncKey.End, new UInt128[40])));
        Assert.Equal(7, SyncBudget.CostOf(Ranges(7)));
    }

    [Fact]
    public void However_many_peers_come_only_so_many_are_remembered()
    {
        var budget = new SyncBudget(_options);
        for (uint i = 1; i <= 50; i++)
        {
            budget.Take(AddressBookTests.Peer(i), Ranges(1), Start);
        }

        Assert.Equal(3, budget.Count);
    }

    private static SyncRanges Ranges(int count) => new("", default, [.. Enumerable.Range(0, count).Select(_ => new SyncRange(SyncKey.End))]);
}
