using System.Text;
using Weft.Crypto;
using Weft.Node.Network;
using Weft.Primitives;
using Weft.Protocols.Kad;
using Weft.Protocols.Kad.Records;
using Weft.Storage;

namespace Weft.Integration.Tests.Storage;

/// <summary>What every record store does.</summary>
public abstract class RecordStoreConformance : IAsyncLifetime
{
    private const double Now = 1_800_000_000_000;
    private const double Later = Now + 3_600_000;

    protected static readonly PeerId Self = PeerId.FromEd25519(new byte[32]);
    protected static readonly PlatformCrypto Crypto = PlatformCrypto.Create();

    protected abstract IRecordStore Make(RecordStoreOptions options);

    public virtual Task InitializeAsync() => Task.CompletedTask;

    public virtual Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public void A_record_is_kept_as_it_is_on_the_wire_and_handed_out_without_a_copy()
    {
        IRecordStore store = Make(new());
        KadRecord record = Record("a", "value");

        Assert.Equal(RecordPut.Kept, store.Put(record, Later, isOwn: false, Now));
        Assert.True(store.TryGet(record.Key.Span, Now, out StoredRecord stored));
        Assert.True(stored.Record.Encoded.Span == record.Encoded.Span, "The same memory, not a copy.");
        Assert.True(store.Iterate().Single().Record.Value.Span == stored.Record.Value.Span);
        Assert.Equal((Later, Now, false), (stored.ExpiresMs, stored.ReceivedMs, stored.IsOwn));
        Assert.Equal((1, (long)record.Encoded.Length), (store.Count, store.Bytes));
    }

    [Fact]
    public void What_has_ended_is_unreadable_at_once_and_gone_after_maintenance_with_counts()
    {
        IRecordStore store = Make(new());
        KadRecord first = Record("a", "1");
        store.Put(first, Now + 10, isOwn: false, Now);
        store.Put(Record("b", "2"), Later, isOwn: false, Now);

        Assert.True(store.TryGet(first.Key.Span, Now + 9, out _));
        Assert.False(store.TryGet(first.Key.Span, Now + 10, out _));
        Assert.Equal(1, store.ReadHealth(Now + 10).Expired);

        RecordMaintenance done = store.Maintain(Now + 10);

        Assert.Equal((1, 1, (long)first.Encoded.Length), (done.Removed, done.Expired, done.BytesFreed));
        Assert.Equal(1, store.Count);
        Assert.Equal(RecordPut.Expired, store.Put(first, Now + 10, isOwn: false, Now + 10));
    }

    [Fact]
    public void An_own_record_is_replaced_and_evicted_by_its_peer_alone()
    {
        IRecordStore store = Make(new() { RecordsMax = 2, Eviction = RecordEviction.Oldest });
        store.Put(Record("a", "mine"), Later, isOwn: true, Now);

        Assert.Equal(RecordPut.OwnProtected, store.Put(Record("a", "theirs"), Later, isOwn: false, Now));
        Assert.Equal(RecordPut.Same, store.Put(Record("a", "mine"), Later, isOwn: false, Now));
        store.Put(Record("b", "1"), Later, isOwn: false, Now);
        store.Put(Record("c", "1"), Later, isOwn: false, Now);

        Assert.Equal(["a", "c"], Keys(store));
        Assert.Equal(RecordPut.Kept, store.Put(Record("a", "again"), Later, isOwn: true, Now));
    }

    [Theory]
    [InlineData(RecordEviction.Oldest, "b")]
    [InlineData(RecordEviction.LeastRecentlyUsed, "c")]
    public void A_full_store_makes_place_by_its_policy(RecordEviction policy, string survivor)
    {
        IRecordStore store = Make(new() { RecordsMax = 3, Eviction = policy });
        foreach (string name in (string[])["c", "b", "d"])
        {
            store.Put(Record(name, "1"), Later, isOwn: false, Now);
        }

        store.TryGet(Record("c", "").Key.Span, Now, out _);
        store.Put(Record("e", "1"), Later, isOwn: false, Now);

        Assert.Equal(3, store.Count);
        Assert.Contains(survivor, Keys(store));
        Assert.Equal(1, store.ReadHealth(Now).Evicted);
    }

