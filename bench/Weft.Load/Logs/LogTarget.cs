using System.Diagnostics;
using System.Text.Json;
using Weft.Crypto;
using Weft.Node;
using Weft.Node.Logs;
using Weft.Primitives;
using Weft.Storage;
using Weft.Transports;

namespace Weft.Load.Logs;

/// <summary>A Weft node with one log in a process of its own: fills it, serves it, and waits for its input to end.</summary>
internal sealed class LogTarget : IAsyncDisposable
{
    public const string Mode = "log-target";

    private readonly Process _process;

    private LogTarget(Process process, string address, string key) => (_process, Address, Key) = (process, address, key);

    public string Address { get; }

    public string Key { get; }

    public static async Task<int> ServeAsync(string folder, int count, int size)
    {
        await using WeftNode node = await OpenAsync(folder);
        SignedLog log = await node.Logs.OpenAsync("bench");
        await FillAsync(log, count, size);
        await using LogTcp server = LogTcp.Listen(
            "127.0.0.1:0", (stream, name, stop) => node.Logs.ReplicateAsync(stream, name, isInitiator: false, stop));
        Console.WriteLine($"{server.EndPoint} {log.Key}");
        await Console.In.ReadLineAsync();
        return 0;
    }

    public static async Task<WeftNode> OpenAsync(string folder)
    {
        StorageEngine store = await StorageEngine.OpenAsync(new StorageOptions { Path = folder });
        WeftNode node = await WeftNode.StartAsync(new NodeOptions { Crypto = PlatformCrypto.Create() }, store);
        node.Logs.Dialler = LogTcp.DialAsync;
        return node;
    }

    public static async Task FillAsync(SignedLog log, int count, int size)
    {
        var random = new WeftRandom(1);
        int batch = Math.Max(1, Math.Min(1_000, (4 << 20) / size));
        for (int done = 0; done < count; done += batch)
        {
            await log.AppendAsync(Blocks(random, Math.Min(batch, count - done), size), Durability.Buffered);
        }

        await log.InfoAsync();
    }

    public static IReadOnlyList<ReadOnlyMemory<byte>> Blocks(WeftRandom random, int count, int size)
    {
        var blocks = new ReadOnlyMemory<byte>[count];
        for (int i = 0; i < count; i++)
        {
            byte[] block = new byte[size];
            random.Fill(block);
            blocks[i] = block;
        }

        return blocks;
    }

    public static async Task<LogTarget> StartAsync(string folder, int count, int size)
    {
        var start = new ProcessStartInfo(
            "dotnet", [typeof(LogTarget).Assembly.Location, Mode, folder, $"{count}", $"{size}"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        Process process = Process.Start(start)!;
        string line = await process.StandardOutput.ReadLineAsync()
            ?? throw new InvalidOperationException("The target ended before it served.");
        string[] parts = line.Split(' ');
        return new LogTarget(process, parts[0], parts[1]);
    }

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}

/// <summary>One hypercore from npm in a process of its own, told what to do line by line.</summary>
internal sealed class HypercoreTarget : IAsyncDisposable
{
    private readonly Process _process;
    private int _last;

    private HypercoreTarget(Process process) => _process = process;

    public static async Task<HypercoreTarget> StartAsync(string folder)
    {
        string scripts = Path.Combine(AppContext.BaseDirectory, "hypercore-js");
        if (!Directory.Exists(Path.Combine(scripts, "node_modules", "hypercore")))
        {
            using Process npm = Process.Start(new ProcessStartInfo("npm", ["ci", "--ignore-scripts", "--silent"])
            {
                WorkingDirectory = scripts,
            })!;
            await npm.WaitForExitAsync();
        }

        var process = Process.Start(new ProcessStartInfo("node", [Path.Combine(scripts, "peer.js"), folder])
        {
            WorkingDirectory = scripts,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        var target = new HypercoreTarget(process);
        await target.ReadAsync();
        return target;
    }

    public async Task<JsonElement> RunAsync(string code)
    {
        string request = $"{{\"id\":{++_last},\"code\":\"{JsonEncodedText.Encode(code)}\"}}";
        await _process.StandardInput.WriteLineAsync(request);
        await _process.StandardInput.FlushAsync();
        JsonElement answer = await ReadAsync();
        return answer.TryGetProperty("error", out JsonElement error)
            ? throw new InvalidOperationException(error.GetString())
            : answer.GetProperty("value");
    }

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private async Task<JsonElement> ReadAsync()
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            if (line.StartsWith('@'))
            {
                return JsonDocument.Parse(line[1..]).RootElement;
            }
        }

        throw new InvalidOperationException("hypercore ended.");
    }
}
