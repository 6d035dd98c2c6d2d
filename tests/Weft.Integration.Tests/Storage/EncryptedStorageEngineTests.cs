using System.Buffers.Binary;
using Weft.Crypto;
using Weft.Node.Commits;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Storage;
using Weft.Storage.Sealing;

namespace Weft.Integration.Tests.Storage;

/// <summary>Everything the engine promises, on an encrypted store, and what its keys do.</summary>
public sealed class EncryptedStorageEngineTests : StorageEngineTests
{
    protected override bool IsEncrypted => true;

    [Fact]
    public async Task A_wrong_key_is_refused_and_nothing_is_touched()
    {
        await FillAsync();
        await Store.DisposeAsync();
        string[] before = Snapshot();
        using StoreSecret passphrase = StoreSecret.FromPassphrase("not the key");
        using StoreSecret key = StoreSecret.FromKey(new byte[32]);
        foreach (StoreSecret wrong in (StoreSecret[])[passphrase, key])
        {
            StorageOptions options = StoreKit.Small(Folder.Path);
            options.Encryption = new StoreEncryption(PlatformCrypto.Create(), wrong);

            WeftException refused = await Assert.ThrowsAsync<WeftException>(
                async () => await StorageEngine.OpenAsync(options));
            WeftException unverified = await Assert.ThrowsAsync<WeftException>(
                async () => await StorageEngine.VerifyFolderAsync(Folder.Path, options.Encryption));

            Assert.Equal((WeftError.StoreKeyWrong, WeftError.StoreKeyWrong), (refused.Error, unverified.Error));
            Assert.Contains("Nothing was touched", refused.Message);
            Assert.DoesNotContain("not the key", refused.ToString());
        }

        Assert.Equal(before, Snapshot());
        await ReopenAsync();
        await CheckFilledAsync();
    }

    [Fact]
    public async Task Without_a_key_an_encrypted_store_is_refused_and_says_what_to_give()
    {
        await FillAsync();
        await Store.DisposeAsync();
        string[] before = Snapshot();

        WeftException refused = await Assert.ThrowsAsync<WeftException>(
            async () => await StorageEngine.OpenAsync(StoreKit.Small(Folder.Path)));

        Assert.Equal(WeftError.StoreKeyNeeded, refused.Error);
        Assert.Contains("--key-file", refused.Message);
        Assert.Equal(before, Snapshot());
        await ReopenAsync();
    }

    [Fact]
    public async Task A_plain_store_is_refused_when_a_key_is_given()
    {
        string path = Folder.At("plain");
        await using (StorageEngine plain = await StorageEngine.OpenAsync(StoreKit.Small(path)))
        {
            await plain.PutAsync("soul", "field", "value");
        }

        WeftException refused = await Assert.ThrowsAsync<WeftException>(
            async () => await StorageEngine.OpenAsync(StoreKit.Small(path, encrypted: true)));

        Assert.Equal(WeftError.StoreNotEncrypted, refused.Error);
        Assert.False(File.Exists(Path.Combine(path, "keys")));
        await using StorageEngine again = await StorageEngine.OpenAsync(StoreKit.Small(path));
        Assert.Equal("\"value\"", await again.GetAsync("soul", "field"));
    }

    [Fact]
    public async Task The_passphrase_can_be_changed_and_the_old_one_opens_nothing_more()
    {
        PlatformCrypto crypto = PlatformCrypto.Create();
        using StoreSecret first = StoreSecret.FromPassphrase("correct horse battery staple");
        using StoreSecret second = StoreSecret.FromPassphrase("p\u00e4ss \ud83d\ude00");
        StorageOptions options = StoreKit.Small(Folder.At("phrase"));
        options.Encryption = new StoreEncryption(crypto, first);
        await using (StorageEngine store = await StorageEngine.OpenAsync(options))
        {
            await store.PutAsync("soul", "field", "value");
        }

        await StorageEngine.ChangeKeyAsync(options.Path, options.Encryption, second);

        Assert.Equal(WeftError.StoreKeyWrong,
            (await Assert.ThrowsAsync<WeftException>(async () => await StorageEngine.OpenAsync(options))).Error);
        options.Encryption = new StoreEncryption(crypto, second);
        await using StorageEngine again = await StorageEngine.OpenAsync(options);
        Assert.Equal("\"value\"", await again.GetAsync("soul", "field"));
        Assert.Equal(WeftError.FolderLocked,
            (await Assert.ThrowsAsync<WeftException>(
                async () => await StorageEngine.ChangeKeyAsync(options.Path, options.Encryption, first))).Error);
    }

