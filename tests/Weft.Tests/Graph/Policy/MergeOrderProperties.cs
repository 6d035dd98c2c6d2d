using Weft.Graph;
using Weft.Graph.Policy;
using Weft.Primitives;

namespace Weft.Tests.Graph.Policy;

/// <summary>
/// The laws of every merge method, over versions that often tie and policies that change the method on the way.
/// </summary>
public sealed class MergeOrderProperties
{
    private const string Soul = "n/x";
    private const double Now = 1_000;

    private static readonly string[] Policies =
    [
        "{'weft':1,'class':'public'}",
        "{'weft':1,'class':'public','merge':{'f':'first'}}",
        "{'weft':1,'class':'public','merge':{'f':'max'}}",
        "{'weft':1,'class':'public','merge':{'f':'min'}}",
        "{'weft':1,'class':'public','merge':{'g':'first'}}",
    ];

    [Fact]
    public void Merge_is_commutative_associative_and_idempotent_whatever_the_policies()
    {
        var random = new WeftRandom(seed: 5);
        for (int round = 0; round < 10_000; round++)
        {
            PolicyBook book = RandomBook(random);
            FieldWrite a = RandomWrite(random);
            FieldWrite b = RandomWrite(random);
            FieldWrite c = RandomWrite(random);

            FieldWrite left = Merge(book, Merge(book, a, b), c);
            Assert.Equal(Merge(book, a, b), Merge(book, b, a));
            Assert.Equal(left, Merge(book, a, Merge(book, b, c)));
            Assert.Equal(left, Merge(book, left, b));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Five_replicas_end_alike_after_any_delivery_with_duplicates(int policy)
    {
        var random = new WeftRandom((ulong)policy + 100);
        var rig = new PolicyRig();
        rig.StorePolicy("n/", 1, 1, Policies[policy]);
        for (int round = 0; round < 40; round++)
        {
            FieldWrite[] ops = [.. Enumerable.Range(0, 100).Select(_ => RandomWrite(random, numbersOnly: policy > 1,
                from: 1))];
            var ends = new HashSet<FieldWrite>();
            for (int replica = 0; replica < 5; replica++)
            {
                FieldWrite[] order = [.. ops, .. ops.Where(_ => random.Chance(0.3))];
                Shuffle(order, random);
                ends.Add(Replay(rig.Book, order, random));
            }

            FieldWrite end = Assert.Single(ends);
            double expected = policy switch
            {
                1 => ops.Min(op => op.State),
                2 => ops.Max(op => op.Value.AsNumber()!.Value),
                3 => ops.Min(op => op.Value.AsNumber()!.Value),
                _ => ops.Max(op => op.State),
            };
            Assert.Equal(expected, policy > 1 ? end.Value.AsNumber() : end.State);
        }
    }

    [Fact]
    public void New_method_begins_afresh_and_an_unrelated_version_does_not()
    {
        var rig = new PolicyRig();
        rig.StorePolicy("n/", 1, 10, Policies[1]);
        rig.StorePolicy("n/", 2, 20, "{'weft':1,'class':'public','merge':{'f':'first','g':'max'}}");
        rig.StorePolicy("n/", 3, 30, Policies[2]);

        // Write-once begins at 10: what was written before does not count as the first.
        Assert.Equal(12, Winner(5, 12));
        Assert.Equal(12, Winner(12, 25)); // Version 2 changes another field only.
        Assert.Equal(35, Winner(12, 35));
        Assert.Equal(35, Winner(5, 35));

        double Winner(double earlier, double later)
        {
            FieldWrite merged = Merge(rig.Book, Write(7, earlier), Write(1, later));
            Assert.Equal(merged, Merge(rig.Book, Write(1, later), Write(7, earlier)));
            return merged.State;
        }
    }

    [Fact]
    public void Core_keeps_clock_and_deferral_right_when_a_lower_state_wins()
    {
        var rig = new PolicyRig();
        rig.StorePolicy("n/", 1, 1, Policies[1]);
        var view = new GraphView();
        var outbox = new Outbox<GraphOutput>();
        var core = new GraphCore(new GraphOptions());
        FieldWrite[] delta = [Write("b", 5), Write("c", 7), Write("early", Now + 1), Write("a", 3), Write("a", 3)];
        view.Begin(delta);
        view.Set(0, new StoredField("f", "known", 6, 9));

        core.Apply(delta, view, Now, outbox, rig.Book);

        Assert.Equal(
            [GraphOutputKind.Persist, GraphOutputKind.Keep, GraphOutputKind.Defer, GraphOutputKind.Persist,
                GraphOutputKind.Keep],
            outbox.Items.ToArray().Select(output => output.Kind));
        Assert.Equal(HamVerdict.KnownByPolicy, outbox[1].Verdict);
        Assert.Equal("known", outbox[0].Displaced.Value.AsText());
        Assert.Equal(HamVerdict.Equal, outbox[4].Verdict);
    }

    [Fact]
    public void Dropped_field_loses_against_everything_and_never_wins()
    {
        var rig = new PolicyRig();
        rig.StorePolicy("n/", 1, 1, Policies[1]);
        foreach (IMergeOrder? order in (IMergeOrder?[])[null, rig.Book])
        {
            Assert.Equal(GraphOutputKind.Persist, Apply(order, Dropped, Write(WeftValue.Null, -1e300)));
            Assert.Equal(GraphOutputKind.Persist, Apply(order, Dropped, Write("v", 5)));
            Assert.Equal(GraphOutputKind.Keep, Apply(order, new StoredField("f", "v", 5, 1), Write(default,
                PolicyBook.DroppedState)));
            Assert.Equal(GraphOutputKind.Keep, Apply(order, null, Write("v", PolicyBook.DroppedState)));
        }
    }

    [Fact]
    public void Merge_with_an_order_allocates_nothing_for_ordinary_fields()
    {
        var rig = new PolicyRig();
        var view = new GraphView();
        var outbox = new Outbox<GraphOutput>();
        var core = new GraphCore(new GraphOptions());
        FieldWrite[] delta = [Write("new", 5)];
        Run(100);

        long before = GC.GetAllocatedBytesForCurrentThread();
        Run(1_000);

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Run(int times)
        {
            for (int i = 0; i < times; i++)
            {
                view.Begin(delta);
                view.Set(0, new StoredField("f", default, 2, 1));
                core.Apply(delta, view, Now, outbox, rig.Book);
                outbox.Clear();
            }
        }
    }

    private static StoredField Dropped => new("f", default, PolicyBook.DroppedState, 3);

    private static FieldWrite Write(WeftValue value, double state) => new(Soul, "f", value, state);

    private static GraphOutputKind Apply(IMergeOrder? order, StoredField? known, FieldWrite write)
    {
        var view = new GraphView();
        var outbox = new Outbox<GraphOutput>();
        view.Begin([write]);
        if (known is { } field)
        {
            view.Set(0, field);
        }

        new GraphCore(new GraphOptions()).Apply([write], view, Now, outbox, order);
        return outbox[0].Kind;
    }

    private static FieldWrite Merge(PolicyBook book, FieldWrite known, FieldWrite incoming) =>
        book.Judge(incoming, new StoredField("f", known.Value, known.State, 1)) == HamVerdict.Incoming ? incoming
            : known;

    private static FieldWrite Replay(PolicyBook book, FieldWrite[] order, WeftRandom random)
    {
        var view = new GraphView();
        var outbox = new Outbox<GraphOutput>();
        var core = new GraphCore(new GraphOptions());
        StoredField? known = null;
        for (int at = 0; at < order.Length;)
        {
            int count = Math.Min(1 + random.Next(4), order.Length - at);
            view.Begin(order.AsSpan(at, count));
            if (known is { } field)
            {
                view.Set(0, field);
            }

            core.Apply(order.AsSpan(at, count), view, Now, outbox, book);
            outbox.Clear();
            Assert.True(view.TryGet(0, out StoredField after));
            known = after with { Sequence = 1 };
            at += count;
        }

        return Write(known!.Value.Value, known.Value.State);
    }

    private static PolicyBook RandomBook(WeftRandom random)
    {
        var rig = new PolicyRig();
        for (int version = 1; version <= random.Next(5); version++)
        {
            rig.StorePolicy(random.Chance(0.7) ? "n/" : "", version, random.Next(8), Policies[random.Next(
                Policies.Length)]);
        }

        return rig.Book;
    }

    private static FieldWrite RandomWrite(WeftRandom random, bool numbersOnly = false, int from = 0)
    {
        WeftValue[] values = [random.Next(4), -random.NextDouble(), random.Next(3), "a", "b", default, true];
        return Write(values[random.Next(numbersOnly ? 3 : values.Length)], from + random.Next(8));
    }

    private static void Shuffle(FieldWrite[] items, WeftRandom random)
    {
        for (int i = items.Length - 1; i > 0; i--)
        {
            int other = random.Next(i + 1);
            (items[i], items[other]) = (items[other], items[i]);
        }
    }
}
