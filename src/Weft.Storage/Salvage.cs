using System.Buffers;
using System.Globalization;
using System.Text;
using Weft.Primitives;
using Weft.Storage.Files;
using Weft.Storage.Logs;
using Weft.Storage.Memory;
using Weft.Storage.Records;
using Weft.Storage.Sealing;
using Weft.Storage.Tier;

namespace Weft.Storage;

/// <summary>What a rebuild of the disk tier found.</summary>
/// <param name="Nodes">Nodes in the new file.</param>
/// <param name="Fields">Fields in it.</param>
/// <param name="BlocksLost">Blocks of nodes that could not be read.</param>
/// <param name="Souls">The nodes they belonged to, the first 1,000.</param>
/// <param name="RowsLost">True when rows of logs or of the DHT could not be read.</param>
/// <param name="IsPartial">True when a part of the nodes could not even be counted: their names are unknown.</param>
/// <param name="Aside">Where the damaged file is now.</param>
public sealed record SalvageReport(
    long Nodes, long Fields, long BlocksLost, IReadOnlyList<string> Souls, bool RowsLost, bool IsPartial, string Aside);

/// <summary>
/// Reads what a damaged disk tier still has into a new one. In a plain file a page whose sum does not fit is read all the
/// same, because every block has a sum of its own; in a sealed one such a page cannot be opened.
/// </summary>
internal sealed class Salvage(string folder, Sealer? sealer, CancellationToken cancellationToken)
{
    private const int SoulsMax = 1_000;

    private static readonly double HorizonMs = new StorageOptions().TombstoneHorizon.TotalMilliseconds;

    // Rows of these tables have no sums of their own: they are read with those of their pages, from both ends.
    private static readonly (string Table, string Key, int Columns)[] Others =
    [
        ("logs", "id", 5), ("logrows", "log, kind, number", 4), ("records", "key", 2), ("quarantine", "soul, first", 3),
    ];

    private readonly List<string> _souls = [];
    private readonly ArrayBufferWriter<byte> _bytes = new(BlockCodec.BytesMax * 2);
    private long _nodes;
    private long _fields;
    private long _lost;
    private bool _rowsLost;
    private bool _isPartial;

    public SalvageReport Run()
    {
        string path = Path.Combine(folder, SqliteTier.FileName);
        string draft = path + ".repair";
        foreach (string old in (string[])[draft, draft + "-wal", draft + "-shm", draft + "-journal"])
        {
            File.Delete(old);
        }

        using (Db source = Db.Open(path, write: true, 8 << 20, sealer))
        using (Db loose = sealer is null ? Db.OpenUnchecked(path) : Db.Open(path, write: true, 8 << 20, sealer))
        using (Db target = Db.Open(draft, write: true, 8 << 20, sealer))
        {
            target.Execute("PRAGMA journal_mode=MEMORY");
            SqliteTier.Prepare(target, isNew: true, "MEMORY");
            LogSchema.Prepare(target);
            RecordRows.Prepare(target);
            RefuseUnknown(loose, target);
            target.Execute("BEGIN IMMEDIATE");
            TierState state = ReadMeta(loose, target) ?? throw StorageErrors.Damaged(
                SqliteTier.FileName, "table meta", "the row 'state' cannot be read; nothing was changed");
            CopyBlocks(loose, target);
            foreach ((string table, string key, int columns) in Others)
            {
                CopyTable(source, target, table, key, columns);
            }

            Put(target, TierState.Key, (state with { Nodes = Math.Max(1, _nodes), Fields = _fields }).Write());
            target.Execute("COMMIT");
            target.Execute("PRAGMA journal_mode=WAL");
        }

        string aside = SetAside(path);
        using (IFile file = DiskFileSystem.Instance.Open(draft, create: false))
        {
            file.Sync();
        }

        File.Move(draft, path, overwrite: true);
        File.Delete(path + "-wal");
        File.Delete(path + "-shm");
        DiskFileSystem.Instance.SyncFolder(folder);
        return new SalvageReport(_nodes, _fields, _lost, _souls, _rowsLost, _isPartial, aside);
    }

    /// <summary>A table that this version does not copy would be lost with what is in it.</summary>
    private static void RefuseUnknown(Db source, Db target)
    {
        using Statement tables = source.Prepare(
            "SELECT CAST(name AS BLOB) FROM sqlite_master WHERE type='table' AND name NOT LIKE 'sqlite%'");
        while (tables.Step())
        {
            byte[] name = tables.Blob(0).ToArray();
            using Statement known = target.Prepare(
                "SELECT 1 FROM sqlite_master WHERE type='table' AND name=CAST(?1 AS TEXT)");
            if (!known.Bind(1, name).Step())
            {
                throw StorageErrors.Damaged(
                    SqliteTier.FileName, $"table {Encoding.UTF8.GetString(name)}",
                    "this version does not know it, and would lose it; nothing was changed");
            }
        }
    }