    [Fact]
    public async Task One_damaged_copy_of_the_keys_does_no_harm_and_two_are_said()
    {
        await FillAsync();
        await Store.DisposeAsync();
        string path = Folder.At("keys");
        byte[] good = await File.ReadAllBytesAsync(path);
        foreach (int at in (int[])[70, 128 + 70])
        {
            byte[] bytes = [.. good];
            bytes[at] ^= 1;
            await File.WriteAllBytesAsync(path, bytes);
            await ReopenAsync();
            await CheckFilledAsync();
            await Store.DisposeAsync();
        }

        byte[] broken = [.. good];
        (broken[70], broken[128 + 70]) = ((byte)~good[70], (byte)~good[70]);
        await File.WriteAllBytesAsync(path, broken);
        WeftException damaged = await Assert.ThrowsAsync<WeftException>(async () => await ReopenAsync());
        File.Delete(path);
        WeftException missing = await Assert.ThrowsAsync<WeftException>(async () => await ReopenAsync());

        Assert.Equal((WeftError.FileDamaged, WeftError.FileDamaged), (damaged.Error, missing.Error));
        Assert.Contains("'keys'", damaged.Message);
        Assert.Contains("'keys'", missing.Message);
        await File.WriteAllBytesAsync(path, good);
        await ReopenAsync();
        await CheckFilledAsync();
    }

    [Fact]
    public async Task Newer_keys_are_refused_and_not_touched()
    {
        await FillAsync();
        await Store.DisposeAsync();
        string path = Folder.At("keys");
        byte[] good = await File.ReadAllBytesAsync(path);
        byte[] newer = [.. good];
        foreach (int start in (int[])[0, 128])
        {
            Span<byte> copy = newer.AsSpan(start, 128);
            copy[8] = 2;
            BinaryPrimitives.WriteUInt32LittleEndian(copy[124..], Crc32C.Compute(copy[..124]));
        }

        await File.WriteAllBytesAsync(path, newer);
        string[] before = Snapshot();

        WeftException refused = await Assert.ThrowsAsync<WeftException>(async () => await ReopenAsync());

        Assert.Equal(WeftError.FormatNewer, refused.Error);
        Assert.Equal(before, Snapshot());
        await File.WriteAllBytesAsync(path, good);
        await ReopenAsync();
    }

    [Fact]
    public async Task Every_file_is_for_its_owner_only()
    {
        if (OperatingSystem.IsWindows())
        {
            return; // There are no such rights.
        }

        await FillAsync();
        await Store.FlushAsync();
        await Store.BackupAsync(Folder.At("friday.weftbak"));
        string[] files =
        [
            .. Directory.EnumerateFiles(Folder.Path)
                .Where(file => Path.GetFileName(file) is not ("lock" or "running.json")),
        ];

        Assert.Contains(files, file => file.EndsWith("graph.db-wal", StringComparison.Ordinal));
        foreach (string file in files)
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        }
    }

    [Fact]
    public async Task A_backup_wants_the_key_and_carries_its_own_keys()
    {
        await FillAsync();
        string file = Folder.At("friday.weftbak");
        await Store.BackupAsync(file);
        using StoreSecret wrong = StoreSecret.FromKey(new byte[32]);
        string target = Folder.At("restored");

        WeftException needed = await Assert.ThrowsAsync<WeftException>(
            async () => await StorageEngine.RestoreAsync(file, target));
        WeftException refused = await Assert.ThrowsAsync<WeftException>(async () => await StorageEngine.RestoreAsync(
            file, target, new StoreEncryption(PlatformCrypto.Create(), wrong)));

        Assert.Equal((WeftError.StoreKeyNeeded, WeftError.StoreKeyWrong), (needed.Error, refused.Error));
        Assert.False(Directory.Exists(target));
        await StorageEngine.RestoreAsync(file, target, StoreKit.Encryption());
        Assert.Empty((await StorageEngine.VerifyFolderAsync(target, StoreKit.Encryption())).Damages);
        byte[] bytes = await File.ReadAllBytesAsync(file);
        await File.WriteAllBytesAsync(file, bytes[..^1]);
        Assert.Equal(WeftError.FileDamaged, (await Assert.ThrowsAsync<WeftException>(
            async () => await StorageEngine.RestoreAsync(file, Folder.At("cut"), StoreKit.Encryption()))).Error);
    }
}
