using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Weft.Primitives;
using Weft.Testing;

namespace Weft.Integration.Tests.Crash;

/// <summary>
/// Kills the real process with SIGKILL while it writes nodes whose history is kept: what is there afterwards is there
/// with its version, and a version is there with what it made of the node.
/// </summary>
public sealed class HistoryKillTests
{
    private const int Writers = 6;

    [Fact]
    public async Task Present_and_past_are_one_write_also_for_a_killed_process()
    {
        bool isNightly = Environment.GetEnvironmentVariable("WEFT_NIGHTLY") == "1";
        int rounds = isNightly ? 40 : 3;
        var random = new WeftRandom(17);
        using var folder = new TempFolder();
        long[] acknowledged = new long[2 * Writers];
        for (int round = 0; round < rounds; round++)
        {
            await using WeftProcess node = await WeftProcess.StartAsync(folder["data"], "-q");
            using HttpClient client = node.Client();
            await KeepAsync(client, "logged/", "log");
            await KeepAsync(client, "rows/", "last 100000");
            await CheckAsync(client, acknowledged);
            await WriteUntilKilledAsync(node, client, random.Next(60, 400), acknowledged);
        }

        await using WeftProcess last = await WeftProcess.StartAsync(folder["data"], "-q");
        using HttpClient again = last.Client();
        await CheckAsync(again, acknowledged);
        Assert.True(acknowledged.Sum() >= rounds * 60, $"only {acknowledged.Sum()} writes were acknowledged");
        Assert.Equal(0, (await last.CallAsync("log", "verify", "history:logged/")).Exit);
        Assert.Equal(0, (await last.CallAsync("history", "logged/0", "--proof", "--limit", "0")).Exit);
    }

    private static string SoulOf(int writer) => writer < Writers ? $"logged/{writer}" : $"rows/{writer - Writers}";

    private static async Task KeepAsync(HttpClient client, string prefix, string rule)
    {
        using HttpResponseMessage kept = await client.PutAsJsonAsync(
            $"api/v1/history/rules?prefix={prefix}", new Dictionary<string, string> { ["keeps"] = rule });
        kept.EnsureSuccessStatusCode();
    }

    /// <summary>The value of a node is the number of its newest version, and every version before it is there.</summary>
    private static async Task CheckAsync(HttpClient client, long[] acknowledged)
    {
        long logged = 0;
        for (int writer = 0; writer < 2 * Writers; writer++)
        {
            string soul = SoulOf(writer);
            JsonElement node = await client.GetFromJsonAsync<JsonElement>($"api/v1/node?soul={soul}&wait=0");
            long now = node.GetProperty("fields").TryGetProperty("n", out JsonElement value) ? value.GetInt64() : 0;
            Assert.True(now >= acknowledged[writer], $"{soul} has {now}, and {acknowledged[writer]} was acknowledged");
            JsonElement page = await client.GetFromJsonAsync<JsonElement>($"api/v1/history?soul={soul}&limit=1000");
            Assert.Equal(now, page.GetProperty("newest").GetInt64());
            long expected = now;
            foreach (JsonElement version in page.GetProperty("items").EnumerateArray())
            {
                Assert.Equal(expected, version.GetProperty("version").GetInt64());
                Assert.Equal(expected, version.GetProperty("changes")[0].GetProperty("value").GetInt64());
                expected--;
            }

            Assert.True(expected == 0 || now - expected == 1_000, $"{soul}: versions end at {expected}");
            acknowledged[writer] = now;
            logged += writer < Writers ? now : 0;
        }

        if (logged > 0)
        {
            JsonElement log = await client.GetFromJsonAsync<JsonElement>("api/v1/log?log=history:logged/");
            Assert.Equal(logged + 1, log.GetProperty("length").GetInt64());
        }
    }

    private static async Task WriteUntilKilledAsync(
        WeftProcess node, HttpClient client, int killAfter, long[] acknowledged)
    {
        int count = 0;
        var enough = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task[] writers = [.. Enumerable.Range(0, 2 * Writers).Select(WriteAsync)];
        await Task.WhenAny(enough.Task, Task.WhenAll(writers));
        await node.KillAsync();
        await Task.WhenAll(writers);

        async Task WriteAsync(int writer)
        {
            try
            {
                for (long i = acknowledged[writer] + 1; ; i++)
                {
                    using var body = new StringContent($"{{\"fields\":{{\"n\":{i}}}}}", Encoding.UTF8, "application/json");
                    using HttpResponseMessage answer = await client.PatchAsync(
                        $"api/v1/node?soul={SoulOf(writer)}", body);
                    answer.EnsureSuccessStatusCode();
                    acknowledged[writer] = i;
                    if (Interlocked.Increment(ref count) >= killAfter)
                    {
                        enough.TrySetResult();
                    }
                }
            }
            catch (Exception error) when (error is HttpRequestException or IOException or TaskCanceledException)
            {
                // Killed in the middle: this write was never acknowledged.
            }
        }
    }
}
