using System.Text;
using Weft.Node.Storage;
using Weft.Storage.Tier;

namespace Weft.Storage;

/// <summary>
/// Small files that a backup carries beside the graph, in the table <c>keyfiles</c>: what a plain one holds must be sealed
/// by who gives it; in an encrypted one the pages are.
/// </summary>
internal static class BackupFiles
{
    /// <summary>Files in one backup.</summary>
    public const int FilesMax = 1_024;

    /// <summary>Bytes of one file.</summary>
    public const int BytesMax = 64 << 10;

    public static bool AreThere(Db db) =>
        db.ReadNumber("SELECT count(*) FROM sqlite_master WHERE name='keyfiles'") > 0;

    /// <summary>Adds files to the copy.</summary>
    public static void Write(Db db, IReadOnlyList<BackupFile> files)
    {
        if (files.Count == 0)
        {
            return;
        }

        db.Execute("BEGIN");
        db.Execute("CREATE TABLE keyfiles(name BLOB PRIMARY KEY, content BLOB NOT NULL) WITHOUT ROWID");
        using (Statement put = db.Prepare("INSERT INTO keyfiles(name, content) VALUES(?1, ?2)"))
        {
            foreach (BackupFile file in files)
            {
                put.Bind(1, Encoding.UTF8.GetBytes(file.Name)).Bind(2, file.Content.Span).Run();
            }
        }

        db.Execute("COMMIT");
    }

    /// <summary>Reads the files; more or larger ones than <see cref="Write"/> takes are left out.</summary>
    public static IReadOnlyList<BackupFile> Read(Db db)
    {
        var files = new List<BackupFile>();
        if (!AreThere(db))
        {
            return files;
        }

        using Statement row = db.Prepare("SELECT name, content FROM keyfiles ORDER BY name");
        while (files.Count < FilesMax && row.Step())
        {
            if (row.Blob(1).Length <= BytesMax)
            {
                files.Add(new(Encoding.UTF8.GetString(row.Blob(0)), row.Blob(1).ToArray()));
            }
        }

        return files;
    }

    /// <summary>Takes the files out of what becomes a store; their pages are overwritten.</summary>
    public static void Remove(Db db)
    {
        if (AreThere(db))
        {
            db.Execute("PRAGMA secure_delete=ON");
            db.Execute("DROP TABLE keyfiles");
        }
    }
}
