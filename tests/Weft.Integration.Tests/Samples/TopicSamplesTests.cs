using System.Text.Json;
using System.Threading.Channels;
using ChatRoom;
using ProfileRegistry;
using Weft.Testing;

namespace Weft.Integration.Tests.Samples;

/// <summary>The samples on topics, against relays in processes of their own.</summary>
public sealed class TopicSamplesTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_name_is_resolved_from_any_relay_after_every_publisher_is_gone_and_belongs_to_whom_claimed_it()
    {
        await using WeftProcess first = await StartRelayAsync("first");
        string relay = AddressOf(first);
        Assert.Contains("published", await RegistryAsync(0, "publish", _folder["ada"], "ada", "Ada", relay), StringComparison.Ordinal);
        Assert.Contains("another's", await RegistryAsync(1, "publish", _folder["eve"], "ada", "Eve", relay), StringComparison.Ordinal);
        Assert.Contains(
            "published", await RegistryAsync(0, "publish", _folder["ada"], "ada", "Ada Lovelace", relay),
            StringComparison.Ordinal);
        Assert.Contains("nobody", await RegistryAsync(1, "resolve", _folder["bob"], "grace", relay), StringComparison.Ordinal);

        await using WeftProcess second = await StartRelayAsync("second", relay);
        await UntilKeptAsync(second, "profiles", 1);
        await first.KillAsync();
        Assert.Contains(
            "ada: Ada Lovelace", await RegistryAsync(0, "resolve", _folder["carol"], "ada", AddressOf(second)),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_enters_a_room_late_reads_everything_that_was_said_and_then_what_is_said()
    {
        await using WeftProcess first = await StartRelayAsync("first");
        await using WeftProcess second = await StartRelayAsync("second", AddressOf(first));
        string[] lines = [.. Enumerable.Range(0, 20).Select(i => $"line {i}")];
        Assert.Equal(0, await ChatApp.RunAsync(
            ["lobby", "ada", AddressOf(first)], new StringReader(string.Join('\n', lines)), TextWriter.Null));
        await UntilKeptAsync(second, "chat/lobby", lines.Length);
        await first.KillAsync(); // Ada and the relay she spoke to are gone.

        var input = new LineReader();
        var output = new LineWriter();
        Task<int> bob = ChatApp.RunAsync(["lobby", "bob", AddressOf(second)], input, output);
        foreach (string line in lines)
        {
            Assert.Equal("ada: " + line, await output.ReadAsync());
        }

        await input.WriteAsync("late, but here");
        Assert.Equal("bob: late, but here", await output.ReadAsync());
        input.Complete();
        Assert.Equal(0, await bob);
        Assert.Equal(2, await ChatApp.RunAsync(["lobby"], TextReader.Null, TextWriter.Null));
    }

    private static async Task<string> RegistryAsync(int exit, params string[] args)
    {
        var output = new StringWriter();
        Assert.Equal(exit, await RegistryApp.RunAsync(args, output));
        return output.ToString();
    }

    private Task<WeftProcess> StartRelayAsync(string name, params string[] others) => WeftProcess.StartAsync(
        _folder[name],
        [
            "--listen", "/ip4/127.0.0.1/tcp/0", "--profile", "super",
            .. others.SelectMany(other => (string[])["--topic-relay", other]),
        ]);

    private static string AddressOf(WeftProcess node) => JsonDocument
        .Parse(node.Lines.First(text => text.Contains("\"ready\"", StringComparison.Ordinal))).RootElement
        .GetProperty("addresses")[0].GetString()!;

    private static async Task UntilKeptAsync(WeftProcess relay, string topic, int messages)
    {
        using HttpClient client = relay.Client();
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(90));
        while (true)
        {
            using JsonDocument list = JsonDocument.Parse(await client.GetStringAsync("/api/v1/topics", late.Token));
            if (list.RootElement.GetProperty("items").EnumerateArray().Any(item =>
                item.GetProperty("topic").GetString() == topic
                && item.GetProperty("kept").GetProperty("messages").GetInt32() == messages))
            {
                return;
            }

            await Task.Delay(50, late.Token);
        }
    }

    private sealed class LineReader : TextReader
    {
        private readonly Channel<string> _lines = Channel.CreateBounded<string>(16);

        public ValueTask WriteAsync(string line) => _lines.Writer.WriteAsync(line);

        public void Complete() => _lines.Writer.Complete();

        public override async Task<string?> ReadLineAsync() =>
            await _lines.Reader.WaitToReadAsync() && _lines.Reader.TryRead(out string? line) ? line : null;
    }

    private sealed class LineWriter : TextWriter
    {
        private readonly Channel<string> _lines = Channel.CreateBounded<string>(1_024);

        public override System.Text.Encoding Encoding => System.Text.Encoding.UTF8;

        public override Task WriteLineAsync(string? value) => _lines.Writer.WriteAsync(value ?? "").AsTask();

        public async Task<string> ReadAsync()
        {
            using var late = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            return await _lines.Reader.ReadAsync(late.Token);
        }
    }
}
