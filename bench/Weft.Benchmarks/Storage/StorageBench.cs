using System.Diagnostics;
using System.Globalization;
using Weft.Graph;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Storage;

namespace Weft.Benchmarks.Storage;

/// <summary>
/// Measures the storage engine alone: acknowledgements at 1 to 256 writers, import in random order of souls, reads, and
/// the start after a kill. <c>dotnet run -c Release --project bench/Weft.Benchmarks -- storage [FIELDS] [MEMORY_MIB] [FOLDER]</c>
/// </summary>
internal static class StorageBench
{
    private const int FieldsPerSoul = 5;

    public static async Task<int> RunAsync(string[] args)
    {
        long fields = args.Length > 0 ? long.Parse(args[0], CultureInfo.InvariantCulture) : 2_000_000;
        int memoryMiB = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 128;
        string folder = args.Length > 2 ? args[2] : Directory.CreateTempSubdirectory("weft-bench-").FullName;
        try
        {
            await AcksAsync(Path.Combine(folder, "acks"));
            await ImportAsync(Path.Combine(folder, "import"), fields, memoryMiB);
        }
        finally
        {
            if (args.Length <= 2)
            {
                Directory.Delete(folder, recursive: true);
            }
        }

        return 0;
    }

    private static async Task AcksAsync(string folder)
    {
        Console.WriteLine("writers  acks/s    p50 us  p99 us  flushes/s  flush p50 ms  (durability disk, one 60-byte field each)");
        foreach (int writers in (int[])[1, 16, 64, 256])
        {
            string path = Path.Combine(folder, writers.ToString(CultureInfo.InvariantCulture));
            await using StorageEngine store = await StorageEngine.OpenAsync(new StorageOptions { Path = path });
            int perWriter = writers == 1 ? 10_000 : 400_000 / writers;
            double[][] latencies = new double[writers][];
            long started = Stopwatch.GetTimestamp();
            await Task.WhenAll(Enumerable.Range(0, writers).Select(writer => Task.Run(async () =>
            {
                latencies[writer] = new double[perWriter];
                for (int i = 0; i < perWriter; i++)
                {
                    await store.WaitForRoomAsync();
                    long sent = Stopwatch.GetTimestamp();
                    await store.AppendAsync(Batch($"soul/{writer}/{i}", i, 1), Durability.Disk);
                    latencies[writer][i] = Stopwatch.GetElapsedTime(sent).TotalMicroseconds;
                }
            })));
            double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
            double[] all = [.. latencies.SelectMany(part => part).Order()];
            StoreStats stats = store.ReadStats();
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{writers,7}  {all.Length / seconds,8:N0}  {all[all.Length / 2],6:F0}  {all[all.Length * 99 / 100],6:F0}  {stats.Flushes / seconds,9:N0}  {stats.FlushP50Ms,12:F3}"));
        }
    }