    private string SetAside(string path)
    {
        string place = Path.Combine(folder, "quarantine");
        Directory.CreateDirectory(place);
        for (int i = 1; ; i++)
        {
            string aside = Path.Combine(
                place, string.Create(CultureInfo.InvariantCulture, $"{SqliteTier.FileName}.{i}"));
            if (!File.Exists(aside))
            {
                File.Copy(path, aside);
                string log = path + "-wal";
                if (File.Exists(log))
                {
                    File.Copy(log, aside + "-wal", overwrite: true);
                }

                return aside;
            }
        }
    }

    private static TierState? ReadMeta(Db source, Db target)
    {
        TierState? state = null;
        foreach (string key in (string[])[TierState.Key, TierState.DeferredKey, TierState.JournalKey])
        {
            using Statement row = source.Prepare("SELECT value FROM meta WHERE key=CAST(?1 AS TEXT)");
            if (!row.Bind(1, Encoding.UTF8.GetBytes(key)).Step())
            {
                continue;
            }

            byte[] value = row.Blob(0).ToArray();
            state = key == TierState.Key ? TierState.Read(value) : state;
            if (key != TierState.Key)
            {
                Put(target, key, value); // They have sums of their own.
            }
        }

        return state;
    }

    private void CopyBlocks(Db source, Db target)
    {
        using Statement put = target.Prepare(
            "INSERT OR REPLACE INTO blocks(soul, first, seq, due, data) VALUES(?1, ?2, ?3, ?4, ?5)");
        using Statement link = target.Prepare("INSERT OR IGNORE INTO links(target, source) VALUES(?1, ?2)");
        using Statement aside = target.Prepare("INSERT OR REPLACE INTO quarantine(soul, first, data) VALUES(?1, ?2, ?3)");
        byte[] last = [];
        foreach (string order in (string[])["ASC", "DESC"]) // From the other end, where the first walk met a wall.
        {
            using Statement blocks = source.Prepare(
                $"SELECT soul, first, data FROM blocks ORDER BY soul {order}, first {order}");
            try
            {
                while (blocks.Step())
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    var block = new RawBlock(blocks.Blob(0).ToArray(), blocks.Blob(1).ToArray(), blocks.Blob(2).ToArray());
                    CopyBlock(block, put, link, aside, isNew: !block.Soul.AsSpan().SequenceEqual(last));
                    last = block.Soul;
                }

                return;
            }
            catch (WeftException damage) when (damage.Error is WeftError.FileDamaged or WeftError.DiskFailed)
            {
                _isPartial = true;
                last = [];
            }
        }
    }

    private void CopyBlock(in RawBlock block, Statement put, Statement link, Statement aside, bool isNew)
    {
        if (!BlockCodec.IsGood(block.Soul, block.First, block.Data))
        {
            aside.Bind(1, block.Soul).Bind(2, block.First).Bind(3, block.Data).Run();
            _lost++;
            _nodes += isNew ? 1 : 0;
            if (_souls.Count < SoulsMax)
            {
                _souls.Add(KeyText.Decode(block.Soul));
            }

            BlockCodec.Write(
                _bytes, block.Soul, block.First, BlockCodec.MayHaveNext | BlockCodec.HasLost, []);
            put.Bind(1, block.Soul).Bind(2, block.First).Bind(3, 0).BindDue(4, double.PositiveInfinity)
                .Bind(5, _bytes.WrittenSpan).Run();
            return;
        }

        long sequence = 0;
        double due = double.PositiveInfinity;
        BlockReader reader = BlockCodec.Read(block.Data);
        while (reader.TryRead(out PackedField field))
        {
            _fields++;
            sequence = Math.Max(sequence, field.Sequence);
            due = Math.Min(due, TierWriter.DueMs(field, HorizonMs));
            if (TierWriter.LinkTarget(field) is byte[] to)
            {
                link.Bind(1, to).Bind(2, MemTable.LinkOf(block.Soul, field.Name.Span)).Run();
            }
        }

        _nodes += isNew ? 1 : 0;
        put.Bind(1, block.Soul).Bind(2, block.First).Bind(3, sequence).BindDue(4, due).Bind(5, block.Data).Run();
    }

    private void CopyTable(Db source, Db target, string table, string key, int columns)
    {
        string places = string.Join(", ", Enumerable.Range(1, columns).Select(i => $"?{i}"));
        using Statement put = target.Prepare($"INSERT OR IGNORE INTO {table} VALUES({places})");
        foreach (string order in (string[])["ASC", "DESC"])
        {
            try
            {
                string by = string.Join(", ", key.Split(", ").Select(column => $"{column} {order}"));
                using Statement rows = source.Prepare($"SELECT * FROM {table} ORDER BY {by}");
                while (rows.Step())
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    put.BindRow(rows).Run();
                }

                return;
            }
            catch (WeftException damage) when (damage.Error is WeftError.FileDamaged or WeftError.DiskFailed)
            {
                _rowsLost = true;
            }
        }
    }

    private static void Put(Db target, string key, ReadOnlySpan<byte> value)
    {
        using Statement put = target.Prepare("INSERT OR REPLACE INTO meta(key, value) VALUES(CAST(?1 AS TEXT), ?2)");
        put.Bind(1, Encoding.UTF8.GetBytes(key)).Bind(2, value).Run();
    }
}
