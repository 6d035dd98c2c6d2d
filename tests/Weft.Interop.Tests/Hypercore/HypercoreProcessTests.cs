using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Weft.Testing;

namespace Weft.Interop.Tests.Hypercore;

/// <summary>
/// Running <c>weft up</c> processes with unmodified hypercore from npm, by <c>weft log</c>, both ways.
/// </summary>
public sealed class HypercoreProcessTests : IDisposable
{
    private const string Seed = "0303030303030303030303030303030303030303030303030303030303030303";

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [GunFact]
    public async Task Hypercore_reads_a_served_log_in_full_sparsely_live_and_after_a_kill()
    {
        WeftProcess weft = await WeftProcess.StartAsync(_folder["data"]);
        string key = Text(await JsonAsync(weft, "log", "new", "story", "--json"), "key");
        string file = _folder["lines"];
        await File.WriteAllLinesAsync(file, Enumerable.Range(0, 2_000).Select(i => $"block-{i}"));
        await AppendLinesAsync(weft, "story", file);
        int port = PortOf(await JsonAsync(weft, "log", "serve", "127.0.0.1:0", "--json"));
        await using NodeProcess hypercore = await StartAsync("reader");
        await hypercore.RunAsync($"await open({{ key: '{key}' }}); connect({port})");

        await hypercore.RunAsync("return await until(i => i.length === 2000)");
        Assert.Equal(Hex("block-777"), (await hypercore.RunAsync("return await get(777)")).GetString());
        await weft.CallAsync("log", "append", "story", "live");
        await hypercore.RunAsync("return await until(i => i.length === 2001)");
        Assert.Equal(Hex("live"), (await hypercore.RunAsync("return await get(2000)")).GetString());
        await weft.KillAsync();
        await weft.DisposeAsync();
        await using WeftProcess again = await WeftProcess.StartAsync(_folder["data"], "--log-listen", "127.0.0.1:0");
        int second = PortOf(await JsonAsync(again, "log", "serve", "--json"));
        await again.CallAsync("log", "append", "story", "after the kill");
        await hypercore.RunAsync($"cut(); connect({second})");
        await hypercore.RunAsync("return await until(i => i.length === 2002)");
        JsonElement whole = await hypercore.RunAsync("return await download(0, 2002)");

        Assert.Equal(2_002, whole.GetProperty("contiguousLength").GetInt64());
        Assert.Equal(Hex("after the kill"), (await hypercore.RunAsync("return await get(2001)")).GetString());
        Assert.Equal(0, whole.GetProperty("fork").GetInt64());
        WeftRun verified = await again.CallAsync("log", "verify", "story");
        Assert.Equal(0, verified.Exit);
    }

    [GunFact]
    public async Task A_log_of_hypercore_is_pulled_in_part_in_full_live_and_on_after_a_kill()
    {
        await using NodeProcess hypercore = await StartAsync("writer");
        JsonElement opened = await hypercore.RunAsync($"await open({{ seed: '{Seed}' }}); return await fill(6000)");
        string key = Text(opened, "key");
        int port = (await hypercore.RunAsync("return await listen()")).GetInt32();
        WeftProcess weft = await WeftProcess.StartAsync(_folder["data"]);
        JsonElement part = await JsonAsync(
            weft, "log", "pull", key, "--from", $"127.0.0.1:{port}", "--range", "5000..5010", "--json");
        Assert.Equal(10, part.GetProperty("here").GetInt64());

        Task<WeftRun> pulling = weft.CallAsync("log", "pull", key, "--from", $"127.0.0.1:{port}", "--live");
        await UntilAsync(weft, key, log => log.GetProperty("here").GetInt64() > 500);
        await weft.KillAsync(); // In the middle, most likely; what was stored is not asked for again.
        await pulling;
        await weft.DisposeAsync();
        await using WeftProcess again = await WeftProcess.StartAsync(_folder["data"]);
        JsonElement kept = (await ListAsync(again)).Single();
        Assert.InRange(kept.GetProperty("here").GetInt64(), 100, 6_000);
        await again.CallAsync("log", "pull", key, "--from", $"127.0.0.1:{port}", "--live");
        await hypercore.RunAsync("return await append(['live one', 'live two'])");
        await UntilAsync(again, key, log => log.GetProperty("contiguous").GetInt64() == 6_002);

        Assert.Equal("block-777", (await again.CallAsync("log", "read", key, "777")).Out);
        Assert.Equal("live two", (await again.CallAsync("log", "read", key, "6001")).Out);
        Assert.Equal(0, (await again.CallAsync("log", "verify", key)).Exit);
    }

