using System.Text;
using Weft.Crypto;
using Weft.Node.Network;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Protocols.Kad;
using Weft.Protocols.Kad.Records;
using Weft.Storage;

namespace Weft.Integration.Tests.Storage;

/// <summary>
/// The record store on the engine: what is acknowledged is there after a restart, from log and from disk tier.
/// </summary>
public sealed class RecordShelfTests : IDisposable
{
    private const double Now = 1_800_000_000_000;

    private readonly string _folder = Directory.CreateTempSubdirectory("weft-records-").FullName;
    private readonly PlatformCrypto _crypto = PlatformCrypto.Create();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Records_come_back_with_publisher_times_and_owner_and_removed_ones_do_not()
    {
        PeerId publisher = PeerId.FromEd25519(new byte[32]);
        await using (StorageEngine engine = await OpenAsync())
        {
            (MemoryRecordStore records, RecordJournal journal) = Make(engine);
            records.Put(KadRecord.Make(Key("a"), "1"u8, publisher), Now + 60_000, isOwn: true, Now);
            records.Put(KadRecord.Make(Key("b"), "2"u8), Now + 60_000, isOwn: false, Now + 1);
            records.Put(KadRecord.Make(Key("c"), "3"u8), Now + 60_000, isOwn: false, Now);
            records.Put(KadRecord.Make(Key("b"), "22"u8), Now + 90_000, isOwn: false, Now + 2);
            records.Remove(Key("c"));
            await journal.FlushAsync(CancellationToken.None);
        }

        await using StorageEngine again = await OpenAsync();
        (MemoryRecordStore restored, _) = Make(again);

        Assert.Equal(2, restored.Count);
        Assert.True(restored.TryGet(Key("a"), Now, out StoredRecord own));
        Assert.Equal((publisher, true, Now + 60_000, Now), (own.Record.Publisher, own.IsOwn, own.ExpiresMs, own.ReceivedMs));
        Assert.True(restored.TryGet(Key("b"), Now, out StoredRecord other));
        Assert.Equal("22"u8.ToArray(), other.Record.Value.ToArray());
        Assert.Equal((Now + 90_000, Now + 2), (other.ExpiresMs, other.ReceivedMs));
    }

    [Fact]
    public async Task Records_that_reached_the_disk_tier_are_read_from_there_with_newer_changes_on_top()
    {
        await using (StorageEngine engine = await OpenAsync())
        {
            (MemoryRecordStore records, _) = Make(engine);
            for (int i = 0; i < 300; i++)
            {
                records.Put(KadRecord.Make(Key($"k{i:000}"), new byte[200]), Now + 60_000, isOwn: false, Now);
            }
        } // A clean stop brings everything into the disk tier.

        await using (StorageEngine engine = await OpenAsync())
        {
            (MemoryRecordStore records, RecordJournal journal) = Make(engine);
            Assert.Equal(300, records.Count);
            records.Remove(Key("k007"));
            records.Put(KadRecord.Make(Key("k008"), "new"u8), Now + 60_000, isOwn: false, Now);
            await journal.FlushAsync(CancellationToken.None);
            Assert.Equal(299, engine.Records.Load().Count); // Disk tier and memory table together.
        }

        await using StorageEngine again = await OpenAsync();
        (MemoryRecordStore restored, _) = Make(again);
        Assert.Equal(299, restored.Count);
        Assert.True(restored.TryGet(Key("k008"), Now, out StoredRecord changed));
        Assert.Equal("new"u8.ToArray(), changed.Record.Value.ToArray());
    }

    [Fact]
    public async Task A_backup_has_the_records()
    {
        string file = Path.Combine(_folder, "copy.backup");
        await using (StorageEngine engine = await OpenAsync())
        {
            (MemoryRecordStore records, _) = Make(engine);
            records.Put(KadRecord.Make(Key("a"), "1"u8), Now + 60_000, isOwn: true, Now);
            await engine.BackupAsync(file);
        }

        string target = Path.Combine(_folder, "restored");
        await StorageEngine.RestoreAsync(file, target);
        await using StorageEngine restored = await StorageEngine.OpenAsync(new StorageOptions { Path = target });
        Assert.Single(restored.Records.Load());
    }

    private static byte[] Key(string name) => Encoding.UTF8.GetBytes("/open/" + name);

    private ValueTask<StorageEngine> OpenAsync() =>
        StorageEngine.OpenAsync(new StorageOptions { Path = Path.Combine(_folder, "data") });

    private (MemoryRecordStore Records, RecordJournal Journal) Make(StorageEngine engine)
    {
        var journal = new RecordJournal(engine, engine.Records);
        var records = new MemoryRecordStore(PeerId.FromEd25519(new byte[32]), new(), _crypto, journal);
        journal.Restore(records);
        return (records, journal);
    }
}
