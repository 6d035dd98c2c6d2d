using System.Diagnostics;
using System.Text;

namespace Weft.Load;

/// <summary>Imports JSON lines in random soul order with <c>weft import</c>, and reads a sample back.</summary>
internal sealed class ImportRow(bool isBig) : ILoadRow
{
    private const int BigMemoryMiB = 128;
    private const double BigResidentMax = 400e6;

    public string Name => isBig ? "bigimport" : "import";

    public async Task<RowResult> RunAsync(RowContext context)
    {
        var figures = new Dictionary<ServerKind, string>
        {
            [ServerKind.GunDisk] = "cannot",
            [ServerKind.GunMemory] = "cannot",
        };
        if (!context.Options.RunsWeft)
        {
            return new RowResult(What(context), figures, "", Bar, null, "");
        }

        var rates = new List<double>();
        var peaks = new List<double>();
        string store = "";
        long storeBytes = 0;
        for (int repeat = 0; repeat < (isBig ? 1 : context.Options.Repeats); repeat++)
        {
            string folder = context.NewFolder();
            ImportResult result = await ImportAsync(context, folder, isBig, context.Options.Seed + repeat);
            rates.Add(result.FieldsPerSecond);
            peaks.Add(result.ResidentPeak);
            storeBytes = result.StoreBytes;
            store = $"{result.Nodes:#,0} nodes of {result.FieldsPerNode} fields, " +
                $"file {Figures.Megabytes(result.FileBytes)}";
            if (isBig)
            {
                context.BigStore = folder; // The row of the start needs a store of this size.
            }
            else
            {
                RowContext.Remove(folder);
            }
        }

        double rate = Figures.Median(rates);
        figures[ServerKind.Weft] = $"{Figures.Rate(rate)} fields, peak VmRSS {Figures.Megabytes(peaks.Max())}";
        bool isMet = isBig ? rate >= 40_000 && peaks.Max() < BigResidentMax : rate >= 150_000;
        return new RowResult(
            What(context), figures, "", Bar, isMet,
            $"{store}, random soul order, weft import over HTTP, a sample of 1,000 nodes read back; " +
            $"store {Figures.Megabytes(storeBytes)}; {Figures.Each(rates)}");
    }

    /// <summary>Makes the file, starts a server, imports, and checks.</summary>
    internal static async Task<ImportResult> ImportAsync(
        RowContext context, string folder, bool isBig, int seed, params string[] more)
    {
        int nodes = context.Options.Scale(isBig ? 1_000_000 : 400_000);
        int fieldsPerNode = isBig ? 10 : 5;
        string file = Path.Combine(context.NewFolder(), "nodes.ndjson");
        long bytes = LoadData.WriteNodes(file, nodes, fieldsPerNode, textLength: isBig ? 100 : 24, seed);
        RowContext.Say($"import: {nodes:#,0} nodes, {Figures.Megabytes(bytes)} written for import");
        string[] arguments = isBig ? ["--memory", $"{BigMemoryMiB}", .. more] : more;
        await using ServerProcess server = await context.StartAsync(ServerKind.Weft, folder, arguments);
        long began = Stopwatch.GetTimestamp();
        (int exitCode, string output) = await new Servers(context.Options).RunWeftAsync(
            ["import", file, "--url", server.Http.ToString()], context.Cancellation);
        double seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        if (exitCode != 0)
        {
            throw new InvalidOperationException($"weft import ended with {exitCode}: {output} {server.LastLines()}");
        }

        File.Delete(file);
        long peak = server.ReadResidentPeak();
        double rate = (double)nodes * fieldsPerNode / seconds;
        RowContext.Say(
            $"import: {Figures.Rate(rate)} fields in {seconds:0.0} s, peak VmRSS {Figures.Megabytes(peak)}");
        await CheckSampleAsync(context, server, nodes, seed);
        await server.StopAsync();
        long size = Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Sum(f => new FileInfo(f).Length);
        return new ImportResult(nodes, fieldsPerNode, bytes, rate, peak, size);
    }

    private static async Task CheckSampleAsync(RowContext context, ServerProcess server, int nodes, int seed)
    {
        int[] sample = LoadData.Shuffled(nodes, seed + 1)[..Math.Min(1_000, nodes)];
        await using GunSocket client = await context.ConnectAsync(server);
        WindowResult read = await new WindowRun(client, window: 100).RunAsync(
            sample.Length,
            TimeSpan.FromSeconds(60),
            (i, id) => LoadData.Get(id, LoadData.Soul("import", sample[i])),
            (int i, in GunMessage answer) =>
                answer.Put.IndexOf(Encoding.UTF8.GetBytes(LoadData.Mark(sample[i]))) >= 0,
            context.Cancellation);
        if (read.Answered != sample.Length || read.Wrong > 0)
        {
            throw new InvalidOperationException(
                $"Of {sample.Length} imported nodes {read.Answered} were answered, {read.Wrong} of them wrongly.");
        }
    }

