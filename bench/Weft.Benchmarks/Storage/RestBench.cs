using System.Diagnostics;
using System.Globalization;
using Weft.Crypto;
using Weft.Graph;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Storage;
using Weft.Storage.Sealing;

namespace Weft.Benchmarks.Storage;

/// <summary>
/// What encryption at rest costs: the same import, reads and acknowledgements on a plain and an encrypted store, in
/// turn, in one run. <c>dotnet run -c Release --project bench/Weft.Benchmarks -- rest [FIELDS] [REPEATS]
/// [MEMORY_MIB]</c>
/// </summary>
internal static class RestBench
{
    private const int FieldsPerSoul = 5;
    private const int Reads = 100_000;
    private const int Acks = 100_000;
    private const int Writers = 64;

    public static async Task<int> RunAsync(string[] args)
    {
        long fields = args.Length > 0 ? long.Parse(args[0], CultureInfo.InvariantCulture) : 2_000_000;
        int repeats = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 3;
        int memoryMiB = args.Length > 2 ? int.Parse(args[2], CultureInfo.InvariantCulture) : 128;
        var plain = new List<Row>();
        var encrypted = new List<Row>();
        Console.WriteLine("store      import fields/s  us processor/field  node reads/s  acks/s (64 writers)  MiB");
        for (int i = 0; i < repeats; i++)
        {
            // Each goes first in every other round, so that a warm or tired machine favours neither.
            foreach (bool seal in i % 2 == 0 ? (bool[])[false, true] : [true, false])
            {
                Row row = await MeasureAsync(seal, fields, memoryMiB);
                (seal ? encrypted : plain).Add(row);
                Print(seal ? "encrypted" : "plain", row);
            }
        }

        Row left = Median(plain);
        Row right = Median(encrypted);
        Print("median p.", left);
        Print("median e.", right);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"encrypted over plain, medians of {repeats}: processor {right.Processor / left.Processor:P1}, "
            + $"reads {right.Reads / left.Reads:P1}, acks {right.Acks / left.Acks:P1}"));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"import lost: {1 - (right.Import / left.Import):P1} (bar: at most 25 %)"));
        return 0;
    }

    private static async Task<Row> MeasureAsync(bool seal, long fields, int memoryMiB)
    {
        string folder = Directory.CreateTempSubdirectory("weft-bench-").FullName;
        using StoreSecret secret = StoreSecret.FromKey(new byte[StoreSecret.KeyBytes]);
        var options = new StorageOptions
        {
            Path = Path.Combine(folder, "data"), MemoryMiB = memoryMiB,
            Encryption = seal ? new StoreEncryption(PlatformCrypto.Create(), secret) : null,
        };
        try
        {
            await using StorageEngine store = await StorageEngine.OpenAsync(options);
            TimeSpan processor = Environment.CpuUsage.TotalTime;
            long started = Stopwatch.GetTimestamp();
            await ImportAsync(store, fields / FieldsPerSoul);
            await store.MaintainAsync(double.MinValue); // What waits in memory is part of the import.
            double import = fields / Stopwatch.GetElapsedTime(started).TotalSeconds;
            processor = Environment.CpuUsage.TotalTime - processor;
            double reads = await ReadAsync(store, fields / FieldsPerSoul);
            double acks = await AckAsync(store);
            return new Row(
                import, processor.TotalMicroseconds / fields, reads, acks, store.ReadStats().DiskBytes / 1048576d);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task ImportAsync(StorageEngine store, long souls)
    {
        var view = new GraphView();
        var core = new GraphCore(new GraphOptions());
        var outbox = new Outbox<GraphOutput>();
        Task last = Task.CompletedTask;
        for (long i = 0; i < souls; i++)
        {
            // A full period over all souls, in an order that jumps all over them.
            long number = (long)((ulong)(i * 2_654_435_761) % (ulong)souls);
            CommitBatch batch = Batch($"soul/{number:D9}/node", i, FieldsPerSoul);
            await store.WaitForRoomAsync();
            FieldWrite[] delta = [.. batch.Fields.Select(field => field.Write)];
            view.Begin(delta);
            await store.LoadAsync(view);
            outbox.Clear();
            core.Apply(delta, view, 2e12, outbox);
            ValueTask<CommitReceipt> append = store.AppendAsync(batch, Durability.Disk);
            if (i % 2_000 == 1_999)
            {
                await append;
            }
            else
            {
                last = append.AsTask();
            }
        }

        await last;
    }

    private static async Task<double> ReadAsync(StorageEngine store, long souls)
    {
        var random = new WeftRandom(1);
        long started = Stopwatch.GetTimestamp();
        for (int i = 0; i < Reads; i++)
        {
            NodePage page = await store.ReadNodeAsync(
                $"soul/{(long)(random.NextDouble() * souls):D9}/node", LexRange.All, int.MaxValue, long.MaxValue);
            if (page.Fields.Count != FieldsPerSoul)
            {
                throw new InvalidOperationException($"A node has {page.Fields.Count} fields.");
            }
        }

        return Reads / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    private static async Task<double> AckAsync(StorageEngine store)
    {
        long started = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, Writers).Select(writer => Task.Run(async () =>
        {
            for (int i = 0; i < Acks / Writers; i++)
            {
                await store.WaitForRoomAsync();
                await store.AppendAsync(Batch($"ack/{writer}/{i}", i, 1), Durability.Disk);
            }
        })));
        return Acks / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    private static CommitBatch Batch(string soul, long number, int fields)
    {
        var writes = new CommitField[fields];
        for (int i = 0; i < fields; i++)
        {
            writes[i] = new CommitField(
                new FieldWrite(
                    soul, "field" + i, $"value {number} of field {i}, sixty bytes of text or so, all told",
                    1e12 + number),
                default, false);
        }

        return new CommitBatch(writes, [], [], 1e12 + number);
    }

    private static Row Median(List<Row> rows) => new(
        Middle(rows.Select(row => row.Import)), Middle(rows.Select(row => row.Processor)),
        Middle(rows.Select(row => row.Reads)), Middle(rows.Select(row => row.Acks)),
        Middle(rows.Select(row => row.MiB)));

    private static double Middle(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }

    private static void Print(string store, Row row) => Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
        $"{store,-9}  {row.Import,15:N0}  {row.Processor,18:F2}  {row.Reads,12:N0}  {row.Acks,19:N0}  {row.MiB,4:N0}"));

    private sealed record Row(double Import, double Processor, double Reads, double Acks, double MiB);
}
