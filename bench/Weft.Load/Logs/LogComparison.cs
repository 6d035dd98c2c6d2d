using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Weft.Log;
using Weft.Node;
using Weft.Node.Logs;
using Weft.Primitives;

namespace Weft.Load.Logs;

/// <summary>
/// Signed logs of Weft and hypercore from npm, side by side in one run: the same work, and who serves always in a process
/// of its own. A bar that is missed is marked; the exit code is 1 then.
/// </summary>
internal sealed class LogComparison(bool isQuick, string? only)
{
    private const int Small = 100;
    private const int Large = 65_536;

    private readonly string _folder = Directory.CreateTempSubdirectory("weft-load-log-").FullName;
    private readonly StringBuilder _table = new();
    private readonly int _blocks = isQuick ? 20_000 : 100_000;
    private bool _isMissed;

    public async Task<int> RunAsync()
    {
        _table.AppendLine(Machine.Describe()).AppendLine();
        _table.AppendLine("| what | hypercore | Weft | bar |");
        _table.AppendLine("| --- | --- | --- | --- |");
        try
        {
            await RowAsync("append", AppendAsync);
            await RowAsync("batch", BatchAsync);
            await RowAsync("replicate", ReplicateAsync);
            await RowAsync("large", LargeAsync);
            await RowAsync("sparse", SparseAsync);
        }
        finally
        {
            Directory.Delete(_folder, recursive: true);
        }

        Console.WriteLine(_table);
        return _isMissed ? 1 : 0;
    }

    private async Task RowAsync(string name, Func<Task> row)
    {
        if (only is null || only == name)
        {
            Console.Error.WriteLine(name);
            await row();
        }
    }

    private void Add(string what, double theirs, double ours, double factor, string unit)
    {
        bool isMet = ours >= factor * theirs;
        _isMissed |= !isMet;
        _table.AppendLine(CultureInfo.InvariantCulture,
            $"| {what} | {theirs:N0} {unit} | {ours:N0} {unit} ({ours / theirs:F1} times) | {factor:G2} times{(isMet ? "" : ", MISSED")} |");
    }

    private async Task AppendAsync()
    {
        int count = isQuick ? 2_000 : 10_000;
        double theirs;
        await using (HypercoreTarget hypercore = await HypercoreTarget.StartAsync(Path("h-append")))
        {
            await hypercore.RunAsync($"await open({{ seed: '{new string('7', 64)}' }})");
            JsonElement took = await hypercore.RunAsync(
                $"const b = Buffer.alloc({Small}, 1); const t = process.hrtime.bigint(); "
                + $"for (let i = 0; i < {count}; i++) await state.core.append(b); "
                + "return Number(process.hrtime.bigint() - t) / 1e9");
            theirs = count / took.GetDouble();
        }

        await using WeftNode node = await LogTarget.OpenAsync(Path("w-append"));
        SignedLog log = await node.Logs.OpenAsync("bench");
        byte[] block = new byte[Small];
        await WriteAsync(log, block, 16, 200, Durability.Disk); // Warms up.
        double flushed = await WriteAsync(log, block, 16, count / 4, Durability.Disk);
        double buffered = await WriteAsync(log, block, 16, count / 4, Durability.Buffered);
        double alone = await WriteAsync(log, block, 1, count, Durability.Buffered);
        Add($"append one by one, {Small} B; Weft flushed, 16 writers", theirs, flushed, 5, "blocks/s");
        Add($"append one by one, {Small} B; Weft buffered, 16 writers", theirs, buffered, 5, "blocks/s");
        Add($"append one by one, {Small} B; Weft buffered, 1 writer", theirs, alone, 1, "blocks/s");
    }

