using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Weft.Testing;

namespace Weft.Integration.Tests.Topics;

public sealed class TopicCommandTests : IDisposable
{
    private const string Loopback = "/ip4/127.0.0.1/tcp/0";

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Messages_of_one_process_come_out_of_another_by_command_and_over_http()
    {
        await using WeftProcess far = await WeftProcess.StartAsync(
            _folder["far"], "--listen", Loopback, "--profile", "test", "--subscribe", "lobby", "--subscribe", "a/b");
        string address = AddressOf(far);
        await using WeftProcess near = await WeftProcess.StartAsync(
            _folder["near"], "--listen", Loopback, "--profile", "test", "--bootstrap", address);

        // Joined at the start, without a reader; and known to the other process.
        Assert.Contains("lobby", (await far.CallAsync("topic", "ls")).Out, StringComparison.Ordinal);
        Task<WeftRun> reading = near.CallAsync("topic", "sub", "lobby", "-n", "3", "--json", "--timeout", "60s");
        await UntilAsync(far, "lobby", item => item.GetProperty("peers").GetInt32() == 1);
        await UntilAsync(near, "lobby", item => item.GetProperty("peers").GetInt32() == 1);

        WeftRun published = await far.CallAsync("topic", "pub", "lobby", "tea at five", "--json");
        Assert.Equal(1, JsonDocument.Parse(published.Out).RootElement.GetProperty("peers").GetInt32());
        WeftRun lines = await far.CallWithInputAsync(Encoding.UTF8.GetBytes("grün\nlast\n"), "topic", "pub", "lobby");
        Assert.Equal(0, lines.Exit);

        WeftRun read = await reading;
        JsonElement[] got = [.. read.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonDocument.Parse(line).RootElement)];
        Assert.Equal(["tea at five", "grün", "last"], got.Select(item => item.GetProperty("text").GetString()));
        string peer = address[(address.LastIndexOf('/') + 1)..];
        Assert.All(got, item => Assert.Equal(peer, item.GetProperty("from").GetString()));
        await ReadOverHttpAsync(far, near);
    }

    [Fact]
    public async Task Without_libp2p_topics_say_what_is_missing_and_a_deadline_is_kept()
    {
        await using WeftProcess off = await WeftProcess.StartAsync(_folder["off"]);
        WeftRun refused = await off.CallAsync("topic", "pub", "lobby", "x");
        Assert.NotEqual(0, refused.Exit);
        Assert.Contains("W4120", refused.Error, StringComparison.Ordinal);

        await using WeftProcess alone = await WeftProcess.StartAsync(_folder["alone"], "--profile", "test");
        Assert.Contains(
            "W1003", (await alone.CallAsync("topic", "sub", "t", "-n", "1", "--timeout", "300ms")).Error,
            StringComparison.Ordinal);
        Assert.Equal(0, (await alone.CallAsync("topic", "pub", "t", "nobody hears it")).Exit);
        Assert.NotEqual(0, (await alone.CallAsync("topic", "pub", "50%", "x")).Exit);
    }

    private static async Task ReadOverHttpAsync(WeftProcess far, WeftProcess near)
    {
        using HttpClient client = near.Client();
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/topics/a%2Fb/messages");
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/x-ndjson"));
        using HttpResponseMessage answer = await client.SendAsync(
            request, HttpCompletionOption.ResponseHeadersRead, late.Token);
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync(late.Token));
        Assert.Equal("live", await NextAsync(reader, "event", late.Token));
        await UntilAsync(far, "a/b", item => item.GetProperty("peers").GetInt32() == 1);

        using HttpClient publisher = far.Client();
        using var body = new StringContent("{\"data\":\"/wD/\"}", Encoding.UTF8, "application/json");
        using HttpResponseMessage posted = await publisher.PostAsync("/api/v1/topics/a%2Fb/messages", body, late.Token);
        Assert.Equal(200, (int)posted.StatusCode);

        Assert.Equal("/wD/", await NextAsync(reader, "data", late.Token));
        using HttpResponseMessage bad = await publisher.PostAsync(
            "/api/v1/topics/50%25/messages", new StringContent("{\"text\":\"x\"}", Encoding.UTF8, "application/json"),
            late.Token);
        Assert.Equal(400, (int)bad.StatusCode);
    }

    private static async Task<string?> NextAsync(
        StreamReader reader, string member, CancellationToken cancellationToken)
    {
        while (await reader.ReadLineAsync(cancellationToken) is { } line)
        {
            if (line.Length > 0 && JsonDocument.Parse(line).RootElement.TryGetProperty(member, out JsonElement value))
            {
                return value.GetString();
            }
        }

        return null;
    }

    private static string AddressOf(WeftProcess node) => JsonDocument
        .Parse(node.Lines.First(text => text.Contains("\"ready\"", StringComparison.Ordinal))).RootElement
        .GetProperty("addresses")[0].GetString()!;

    private static async Task UntilAsync(WeftProcess node, string topic, Func<JsonElement, bool> test)
    {
        using HttpClient client = node.Client();
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (true)
        {
            using JsonDocument list = JsonDocument.Parse(await client.GetStringAsync("/api/v1/topics", late.Token));
            if (list.RootElement.GetProperty("items").EnumerateArray()
                .Any(item => item.GetProperty("topic").GetString() == topic && test(item)))
            {
                return;
            }

            await Task.Delay(50, late.Token);
        }
    }
}
