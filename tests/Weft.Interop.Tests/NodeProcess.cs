using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;

namespace Weft.Interop.Tests;

/// <summary>One node process that runs a script of <c>js/</c> and answers line by line.</summary>
internal sealed class NodeProcess : IAsyncDisposable
{
    private static readonly TimeSpan StartMax = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan AnswerMax = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly ConcurrentDictionary<int, TaskCompletionSource<JsonElement>> _waiting = new();
    private readonly ConcurrentQueue<string> _talk = new();
    private int _id;

    private NodeProcess(Process process) => _process = process;

    /// <summary>What the script said when it was ready.</summary>
    public JsonElement Hello { get; private set; }

    /// <summary>Starts a gun.js client of these relays.</summary>
    public static Task<NodeProcess> ClientAsync(params string[] relays) =>
        StartAsync("client.js", JsonSerializer.Serialize(relays));

    /// <summary>Starts a gun.js client of this relay that knows users.</summary>
    public static Task<NodeProcess> SeaClientAsync(string relay) =>
        StartAsync("client.js", JsonSerializer.Serialize<string[]>([relay]), "sea");

    /// <summary>Starts a GUN relay.</summary>
    /// <param name="peers">Relays it dials.</param>
    /// <param name="folder">Where it keeps its data; null for memory only.</param>
    /// <param name="axe">True for its default way of routing, false for flooding.</param>
    public static Task<NodeProcess> RelayAsync(string[] peers, string? folder = null, bool axe = false) =>
        StartAsync("relay.js", "0", JsonSerializer.Serialize(peers), folder ?? "", axe ? "1" : "");

    /// <summary>Starts any script.</summary>
    public static Task<NodeProcess> StartAsync(string script, params string[] arguments) =>
        StartInAsync(NodeTools.Folder, script, arguments);

    /// <summary>Starts any script of a folder.</summary>
    public static async Task<NodeProcess> StartInAsync(string folder, string script, params string[] arguments)
    {
        await NodeTools.ReadyAsync(folder);
        var start = new ProcessStartInfo("node", [Path.Combine(folder, script), .. arguments])
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        var node = new NodeProcess(Process.Start(start)!);
        TaskCompletionSource<JsonElement> ready = node.Expect(0);
        node._process.OutputDataReceived += (_, line) => node.Take(line.Data);
        node._process.ErrorDataReceived += (_, line) => node.Note(line.Data);
        node._process.BeginOutputReadLine();
        node._process.BeginErrorReadLine();
        node.Hello = (await node.WaitAsync(ready.Task, StartMax, script)).GetProperty("value");
        return node;
    }

    /// <summary>The relay's address, as gun.js takes it.</summary>
    public string Url => $"http://127.0.0.1:{Hello.GetInt32()}/gun";

    /// <summary>The relay's address, as a link takes it.</summary>
    public Uri Link => new($"ws://127.0.0.1:{Hello.GetInt32()}/gun");

    /// <summary>Runs JavaScript in the client; what it returns comes back as JSON.</summary>
    public Task<JsonElement> RunAsync(string code) => AskAsync(new { id = Interlocked.Increment(ref _id), code });

    /// <summary>Sends one line as it is, and waits for the answer.</summary>
    public async Task<JsonElement> AskAsync(object line)
    {
        string text = JsonSerializer.Serialize(line);
        int id = JsonDocument.Parse(text).RootElement.GetProperty("id").GetInt32();
        TaskCompletionSource<JsonElement> answer = Expect(id);
        await _process.StandardInput.WriteLineAsync(text);
        await _process.StandardInput.FlushAsync();
        JsonElement got = await WaitAsync(answer.Task, AnswerMax, text.Length > 300 ? text[..300] : text);
        if (got.TryGetProperty("error", out JsonElement error))
        {
            throw new InvalidOperationException($"{error.GetString()} in: {text}\n{string.Join('\n', _talk)}");
        }

        return got.TryGetProperty("value", out JsonElement value) ? value : default;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private TaskCompletionSource<JsonElement> Expect(int id) =>
        _waiting[id] = new TaskCompletionSource<JsonElement>(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task<JsonElement> WaitAsync(Task<JsonElement> task, TimeSpan max, string what)
    {
        Task first = await Task.WhenAny(task, _process.WaitForExitAsync(), Task.Delay(max));
        return first == task ? await task : throw new InvalidOperationException(
            $"{(_process.HasExited ? $"node ended with {_process.ExitCode}" : "no answer in time")} in: {what}\n" +
            string.Join('\n', _talk));
    }

    private void Take(string? line)
    {
        if (line is null || !line.StartsWith('@'))
        {
            Note(line);
            return;
        }

        JsonElement answer = JsonDocument.Parse(line[1..]).RootElement;
        if (_waiting.TryRemove(answer.GetProperty("id").GetInt32(), out TaskCompletionSource<JsonElement>? waiting))
        {
            waiting.TrySetResult(answer);
        }
    }

    private void Note(string? line)
    {
        if (!string.IsNullOrWhiteSpace(line) && _talk.Count < 100)
        {
            _talk.Enqueue(line);
        }
    }
}
