using Weft.Integration.Tests.Storage;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Protocols.Blobs;
using Weft.Storage;

namespace Weft.Integration.Tests.Blobs;

/// <summary>Blobs in the files of the engine, plain and sealed.</summary>
public sealed class BlobShelfTests : IDisposable
{
    private readonly Weft.Testing.TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_was_added_is_there_whole_after_a_restart_and_once(bool isSealed)
    {
        byte[] content = Content(400_000);
        BlobId id;
        await using (StorageEngine store = await OpenAsync(isSealed))
        {
            id = Add(store, content, isPinned: true, out bool isNew).Id;
            Assert.True(isNew);
            Assert.Equal(id, Add(store, content, isPinned: false, out isNew).Id);
            Assert.False(isNew);
        }

        await using StorageEngine again = await OpenAsync(isSealed);
        StoredBlob kept = Assert.Single(again.Blobs.List());
        Assert.Equal((id, 400_000L, true, true), (kept.Id, kept.Size, kept.IsWhole, kept.IsPinned));
        Assert.Equal(content, Read(again, id));
        Assert.Empty((await again.VerifyAsync()).Damages);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_is_tampered_with_is_found_and_never_read(bool isSealed)
    {
        BlobId id;
        await using (StorageEngine store = await OpenAsync(isSealed))
        {
            id = Add(store, Content(300_000), isPinned: true, out _).Id;
        }

        Flip(4_096 + 65_536 + 200); // In chunk 1, sealed or not.
        await using StorageEngine again = await OpenAsync(isSealed);
        Damage damage = Assert.Single((await again.VerifyAsync()).Damages);
        Assert.Contains($"chunk 1 of blob {id}", damage.Where, StringComparison.Ordinal);
        using (IBlobFile file = again.Blobs.Open(id)!)
        {
            byte[] chunk = new byte[65_536];
            Assert.Equal(BlobChunkRead.Right, file.Read(0, chunk));
            Assert.Equal(BlobChunkRead.Damaged, file.Read(1, chunk));
            Assert.False(file.IsWhole);
        }

        Assert.True(Assert.Single(again.Blobs.List()).IsDamaged);
    }

    [Fact]
    public async Task A_damaged_tree_over_content_that_is_right_is_computed_again()
    {
        byte[] content = Content(300_000);
        BlobId id;
        await using (StorageEngine store = await OpenAsync(false))
        {
            id = Add(store, content, isPinned: true, out _).Id;
        }

        Flip(4_096 + 300_000 + 40);
        await using StorageEngine again = await OpenAsync(false);
        Assert.NotEmpty((await again.VerifyAsync()).Damages);
        Assert.Equal(content, Read(again, id));
        Assert.Empty((await again.VerifyAsync()).Damages);
    }

    [Fact]
    public async Task A_sealed_blob_shows_neither_its_content_nor_its_id()
    {
        byte[] content = Content(200_000);
        BlobId id;
        await using (StorageEngine store = await OpenAsync(true))
        {
            id = Add(store, content, isPinned: true, out _).Id;
        }

        string path = Assert.Single(Directory.GetFiles(_folder["s/blobs"]));
        byte[] file = await File.ReadAllBytesAsync(path);
        Assert.DoesNotContain(id.ToString(), path, StringComparison.Ordinal);
        Assert.Equal(-1, file.AsSpan().IndexOf(id.Span));
        Assert.Equal(-1, file.AsSpan().IndexOf(content.AsSpan(1_000, 32)));
    }

    [Fact]
    public async Task What_an_interrupted_add_left_goes_and_a_part_goes_on_with_the_chunks_that_are_right()
    {
        byte[] content = Content(5 * 65_536);
        var hasher = new BlobHasher(Weft.Crypto.PlatformCrypto.Create());
        BlobTree whole = Tree(content, hasher);
        BlobId id = whole.Build(hasher);
        await using (StorageEngine store = await OpenAsync(false))
        {
            IBlobDraft left = store.Blobs.Begin();
            left.Append(content.AsSpan(0, 65_536)); // Never committed, never disposed: as after a kill.
            var tree = new BlobTree(content.Length);
            Assert.True(tree.TryLoad(id, whole.Bytes, hasher));
            using IBlobFile part = store.Blobs.BeginPart(id, tree);
            part.Write(1, content.AsSpan(65_536, 65_536));
            part.Write(3, content.AsSpan(3 * 65_536, 65_536));
            Assert.False(part.Flush());
        }

        Flip(4_096 + (3 * 65_536) + 9); // One of the two did not reach the disk as it was.
        await using StorageEngine again = await OpenAsync(false);
        Assert.False(Assert.Single(again.Blobs.List()).IsWhole);
        Assert.Single(Directory.GetFiles(_folder["s/blobs"]));
        using IBlobFile file = again.Blobs.Open(id)!;
        Assert.Equal([1], Enumerable.Range(0, 5).Where(file.IsHere));
        foreach (int chunk in (int[])[0, 2, 3, 4])
        {
            file.Write(chunk, content.AsSpan(chunk * 65_536, 65_536));
        }

        Assert.Throws<ArgumentException>(() => file.Write(4, new byte[65_536]));
        Assert.True(file.Flush());
        Assert.Equal(content, Read(again, id));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_backup_carries_whole_blobs_and_a_restore_computes_their_ids_again(bool isSealed)
    {
        byte[] content = Content(700_000);
        BlobId id;
        BlobId other;
        await using (StorageEngine store = await OpenAsync(isSealed))
        {
            id = Add(store, content, isPinned: true, out _).Id;
            other = Add(store, [], isPinned: false, out _).Id;
            await store.BackupAsync(_folder["b.weftbak"]);
        }

        await StorageEngine.RestoreAsync(_folder["b.weftbak"], _folder["r"], isSealed ? StoreKit.Encryption() : null);
        await using StorageEngine restored = await StorageEngine.OpenAsync(StoreKit.Small(_folder["r"], isSealed));

        Assert.Equal([(id, true), (other, false)], restored.Blobs.List()
            .OrderByDescending(blob => blob.Size).Select(blob => (blob.Id, blob.IsPinned)));
        Assert.Equal(content, Read(restored, id));
    }

    [Fact]
    public async Task Content_of_another_id_is_refused_and_removing_gives_the_bytes_back()
    {
        await using StorageEngine store = await OpenAsync(false);
        using (IBlobDraft draft = store.Blobs.Begin())
        {
            draft.Append([1, 2, 3]);
            WeftException refused = Assert.Throws<WeftException>(
                () => draft.Commit(true, new BlobId(new byte[32]), DateTimeOffset.UnixEpoch, out _));
            Assert.Equal(WeftError.BlobMismatch, refused.Error);
        }

        Assert.Empty(Directory.GetFiles(_folder["s/blobs"]));
        BlobId id = Add(store, Content(100_000), isPinned: true, out _).Id;
        using IBlobFile reading = store.Blobs.Open(id)!;
        Assert.True(store.Blobs.Remove(id) > 100_000);
        Assert.Equal(BlobChunkRead.Right, reading.Read(0, new byte[65_536])); // Who reads, reads on.
        Assert.Null(store.Blobs.Open(id));
        Assert.Equal(0, store.Blobs.Remove(id));
    }

    internal static byte[] Content(int size, ulong seed = 1)
    {
        byte[] content = new byte[size];
        new WeftRandom(seed).Fill(content);
        return content;
    }

    private static BlobTree Tree(byte[] content, BlobHasher hasher)
    {
        var tree = new BlobTree(content.Length);
        Span<byte> hash = stackalloc byte[32];
        for (int chunk = 0; chunk < tree.Chunks; chunk++)
        {
            hasher.Leaf(content.AsSpan(chunk * 65_536, BlobLimits.ChunkLength(content.Length, chunk)), hash);
            tree.SetLeaf(chunk, hash);
        }

        return tree;
    }

    private static StoredBlob Add(StorageEngine store, byte[] content, bool isPinned, out bool isNew)
    {
        using IBlobDraft draft = store.Blobs.Begin();
        for (int at = 0; at < content.Length; at += 65_536)
        {
            draft.Append(content.AsSpan(at, Math.Min(65_536, content.Length - at)));
        }

        return draft.Commit(isPinned, null, DateTimeOffset.UnixEpoch, out isNew);
    }

    private static byte[] Read(StorageEngine store, BlobId id)
    {
        using IBlobFile file = store.Blobs.Open(id)!;
        byte[] content = new byte[file.Size];
        for (int chunk = 0; chunk < file.Tree.Chunks; chunk++)
        {
            int length = BlobLimits.ChunkLength(file.Size, chunk);
            Assert.Equal(BlobChunkRead.Right, file.Read(chunk, content.AsSpan(chunk * 65_536, length)));
        }

        return content;
    }

    private ValueTask<StorageEngine> OpenAsync(bool isSealed) =>
        StorageEngine.OpenAsync(StoreKit.Small(_folder["s"], isSealed));

    private void Flip(long at)
    {
        using var file = new FileStream(
            Assert.Single(Directory.GetFiles(_folder["s/blobs"], "*.blob")), FileMode.Open, FileAccess.ReadWrite);
        file.Position = at;
        int value = file.ReadByte();
        file.Position = at;
        file.WriteByte((byte)(value ^ 0x55));
    }
}
