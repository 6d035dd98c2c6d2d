using Weft.Graph;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Storage;
using Weft.Storage.Sealing;

namespace Weft.Integration.Tests.Storage;

/// <summary>
/// The conformance suite on the engine, and what only the engine promises: restart, files, locks. All of it runs on a
/// plain store and on an encrypted one.
/// </summary>
public abstract class StorageEngineTests : StoreConformanceTests
{
    private readonly TempFolder _folder = new();

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        _folder.Dispose();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Everything_is_there_after_a_restart(bool flushed)
    {
        await FillAsync();
        if (flushed)
        {
            await Store.FlushAsync();
            await Store.PutAsync("after", "flush", 1);
        }

        string id = Store.StoreId;
        long sequence = Store.CommittedSequence;
        await ReopenAsync();

        Assert.Equal((id, sequence), (Store.StoreId, Store.CommittedSequence));
        await CheckFilledAsync();
        Assert.Equal(4_711.5, Store.ClockHigh);
        Assert.Equal("later", Assert.Single(Store.Deferred).Soul);
        Assert.Equal("peer", Assert.Single(Store.SavedJournal).From);
        Assert.Equal(sequence + 1, await Store.PutAsync("next", "f", 1));
    }

    [Fact]
    public async Task Everything_acknowledged_is_there_after_a_kill_at_any_moment()
    {
        var crashed = new TempFolder();
        Directory.Delete(crashed.Path);
        await FillAsync();
        _folder.CopyTo(crashed.Path);
        await Store.DisposeAsync();

        Replace(await StorageEngine.OpenAsync(Options(crashed.Path)));

        await CheckFilledAsync();
        Assert.Empty((await Store.VerifyAsync()).Damages);
        await Store.DisposeAsync();
        crashed.Dispose();
    }

    [Fact]
    public async Task A_write_waits_for_company_that_never_comes_only_a_moment()
    {
        Store.FollowArrivals(() => 1);
        Task[] all = [.. Enumerable.Range(0, 50).Select(i => Store.PutAsync("company", "f" + i, i))];
        await Task.WhenAll(all);
        await Store.PutAsync("company", "last", 1);

        await ReopenAsync();
        Assert.Equal(51, (await Store.ReadNodeAsync("company", LexRange.All, 100, 100_000)).Fields.Count);
    }

    [Fact]
    public async Task A_change_stream_goes_on_after_a_restart()
    {
        await FillAsync();
        long middle = Store.CommittedSequence;
        await Store.PutAsync("s1", "f1", "changed", 9);
        await ReopenAsync();
        await Store.PutAsync("new", "f", "new", 9);

        List<StoredChange> changes = await Store.ChangesAsync(middle);

        Assert.Equal(["new", "s1"], changes.Select(change => change.Soul).Order());
    }

    [Fact]
    public async Task A_set_of_many_fields_written_one_by_one_is_split_into_blocks_and_stays_in_order()
    {
        const int Count = 20_000;
        var random = new WeftRandom(3);
        int[] order = [.. Enumerable.Range(0, Count)];
        for (int i = Count - 1; i > 0; i--)
        {
            int other = random.Next(i + 1);
            (order[i], order[other]) = (order[other], order[i]);
        }

        for (int i = 0; i < Count; i++)
        {
            await Store.WaitForRoomAsync();
            await Store.AppendAsync(
                StoreKit.Batch(new FieldWrite("set", $"item{order[i]:D6}", WeftValue.Link("item" + order[i]), 1)),
                Durability.Memory);
            if (i == Count / 2)
            {
                await Store.FlushAsync();
            }
        }

        for (int look = 0; look < 2; look++)
        {
            string[] names = await Store.NamesAsync("set");
            Assert.Equal(Count, names.Length);
            Assert.Equal(names.Order(StringComparer.Ordinal), names);
            Assert.Equal(names.Reverse(), await Store.NamesAsync("set", new LexRange(Reverse: true)));
            Assert.Equal(
                ["item010000", "item010001"], await Store.NamesAsync("set", new LexRange(From: "item010000"), fieldsMax: 2));
            Assert.Equal(
                ["item010000", "item009999"],
                await Store.NamesAsync("set", new LexRange(To: "item010000", Reverse: true), fieldsMax: 2));
            Assert.Equal("{\"#\":\"item777\"}", await Store.GetAsync("set", "item000777"));
            await Store.FlushAsync();
        }

        VerifyReport report = await Store.VerifyAsync();
        Assert.Empty(report.Damages);
        Assert.Equal(Count, report.Fields);
        Assert.Equal(["set"], await Store.ListSoulsAsync(LexRange.All, 10));
    }

