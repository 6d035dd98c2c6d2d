using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Weft.Crypto;
using Weft.Log;
using Weft.Node;
using Weft.Node.Logs;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Testing;
using Weft.Transports;

namespace Weft.Integration.Tests.Crash;

/// <summary>
/// Kills the real process with SIGKILL while it appends, and a reader beside it remembers every head it was shown.
/// eng/log-crash plays many rounds; WEFT_LOG_KILL_ROUNDS and WEFT_SEED choose otherwise.
/// </summary>
public sealed class LogKillTests
{
    private const int Writers = 8;

    [Fact]
    public async Task No_acknowledged_append_is_lost_and_no_signed_head_is_taken_back()
    {
        bool isNightly = Environment.GetEnvironmentVariable("WEFT_NIGHTLY") == "1";
        int rounds = Setting("WEFT_LOG_KILL_ROUNDS", isNightly ? 100 : 4);
        var random = new WeftRandom((ulong)Setting("WEFT_SEED", 5));
        using var folder = new TempFolder();
        await using WeftNode reader = await WeftNode.StartAsync(
            new NodeOptions { Crypto = PlatformCrypto.Create() }, new MemoryStore());
        reader.Logs.Dialler = LogTcp.DialAsync;
        SignedLog? copy = null;
        var acknowledged = new ConcurrentDictionary<long, string>();
        for (int round = 0; round < rounds; round++)
        {
            await using WeftProcess node = await WeftProcess.StartAsync(folder["data"], "-q");
            using HttpClient client = node.Client();
            copy ??= await MakeAsync(client, reader);
            string address = await ServeAsync(client);
            reader.Logs.Keep(address);
            await CheckAsync(client, acknowledged);
            await WriteUntilKilledAsync(node, client, round, random.Next(100, 600), acknowledged);
            await reader.Logs.ReleaseAsync(address);
        }

        await using WeftProcess last = await WeftProcess.StartAsync(folder["data"], "-q");
        using HttpClient again = last.Client();
        await CheckAsync(again, acknowledged);
        reader.Logs.Keep(await ServeAsync(again));
        await again.PostAsJsonAsync("api/v1/log/blocks?log=crash", "the end");
        long length = (await InfoAsync(again)).GetProperty("length").GetInt64();

        // Two heads of one length would have been found out here: the reader compares each with what it was shown.
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(120));
        await copy!.WaitForLengthAsync(length, deadline.Token);
        await copy.DownloadAsync(0, length, deadline.Token);
        Assert.Null(await copy.EvidenceAsync());
        Assert.True((await copy.VerifyAsync()).Holds);
        Assert.True(acknowledged.Count >= rounds * 100, $"only {acknowledged.Count} appends were acknowledged");
        Assert.Equal(0, (await last.CallAsync("log", "verify", "crash")).Exit);
    }

    private static async Task<SignedLog> MakeAsync(HttpClient client, WeftNode reader)
    {
        using HttpResponseMessage made = await client.PostAsJsonAsync(
            "api/v1/logs", new Dictionary<string, string> { ["name"] = "crash" });
        JsonElement log = (await made.Content.ReadFromJsonAsync<JsonElement>())!;
        Assert.True(Hash32.TryParse(log.GetProperty("key").GetString(), out Hash32 key));
        SignedLog copy = await reader.Logs.AdoptAsync(key);
        await copy.SetFollowedAsync(true);
        return copy;
    }

    private static async Task<string> ServeAsync(HttpClient client)
    {
        using HttpResponseMessage served = await client.PostAsJsonAsync(
            "api/v1/logs/servers", new Dictionary<string, string> { ["address"] = "127.0.0.1:0" });
        return (await served.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("address").GetString()!;
    }

    private static async Task<JsonElement> InfoAsync(HttpClient client) =>
        await client.GetFromJsonAsync<JsonElement>("api/v1/log?log=crash");

    /// <summary>Every append that was ever acknowledged stands where it was said to stand.</summary>
    private static async Task CheckAsync(HttpClient client, ConcurrentDictionary<long, string> acknowledged)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "api/v1/log/blocks?log=crash");
        request.Headers.Accept.ParseAdd("application/x-ndjson");
        using HttpResponseMessage answer = await client.SendAsync(request);
        var blocks = new Dictionary<long, string>();
        foreach (string line in (await answer.Content.ReadAsStringAsync())
            .Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            using JsonDocument entry = JsonDocument.Parse(line);
            blocks[entry.RootElement.GetProperty("index").GetInt64()] = entry.RootElement.GetProperty("text").GetString()!;
        }

        Assert.DoesNotContain(acknowledged, one => blocks.GetValueOrDefault(one.Key) != one.Value);
    }

    private static async Task WriteUntilKilledAsync(
        WeftProcess node, HttpClient client, int round, int killAfter, ConcurrentDictionary<long, string> acknowledged)
    {
        int count = 0;
        var enough = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task[] writers = [.. Enumerable.Range(0, Writers).Select(WriteAsync)];
        await Task.WhenAny(enough.Task, Task.WhenAll(writers));
        await node.KillAsync();
        await Task.WhenAll(writers);

        async Task WriteAsync(int writer)
        {
            try
            {
                for (int i = 0; ; i++)
                {
                    string text = $"{round}/{writer}/{i}";
                    using var body = new StringContent($"\"{text}\"", Encoding.UTF8, "application/json");
                    using HttpResponseMessage answer = await client.PostAsync("api/v1/log/blocks?log=crash", body);
                    answer.EnsureSuccessStatusCode();
                    JsonElement at = await answer.Content.ReadFromJsonAsync<JsonElement>();
                    Assert.True(acknowledged.TryAdd(at.GetProperty("index").GetInt64(), text));
                    if (Interlocked.Increment(ref count) >= killAfter)
                    {
                        enough.TrySetResult();
                    }
                }
            }
            catch (Exception error) when (error is HttpRequestException or IOException or TaskCanceledException)
            {
                // Killed in the middle: this append was never acknowledged.
            }
        }
    }

    private static int Setting(string name, int otherwise) =>
        int.TryParse(
            Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out int value)
            ? value
            : otherwise;
}