    [Fact]
    public void The_farthest_makes_place_and_one_that_is_farther_still_is_refused()
    {
        IRecordStore store = Make(new() { RecordsMax = 8 });
        KadKey self = KadKey.Of(Self, Crypto);
        string[] byDistance = [.. Enumerable.Range(0, 20).Select(i => $"k{i}")
            .OrderBy(name => KadKey.Of(Record(name, "").Key.Span, Crypto).DistanceTo(self))];
        foreach (string name in byDistance.Reverse())
        {
            store.Put(Record(name, "1"), Later, isOwn: false, Now);
        }

        Assert.Equal(byDistance.Take(8).Order(StringComparer.Ordinal), Keys(store));
        Assert.Equal(RecordPut.Full, store.Put(Record(byDistance[12], "1"), Later, isOwn: false, Now));
    }

    [Fact]
    public void Bytes_have_a_ceiling_too_and_one_record_cannot_be_longer_than_allowed()
    {
        IRecordStore store = Make(new() { BytesMax = 1_000, RecordBytesMax = 400, Eviction = RecordEviction.Oldest });

        Assert.Equal(RecordPut.TooLarge, store.Put(Record("x", new string('x', 500)), Later, isOwn: false, Now));
        for (int i = 0; i < 10; i++)
        {
            store.Put(Record($"k{i}", new string('x', 200)), Later, isOwn: false, Now);
            Assert.True(store.Bytes <= 1_000);
        }

        Assert.Equal(["k6", "k7", "k8", "k9"], Keys(store));
    }

    [Fact]
    public void Records_are_found_by_prefix_range_publisher_and_page()
    {
        IRecordStore store = Make(new());
        PeerId publisher = PeerId.FromEd25519(Enumerable.Repeat((byte)7, 32).ToArray());
        foreach (string name in (string[])["b/1", "a/1", "a/3", "a/2", "c"])
        {
            KadRecord record = KadRecord.Make(Key(name), "v"u8, name == "a/2" ? publisher : default);
            store.Put(record, Later, isOwn: name == "c", Now);
        }

        Assert.Equal(["a/1", "a/2", "a/3"], Keys(store.Find(new(Prefix: Key("a/")), Now)));
        Assert.Equal(["a/2", "a/3", "b/1"], Keys(store.Find(new(From: Key("a/2"), To: Key("c")), Now)));
        Assert.Equal(["a/2"], Keys(store.Find(new(Publisher: publisher), Now)));
        Assert.Equal(["c"], Keys(store.Find(new(OwnOnly: true), Now)));
        Assert.Equal(["a/1", "a/2"], Keys(store.Find(new(RecordsMax: 2), Now)));
        Assert.Equal(["a/3", "b/1"], Keys(store.Find(new(After: Key("a/2"), RecordsMax: 2), Now)));
        Assert.Empty(store.Find(default(RecordQuery) with { RecordsMax = 10 }, Later));
    }

    [Fact]
    public void The_closest_records_come_nearest_first()
    {
        IRecordStore store = Make(new());
        KadKey target = KadKey.Of("somewhere"u8, Crypto);
        for (int i = 0; i < 50; i++)
        {
            store.Put(Record($"k{i}", "1"), Later, isOwn: false, Now);
        }

        IEnumerable<string> wanted = Keys(store)
            .OrderBy(name => KadKey.Of(Key(name), Crypto).DistanceTo(target)).Take(7);
        Assert.Equal(wanted, Keys(store.Closest(target, 7, Now)));
    }

