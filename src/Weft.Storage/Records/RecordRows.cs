using System.Buffers;
using System.Text;
using Weft.Node.Commits;
using Weft.Node.Storage;
using Weft.Storage.Files;
using Weft.Storage.Sealing;
using Weft.Storage.Tier;

namespace Weft.Storage.Records;

/// <summary>The DHT's records in the disk tier: one row each.</summary>
internal sealed class RecordRows : IDisposable
{
    private readonly Statement _put;
    private readonly Statement _remove;
    private readonly ArrayBufferWriter<byte> _bytes = new();

    public RecordRows(Db db)
    {
        _put = db.Prepare("INSERT OR REPLACE INTO records(key, data) VALUES(?1, ?2)");
        _remove = db.Prepare("DELETE FROM records WHERE key=?1");
    }

    /// <summary>Makes the table in a store that has none.</summary>
    public static void Prepare(Db db) =>
        db.Execute("CREATE TABLE IF NOT EXISTS records(key BLOB PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID");

    /// <summary>Brings a memory table's changes into the disk tier, inside of the caller's transaction.</summary>
    public void Write(RecordTable table)
    {
        foreach (RecordChange change in table.Changes)
        {
            if (change.Record.IsEmpty)
            {
                _remove.Bind(1, change.Key.Span).Run();
                continue;
            }

            _bytes.ResetWrittenCount();
            RecordChangeCodec.Write(_bytes, change);
            _put.Bind(1, change.Key.Span).Bind(2, _bytes.WrittenSpan).Run();
        }
    }

    /// <summary>Reads every record, with the changes that have not reached the disk tier on top.</summary>
    public static IReadOnlyList<RecordChange> Load(string path, Sealer? sealer, params ReadOnlySpan<RecordTable?> newer)
    {
        var records = new SortedDictionary<string, RecordChange>(StringComparer.Ordinal);
        using (Db db = Db.Open(path, write: false, 1 << 20, sealer))
        {
            using Statement all = db.Prepare("SELECT data FROM records ORDER BY key");
            while (all.Step())
            {
                ReadOnlySpan<byte> data = all.Blob(0);
                if (!RecordChangeCodec.TryRead(ref data, out RecordChange? change) || !data.IsEmpty)
                {
                    throw StorageErrors.Damaged(SqliteTier.FileName, "records", "a record cannot be read");
                }

                records[Encoding.Latin1.GetString(change!.Key.Span)] = change;
            }
        }

        foreach (RecordTable? table in newer)
        {
            foreach (RecordChange change in table?.Changes ?? [])
            {
                records[Encoding.Latin1.GetString(change.Key.Span)] = change;
            }
        }

        return [.. records.Values.Where(change => !change.Record.IsEmpty)];
    }

    public void Dispose()
    {
        _put.Dispose();
        _remove.Dispose();
    }
}

/// <summary>The records of the engine: changes are its commits.</summary>
internal sealed class EngineRecordShelf(
    Func<CommitBatch, ValueTask<CommitReceipt>> append, Func<IReadOnlyList<RecordChange>> load) : IRecordShelf
{
    public IReadOnlyList<RecordChange> Load() => load();

    public void Write(RecordChange change)
    {
        // On the lowest level the answer is there at once, or the refusal is.
        ValueTask<CommitReceipt> answer = append(
            new CommitBatch([], [], [], double.NegativeInfinity) { Records = [change] });
        _ = answer.IsCompleted
            ? answer.Result
            : throw new InvalidOperationException("A commit on the level of memory was not answered at once.");
    }
}
