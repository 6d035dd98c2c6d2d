using System.Collections.Concurrent;
using Weft.Crypto;
using Weft.Graph.Access;
using Weft.Node;
using Weft.Node.Access;
using Weft.Primitives;

namespace Weft.Tests.Node.Access;

public sealed class VerifyQueueTests
{
    private static readonly ICrypto Crypto = new BouncyCastleCrypto();

    private readonly ConcurrentQueue<string> _done = new();
    private readonly ManualResetEventSlim _go = new();

    [Fact]
    public async Task Sources_take_turns()
    {
        await using VerifyQueue queue = OneWorker(new VerifyOptions());
        Task holding = Hold(queue);
        Task<bool> flood = queue.VerifyAsync(1, Ask("junk", 100, holds: false), null).AsTask();
        Task<bool> honest = queue.VerifyAsync(2, Ask("honest", 1, holds: true), null).AsTask();
        _go.Set();

        Assert.True(await honest);
        Assert.True(await flood);
        await holding;
        int before = _done.TakeWhile(name => name != "honest").Count(name => name == "junk");
        Assert.InRange(before, 0, 8); // One turn of the flood, and not its hundred.
    }

    [Fact]
    public async Task A_source_with_too_much_waiting_is_told_so_and_others_are_not()
    {
        await using VerifyQueue queue = OneWorker(new VerifyOptions { WaitingPerSourceMax = 10 });
        Task holding = Hold(queue);
        Task<bool> first = queue.VerifyAsync(1, Ask("first", 8, holds: true), null).AsTask();

        Assert.False(await queue.VerifyAsync(1, Ask("more", 3, holds: true), null));
        Task<bool> other = queue.VerifyAsync(2, Ask("other", 3, holds: true), null).AsTask();
        _go.Set();

        Assert.True(await first);
        Assert.True(await other);
        await holding;
        Assert.DoesNotContain("more", _done);
        Assert.Equal(0, queue.Waiting);
    }

    [Fact]
    public async Task A_write_falls_with_its_first_wrong_signature_and_the_rest_is_spared()
    {
        await using VerifyQueue queue = OneWorker(new VerifyOptions());
        Admission admission = Of(2);
        admission.Need(new Check(this, "wrong", Holds: false), 0);
        admission.Need(new Check(this, "spared", Holds: true), 0);
        admission.Need(new Check(this, "right", Holds: true), 1);

        Assert.True(await queue.VerifyAsync(1, admission, null));
        Assert.Equal(WeftError.SignatureRefused, admission.Writes[0].Error);
        Assert.Equal(WeftError.None, admission.Writes[1].Error);
        Assert.Equal(["wrong", "right"], _done);
        Assert.Equal(1, queue.Failed);
    }

    [Fact]
    public async Task What_held_once_is_not_verified_again_and_what_failed_is()
    {
        await using VerifyQueue queue = OneWorker(new VerifyOptions());
        var good = new Check(this, "good", Holds: true);
        var bad = new Check(this, "bad", Holds: false);
        for (int round = 0; round < 3; round++)
        {
            Admission admission = Of(2);
            admission.Need(good, 0);
            admission.Need(bad, 1);
            Assert.True(await queue.VerifyAsync(1, admission, null));
            Assert.Equal(1, admission.RefusedWrite);
        }

        Assert.Equal(1, _done.Count(name => name == "good"));
        Assert.Equal(3, _done.Count(name => name == "bad"));
    }

    [Fact]
    public async Task What_is_not_wanted_is_not_verified()
    {
        await using VerifyQueue queue = OneWorker(new VerifyOptions());
        Admission admission = Of(2);
        admission.Need(new Check(this, "lost anyway", Holds: false), 0);
        admission.Need(new Check(this, "wanted", Holds: true), 1);

        Assert.True(await queue.VerifyAsync(1, admission, [false, true]));
        Assert.Equal(["wanted"], _done);
        Assert.Equal(WeftError.None, admission.Error);
    }

    private static VerifyQueue OneWorker(VerifyOptions options)
    {
        options.Workers = 1;
        return new VerifyQueue(Crypto, options);
    }

    private static Admission Of(int writes)
    {
        var admission = new Admission(writes, 0);
        for (int i = 0; i < writes; i++)
        {
            admission.Set(i, default);
        }

        return admission;
    }

    private Admission Ask(string name, int checks, bool holds)
    {
        Admission admission = Of(checks);
        for (int i = 0; i < checks; i++)
        {
            admission.Need(new Check(this, name, holds, i), i);
        }

        return admission;
    }

    /// <summary>Keeps the one worker busy until the test lets go, so that what comes next really waits.</summary>
    private Task Hold(VerifyQueue queue)
    {
        Admission admission = Of(1);
        admission.Need(new Check(this, "hold", Holds: true, Waits: true), 0);
        return queue.VerifyAsync(99, admission, null).AsTask();
    }

    private sealed record Numbered(string Name, int Number);

    private sealed class Check(VerifyQueueTests test, string Name, bool Holds, int Number = 0, bool Waits = false)
        : SignatureCheck
    {
        private Numbered Key => new(Name, Number);

        public override bool Verify(ICrypto crypto, ISeaKeys keys)
        {
            if (Waits)
            {
                test._go.Wait();
            }

            test._done.Enqueue(Name);
            return Holds;
        }

        public override bool Equals(object? obj) => obj is Check other && Key == other.Key;

        public override int GetHashCode() => Key.GetHashCode();
    }
}