    [Fact]
    public void Records_to_put_again_and_about_to_expire_come_in_the_order_of_need()
    {
        IRecordStore store = Make(new());
        var batch = new RecordWrite[5];
        for (int i = 0; i < 5; i++)
        {
            batch[i] = new(Record($"k{i}", "1"), Now + 10_000 - i, IsOwn: i == 4);
        }

        Assert.Equal(5, store.PutBatch(batch, Now));
        store.OnReplicated(Key("k1"), Now + 5);
        store.OnReplicated(Key("k3"), Now + 3);

        Assert.Equal(["k0", "k2"], Keys(store.Due(isOwn: false, Now + 3, 10)).Order());
        Assert.Equal(["k3", "k1"], Keys(store.Due(isOwn: false, Now + 9, 10)).Skip(2));
        Assert.Equal(["k4"], Keys(store.Due(isOwn: true, Now + 9, 10)));
        Assert.Equal(["k4", "k3", "k2"], Keys(store.AboutToExpire(Now, TimeSpan.FromSeconds(10), 3)));
        Assert.Empty(store.AboutToExpire(Now, TimeSpan.FromSeconds(9), 3));
        Assert.True(store.OnReplicated(Key("k4"), Now + 9, Now + 60_000));
        Assert.False(store.OnReplicated(Key("none"), Now));
    }

    [Fact]
    public void The_listener_is_told_once_when_the_store_fills_and_again_after_it_had_room()
    {
        var told = new List<double>();
        IRecordStore store = Make(new() { RecordsMax = 10, Threshold = 0.5 });
        store.OnThreshold(health => told.Add(health.Utilisation));
        for (int i = 0; i < 8; i++)
        {
            store.Put(Record($"k{i}", "1"), Later, isOwn: true, Now);
        }

        Assert.Equal([0.6], told);
        for (int i = 0; i < 6; i++)
        {
            store.Remove(Key($"k{i}"));
        }

        for (int i = 0; i < 6; i++)
        {
            store.Put(Record($"k{i}", "1"), Later, isOwn: true, Now);
        }

        Assert.Equal([0.6, 0.6], told);
    }

    [Fact]
    public void A_random_history_leaves_what_a_plain_dictionary_holds()
    {
        IRecordStore store = Make(new());
        var plain = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var random = new WeftRandom(5);
        for (int step = 0; step < 3_000; step++)
        {
            string name = $"k{random.Next(200)}";
            if (random.Chance(0.3))
            {
                Assert.Equal(plain.Remove(name), store.Remove(Key(name)));
                continue;
            }

            string value = new('v', random.Next(50));
            plain[name] = value;
            store.Put(Record(name, value), Later, isOwn: true, Now);
        }

        Assert.Equal(
            plain.Select(pair => (pair.Key, pair.Value)),
            store.Iterate().Select(record => (Name(record), Encoding.UTF8.GetString(record.Record.Value.Span))));
        Assert.Equal(store.Iterate().Sum(record => (long)record.Record.Encoded.Length), store.Bytes);
    }

    private static byte[] Key(string name) => Encoding.UTF8.GetBytes("/t/" + name);

    private static KadRecord Record(string name, string value) =>
        KadRecord.Make(Key(name), Encoding.UTF8.GetBytes(value));

    private static string Name(StoredRecord record) => Encoding.UTF8.GetString(record.Record.Key.Span)["/t/".Length..];

    private static IEnumerable<string> Keys(IRecordStore store) => store.Iterate().Select(Name);

    private static IEnumerable<string> Keys(IReadOnlyList<StoredRecord> records) => records.Select(Name);
}

/// <summary>The store in memory.</summary>
public sealed class MemoryRecordStoreTests : RecordStoreConformance
{
    protected override IRecordStore Make(RecordStoreOptions options) => new MemoryRecordStore(Self, options, Crypto);
}

/// <summary>The store on the engine.</summary>
public sealed class EngineRecordStoreTests : RecordStoreConformance
{
    private readonly string _folder = Directory.CreateTempSubdirectory("weft-record-store-").FullName;
    private StorageEngine? _engine;

    public override async Task InitializeAsync() =>
        _engine = await StorageEngine.OpenAsync(new StorageOptions { Path = _folder });

    public override async Task DisposeAsync()
    {
        await _engine!.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    protected override IRecordStore Make(RecordStoreOptions options) =>
        new MemoryRecordStore(Self, options, Crypto, new RecordJournal(_engine!, _engine!.Records));
}
