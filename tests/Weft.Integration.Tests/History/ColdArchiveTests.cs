using System.Text;
using Weft.Integration.Tests.Storage;
using Weft.Log;
using Weft.Node;
using Weft.Node.History;
using Weft.Node.Logs;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Storage;
using Weft.Tests;

namespace Weft.Integration.Tests.History;

/// <summary>Older blocks in the archive: read, proven, verified, backed up; and found out when damaged.</summary>
public sealed class ColdArchiveTests : IAsyncLifetime
{
    private readonly HistoryKit _kit = new();

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _kit.DisposeAsync();

    [Fact]
    public async Task Blocks_in_the_archive_are_read_proven_and_verified_as_before()
    {
        WeftNode node = await _kit.StartAsync();
        SignedLog log = await FillAsync(node, 10_000);
        await node.Store.FlushAsync();

        LogArchiving moved = await log.ArchiveAsync(9_000);
        Assert.Equal(9_000, moved.Blocks);
        Assert.True(moved.StoredBytes < moved.Bytes / 2, $"{moved.StoredBytes} of {moved.Bytes}");
        Assert.Equal(0, (await log.ArchiveAsync(9_000)).Blocks);
        Assert.Equal(500, (await log.ArchiveAsync(9_500)).Blocks);
        Assert.Equal(4, Files("a").Length); // Three full ones hold 4,096 blocks at the most.
        for (int look = 0; look < 2; look++)
        {
            await CheckAsync(log, 10_000);
            await node.Store.FlushAsync();
        }

        await _kit.CloseAsync(node);
        node = await _kit.StartAsync();
        log = (await node.Logs.FindAsync("old"))!;
        await CheckAsync(log, 10_000);
        Assert.Empty((await node.Store.VerifyAsync()).Damages);
        Assert.Equal(10_000, (await log.AppendAsync("more"u8.ToArray())).Index);
        Assert.True((await log.VerifyAsync()).Holds);
    }

    [Fact]
    public async Task A_backup_holds_the_archive_and_a_restore_puts_it_back()
    {
        WeftNode node = await _kit.StartAsync();
        SignedLog log = await FillAsync(node, 1_000);
        await log.ArchiveAsync(700);
        await node.Store.BackupAsync(_kit.Folder.At("backup"));
        await _kit.CloseAsync(node);

        await StorageEngine.RestoreAsync(_kit.Folder.At("backup"), _kit.Folder.At("b"));
        Assert.Single(Files("b"));
        node = await _kit.StartAsync("b");
        await CheckAsync((await node.Logs.FindAsync("old"))!, 1_000);
        Assert.Empty((await node.Store.VerifyAsync()).Damages);
    }

    [Fact]
    public async Task A_damaged_file_of_the_archive_is_reported_and_never_served()
    {
        WeftNode node = await _kit.StartAsync();
        SignedLog log = await FillAsync(node, 500);
        await log.ArchiveAsync(300);
        string file = Files("a").Single();
        byte[] content = await File.ReadAllBytesAsync(file);
        content[content.Length / 2] ^= 1;
        await File.WriteAllBytesAsync(file, content);

        Damage damage = Assert.Single((await node.Store.VerifyAsync()).Damages);
        Assert.Equal(Path.GetFileName(file), damage.File);
        WeftException failure = await Assert.ThrowsAsync<WeftException>(() => log.GetAsync(17));
        Assert.Equal(WeftError.FileDamaged, failure.Error);
        Assert.Equal(LogReadStatus.Found, (await log.GetAsync(400)).Status);
        Assert.Equal(500, (await log.AppendAsync("goes on"u8.ToArray())).Index);
        await Assert.ThrowsAsync<WeftException>(async () => await node.Store.BackupAsync(_kit.Folder.At("backup")));
    }