    private string What(RowContext context) =>
        isBig
            ? $"import of {context.Options.Scale(10_000_000):#,0} fields with --memory {BigMemoryMiB}"
            : $"import of {context.Options.Scale(2_000_000):#,0} fields in random soul order, durable";

    private string Bar => isBig ? "40 k fields/s, VmRSS under 400 MB, slow rather than fail" : "150 k fields/s";
}

/// <summary>What one import came to.</summary>
internal sealed record ImportResult(
    int Nodes, int FieldsPerNode, long FileBytes, double FieldsPerSecond, long ResidentPeak, long StoreBytes);

/// <summary>From the start of the process to "ready", after SIGKILL amid writes, over a store of 1 GB.</summary>
internal sealed class StartRow : ILoadRow
{
    public string Name => "start";

    public async Task<RowResult> RunAsync(RowContext context)
    {
        const string What = "start until ready after SIGKILL, full log, 1 GB store";
        const string Bar = "under 2 s";
        var figures = new Dictionary<ServerKind, string>();
        if (!context.Options.RunsWeft)
        {
            return new RowResult(What, figures, "", Bar, null, "");
        }

        string? folder = context.BigStore;
        if (folder is null)
        {
            folder = context.NewFolder();
            await ImportRow.ImportAsync(context, folder, isBig: true, context.Options.Seed);
        }

        var seconds = new List<double>();
        var settings = new List<string>();
        for (int repeat = 0; repeat < Math.Max(3, context.Options.Repeats); repeat++)
        {
            int taken = await WriteAndKillAsync(context, folder, repeat);
            long size = Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
                .Sum(f => new FileInfo(f).Length);
            await using ServerProcess again = await context.StartAsync(ServerKind.Weft, folder);
            seconds.Add(again.StartTime.TotalSeconds);
            settings.Add($"{seconds[^1]:0.00} s after {taken:#,0} nodes written, {Figures.Megabytes(size)} on disk");
            RowContext.Say($"start: {settings[^1]}");
            await again.KillAsync();
        }

        figures[ServerKind.Weft] = $"{seconds.Max():0.00} s at worst, median {Figures.Median(seconds):0.00} s";
        return new RowResult(What, figures, "", Bar, seconds.Max() < 2, string.Join("; ", settings));
    }

    /// <summary>Writes at full speed and kills when the log is about as long as it gets.</summary>
    private static async Task<int> WriteAndKillAsync(RowContext context, string folder, int repeat)
    {
        await using ServerProcess server = await context.StartAsync(ServerKind.Weft, folder);
        await using GunSocket client = await context.ConnectAsync(server);
        var watch = new LogWatch(folder);
        var run = new WindowRun(client, window: 2_000)
        {
            StopAfter = count => count % 1_000 == 0 && watch.IsFull(),
        };
        WindowResult result = await run.RunAsync(
            2_000_000,
            TimeSpan.FromSeconds(context.Options.IsQuick ? 10 : 45),
            (i, id) => LoadData.NodePut(id, LoadData.Soul($"start-{repeat}", i), i, RowContext.NowMs),
            judge: null,
            context.Cancellation);
        await server.KillAsync();
        RowContext.Say($"start: killed with {Figures.Megabytes(watch.LastBytes)} of log");
        return result.Answered;
    }
}

/// <summary>
/// Watches how the commit log on the disk grows and is freed: once it has been freed, its longest length is known, and
/// nine tenths of that is full.
/// </summary>
internal sealed class LogWatch(string folder)
{
    private long _longest;
    private bool _wasFreed;

    public long LastBytes { get; private set; }

    public bool IsFull()
    {
        long bytes = Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Where(file => Path.GetFileName(file).Contains("log", StringComparison.OrdinalIgnoreCase))
            .Sum(SizeOf);
        _wasFreed |= bytes < _longest / 2;
        _longest = Math.Max(_longest, bytes);
        LastBytes = bytes;
        return _wasFreed && bytes > _longest / 10 * 9;
    }

    private static long SizeOf(string file)
    {
        var info = new FileInfo(file);
        return info.Exists ? info.Length : 0; // A log file may be freed while we look.
    }
}
