using Weft.Crypto;
using Weft.Graph.Access;
using Weft.Node;
using Weft.Node.Access;
using Weft.Primitives;

namespace Weft.Tests.Node;

public sealed class VerifyQueueTests
{
    private static readonly ICrypto Crypto = new BouncyCastleCrypto();

    private readonly ManualResetEventSlim _go = new();
    private readonly List<string> _order = []; // Of one worker.

    [Fact]
    public async Task A_source_waits_for_one_turn_of_another_not_for_its_whole_flood()
    {
        await using var queue = new VerifyQueue(Crypto, new VerifyOptions { Workers = 1 });
        Task<bool>[] flood = [.. Enumerable.Range(0, 200).Select(i => Ask(queue, 1, $"junk {i}", holds: false))];
        Task<bool> honest = Ask(queue, 2, "honest", holds: true);
        _go.Set();

        Assert.True(await honest);
        Assert.All(await Task.WhenAll(flood), Assert.True);
        Assert.InRange(_order.IndexOf("honest"), 0, 16); // The turn it came into, and at most one more.
        Assert.Equal((201, 200, 0), (queue.Checked, queue.Failed, queue.Waiting));
    }

    [Fact]
    public async Task A_source_over_its_bound_is_refused_and_no_other_one()
    {
        await using var queue = new VerifyQueue(Crypto, new VerifyOptions { Workers = 1, WaitingPerSourceMax = 10 });
        Task<bool>[] taken = [.. Enumerable.Range(0, 10).Select(i => Ask(queue, 1, $"a{i}", holds: true))];

        bool over = await Ask(queue, 1, "over", holds: true);
        Task<bool> other = Ask(queue, 2, "other", holds: true);
        _go.Set();

        Assert.False(over);
        Assert.True(await other);
        Assert.All(await Task.WhenAll(taken), Assert.True);
        Assert.DoesNotContain("over", _order);
    }

    [Fact]
    public async Task What_held_once_is_not_verified_again_and_what_failed_is()
    {
        await using var queue = new VerifyQueue(Crypto, new VerifyOptions { Workers = 1 });
        _go.Set();
        for (int i = 0; i < 3; i++)
        {
            await Ask(queue, 1, "good", holds: true);
            await Ask(queue, 1, "bad", holds: false);
        }

        Assert.Equal(["good", "bad", "bad", "bad"], _order);
    }

    [Fact]
    public async Task What_no_other_write_asks_for_is_not_remembered()
    {
        await using var queue = new VerifyQueue(Crypto, new VerifyOptions { Workers = 1 });
        _go.Set();
        await Ask(queue, 1, "own", holds: true, isShared: false);
        await Ask(queue, 1, "own", holds: true, isShared: false);

        Assert.Equal(["own", "own"], _order);
    }

    [Fact]
    public void The_memory_of_what_held_is_bounded()
    {
        var cache = new VerifiedCache(10);
        for (int i = 0; i < 1_000; i++)
        {
            cache.Add(new Check(this, $"c{i}", true));
        }

        Assert.InRange(cache.Count, 1, 10);
        Assert.True(cache.Contains(new Check(this, "c999", true)));
        Assert.False(cache.Contains(new Check(this, "c0", true)));
    }

    private Task<bool> Ask(VerifyQueue queue, long source, string name, bool holds, bool isShared = true)
    {
        var admission = new Admission(1, 0);
        admission.Set(0, new WriteJudgement(WeftError.None));
        admission.Need(new Check(this, name, holds, isShared), 0);
        return queue.VerifyAsync(source, admission, null).AsTask();
    }

    /// <summary>A signature that says what it is told to, once everybody stands in line.</summary>
    private sealed class Check(VerifyQueueTests test, string name, bool holds, bool isShared = true) : SignatureCheck
    {
        private readonly string _name = name;

        public override bool IsShared => isShared;

        public override bool Verify(ICrypto crypto, ISeaKeys keys)
        {
            test._go.Wait();
            test._order.Add(_name);
            return holds;
        }

        public override bool Equals(object? obj) => obj is Check other && other._name == _name;

        public override int GetHashCode() => _name.GetHashCode(StringComparison.Ordinal);
    }
}