    private static async Task<double> WriteAsync(SignedLog log, byte[] block, int writers, int each, Durability level)
    {
        long start = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, writers).Select(_ => Task.Run(async () =>
        {
            for (int i = 0; i < each; i++)
            {
                await log.AppendAsync(block, level);
            }
        })));
        return (double)writers * each / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private async Task BatchAsync()
    {
        int batches = isQuick ? 50 : 300;
        double theirs;
        await using (HypercoreTarget hypercore = await HypercoreTarget.StartAsync(Path("h-batch")))
        {
            await hypercore.RunAsync($"await open({{ seed: '{new string('8', 64)}' }})");
            JsonElement took = await hypercore.RunAsync(
                $"const b = Array.from({{ length: 1000 }}, () => crypto.getRandomValues(Buffer.alloc({Small}))); "
                + "const t = process.hrtime.bigint(); "
                + $"for (let i = 0; i < {batches}; i++) await state.core.append(b); "
                + "return Number(process.hrtime.bigint() - t) / 1e9");
            theirs = batches * 1_000 / took.GetDouble();
        }

        string folder = Path("w-batch");
        double flushed;
        double buffered;
        await using (WeftNode node = await LogTarget.OpenAsync(folder))
        {
            SignedLog log = await node.Logs.OpenAsync("bench");
            IReadOnlyList<ReadOnlyMemory<byte>> blocks = LogTarget.Blocks(new WeftRandom(3), 1_000, Small);
            await BatchesAsync(log, blocks, 10, Durability.Disk);
            flushed = await BatchesAsync(log, blocks, batches, Durability.Disk);
            buffered = await BatchesAsync(log, blocks, batches, Durability.Buffered);
            Add($"append in batches of 1,000, {Small} B; Weft flushed", theirs, flushed, 2, "blocks/s");
            Add($"append in batches of 1,000, {Small} B; Weft buffered", theirs, buffered, 2, "blocks/s");
            await node.Store.MaintainAsync(0);
            long length = (await log.InfoAsync()).Length;
            AddBytes($"disk for each block of {Small} B", 214, folder, length);
        }
    }

    private void AddBytes(string what, double theirs, string folder, long blocks)
    {
        double ours = (double)new FileInfo(System.IO.Path.Combine(folder, "graph.db")).Length / blocks;
        bool isMet = ours < 180;
        _isMissed |= !isMet;
        _table.AppendLine(CultureInfo.InvariantCulture,
            $"| {what} | {theirs:N0} B (measured before) | {ours:N0} B | under 180 B{(isMet ? "" : ", MISSED")} |");
    }

    private static async Task<double> BatchesAsync(
        SignedLog log, IReadOnlyList<ReadOnlyMemory<byte>> blocks, int batches, Durability level)
    {
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < batches; i++)
        {
            await log.AppendAsync(blocks, level);
        }

        return batches * 1_000 / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private async Task ReplicateAsync()
    {
        double theirs = await HypercorePairAsync(_blocks, Small);
        double fromWeft;
        double ours;
        await using (LogTarget target = await LogTarget.StartAsync(Path("w-serve"), _blocks, Small))
        {
            ours = await PullAsync(target.Address, target.Key, Path("w-read"), _blocks, isMeasured: true);
            fromWeft = await HypercorePullAsync(target.Address, target.Key, _blocks);
        }

        double toWeft;
        await using (HypercoreTarget writer = await HypercoreTarget.StartAsync(Path("h-serve")))
        {
            JsonElement opened = await writer.RunAsync(
                $"await open({{ seed: '{new string('6', 64)}' }}); " + Fill(_blocks, Small) + " return info()");
            int port = (await writer.RunAsync("return await listen()")).GetInt32();
            toWeft = await PullAsync(
                $"127.0.0.1:{port}", opened.GetProperty("key").GetString()!, Path("w-read-h"), _blocks, false);
        }

        Add($"replicate {_blocks:N0} blocks of {Small} B, Weft to Weft", theirs, ours, 10, "blocks/s");
        Add("the same, hypercore to Weft", theirs, toWeft, 2, "blocks/s");
        Add("the same, Weft to hypercore", theirs, fromWeft, 2, "blocks/s");
    }

    private async Task LargeAsync()
    {
        int count = isQuick ? 300 : 1_500;
        double perBlock = Large / 1e6;
        double theirs = await HypercorePairAsync(count, Large) * perBlock;
        await using LogTarget target = await LogTarget.StartAsync(Path("w-large"), count, Large);
        double ours = await PullAsync(target.Address, target.Key, Path("w-large-read"), count, false) * perBlock;
        Add($"replicate {count:N0} blocks of 64 KiB", theirs, ours, 3, "MB/s");
    }

    private async Task SparseAsync()
    {
        const int Gets = 1_000;
        double theirs;
        await using (HypercoreTarget writer = await HypercoreTarget.StartAsync(Path("h-sparse")))
        {
            JsonElement opened = await writer.RunAsync(
                $"await open({{ seed: '{new string('5', 64)}' }}); " + Fill(_blocks, Small) + " return info()");
            int port = (await writer.RunAsync("return await listen()")).GetInt32();
            await using HypercoreTarget reader = await HypercoreTarget.StartAsync(Path("h-sparse-read"));
            await reader.RunAsync($"await open({{ key: '{opened.GetProperty("key").GetString()}' }}); connect({port})");
            await reader.RunAsync($"return await until(i => i.length === {_blocks})");
            theirs = (await reader.RunAsync(
                "const t = process.hrtime.bigint(); await Promise.all(Array.from({ length: 1000 }, "
                + $"(_, i) => state.core.get((i * 7919) % {_blocks}))); "
                + "return Number(process.hrtime.bigint() - t) / 1e6")).GetDouble();
        }

        await using LogTarget target = await LogTarget.StartAsync(Path("w-sparse"), _blocks, Small);
        await using WeftNode node = await LogTarget.OpenAsync(Path("w-sparse-read"));
        Hash32.TryParse(target.Key, out Hash32 key);
        SignedLog log = await node.Logs.AdoptAsync(key);
        node.Logs.Keep(target.Address);
        await log.WaitForLengthAsync(_blocks);
        long start = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, Gets).Select(
            i => log.GetAsync(i * 7_919L % _blocks, TimeSpan.FromMinutes(1))));
        double ours = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        bool isMet = ours <= theirs / 2;
        _isMissed |= !isMet;
        _table.AppendLine(CultureInfo.InvariantCulture,
            $"| 1,000 sparse gets at once | {theirs:N0} ms | {ours:N0} ms | half{(isMet ? "" : ", MISSED")} |");
    }

    private async Task<double> HypercorePairAsync(int count, int size)
    {
        await using HypercoreTarget writer = await HypercoreTarget.StartAsync(Path($"h-pair-{size}"));
        JsonElement opened = await writer.RunAsync(
            $"await open({{ seed: '{new string('9', 64)}' }}); " + Fill(count, size) + " return info()");
        int port = (await writer.RunAsync("return await listen()")).GetInt32();
        return await HypercorePullAsync($"127.0.0.1:{port}", opened.GetProperty("key").GetString()!, count);
    }

    private async Task<double> HypercorePullAsync(string address, string key, int count)
    {
        await using HypercoreTarget reader = await HypercoreTarget.StartAsync(Path($"h-pull-{Guid.NewGuid():N}"));
        await reader.RunAsync($"await open({{ key: '{key}' }}); connect({address.Split(':')[1]})");
        await reader.RunAsync($"return await until(i => i.length === {count})");
        JsonElement took = await reader.RunAsync(
            $"const t = process.hrtime.bigint(); await download(0, {count}); "
            + "return Number(process.hrtime.bigint() - t) / 1e9");
        return count / took.GetDouble();
    }

    private async Task<double> PullAsync(string address, string keyText, string folder, int count, bool isMeasured)
    {
        double rate;
        await using (WeftNode node = await LogTarget.OpenAsync(folder))
        {
            Hash32.TryParse(keyText, out Hash32 key);
            SignedLog log = await node.Logs.AdoptAsync(key);
            node.Logs.Keep(address);
            await log.WaitForLengthAsync(count);
            long start = Stopwatch.GetTimestamp();
            await log.DownloadAsync(0, count);
            rate = count / Stopwatch.GetElapsedTime(start).TotalSeconds;
            if (isMeasured)
            {
                await node.Store.MaintainAsync(0);
                AddBytes("the same, replicated", 633, folder, count);
            }
        }

        return rate;
    }

    private static string Fill(int count, int size) =>
        $"const make = () => crypto.getRandomValues(Buffer.alloc({size})); for (let i = 0; i < {count}; i += 1000) "
        + $"await state.core.append(Array.from({{ length: Math.min(1000, {count} - i) }}, make));";

    private string Path(string name) => System.IO.Path.Combine(_folder, name);
}
