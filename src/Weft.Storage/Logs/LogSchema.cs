using Weft.Storage.Tier;

namespace Weft.Storage.Logs;

/// <summary>The tables of the logs in the disk tier.</summary>
internal static class LogSchema
{
    /// <summary>Makes them in a store that has none: a new one, or one from before there were logs.</summary>
    public static void Prepare(Db db)
    {
        if (IsThere(db))
        {
            return;
        }

        db.Execute("BEGIN IMMEDIATE");
        db.Execute(
            "CREATE TABLE logs(id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, restored INTEGER NOT NULL DEFAULT 0, "
            + "state BLOB NOT NULL, meta BLOB NOT NULL)");
        db.Execute(
            "CREATE TABLE logrows(log INTEGER NOT NULL, kind INTEGER NOT NULL, number INTEGER NOT NULL, "
            + "data BLOB NOT NULL)");
        db.Execute("CREATE UNIQUE INDEX logrow ON logrows(log, kind, number)");
        db.Execute("COMMIT");
    }

    public static bool IsThere(Db db) =>
        db.ReadNumber("SELECT count(*) FROM sqlite_master WHERE name='logrows'") > 0;

    /// <summary>
    /// After a restore: what a log's writer signed since the backup is not known here, so that each log asks its peers
    /// before it is appended to.
    /// </summary>
    public static void MarkRestored(Db db)
    {
        if (IsThere(db))
        {
            db.Execute("UPDATE logs SET restored=1");
        }
    }
}
