using Weft.Crypto;
using Weft.Integration.Tests.Storage;
using Weft.Log;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Storage;

namespace Weft.Integration.Tests.Logs;

/// <summary>Logs of a store in memory.</summary>
public sealed class MemoryLogShelfTests : LogShelfConformanceTests
{
    protected override ValueTask<IStore> OpenAsync() => new(new MemoryStore());

    protected override ValueTask ReopenAsync() => ValueTask.CompletedTask;
}

/// <summary>Logs of a plain engine.</summary>
public sealed class PlainLogShelfTests : EngineLogShelfTests
{
    protected override bool IsEncrypted => false;
}

/// <summary>Logs of a sealed engine.</summary>
public sealed class SealedLogShelfTests : EngineLogShelfTests
{
    protected override bool IsEncrypted => true;

    [Fact]
    public async Task Nothing_of_a_log_stands_readable_in_the_folder()
    {
        using var keys = new LogKeyPair(PlatformCrypto.Create(), new byte[32]);
        ICrypto crypto = PlatformCrypto.Create();
        using LogCore log = LogCore.OpenOwn(crypto, Store.Logs!.Open(KeyOf(keys), crypto), keys);
        log.Append("the canary sings in the log"u8.ToArray());
        await Store.FlushAsync();
        log.Append("the canary sings again"u8.ToArray());
        await Store.AppendAsync(CommitBatch.Empty, Durability.Disk);

        foreach (string file in Directory.GetFiles(Folder.Path).Where(file => !file.EndsWith("lock")))
        {
            await using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            byte[] bytes = new byte[stream.Length];
            await stream.ReadExactlyAsync(bytes);
            Assert.True(bytes.AsSpan().IndexOf("canary"u8) < 0, file);
        }
    }
}

/// <summary>Logs of the engine: what is on the disk, and after a restore.</summary>
public abstract class EngineLogShelfTests : LogShelfConformanceTests
{
    /// <summary>The store's folder.</summary>
    private protected TempFolder Folder { get; } = new();

    /// <summary>Whether the store is sealed.</summary>
    protected abstract bool IsEncrypted { get; }

    [Fact]
    public async Task A_restored_log_must_ask_its_peers_before_it_is_appended_to()
    {
        ICrypto crypto = PlatformCrypto.Create();
        using var keys = new LogKeyPair(crypto, new byte[32]);
        using (LogCore log = LogCore.OpenOwn(crypto, Store.Logs!.Open(KeyOf(keys), crypto), keys))
        {
            log.Append("one"u8.ToArray());
        }

        await Store.BackupAsync(Folder.At("backup"));
        using var target = new TempFolder();
        await StorageEngine.RestoreAsync(
            Folder.At("backup"), target.At("data"), StoreKit.Small("", IsEncrypted).Encryption);
        await using IStore restored = await StorageEngine.OpenAsync(StoreKit.Small(target.At("data"), IsEncrypted));

        using LogCore again = LogCore.OpenOwn(crypto, restored.Logs!.Open(KeyOf(keys), crypto), keys);
        Assert.True(again.IsRecovering);
        Assert.Equal(LogVerdict.Recovering, again.Append("two"u8.ToArray()));
        again.EndRecovery();
        Assert.Equal(LogVerdict.Accepted, again.Append("two"u8.ToArray()));
        await restored.FlushAsync();
        using LogCore later = LogCore.OpenOwn(crypto, restored.Logs!.Open(KeyOf(keys), crypto), keys);
        Assert.False(later.IsRecovering);
        Assert.Equal(2, later.Length);
        Assert.Empty((await restored.VerifyAsync()).Damages);
    }

    [Fact]
    public async Task A_block_of_100_bytes_takes_less_than_180_on_the_disk()
    {
        ICrypto crypto = PlatformCrypto.Create();
        using var keys = new LogKeyPair(crypto, new byte[32]);
        const int Blocks = 50_000;
        var random = new WeftRandom(1);
        await Store.FlushAsync();
        long before = new FileInfo(Folder.At("graph.db")).Length;
        using LogCore log = LogCore.OpenOwn(crypto, Store.Logs!.Open(KeyOf(keys), crypto), keys);
        for (int i = 0; i < Blocks; i += 1_000)
        {
            log.Append([.. Enumerable.Range(0, 1_000).Select(_ => Random(random))]);
            await Store.WaitForRoomAsync();
        }

        await Store.FlushAsync();

        long bytes = new FileInfo(Folder.At("graph.db")).Length - before;
        Assert.True(bytes < 180L * Blocks, $"{(double)bytes / Blocks:F1} bytes for each block");
    }

    protected override async ValueTask<IStore> OpenAsync() =>
        await StorageEngine.OpenAsync(StoreKit.Small(Folder.Path, IsEncrypted));

    protected override async ValueTask ReopenAsync()
    {
        await Store.DisposeAsync();
        Store = await OpenAsync();
    }

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        Folder.Dispose();
    }

    private protected static Hash32 KeyOf(LogKeyPair keys)
    {
        using LogCore log = LogCore.OpenOwn(PlatformCrypto.Create(), new MemoryLogStore(), keys);
        return log.Key;
    }

    private static ReadOnlyMemory<byte> Random(WeftRandom random)
    {
        byte[] block = new byte[100];
        random.Fill(block);
        return block;
    }
}
