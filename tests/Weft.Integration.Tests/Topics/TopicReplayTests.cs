using System.Text.Json;
using Weft.Testing;

namespace Weft.Integration.Tests.Topics;

/// <summary>Real processes: a relay that keeps topics, killed and started again after its publisher left.</summary>
public sealed class TopicReplayTests : IDisposable
{
    private const string Loopback = "/ip4/127.0.0.1/tcp/0";

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_latecomer_reads_what_a_killed_relay_has_kept_and_then_what_comes_each_message_once()
    {
        await using (WeftProcess relay = await StartRelayAsync())
        {
            await using WeftProcess publisher = await WeftProcess.StartAsync(
                _folder["publisher"], "--bootstrap", AddressOf(relay));
            await UntilRelayIsKnownAsync(publisher);
            foreach (string text in new[] { "one", "two", "three" })
            {
                WeftRun kept = await publisher.CallAsync("topic", "pub", "news", text, "--stored", "1");
                Assert.True(kept.Exit == 0, kept.Error);
            }

            await publisher.KillAsync();
            await relay.KillAsync(); // What was acknowledged survives it.
        }

        await using WeftProcess again = await StartRelayAsync();
        await using WeftProcess late = await WeftProcess.StartAsync(_folder["late"], "--bootstrap", AddressOf(again));
        await UntilRelayIsKnownAsync(late);
        Task<WeftRun> reading = late.CallAsync(
            "topic", "sub", "news", "--from", "all", "-n", "4", "--json", "--timeout", "60s");
        await UntilJoinedAsync(again);
        Assert.Equal(0, (await again.CallAsync("topic", "pub", "news", "four")).Exit);

        Assert.Equal(["one", "two", "three", "four"], Texts(await reading));
        Assert.Equal(
            ["three", "four"],
            Texts(await late.CallAsync(
                "topic", "sub", "news", "--from", "last:2", "-n", "2", "--json", "--timeout", "60s")));
    }

    private Task<WeftProcess> StartRelayAsync() => WeftProcess.StartAsync(
        _folder["relay"], "--listen", Loopback, "--profile", "super", "--subscribe", "news");

    private static string[] Texts(WeftRun run)
    {
        Assert.True(run.Exit == 0, run.Error);
        return
        [
            .. run.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(line => JsonDocument.Parse(line).RootElement.GetProperty("text").GetString()!),
        ];
    }

    private static string AddressOf(WeftProcess node) => JsonDocument
        .Parse(node.Lines.First(text => text.Contains("\"ready\"", StringComparison.Ordinal))).RootElement
        .GetProperty("addresses")[0].GetString()!;

    private static Task UntilRelayIsKnownAsync(WeftProcess node) => UntilAsync(
        node, "/api/v1/peers", peer => peer.TryGetProperty("protocols", out JsonElement protocols)
            && protocols.ValueKind == JsonValueKind.Array
            && protocols.EnumerateArray().Any(one => one.GetString() == "/weft/topics/1"));

    private static Task UntilJoinedAsync(WeftProcess node) =>
        UntilAsync(node, "/api/v1/topics", topic => topic.GetProperty("peers").GetInt32() > 0);

    private static async Task UntilAsync(WeftProcess node, string path, Func<JsonElement, bool> test)
    {
        using HttpClient client = node.Client();
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (true)
        {
            using JsonDocument list = JsonDocument.Parse(await client.GetStringAsync(path, late.Token));
            if (list.RootElement.GetProperty("items").EnumerateArray().Any(test))
            {
                return;
            }

            await Task.Delay(50, late.Token);
        }
    }
}
