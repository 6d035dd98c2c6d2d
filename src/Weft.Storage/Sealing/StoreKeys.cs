using Weft.Primitives;
using Weft.Storage.Files;
using Weft.Storage.Log;
using Weft.Storage.Tier;

namespace Weft.Storage.Sealing;

/// <summary>
/// Finds out whether a folder is encrypted, whether the key fits, and says what to do when it does not.
/// </summary>
internal static class StoreKeys
{
    private static ReadOnlySpan<byte> PlainHead => "SQLite format 3\0"u8;

    /// <summary>Opens the keys of a folder; only reads.</summary>
    /// <returns>Null for a plain store, and for a folder without a store.</returns>
    /// <exception cref="WeftException">
    /// StoreKeyNeeded, StoreKeyWrong, StoreNotEncrypted, FileDamaged, FormatNewer, FolderUnusable.
    /// </exception>
    public static Sealer? Open(string folder, StoreEncryption? encryption)
    {
        if (KeysFile.Read(folder) is KeysFile keys)
        {
            return keys.Open(encryption, folder);
        }

        string path = Path.Combine(folder, SqliteTier.FileName);
        bool hasTier = !Db.IsNew(path);
        if (hasTier && !IsPlain(path))
        {
            throw StorageErrors.Damaged(SqliteTier.FileName, "its head",
                $"it is no plain database, and the file '{KeysFile.Name}' that an encrypted one needs is missing");
        }

        bool hasStore = hasTier
            || (Directory.Exists(folder) && new SegmentFiles(DiskFileSystem.Instance, folder).List().Count > 0);
        return encryption is null || !hasStore
            ? null
            : throw new WeftException(WeftError.StoreNotEncrypted,
                $"'{folder}' holds a store that is not encrypted, and a key was given. Start it without a key, or move "
                + "its data into a new encrypted folder: export, then import. Nothing was touched.");
    }

    /// <summary>Under the folder's lock: opens the keys, or makes them for a new store.</summary>
    /// <param name="folder">The data folder.</param>
    /// <param name="encryption">Null for a plain store.</param>
    /// <param name="opened">What was opened before the lock was taken; null when there was nothing to open.</param>
    public static Sealer? OpenOrCreate(string folder, StoreEncryption? encryption, Sealer? opened)
    {
        // A folder that was new a moment ago may have been made by a process that has ended since.
        Sealer? sealer = opened ?? Open(folder, encryption);
        if (sealer is not null || encryption is null)
        {
            return sealer;
        }

        KeysFile keys = KeysFile.Create(encryption, out sealer);
        try
        {
            keys.Write(folder);
            return sealer;
        }
        catch
        {
            sealer.Dispose();
            throw;
        }
    }

    /// <summary>Wraps the data key of a folder anew.</summary>
    public static void Change(string folder, StoreEncryption encryption, StoreSecret fresh)
    {
        if (!File.Exists(Path.Combine(folder, KeysFile.Name)))
        {
            throw new WeftException(WeftError.StoreNotEncrypted,
                $"'{folder}' holds no encrypted store: the file '{KeysFile.Name}' is missing. Nothing was touched.");
        }

        using FolderLock held = FolderLock.Take(folder, TimeProvider.System.GetUtcNow());
        KeysFile.Read(folder)!.Rewrap(encryption, fresh, folder).Write(folder);
    }

    /// <summary>True when a file starts as a plain database does.</summary>
    public static bool IsPlain(string path)
    {
        Span<byte> head = stackalloc byte[16];
        try
        {
            using var file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            return RandomAccess.Read(file, head, 0) == head.Length && head.SequenceEqual(PlainHead);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new WeftException(WeftError.FolderUnusable, $"'{path}' cannot be read: {failure.Message}", failure);
        }
    }
}