    [Fact]
    public async Task The_archive_of_a_sealed_store_is_sealed()
    {
        const string Word = "a secret that must not be found";
        IStore store = await StorageEngine.OpenAsync(StoreKit.Small(_kit.Folder.At("s"), encrypted: true));
        await using WeftNode node = await WeftNode.StartAsync(new NodeOptions(), store);
        SignedLog log = await node.Logs.OpenAsync("old");
        await log.AppendAsync([.. Enumerable.Range(0, 100).Select(i => (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(
            $"{Word} {i}"))]);
        Assert.Equal(100, (await log.ArchiveAsync(100)).Blocks);

        Assert.Equal($"{Word} 42", Encoding.UTF8.GetString((await log.GetAsync(42)).Block.Span));
        byte[] content = await File.ReadAllBytesAsync(Files("s").Single());
        Assert.DoesNotContain(Word, Encoding.Latin1.GetString(content), StringComparison.Ordinal);
        Assert.Empty((await store.VerifyAsync()).Damages);
    }

    [Fact]
    public async Task A_log_that_was_cut_back_reads_its_new_blocks_and_not_the_old_ones_of_the_archive()
    {
        WeftNode node = await _kit.StartAsync();
        SignedLog log = await FillAsync(node, 200);
        await log.ArchiveAsync(150);
        await log.TruncateAsync(100);
        await log.AppendAsync([.. Enumerable.Range(100, 100).Select(i => (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(
            $"new {i}"))]);

        Assert.Equal("new 120", Encoding.UTF8.GetString((await log.GetAsync(120)).Block.Span));
        Assert.Equal("block 99", Encoding.UTF8.GetString((await log.GetAsync(99)).Block.Span)[..8]);
        Assert.True((await log.VerifyAsync()).Holds);
    }

    [Fact]
    public async Task History_goes_to_the_archive_by_policy_and_is_read_back()
    {
        var time = new ManualTime();
        WeftNode node = await _kit.StartAsync(time: time);
        await HistoryKit.KeepAsync(node, "account/", "log, cold after 30 days");
        for (int day = 0; day < 120; day++)
        {
            time.Advance(TimeSpan.FromDays(1));
            for (int i = 0; i < 2; i++)
            {
                await node.Graph.Get("account/7").PutAsync("balance", (day * 10) + i);
            }
        }

        long moved = await node.Retention.ArchiveAsync();
        Assert.InRange(moved, 178, 182); // Of 120 days the first 90.
        Assert.Equal(0, await node.Retention.ArchiveAsync());
        Assert.Equal("balance=41", HistoryKit.Text(await node.History("account/7").AtAsync(10)));
        Assert.NotNull((await node.History("account/7").ProveAsync(10))!.Check(node.Crypto, out _));
        Assert.Equal(240, (await HistoryKit.VersionsAsync(node.History("account/7"))).Length);
    }

    private string[] Files(string name) => Directory.GetFiles(Path.Combine(_kit.Folder.At(name), "cold"));

    private static async Task<SignedLog> FillAsync(WeftNode node, int count)
    {
        SignedLog log = await node.Logs.OpenAsync("old");
        foreach (int[] part in Enumerable.Range(0, count).Chunk(1_000))
        {
            await log.AppendAsync([.. part.Select(i => (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(
                $"block {i} of a log that is compressed well because it says the same again and again"))]);
        }

        return log;
    }

    private static async Task CheckAsync(SignedLog log, int count)
    {
        int next = 0;
        await foreach (LogEntry entry in log.ReadAsync(0, count))
        {
            Assert.Equal(LogEntryKind.Block, entry.Kind);
            Assert.StartsWith($"block {next} ", Encoding.UTF8.GetString(entry.Block.Span), StringComparison.Ordinal);
            next++;
        }

        Assert.Equal(count, next);
        LogInfo info = await log.InfoAsync();
        Assert.Equal((long)count, info.Here);
        Assert.True((await log.VerifyAsync()).Holds);
        var at = new LogPosition(count / 3, 1, 0);
        Assert.True(log.Verify(at, (await log.ProveAsync(count / 3)).Span));
    }
}
