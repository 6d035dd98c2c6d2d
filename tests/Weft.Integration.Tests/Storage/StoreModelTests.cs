using Weft.Graph;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Storage;

namespace Weft.Integration.Tests.Storage;

/// <summary>Random operations on the engine against a dictionary, with flushes, maintenance and restarts in between.</summary>
public sealed class StoreModelTests
{
    [Theory]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(3, false)]
    [InlineData(4, true)]
    [InlineData(5, true)]
    public async Task Random_operations_agree_with_a_dictionary(ulong seed, bool encrypted)
    {
        using var folder = new TempFolder();
        var random = new WeftRandom(seed);
        var model = new SortedDictionary<string, SortedDictionary<string, WeftValue>>(StringComparer.Ordinal);
        StorageEngine store = await StorageEngine.OpenAsync(Options(folder.Path, encrypted));
        for (int step = 0; step < 3_000; step++)
        {
            switch (random.Next(40))
            {
                case 0:
                    await store.FlushAsync();
                    break;
                case 1 when random.Chance(0.2):
                    await store.DisposeAsync();
                    store = await StorageEngine.OpenAsync(Options(folder.Path, encrypted));
                    break;
                case < 25:
                    await WriteAsync(store, model, random, step);
                    break;
                default:
                    await CompareAsync(store, model, random, $"seed {seed}, step {step}");
                    break;
            }
        }

        await store.FlushAsync();
        Assert.Empty((await store.VerifyAsync()).Damages);
        Assert.Equal(
            (model.Count, model.Values.Sum(node => node.Count)), ((int)store.ReadStats().Nodes, (int)store.ReadStats().Fields));
        Assert.Equal(model.Values.Sum(node => node.Count), (await store.ChangesAsync(0)).Count);
        await store.DisposeAsync();
    }

    private static StorageOptions Options(string path, bool encrypted)
    {
        StorageOptions options = StoreKit.Small(path, encrypted);
        options.CacheBytes = 20_000;
        return options;
    }

    private static async Task WriteAsync(
        StorageEngine store, SortedDictionary<string, SortedDictionary<string, WeftValue>> model, WeftRandom random, int step)
    {
        var writes = new Dictionary<FieldKey, FieldWrite>();
        for (int i = random.Next(1, 6); i > 0; i--)
        {
            var key = new FieldKey(Soul(random), Field(random));
            WeftValue value = random.Next(5) switch
            {
                0 => WeftValue.Null,
                1 => WeftValue.Link(Soul(random)),
                2 => new string('x', random.Next(6_000)),
                _ => random.Next(1_000),
            };
            writes[key] = new FieldWrite(key.Soul, key.Field, value, 1e9 + step);
        }

        await store.WaitForRoomAsync();
        await store.AppendAsync(StoreKit.Batch([.. writes.Values]), (Durability)random.Next(3));
        foreach (FieldWrite write in writes.Values)
        {
            if (!model.TryGetValue(write.Soul, out SortedDictionary<string, WeftValue>? node))
            {
                model.Add(write.Soul, node = new SortedDictionary<string, WeftValue>(StringComparer.Ordinal));
            }

            node[write.Field] = write.Value;
        }
    }

    private static async Task CompareAsync(
        StorageEngine store, SortedDictionary<string, SortedDictionary<string, WeftValue>> model, WeftRandom random, string when)
    {
        string soul = Soul(random);
        SortedDictionary<string, WeftValue> node = model.GetValueOrDefault(soul) ?? [];
        string field = Field(random);
        StoredField? read = await store.ReadFieldAsync(soul, field);
        Assert.True(node.TryGetValue(field, out WeftValue value) == read is not null && (read?.Value ?? default) == value, when);

        bool reverse = random.Chance(0.3);
        var range = new LexRange(From: random.Chance(0.5) ? Field(random) : null, To: random.Chance(0.3) ? Field(random) : null,
            Reverse: reverse);
        NodePage page = await store.ReadNodeAsync(soul, range, 20, 10_000);
        IEnumerable<KeyValuePair<string, WeftValue>> expected = node.Where(item => range.Contains(item.Key));
        expected = reverse ? expected.Reverse() : expected;
        Assert.True(
            expected.Take(page.Fields.Count).Select(item => (item.Key, item.Value))
                .SequenceEqual(page.Fields.Select(item => (item.Field, item.Value))), $"a page differs: {when}");
        Assert.True(page.More == expected.Count() > page.Fields.Count && (page.Fields.Count > 0 || !page.More), when);

        string target = Soul(random);
        FieldKey[] links =
        [
            .. model.SelectMany(item => item.Value.Where(link => link.Value.AsLink() == target)
                .Select(link => new FieldKey(item.Key, link.Key))),
        ];
        Assert.True(links.SequenceEqual(await store.ReadLinksToAsync(target, null, 10_000)), $"links differ: {when}");
        Assert.True(
            model.Keys.Where(key => string.CompareOrdinal(key, soul) >= 0).Take(7)
                .SequenceEqual(await store.ListSoulsAsync(new LexRange(From: soul), 7)), $"souls differ: {when}");
    }

    private static string Soul(WeftRandom random) => "soul" + random.Next(25) + (random.Chance(0.1) ? "\ud83d\ude00" : "");

    private static string Field(WeftRandom random) => (random.Chance(0.1) ? "\ufffd" : "f") + random.Next(40);
}
