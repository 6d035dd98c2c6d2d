using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using Weft.Primitives;
using Weft.Testing;

namespace Weft.Integration.Tests.Crash;

/// <summary>
/// Writes to a real node from several connections until it is killed in the middle, and reads back after the restart.
/// </summary>
internal sealed class KillRun(string folder, ulong seed, int writes, params string[] arguments)
{
    private const int Writers = 16;
    private const int FieldsPerNode = 50;

    private readonly WeftRandom _random = new(seed);
    private readonly Dictionary<(string Soul, string Field), string> _acknowledged = [];

    /// <summary>Writes that were acknowledged in all rounds.</summary>
    public int Acknowledged => _acknowledged.Count;

    /// <summary>One round: start, check what earlier rounds were promised, write, SIGKILL amid the writes.</summary>
    /// <returns>Acknowledged writes that are not there any more; empty when the promise holds.</returns>
    public async Task<IReadOnlyList<string>> PlayRoundAsync(int round)
    {
        await using WeftProcess node = await WeftProcess.StartAsync(folder, ["-q", .. arguments]);
        IReadOnlyList<string> lost = await ReadBackAsync(node, round);
        int killAfter = _random.Next(writes / 4, writes);
        var acknowledged = new ConcurrentQueue<(string Soul, string Field, string Value)>();
        var enough = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using HttpClient client = node.Client();
        Task[] writers =
        [
            .. Enumerable.Range(0, Writers)
                .Select(writer => WriteAsync(client, round, writer, killAfter, acknowledged, enough)),
        ];

        // All writers are in the middle of a request when the signal arrives.
        await Task.WhenAny(enough.Task, Task.WhenAll(writers));
        await node.KillAsync();
        await Task.WhenAll(writers);
        foreach ((string soul, string field, string value) in acknowledged)
        {
            _acknowledged[(soul, field)] = value;
        }

        return lost;
    }

    /// <summary>Starts once more and reads everything that was ever acknowledged.</summary>
    public async Task<IReadOnlyList<string>> CheckAllAsync()
    {
        await using WeftProcess node = await WeftProcess.StartAsync(folder, ["-q", .. arguments]);
        return await ReadBackAsync(node, round: -1);
    }

    private static string SoulOf(int round, int writer, int index) => $"crash/{round}/{writer}/{index / FieldsPerNode}";

    private static async Task WriteAsync(
        HttpClient client, int round, int writer, int killAfter,
        ConcurrentQueue<(string Soul, string Field, string Value)> acknowledged, TaskCompletionSource enough)
    {
        try
        {
            for (int index = 0; ; index++)
            {
                string soul = SoulOf(round, writer, index);
                string field = $"f{index % FieldsPerNode}";
                string value = $"{round}/{writer}/{index}/{new string('v', index % 200)}";
                using var body = new StringContent($"\"{value}\"", Encoding.UTF8, "application/json");
                using HttpResponseMessage answer = await client.PutAsync(
                    $"api/v1/field?soul={Uri.EscapeDataString(soul)}&name={field}", body);
                if (!answer.IsSuccessStatusCode)
                {
                    string why = await answer.Content.ReadAsStringAsync();
                    throw new InvalidOperationException($"{(int)answer.StatusCode}: {why}");
                }

                acknowledged.Enqueue((soul, field, value));
                if (acknowledged.Count >= killAfter)
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

    /// <summary>Reads the nodes of the last round, or of all rounds for -1.</summary>
    private async Task<IReadOnlyList<string>> ReadBackAsync(WeftProcess node, int round)
    {
        var lost = new List<string>();
        using HttpClient client = node.Client();
        string wanted = round < 0 ? "crash/" : $"crash/{round - 1}/";
        foreach (IGrouping<string, KeyValuePair<(string Soul, string Field), string>> group in _acknowledged
            .Where(pair => pair.Key.Soul.StartsWith(wanted, StringComparison.Ordinal)).GroupBy(pair => pair.Key.Soul))
        {
            using JsonDocument answer = JsonDocument.Parse(
                await client.GetStringAsync($"api/v1/node?soul={Uri.EscapeDataString(group.Key)}&wait=0"));
            JsonElement fields = answer.RootElement.GetProperty("fields");
            foreach (KeyValuePair<(string Soul, string Field), string> pair in group)
            {
                if (!fields.TryGetProperty(pair.Key.Field, out JsonElement value) || value.GetString() != pair.Value)
                {
                    lost.Add($"{pair.Key.Soul} {pair.Key.Field}");
                }
            }
        }

        return lost;
    }
}
