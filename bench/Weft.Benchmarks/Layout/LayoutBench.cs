using System.Buffers.Binary;
using System.Diagnostics;
using System.Text;
using SQLitePCL;
using Weft.Primitives;

namespace Weft.Benchmarks.Layout;

/// <summary>
/// Measures the two ways to lay out a graph in SQLite: one row per field, or one row per block of a node's fields.
/// Both are fed as the engine feeds them: sorted batches of 100 k fields, a transaction each and a checkpoint after
/// every eighth; new nodes are known to be new.
/// </summary>
internal static class LayoutBench
{
    private const int FieldsPerNode = 5;
    private const int BatchFields = 100_000;
    private const int Reads = 50_000;
    public const int BatchesPerCheckpoint = 8;

    /// <summary>Runs <c>layout [millions…]</c>; the default is 1 5 10.</summary>
    public static int Run(string[] arguments)
    {
        Batteries_V2.Init();
        int[] sizes = arguments.Length > 0 ? [.. arguments.Select(int.Parse)] : [1, 5, 10];
        Console.WriteLine(
            $"SQLite {raw.sqlite3_libversion().utf8_to_string()}, WAL, 16 MiB page cache, {BatchFields:N0} fields a batch, "
            + $"{FieldsPerNode} fields a node, 60-byte values, souls in random order");
        Console.WriteLine(
            "| M fields | layout | import fields/s | last fifth fields/s | update fields/s | field reads/s "
            + "| node reads/s | import processor us/field | MiB |");
        Console.WriteLine("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        foreach (int millions in sizes)
        {
            foreach (bool packed in new[] { false, true })
            {
                Measure(millions, packed);
            }
        }

        return 0;
    }

    private static void Measure(int millions, bool packed)
    {
        string folder = Directory.CreateTempSubdirectory("weft-layout-").FullName;
        try
        {
            using var table = new LayoutTable(Path.Combine(folder, "graph.db"), packed);
            int nodes = millions * 1_000_000 / FieldsPerNode;
            int nodesPerBatch = BatchFields / FieldsPerNode;
            int batches = nodes / nodesPerBatch;
            int[] order = Shuffled(nodes, seed: 7);
            TimeSpan processor = Environment.CpuUsage.TotalTime;
            long started = Stopwatch.GetTimestamp();
            long lastFifth = started;
            for (int batch = 0; batch < batches; batch++)
            {
                if (batch == batches * 4 / 5)
                {
                    lastFifth = Stopwatch.GetTimestamp();
                }

                int[] some = order.AsSpan(batch * nodesPerBatch, nodesPerBatch).ToArray();
                table.Write([.. some.Order(StringComparer.Ordinal.By())],
                    Enumerable.Range(0, FieldsPerNode), version: 1, areNew: true);
            }

            double import = (double)nodes * FieldsPerNode / Stopwatch.GetElapsedTime(started).TotalSeconds;
            double microseconds = (Environment.CpuUsage.TotalTime - processor).TotalMicroseconds
                / ((double)nodes * FieldsPerNode);
            double last = (double)(batches - (batches * 4 / 5)) * BatchFields
                / Stopwatch.GetElapsedTime(lastFifth).TotalSeconds;

            // One field of random nodes: the read-modify-write a packed block costs shows here.
            var random = new WeftRandom(11);
            started = Stopwatch.GetTimestamp();
            int updates = 0;
            for (int batch = 0; batch < 3; batch++)
            {
                int[] touched = [.. Enumerable.Range(0, BatchFields).Select(_ => random.Next(nodes)).Distinct()
                    .Order(StringComparer.Ordinal.By())];
                table.Write(touched, [random.Next(FieldsPerNode)], version: 2 + batch, areNew: false);
                updates += touched.Length;
            }

            double update = updates / Stopwatch.GetElapsedTime(started).TotalSeconds;
            started = Stopwatch.GetTimestamp();
            long found = 0;
            for (int i = 0; i < Reads; i++)
            {
                found += table.ReadField(random.Next(nodes), random.Next(FieldsPerNode));
            }

            double fields = Reads / Stopwatch.GetElapsedTime(started).TotalSeconds;
            started = Stopwatch.GetTimestamp();
            for (int i = 0; i < Reads; i++)
            {
                found += table.ReadNode(random.Next(nodes));
            }

            double whole = Reads / Stopwatch.GetElapsedTime(started).TotalSeconds;
            if (found != Reads * (1 + FieldsPerNode))
            {
                throw new InvalidOperationException($"{found} fields were found; the benchmark is wrong.");
            }

            double size = Directory.GetFiles(folder).Sum(file => new FileInfo(file).Length) / 1_048_576d;
            Console.WriteLine(
                $"| {millions} | {(packed ? "packed blocks" : "field rows")} | {import:N0} | {last:N0} | {update:N0} | "
                + $"{fields:N0} | {whole:N0} | {microseconds:N1} | {size:N0} |");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static int[] Shuffled(int count, ulong seed)
    {
        var random = new WeftRandom(seed);
        int[] order = [.. Enumerable.Range(0, count)];
        for (int i = count - 1; i > 0; i--)
        {
            int other = random.Next(i + 1);
            (order[i], order[other]) = (order[other], order[i]);
        }

        return order;
    }

    private static IComparer<int> By(this StringComparer texts) =>
        Comparer<int>.Create((left, right) => texts.Compare(LayoutTable.SoulOf(left), LayoutTable.SoulOf(right)));
}

/// <summary>One table in either layout.</summary>
internal sealed class LayoutTable : IDisposable
{
    private const int ValueBytes = 60;

    private readonly bool _packed;
    private readonly sqlite3 _db;
    private readonly sqlite3_stmt _put;
    private readonly sqlite3_stmt _getField;
    private readonly sqlite3_stmt _getNode;
    private readonly byte[] _value = new byte[ValueBytes];
    private int _batches;

    public LayoutTable(string path, bool packed)
    {
        _packed = packed;
        Check(raw.sqlite3_open(path, out _db));
        Execute("PRAGMA journal_mode=WAL");
        Execute("PRAGMA synchronous=NORMAL");
        Execute("PRAGMA cache_size=-16384");
        Execute("PRAGMA wal_autocheckpoint=0");
        Execute(packed
            ? "CREATE TABLE blocks(soul TEXT, first TEXT, data BLOB, PRIMARY KEY(soul, first)) WITHOUT ROWID"
            : "CREATE TABLE fields(soul TEXT, field TEXT, state REAL, value BLOB, PRIMARY KEY(soul, field)) "
                + "WITHOUT ROWID");
        _put = Prepare(packed
            ? "INSERT INTO blocks VALUES(?1,?2,?3) ON CONFLICT DO UPDATE SET data=excluded.data"
            : "INSERT INTO fields VALUES(?1,?2,?3,?4) "
                + "ON CONFLICT DO UPDATE SET state=excluded.state, value=excluded.value");
        _getField = Prepare(packed
            ? "SELECT data FROM blocks WHERE soul=?1 AND first<=?2 ORDER BY first DESC LIMIT 1"
            : "SELECT value FROM fields WHERE soul=?1 AND field=?2");
        _getNode = Prepare(packed
            ? "SELECT data FROM blocks WHERE soul=?1 ORDER BY first"
            : "SELECT field, state, value FROM fields WHERE soul=?1 ORDER BY field");
    }

    public static string SoulOf(int node) => $"soul/{(uint)node * 2_654_435_761u:x8}/{node:x8}";

    public void Write(int[] sortedNodes, IEnumerable<int> fields, int version, bool areNew)
    {
        int[] which = [.. fields];
        Execute("BEGIN");
        foreach (int node in sortedNodes)
        {
            byte[] soul = Encoding.UTF8.GetBytes(SoulOf(node));
            if (_packed)
            {
                WriteBlock(soul, which, version, areNew);
                continue;
            }

            foreach (int field in which)
            {
                raw.sqlite3_bind_text(_put, 1, soul);
                raw.sqlite3_bind_text(_put, 2, NameOf(field));
                raw.sqlite3_bind_double(_put, 3, version);
                raw.sqlite3_bind_blob(_put, 4, _value);
                Step(_put);
            }
        }

        Execute("COMMIT");
        if (++_batches % LayoutBench.BatchesPerCheckpoint == 0)
        {
            Execute("PRAGMA wal_checkpoint(TRUNCATE)");
        }
    }

    public int ReadField(int node, int field)
    {
        raw.sqlite3_bind_text(_getField, 1, Encoding.UTF8.GetBytes(SoulOf(node)));
        raw.sqlite3_bind_text(_getField, 2, NameOf(field));
        int found = 0;
        if (raw.sqlite3_step(_getField) == raw.SQLITE_ROW)
        {
            ReadOnlySpan<byte> data = raw.sqlite3_column_blob(_getField, 0);
            found = !_packed || Find(data, NameOf(field)) >= 0 ? 1 : 0;
        }

        raw.sqlite3_reset(_getField);
        return found;
    }

    public int ReadNode(int node)
    {
        raw.sqlite3_bind_text(_getNode, 1, Encoding.UTF8.GetBytes(SoulOf(node)));
        int found = 0;
        while (raw.sqlite3_step(_getNode) == raw.SQLITE_ROW)
        {
            found += _packed ? Count(raw.sqlite3_column_blob(_getNode, 0)) : 1;
        }

        raw.sqlite3_reset(_getNode);
        return found;
    }

    public void Dispose()
    {
        Execute("PRAGMA wal_checkpoint(TRUNCATE)");
        raw.sqlite3_finalize(_put);
        raw.sqlite3_finalize(_getField);
        raw.sqlite3_finalize(_getNode);
        raw.sqlite3_close(_db);
    }

    private static byte[] NameOf(int field) => Encoding.UTF8.GetBytes($"field{field}");

    // An entry: name length, name, state, value length, value.
    private static int Find(ReadOnlySpan<byte> block, ReadOnlySpan<byte> name)
    {
        int at = 0;
        while (at < block.Length)
        {
            int length = block[at];
            if (block.Slice(at + 1, length).SequenceEqual(name))
            {
                return at;
            }

            at += 1 + length + 8 + 1 + block[at + 1 + length + 8];
        }

        return -1;
    }

    private static int Count(ReadOnlySpan<byte> block)
    {
        int at = 0;
        int count = 0;
        while (at < block.Length)
        {
            at += 1 + block[at] + 8 + 1 + block[at + 1 + block[at] + 8];
            count++;
        }

        return count;
    }

    private void WriteBlock(byte[] soul, int[] fields, int version, bool isNew)
    {
        byte[] block = isNew ? [] : ReadBlock(soul); // The engine's filter knows new souls.
        foreach (int field in fields)
        {
            byte[] name = NameOf(field);
            int at = Find(block, name);
            if (at < 0)
            {
                at = block.Length;
                Array.Resize(ref block, block.Length + 1 + name.Length + 8 + 1 + ValueBytes);
                block[at] = (byte)name.Length;
                name.CopyTo(block, at + 1);
                block[at + 1 + name.Length + 8] = ValueBytes;
            }

            BinaryPrimitives.WriteDoubleLittleEndian(block.AsSpan(at + 1 + name.Length), version);
        }

        raw.sqlite3_bind_text(_put, 1, soul);
        raw.sqlite3_bind_text(_put, 2, NameOf(0));
        raw.sqlite3_bind_blob(_put, 3, block);
        Step(_put);
    }

    private byte[] ReadBlock(byte[] soul)
    {
        raw.sqlite3_bind_text(_getNode, 1, soul);
        byte[] block = raw.sqlite3_step(_getNode) == raw.SQLITE_ROW
            ? raw.sqlite3_column_blob(_getNode, 0).ToArray()
            : [];
        raw.sqlite3_reset(_getNode);
        return block;
    }

    private sqlite3_stmt Prepare(string sql)
    {
        Check(raw.sqlite3_prepare_v2(_db, sql, out sqlite3_stmt statement));
        return statement;
    }

    private void Execute(string sql) => Check(raw.sqlite3_exec(_db, sql));

    private static void Step(sqlite3_stmt statement)
    {
        Check(raw.sqlite3_step(statement));
        raw.sqlite3_reset(statement);
    }

    private static void Check(int result)
    {
        if (result is not (raw.SQLITE_OK or raw.SQLITE_DONE or raw.SQLITE_ROW))
        {
            throw new InvalidOperationException($"SQLite says {result}.");
        }
    }
}
