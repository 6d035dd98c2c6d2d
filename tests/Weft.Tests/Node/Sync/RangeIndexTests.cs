using Weft.Crypto;
using Weft.Graph;
using Weft.Node;
using Weft.Node.Storage;
using Weft.Node.Sync;
using Weft.Primitives;
using Weft.Protocols.Sync;

namespace Weft.Tests.Node.Sync;

public sealed class RangeIndexTests
{
    private static readonly ICrypto Crypto = PlatformCrypto.Create();

    [Fact]
    public async Task Sums_and_parts_are_those_of_a_plain_walk_while_the_graph_changes()
    {
        await using WeftNode node = await WeftNode.StartAsync(new NodeOptions(), new MemoryStore());
        using var index = new RangeIndex(node.Store, node.Changes, Crypto);
        var random = new WeftRandom(5);
        for (int round = 0; round < 12; round++)
        {
            for (int i = 0; i < 400; i++)
            {
                await node.Graph.Get($"{(char)('a' + random.Next(3))}/{random.Next(600)}")
                    .PutAsync($"f{random.Next(5)}", random.Next(1_000));
            }

            foreach (string prefix in (string[])["", "b/", "b/1", "zz"])
            {
                SyncKey from = random.Next(2) == 0 ? new(prefix, "") : new($"b/{random.Next(600)}", "f2");
                SyncKey to = random.Next(2) == 0 ? SyncKey.End : new($"c/{random.Next(600)}", "f3");
                RangeSum plain = await PlainAsync(node, prefix, from, to);
                IReadOnlyList<RangePart> parts = await index.SplitAsync(prefix, from, to, 16, default);

                Assert.Equal(plain, await index.SumAsync(prefix, from, to, default));
                Assert.Equal(plain, parts.Aggregate(default(RangeSum), (sum, part) => sum.Plus(part.Sum)));
                Assert.Equal(to, parts[^1].To);
                SyncKey low = from;
                foreach (RangePart part in parts)
                {
                    Assert.Equal(await PlainAsync(node, prefix, low, part.To), part.Sum);
                    low = part.To;
                }
            }
        }
    }

    [Fact]
    public async Task A_second_question_reads_only_what_has_changed()
    {
        await using WeftNode node = await WeftNode.StartAsync(new NodeOptions(), new MemoryStore());
        using var index = new RangeIndex(node.Store, node.Changes, Crypto);
        for (int i = 0; i < 200; i++)
        {
            await node.Graph.WriteAsync(
                [.. Enumerable.Range(0, 50).Select(field => new FieldWrite($"s/{i:000}", $"f{field}", i, double.NaN))],
                WriteSource.Local);
        }

        await index.SumAsync("", SyncKey.First, SyncKey.End, default);
        Assert.Equal(10_000, index.FieldsRead);
        await index.SumAsync("", SyncKey.First, SyncKey.End, default);
        Assert.Equal(10_000, index.FieldsRead);

        await node.Graph.Get("s/100").PutAsync("f1", "changed");
        await index.SumAsync("", SyncKey.First, SyncKey.End, default);
        Assert.InRange(index.FieldsRead, 10_001, 10_600);
        Assert.InRange(index.Pages, 20, 60);
    }

    [Fact]
    public async Task Reading_goes_on_where_it_stopped()
    {
        await using WeftNode node = await WeftNode.StartAsync(new NodeOptions(), new MemoryStore());
        using var index = new RangeIndex(node.Store, node.Changes, Crypto);
        for (int i = 0; i < 300; i++)
        {
            await node.Graph.Get($"s/{i % 30}").PutAsync($"f{i}", i);
        }

        var all = new List<FieldWrite>();
        SyncKey? at = SyncKey.First;
        int reads = 0;
        while (at is { } from)
        {
            (IReadOnlyList<FieldWrite> writes, at) = await index.ReadAsync("", from, SyncKey.End, 500, default);
            all.AddRange(writes);
            reads++;
        }

        Assert.Equal(300, all.Count);
        Assert.Equal(300, all.Select(SyncKeyOf).Distinct().Count());
        Assert.InRange(reads, 15, 150);
    }

    private static SyncKey SyncKeyOf(FieldWrite write) => SyncKey.Of(write);

    private static async Task<RangeSum> PlainAsync(WeftNode node, string prefix, SyncKey from, SyncKey to)
    {
        RangeSum sum = default;
        foreach (string soul in await node.Store.ListSoulsAsync(LexRange.All, int.MaxValue))
        {
            NodePage page = await node.Store.ReadNodeAsync(soul, LexRange.All, int.MaxValue, long.MaxValue);
            foreach (StoredField field in page.Fields)
            {
                var key = new SyncKey(soul, field.Field);
                if (key >= from && key < to && soul.StartsWith(prefix, StringComparison.Ordinal))
                {
                    sum = sum.Plus(FieldHash.Of(Crypto, soul, field.Field, field.State, field.Value));
                }
            }
        }

        return sum;
    }
}