    [Fact]
    public async Task Signed_fields_read_again_make_no_garbage_and_share_their_author()
    {
        byte[] author = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];
        for (int i = 0; i < 50; i++)
        {
            await Store.AppendAsync(
                StoreKit.Batch(new FieldWrite(
                    "s" + i, "f", "value", 1, new FieldExtras(author.ToArray(), new byte[300], 0, 1))),
                Durability.Memory);
        }

        await ReopenAsync();
        StoredField[] fields = [.. Enumerable.Range(0, 50).Select(i => Read("s" + i))];
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1_000; i++)
        {
            Read("s7");
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(author, fields[0].Extras!.Author.ToArray());
        Assert.Single(fields.Select(field => Origin(field.Extras!.Author)).Distinct());

        StoredField Read(string soul)
        {
            ValueTask<StoredField?> read = Store.ReadFieldAsync(soul, "f");
            return read.IsCompletedSuccessfully ? read.Result!.Value : throw new InvalidOperationException("It is not in memory.");
        }

        static byte[]? Origin(ReadOnlyMemory<byte> bytes) =>
            System.Runtime.InteropServices.MemoryMarshal.TryGetArray(bytes, out ArraySegment<byte> segment) ? segment.Array : null;
    }

    [Fact]
    public async Task A_second_node_on_the_folder_learns_who_holds_it()
    {
        ((StorageEngine)Store).AnnounceUrl("http://127.0.0.1:1234");

        WeftException refused = await Assert.ThrowsAsync<WeftException>(
            async () => await StorageEngine.OpenAsync(Options(_folder.Path)));

        Assert.Equal(WeftError.FolderLocked, refused.Error);
        Assert.Contains($"process {Environment.ProcessId}", refused.Message);
        Assert.Contains("http://127.0.0.1:1234", refused.Message);
        Assert.Contains("Nothing is damaged", refused.Message);
        Assert.Equal(1, await Store.PutAsync("still", "works", 1));
    }

    [Fact]
    public async Task A_lock_left_by_a_killed_process_holds_nobody_up()
    {
        await Store.DisposeAsync();
        await File.WriteAllTextAsync(_folder.At("lock"), "");
        await File.WriteAllTextAsync(_folder.At("running.json"), "{\"pid\":1,\"since\":\"2020\"}");

        Replace(await StorageEngine.OpenAsync(Options(_folder.Path)));

        Assert.Equal(1, await Store.PutAsync("works", "f", 1));
    }

    [Fact]
    public async Task A_folder_that_cannot_be_made_is_a_clear_error()
    {
        string file = _folder.At("a file");
        await File.WriteAllTextAsync(file, "in the way");

        WeftException refused = await Assert.ThrowsAsync<WeftException>(
            async () => await StorageEngine.OpenAsync(Options(Path.Combine(file, "data"))));

        Assert.Equal(WeftError.FolderUnusable, refused.Error);
    }

    [Fact]
    public async Task A_new_folder_is_for_its_owner_only()
    {
        if (OperatingSystem.IsWindows())
        {
            return; // There are no such rights.
        }

        string path = _folder.At("new");
        await using StorageEngine other = await StorageEngine.OpenAsync(Options(path));

        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(path));
    }

    [Fact]
    public async Task A_backup_is_complete_and_restores_into_an_empty_folder_only()
    {
        await FillAsync();
        string file = _folder.At("friday.weftbak");
        string target = _folder.At("restored");

        BackupReport backup = await Store.BackupAsync(file);
        await Store.PutAsync("after", "backup", 1);
        BackupReport restored = await StorageEngine.RestoreAsync(file, target, Encryption);

        Assert.Equal(backup.Fields, restored.Fields);
        WeftException refused = await Assert.ThrowsAsync<WeftException>(
            async () => await StorageEngine.RestoreAsync(file, target, Encryption));
        Assert.Equal(WeftError.TargetNotEmpty, refused.Error);
        Assert.Equal(WeftError.TargetNotEmpty,
            (await Assert.ThrowsAsync<WeftException>(async () => await Store.BackupAsync(file))).Error);
        await Store.DisposeAsync();
        Replace(await StorageEngine.OpenAsync(Options(target)));
        await CheckFilledAsync();
        Assert.Null(await Store.ReadFieldAsync("after", "backup"));
    }

    [Fact]
    public async Task A_damaged_backup_is_refused()
    {
        await FillAsync();
        string file = _folder.At("bad.weftbak");
        await Store.BackupAsync(file);
        byte[] bytes = await File.ReadAllBytesAsync(file);
        int at = bytes.AsSpan().IndexOf("value 7"u8);
        Assert.Equal(IsEncrypted, at < 0);
        bytes[IsEncrypted ? bytes.Length / 2 : at] ^= 1;
        await File.WriteAllBytesAsync(file, bytes);

        WeftException refused = await Assert.ThrowsAsync<WeftException>(
            async () => await StorageEngine.RestoreAsync(file, _folder.At("never"), Encryption));

        Assert.Equal(WeftError.FileDamaged, refused.Error);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.At("never")));
    }

    [Fact]
    public async Task Deleting_frees_the_disk_after_the_horizon()
    {
        string large = new('x', 4_000);
        for (int i = 0; i < 1_000; i++)
        {
            await Store.AppendAsync(StoreKit.Batch(new FieldWrite($"s{i}", "f", large, 1)), Durability.Memory);
        }

        await Store.FlushAsync();
        for (int i = 0; i < 900; i++)
        {
            await Store.AppendAsync(StoreKit.Batch(new FieldWrite($"s{i}", "f", WeftValue.Null, 1_000)), Durability.Memory);
        }

        double horizon = TimeSpan.FromDays(30).TotalMilliseconds;
        MaintenanceResult early = await Store.MaintainAsync(1_000 + horizon - 1);
        MaintenanceResult due = await Store.MaintainAsync(1_000 + horizon);

        Assert.Equal((0, 900), (early.TombstonesRemoved, due.TombstonesRemoved));
        Assert.True(early.BytesFreed + due.BytesFreed > 3_000_000, $"{early.BytesFreed} + {due.BytesFreed} bytes freed");
        Assert.Null(await Store.ReadFieldAsync("s0", "f"));
        Assert.Equal(100, (await Store.ListSoulsAsync(LexRange.All, 2_000)).Count);
        Assert.Equal(WeftValue.Text(large), (await Store.ReadFieldAsync("s950", "f"))?.Value);
        Assert.Equal((100, 100), (Store.ReadStats().Nodes, Store.ReadStats().Fields));
        Assert.Empty((await Store.VerifyAsync()).Damages);
    }

    [Fact]
    public async Task Memory_stays_under_the_ceiling_while_much_more_is_written_and_read()
    {
        long most = 0;
        string value = new('v', 1_000);
        for (int i = 0; i < 40_000; i++)
        {
            await Store.WaitForRoomAsync();
            await Store.AppendAsync(StoreKit.Batch(new FieldWrite($"s{i * 7919 % 40_000}", "f", value, 1)), Durability.Memory);
            most = i % 50 == 0 ? Math.Max(most, Store.ReadStats().MemoryBytes) : most;
        }

        await Store.FlushAsync();
        for (int i = 0; i < 40_000; i += 2)
        {
            Assert.NotNull(await Store.ReadFieldAsync($"s{i}", "f"));
            most = i % 50 == 0 ? Math.Max(most, Store.ReadStats().MemoryBytes) : most;
        }

        Assert.InRange(most, 1, 16 << 20);
        Assert.True(Store.ReadStats().DiskBytes > 40_000_000);
    }

    /// <summary>True to run everything on an encrypted store.</summary>
    protected abstract bool IsEncrypted { get; }

    private protected TempFolder Folder => _folder;

    private protected StoreEncryption? Encryption => IsEncrypted ? StoreKit.Encryption() : null;

    private protected StorageOptions Options(string path) => StoreKit.Small(path, IsEncrypted);

    protected override async ValueTask<IStore> OpenAsync() =>
        await StorageEngine.OpenAsync(Options(_folder.Path));

    private protected async Task ReopenAsync()
    {
        await Store.DisposeAsync();
        Replace(await OpenAsync());
    }

    private protected string[] Snapshot() =>
    [
        .. Directory.EnumerateFiles(_folder.Path).Order()
            .Select(file => $"{file} {Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(file)))}"),
    ];

    private protected async Task FillAsync()
    {
        for (int i = 0; i < 200; i++)
        {
            await Store.AppendAsync(
                StoreKit.Batch(
                    new FieldWrite($"s{i % 50}", $"f{i}", $"value {i}", i),
                    new FieldWrite($"s{i % 50}", "link", WeftValue.Link($"s{i % 10}"), i)),
                Durability.Memory);
        }

        await Store.AppendAsync(
            new CommitBatch([], [new FieldWrite("later", "f", 1d, 9_999)], [], 4_711.5), Durability.Disk);
        await Store.SaveJournalAsync(
            [new Loss(1, "soul", "field", "lost", 1, 2, HamVerdict.KnownNewer, "peer", 3)]);
    }

    private protected async Task CheckFilledAsync()
    {
        for (int i = 0; i < 200; i++)
        {
            Assert.Equal($"\"value {i}\"", await Store.GetAsync($"s{i % 50}", $"f{i}"));
        }

        Assert.Equal(5, (await Store.NamesAsync("s7")).Length);
        Assert.Equal(50, (await Store.ListSoulsAsync(new LexRange(Prefix: "s"), 1_000)).Count);
        Assert.Equal(5, (await Store.ReadLinksToAsync("s3", null, 100)).Count);
    }
}

/// <summary>The conformance suite on an engine that only hands writes to the operating system.</summary>
public sealed class BufferedStorageEngineTests : StoreConformanceTests
{
    private readonly TempFolder _folder = new();

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task The_answer_names_the_level_reached()
    {
        CommitReceipt receipt = await Store.AppendAsync(
            StoreKit.Batch(new FieldWrite("soul", "field", 1d, 1)), Durability.Disk);

        Assert.Equal(Durability.Buffered, receipt.Reached);
    }

    [Fact]
    public async Task Everything_is_there_after_the_process_died()
    {
        for (int i = 0; i < 300; i++)
        {
            await Store.PutAsync($"s{i}", "f", i);
        }

        using var copy = new TempFolder();
        _folder.CopyTo(copy.At("crashed"));
        await using StorageEngine again = await StorageEngine.OpenAsync(StoreKit.Small(copy.At("crashed")));

        Assert.Equal(300, (await again.ListSoulsAsync(LexRange.All, 1_000)).Count);
    }

    protected override async ValueTask<IStore> OpenAsync()
    {
        StorageOptions options = StoreKit.Small(_folder.Path);
        options.Durability = Durability.Buffered;
        return await StorageEngine.OpenAsync(options);
    }
}