    private static async Task ImportAsync(string folder, long fields, int memoryMiB)
    {
        var options = new StorageOptions { Path = folder, MemoryMiB = memoryMiB };
        long souls = fields / FieldsPerSoul;
        StorageEngine store = await StorageEngine.OpenAsync(options);
        long started = Stopwatch.GetTimestamp();
        long peak = 0;
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
            if (i % 2_000 == 1_999 || i == souls - 1)
            {
                await append;
                peak = Math.Max(peak, Memory("VmRSS"));
            }
            else
            {
                last = append.AsTask();
            }

            if (i % (souls / 10) == (souls / 10) - 1)
            {
                double soFar = Stopwatch.GetElapsedTime(started).TotalSeconds;
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"  {(i + 1) * FieldsPerSoul,11:N0} fields  {(i + 1) * FieldsPerSoul / soFar,9:N0} fields/s so far  VmRSS {Memory("VmRSS")} MB"));
            }
        }

        await last;
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"import: {fields / seconds:N0} fields/s durable and merged ({Process.GetCurrentProcess().TotalProcessorTime.TotalMicroseconds / fields:F2} us of processor time each, acks included), {fields:N0} fields, {store.ReadStats().DiskBytes >> 20} MiB on disk, VmRSS peak {peak} MB (VmHWM {Memory("VmHWM")})"));
        await ReadsAsync(store, souls);
        await FillLogAsync(store, memoryMiB * 100);
        string killed = folder + "-killed";
        Directory.CreateDirectory(killed);
        foreach (string file in Directory.EnumerateFiles(folder))
        {
            if (Path.GetFileName(file) != "lock")
            {
                File.Copy(file, Path.Combine(killed, Path.GetFileName(file)));
            }
        }

        started = Stopwatch.GetTimestamp();
        await using (StorageEngine again = await StorageEngine.OpenAsync(new StorageOptions { Path = killed, MemoryMiB = memoryMiB }))
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"start after a kill: {Stopwatch.GetElapsedTime(started).TotalMilliseconds:F0} ms with {again.ReadStats().Fields:N0} fields"));
        }

        started = Stopwatch.GetTimestamp();
        await store.DisposeAsync();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"clean stop: {Stopwatch.GetElapsedTime(started).TotalMilliseconds:F0} ms"));
    }

    /// <summary>
    /// Leaves a log to replay and nothing on its way down, because copying files while pages move between them would be
    /// no picture of a kill.
    /// </summary>
    private static async Task FillLogAsync(StorageEngine store, int souls)
    {
        await store.MaintainAsync(double.MinValue);
        for (int i = 0; i < souls; i++)
        {
            await store.WaitForRoomAsync();
            await store.AppendAsync(Batch($"late/{i}", i, FieldsPerSoul), Durability.Memory);
        }

        await store.AppendAsync(CommitBatch.Empty, Durability.Disk);
    }

    private static async Task ReadsAsync(StorageEngine store, long souls)
    {
        var random = new WeftRandom(1);
        const int Reads = 100_000;
        var latencies = new double[Reads];
        StoreStats before = store.ReadStats();
        long started = Stopwatch.GetTimestamp();
        for (int i = 0; i < Reads; i++)
        {
            long sent = Stopwatch.GetTimestamp();
            await store.ReadNodeAsync(
                $"soul/{(long)(random.NextDouble() * souls):D9}/node", LexRange.All, int.MaxValue, long.MaxValue);
            latencies[i] = Stopwatch.GetElapsedTime(sent).TotalMicroseconds;
        }

        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        Array.Sort(latencies);
        StoreStats after = store.ReadStats();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"reads of whole nodes at random, one reader: {Reads / seconds:N0}/s, p50 {latencies[Reads / 2]:F0} us, p99 {latencies[Reads * 99 / 100]:F0} us, {after.CacheMisses - before.CacheMisses} from disk"));
        long bytes = GC.GetAllocatedBytesForCurrentThread();
        started = Stopwatch.GetTimestamp();
        for (int i = 0; i < 1_000_000; i++)
        {
            ValueTask<StoredField?> read = store.ReadFieldAsync("soul/000000001/node", "field0");
            if (!read.IsCompletedSuccessfully || read.Result is null)
            {
                await Task.Yield();
            }
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"hits of one field: {1_000_000 / Stopwatch.GetElapsedTime(started).TotalSeconds:N0}/s, {(GC.GetAllocatedBytesForCurrentThread() - bytes) / 1e6:F1} B each"));
    }

    private static CommitBatch Batch(string soul, long number, int fields)
    {
        var writes = new CommitField[fields];
        for (int i = 0; i < fields; i++)
        {
            writes[i] = new CommitField(
                new FieldWrite(soul, "field" + i, $"value {number} of field {i}, sixty bytes of text or so, all told", 1e12 + number),
                default, false);
        }

        return new CommitBatch(writes, [], [], 1e12 + number);
    }

    private static long Memory(string name) => File.Exists("/proc/self/status")
        ? File.ReadLines("/proc/self/status").Where(line => line.StartsWith(name, StringComparison.Ordinal))
            .Select(line => long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture))
            .FirstOrDefault() / 1_024
        : 0;
}
