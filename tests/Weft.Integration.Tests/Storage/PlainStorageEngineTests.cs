using Weft.Primitives;
using Weft.Storage;

namespace Weft.Integration.Tests.Storage;

/// <summary>Everything the engine promises, on a plain store, and what its files look like.</summary>
public sealed class PlainStorageEngineTests : StorageEngineTests
{
    protected override bool IsEncrypted => false;

    [Fact]
    public async Task A_newer_format_is_refused_and_not_touched()
    {
        await FillAsync();
        await Store.FlushAsync();
        await Store.DisposeAsync();
        string path = Folder.At("graph.db");
        byte[] bytes = await File.ReadAllBytesAsync(path);
        bytes[63] = 99; // The low byte of user_version, in the head of the file.
        await File.WriteAllBytesAsync(path, bytes);
        string[] before = Snapshot();

        WeftException refused = await Assert.ThrowsAsync<WeftException>(
            async () => await StorageEngine.OpenAsync(Options(Folder.Path)));

        Assert.Equal(WeftError.FormatNewer, refused.Error);
        Assert.Equal(before, Snapshot());
        bytes[63] = 1;
        await File.WriteAllBytesAsync(path, bytes);
        Replace(await StorageEngine.OpenAsync(Options(Folder.Path)));
        await CheckFilledAsync();
    }

    [Fact]
    public async Task The_disk_tier_opens_as_an_ordinary_sqlite_file()
    {
        await FillAsync();
        await Store.FlushAsync();
        await Store.DisposeAsync();

        byte[] head = (await File.ReadAllBytesAsync(Folder.At("graph.db")))[..16];

        Assert.Equal("SQLite format 3\0", System.Text.Encoding.ASCII.GetString(head));
        await ReopenAsync();
    }
}
