using System.Text;
using Weft.Storage.Files;
using Weft.Storage.Tier;

namespace Weft.Storage.Logs;

/// <summary>The archive inside a backup: its files as they are, in the table <c>coldfiles</c>.</summary>
internal static class ColdBackup
{
    /// <summary>Adds the archive of a store to the copy of its database, and reads it back.</summary>
    /// <returns>Bytes added.</returns>
    public static long Write(Db db, string folder)
    {
        IReadOnlyList<string> names = ColdBlocks.List(folder);
        if (names.Count == 0)
        {
            return 0;
        }

        long bytes = 0;
        db.Execute("CREATE TABLE coldfiles(name BLOB PRIMARY KEY, content BLOB NOT NULL)");
        using (Statement put = db.Prepare("INSERT INTO coldfiles(name, content) VALUES(?1, ?2)"))
        {
            foreach (string name in names)
            {
                byte[] content = File.ReadAllBytes(Path.Combine(folder, ColdBlocks.FolderName, name));
                put.Bind(1, Encoding.UTF8.GetBytes(name)).Bind(2, content).Run();
                bytes += content.Length;
            }
        }

        Each(db, (_, _) => { });
        return bytes;
    }

    /// <summary>Takes the archive out of what becomes a store, into its folder.</summary>
    public static void Restore(Db db, string folder)
    {
        if (!IsThere(db))
        {
            return;
        }

        Each(db, (name, content) => ColdBlocks.WriteFile(Path.Combine(folder, ColdBlocks.FolderName), name, content));
        db.Execute("DROP TABLE coldfiles");
        db.Execute("PRAGMA incremental_vacuum");
    }

    private static bool IsThere(Db db) =>
        db.ReadNumber("SELECT count(*) FROM sqlite_master WHERE name='coldfiles'") > 0;

    private static void Each(Db db, Action<string, byte[]> found)
    {
        using Statement row = db.Prepare("SELECT name, content FROM coldfiles ORDER BY name");
        while (row.Step())
        {
            string name = Encoding.UTF8.GetString(row.Blob(0));
            byte[] content = row.Blob(1).ToArray();
            if (ColdFile.OfName(name) is null || !ColdFile.IsWhole(content))
            {
                throw StorageErrors.Damaged(name, "table coldfiles", "its checksum does not fit");
            }

            found(name, content);
        }
    }
}
