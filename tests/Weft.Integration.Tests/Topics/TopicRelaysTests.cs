using System.Globalization;
using System.Text;
using System.Text.Json;
using Weft.Testing;

namespace Weft.Integration.Tests.Topics;

/// <summary>Real processes: relays that are killed, wiped and started again fill each other.</summary>
public sealed class TopicRelaysTests : IDisposable
{
    private const string Loopback = "/ip4/127.0.0.1/tcp/0";
    private const int Half = 40;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Relays_killed_one_after_another_and_one_wiped_give_a_latecomer_everything_once_and_in_order()
    {
        await using WeftProcess first = await StartRelayAsync("first");
        WeftProcess second = await StartRelayAsync("second", first);
        await using (WeftProcess publisher = await WeftProcess.StartAsync(
            _folder["publisher"], "--topic-relay", AddressOf(first), "--topic-relay", AddressOf(second)))
        {
            await UntilAsync(publisher, "/api/v1/topics/relays", items => items.Count == 2);
            await PublishAsync(publisher, 0, relays: 2);
            await second.KillAsync(); // It misses the other half.
            await second.DisposeAsync();
            await PublishAsync(publisher, Half, relays: 1);
            await publisher.KillAsync();
        }

        await using WeftProcess wiped = await StartRelayAsync("third", first); // As one that lost its disk.
        await UntilKeptAsync(wiped, 2 * Half);
        await using WeftProcess again = await StartRelayAsync("second", first, wiped);
        await UntilKeptAsync(again, 2 * Half);
        await first.KillAsync(); // Nobody who saw a message published is left.
        await wiped.KillAsync();
        await again.KillAsync();

        await using WeftProcess one = await StartRelayAsync("third");
        await using WeftProcess two = await StartRelayAsync("second", one);
        await using WeftProcess late = await WeftProcess.StartAsync(
            _folder["late"], "--topic-relay", AddressOf(two), "--topic-relay", AddressOf(one));
        await UntilAsync(late, "/api/v1/topics/relays", items => items.Count == 2);
        string[] expected = [.. Enumerable.Range(0, 2 * Half).Select(i => $"m{i}")];
        Assert.Equal(expected, Texts(await late.CallAsync("topic", "history", "news", "--json")));

        // In two parts, behind a cursor; then live.
        JsonElement[] part = Items(await late.CallAsync("topic", "history", "news", "-n", "30", "--json"));
        string cursor = part[^1].GetProperty("cursor").GetString()!;
        Task<WeftRun> reading = late.CallAsync(
            "topic", "sub", "news", "--from", cursor, "-n",
            (expected.Length - part.Length + 1).ToString(CultureInfo.InvariantCulture), "--json", "--timeout", "60s");
        await UntilAsync(late, "/api/v1/topics", items => items.Exists(item => item.GetProperty("peers").GetInt32() > 1));
        Assert.Equal(0, (await one.CallAsync("topic", "pub", "news", "live")).Exit);
        string[] rest = Texts(await reading);
        string[] all = [.. part.Select(Text), .. rest];
        Assert.Equal((string[])[.. expected, "live"], all);
    }

    [Fact]
    public async Task Values_are_found_by_key_what_is_kept_is_set_and_shown_and_it_survives_a_kill()
    {
        await using (WeftProcess relay = await StartRelayAsync("relay"))
        {
            Assert.Equal(0, (await relay.CallAsync(
                "topic", "pub", "people", "Ada Lovelace", "--key", "ada", "--stored", "1")).Exit);
            Assert.Equal(0, (await relay.CallAsync("topic", "pub", "people", "x", "--key", "bob", "--stored", "1")).Exit);
            Assert.Equal(0, (await relay.CallAsync("topic", "pub", "people", "--key", "bob", "--end")).Exit);
            WeftRun set = await relay.CallAsync(
                "topic", "retain", "peo*", "--messages", "0", "--age", "90d", "--bytes", "1MiB", "--json");
            Assert.True(set.Exit == 0, set.Error);
            Assert.NotEqual(0, (await relay.CallAsync("topic", "retain", "t", "--bytes", "12")).Exit);
            await relay.KillAsync();
        }

        await using WeftProcess again = await StartRelayAsync("relay");
        JsonElement kept = Items(await again.CallAsync("topic", "retain", "people", "--json"))[0];
        Assert.Equal(
            ("peo*", 0, 7_776_000, 1 << 20),
            (kept.GetProperty("pattern").GetString(), kept.GetProperty("messages").GetInt32(),
                kept.GetProperty("ageSeconds").GetInt32(), kept.GetProperty("bytes").GetInt32()));
        Assert.NotEqual(0, (await again.CallAsync("topic", "pub", "people", "no event", "--stored", "1")).Exit);
        Assert.Contains(
            "Ada Lovelace", (await again.CallAsync("topic", "latest", "people", "ada")).Out, StringComparison.Ordinal);
        Assert.NotEqual(0, (await again.CallAsync("topic", "latest", "people", "bob")).Exit);
        Assert.Contains(
            "default", (await again.CallAsync("topic", "retain", "peo*", "--default")).Out, StringComparison.Ordinal);
        Assert.NotEqual(0, (await again.CallAsync("topic", "retain", "t", "--default", "--keys", "1")).Exit);
    }

    private static async Task PublishAsync(WeftProcess publisher, int from, int relays)
    {
        var lines = new StringBuilder();
        for (int i = from; i < from + Half; i++)
        {
            lines.Append(CultureInfo.InvariantCulture, $"m{i}\n");
        }

        WeftRun run = await publisher.CallWithInputAsync(
            Encoding.UTF8.GetBytes(lines.ToString()), "topic", "pub", "news", "--stored", $"{relays}");
        Assert.True(run.Exit == 0, run.Error);
    }

    private Task<WeftProcess> StartRelayAsync(string name, params WeftProcess[] others) => WeftProcess.StartAsync(
        _folder[name],
        [
            "--listen", Loopback, "--profile", "super",
            .. others.SelectMany(other => (string[])["--topic-relay", AddressOf(other)]),
        ]);

    private static JsonElement[] Items(WeftRun run)
    {
        Assert.True(run.Exit == 0, run.Error);
        return
        [
            .. run.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(line => JsonDocument.Parse(line).RootElement),
        ];
    }

    private static string[] Texts(WeftRun run) => [.. Items(run).Select(Text)];

    private static string Text(JsonElement item) =>
        item.TryGetProperty("text", out JsonElement text) ? text.GetString()! : item.ToString();

    private static string AddressOf(WeftProcess node) => JsonDocument
        .Parse(node.Lines.First(text => text.Contains("\"ready\"", StringComparison.Ordinal))).RootElement
        .GetProperty("addresses")[0].GetString()!;

    private static Task UntilKeptAsync(WeftProcess relay, int messages) => UntilAsync(
        relay, "/api/v1/topics", items => items.Exists(item =>
            item.GetProperty("topic").GetString() == "news"
            && item.GetProperty("kept").GetProperty("messages").GetInt32() == messages));

    private static async Task UntilAsync(WeftProcess node, string path, Predicate<List<JsonElement>> test)
    {
        using HttpClient client = node.Client();
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(90));
        while (true)
        {
            using JsonDocument list = JsonDocument.Parse(await client.GetStringAsync(path, late.Token));
            if (test([.. list.RootElement.GetProperty("items").EnumerateArray()]))
            {
                return;
            }

            await Task.Delay(50, late.Token);
        }
    }
}