    [GunFact]
    public async Task Bytes_that_were_tampered_with_on_the_way_never_reach_the_log()
    {
        await using NodeProcess hypercore = await StartAsync("writer");
        JsonElement opened = await hypercore.RunAsync($"await open({{ seed: '{Seed}' }}); return await fill(3000)");
        string key = Text(opened, "key");
        int port = (await hypercore.RunAsync("return await listen()")).GetInt32();
        using var spoiler = new SpoilingRelay(port, goodBytes: 3_000);
        await using WeftProcess weft = await WeftProcess.StartAsync(_folder["data"]);

        WeftRun run = await weft.CallAsync(
            "log", "pull", key, "--from", $"127.0.0.1:{spoiler.Port}", "--for", "3s");

        Assert.Equal(7, run.Exit);
        Assert.True(spoiler.Spoilt > 0);
        JsonElement log = (await ListAsync(weft)).Single();
        Assert.InRange(log.GetProperty("here").GetInt64(), 0, 2_999);
        Assert.False(log.GetProperty("stopped").GetBoolean());
        Assert.Equal(0, (await weft.CallAsync("log", "verify", key)).Exit);
        Assert.Equal(0, (await weft.CallAsync("log", "pull", key, "--from", $"127.0.0.1:{port}")).Exit);
    }

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString()!;

    private static string Hex(string text) => Convert.ToHexStringLower(System.Text.Encoding.UTF8.GetBytes(text));

    private static int PortOf(JsonElement server) =>
        IPEndPoint.Parse(server.GetProperty("address").GetString()!).Port;

    private static async Task<JsonElement> JsonAsync(WeftProcess weft, params string[] arguments)
    {
        WeftRun run = await weft.CallAsync(arguments);
        Assert.True(run.Exit == 0, run.Error);
        return JsonDocument.Parse(run.Out.Trim().Split('\n')[^1]).RootElement;
    }

    private static async Task<List<JsonElement>> ListAsync(WeftProcess weft)
    {
        WeftRun run = await weft.CallAsync("log", "ls", "--json");
        return [.. run.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonDocument.Parse(line).RootElement)];
    }

    private static async Task AppendLinesAsync(WeftProcess weft, string log, string file)
    {
        using HttpClient client = weft.Client();
        string lines = string.Concat((await File.ReadAllLinesAsync(file)).Select(line => $"\"{line}\"\n"));
        using var body = new StringContent(lines, System.Text.Encoding.UTF8, "application/x-ndjson");
        using HttpResponseMessage answer = await client.PostAsync($"api/v1/log/blocks?log={log}", body);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
    }

    private static async Task UntilAsync(WeftProcess weft, string key, Func<JsonElement, bool> condition)
    {
        using HttpClient client = weft.Client();
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(90));
        while (true)
        {
            using JsonDocument log = JsonDocument.Parse(
                await client.GetStringAsync($"api/v1/log?log={key}", deadline.Token));
            if (condition(log.RootElement))
            {
                return;
            }

            await Task.Delay(20, deadline.Token);
        }
    }

    private Task<NodeProcess> StartAsync(string name) => 
        NodeProcess.StartInAsync(NodeTools.HypercoreFolder, "peer.js", _folder[name]);

    /// <summary>Carries TCP between a client and a port, and changes bytes on the way to the client.</summary>
    private sealed class SpoilingRelay : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly int _target;
        private readonly int _goodBytes;
        private int _spoilt;

        public SpoilingRelay(int target, int goodBytes)
        {
            (_target, _goodBytes) = (target, goodBytes);
            _listener.Start();
            _ = AcceptAsync();
        }

        public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

        public int Spoilt => Volatile.Read(ref _spoilt);

        public void Dispose() => _listener.Dispose();

        private async Task AcceptAsync()
        {
            try
            {
                while (true)
                {
                    TcpClient client = await _listener.AcceptTcpClientAsync();
                    var server = new TcpClient();
                    await server.ConnectAsync(IPAddress.Loopback, _target);
                    _ = CopyAsync(client, server, spoils: false);
                    _ = CopyAsync(server, client, spoils: true);
                }
            }
            catch (Exception end) when (end is SocketException or ObjectDisposedException)
            {
                // The test is over.
            }
        }

        private async Task CopyAsync(TcpClient from, TcpClient to, bool spoils)
        {
            byte[] buffer = new byte[16_384];
            long total = 0;
            try
            {
                while (await from.GetStream().ReadAsync(buffer) is int count and > 0)
                {
                    total += count;
                    if (spoils && total > _goodBytes)
                    {
                        buffer[count / 2] ^= 1;
                        Interlocked.Increment(ref _spoilt);
                    }

                    await to.GetStream().WriteAsync(buffer.AsMemory(0, count));
                }
            }
            catch (Exception end) when (end is IOException or ObjectDisposedException or InvalidOperationException)
            {
                // Closed by one of the two.
            }

            from.Dispose();
            to.Dispose();
        }
    }
}
