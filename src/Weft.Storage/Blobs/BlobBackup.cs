using Weft.Node.Storage;
using Weft.Protocols.Blobs;
using Weft.Storage.Files;
using Weft.Storage.Tier;

namespace Weft.Storage.Blobs;

/// <summary>Blobs inside of a backup: two tables beside those of the graph, sealed as its pages are.</summary>
internal static class BlobBackup
{
    public static bool IsThere(Db db) => db.ReadNumber("SELECT count(*) FROM sqlite_master WHERE name='blobdata'") > 0;

    /// <summary>Copies every whole blob into the backup.</summary>
    /// <param name="db">The backup.</param>
    /// <param name="folder">The blobs of the store.</param>
    /// <param name="onBytes">Takes what each step copied.</param>
    /// <param name="cancellation">Stops early.</param>
    /// <exception cref="Primitives.WeftException">FileDamaged: a blob cannot be copied as it is.</exception>
    public static void Write(Db db, BlobFolder folder, Action<long> onBytes, CancellationToken cancellation)
    {
        StoredBlob[] blobs = [.. folder.List().Where(static blob => blob.IsWhole)];
        if (blobs.Length == 0)
        {
            return;
        }

        db.Execute("CREATE TABLE blobs(id BLOB PRIMARY KEY, pinned INTEGER NOT NULL) WITHOUT ROWID");
        db.Execute("CREATE TABLE blobdata(blob BLOB NOT NULL, number INTEGER NOT NULL, data BLOB NOT NULL)");
        db.Execute("CREATE UNIQUE INDEX blobpart ON blobdata(blob, number)");
        using Statement name = db.Prepare("INSERT INTO blobs(id, pinned) VALUES(?1, ?2)");
        using Statement put = db.Prepare("INSERT INTO blobdata(blob, number, data) VALUES(?1, ?2, ?3)");
        byte[] data = new byte[BlobLimits.ChunkBytes];
        foreach (StoredBlob blob in blobs)
        {
            using IBlobFile? file = folder.Open(blob.Id);
            if (file is null)
            {
                continue; // It was removed since the list was made.
            }

            db.Execute("BEGIN");
            name.Bind(1, blob.Id.Span).Bind(2, file.IsPinned ? 1 : 0).Run();
            for (int chunk = 0; chunk < file.Tree.Chunks; chunk++)
            {
                cancellation.ThrowIfCancellationRequested();
                Span<byte> target = data.AsSpan(0, BlobLimits.ChunkLength(file.Size, chunk));
                if (file.Read(chunk, target) != BlobChunkRead.Right)
                {
                    throw StorageErrors.Damaged(
                        BlobFolder.Name, $"chunk {chunk} of blob {blob.Id}", "it is not what the id stands for");
                }

                put.Bind(1, blob.Id.Span).Bind(2, chunk).Bind(3, target).Run();
                onBytes(target.Length);
            }

            db.Execute("COMMIT");
        }
    }

    /// <summary>Reads the blobs of a backup, and computes their ids again.</summary>
    /// <param name="db">The backup.</param>
    /// <param name="folder">Where to keep them; null to look only.</param>
    /// <param name="hasher">Computes.</param>
    /// <param name="onBytes">Takes what each step read.</param>
    /// <param name="onDamage">Takes a blob that is not what its id stands for.</param>
    /// <param name="cancellation">Stops early.</param>
    public static void Read(
        Db db, BlobFolder? folder, BlobHasher hasher, Action<long> onBytes, Action<BlobId> onDamage,
        CancellationToken cancellation)
    {
        if (!IsThere(db))
        {
            return;
        }

        var blobs = new List<(BlobId Id, bool IsPinned)>();
        using (Statement all = db.Prepare("SELECT id, pinned FROM blobs ORDER BY id"))
        {
            while (all.Step())
            {
                if (all.Blob(0).Length == BlobId.Length)
                {
                    blobs.Add((new BlobId(all.Blob(0)), all.Number(1) != 0));
                }
            }
        }

        using Statement parts = db.Prepare("SELECT data FROM blobdata WHERE blob=?1 ORDER BY number");
        foreach ((BlobId id, bool isPinned) in blobs)
        {
            using IBlobDraft? draft = folder?.Begin();
            var leaves = new List<byte[]>();
            long size = 0;
            parts.Bind(1, id.Span);
            while (parts.Step())
            {
                cancellation.ThrowIfCancellationRequested();
                ReadOnlySpan<byte> data = parts.Blob(0);
                if (size != (long)leaves.Count * BlobLimits.ChunkBytes || data.Length > BlobLimits.ChunkBytes)
                {
                    break; // A part is missing; the id will not fit.
                }

                byte[] leaf = new byte[BlobLimits.HashBytes];
                hasher.Leaf(data, leaf);
                leaves.Add(leaf);
                size += data.Length;
                draft?.Append(data);
                onBytes(data.Length);
            }

            parts.Reset();
            if (IdOf(size, leaves, hasher) != id)
            {
                onDamage(id);
                continue;
            }

            draft?.Commit(isPinned, id, DateTimeOffset.UtcNow, out _);
        }
    }

    /// <summary>Takes the blobs out of what becomes a store, and gives their pages back.</summary>
    public static void Remove(Db db)
    {
        if (IsThere(db))
        {
            db.Execute("DROP TABLE blobdata");
            db.Execute("DROP TABLE blobs");
            db.Execute("PRAGMA incremental_vacuum");
        }
    }

    private static BlobId IdOf(long size, List<byte[]> leaves, BlobHasher hasher)
    {
        var tree = new BlobTree(size);
        if (tree.Chunks != leaves.Count)
        {
            return default;
        }

        for (int chunk = 0; chunk < leaves.Count; chunk++)
        {
            tree.SetLeaf(chunk, leaves[chunk]);
        }

        return tree.Build(hasher);
    }
}
