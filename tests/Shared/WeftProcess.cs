using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Http.Headers;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;

namespace Weft.Testing;

/// <summary>What one run of the command line left behind.</summary>
/// <param name="Exit">The exit code.</param>
/// <param name="Out">Everything on stdout.</param>
/// <param name="Error">Everything on stderr.</param>
public sealed record WeftRun(int Exit, string Out, string Error);

/// <summary>A folder of one test's own, gone with it.</summary>
public sealed class TempFolder : IDisposable
{
    /// <summary>Makes it.</summary>
    public TempFolder() => Path = Directory.CreateTempSubdirectory("weft-test-").FullName;

    /// <summary>Where it is.</summary>
    public string Path { get; }

    /// <summary>A path inside.</summary>
    public string this[string name] => System.IO.Path.Combine(Path, name);

    /// <inheritdoc/>
    public void Dispose()
    {
        try
        {
            Directory.Delete(Path, recursive: true);
        }
        catch (IOException)
        {
            // A killed process may take a moment to let go; the system cleans its temporary files.
        }
    }
}

/// <summary>A real <c>weft up</c> on a free loopback port, and real runs of the command line against it.</summary>
/// <remarks>
/// The project that uses it references Weft.Cli, so that the built command line lies beside the tests.
/// </remarks>
public sealed partial class WeftProcess : IAsyncDisposable
{
    private static readonly TimeSpan StartMax = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly ConcurrentQueue<string> _lines = new();
    private readonly TaskCompletionSource<Uri> _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private WeftProcess(Process process, string dataFolder)
    {
        _process = process;
        DataFolder = dataFolder;
    }

    /// <summary>Where it keeps its data.</summary>
    public string DataFolder { get; }

    /// <summary>Where it serves HTTP, for example http://127.0.0.1:40123/.</summary>
    public Uri Url { get; private set; } = new("http://127.0.0.1");

    /// <summary>Where it serves GUN.</summary>
    public Uri Gun => new($"ws://127.0.0.1:{Url.Port}/gun");

    /// <summary>Its process id.</summary>
    public int Id => _process.Id;

    /// <summary>True when it has ended.</summary>
    public bool HasExited => _process.HasExited;

    /// <summary>Its exit code, once it has ended.</summary>
    public int ExitCode => _process.ExitCode;

    /// <summary>The token of its API.</summary>
    public string Token => File.ReadAllText(Path.Combine(DataFolder, "token")).Trim();

    /// <summary>Every line it printed so far, on stdout and stderr.</summary>
    public IReadOnlyCollection<string> Lines => _lines;

    /// <summary>Starts a node and waits for its line that says ready.</summary>
    /// <param name="dataFolder">Its folder.</param>
    /// <param name="arguments">Further arguments of <c>weft up</c>; port 0 unless they have <c>--http</c>.</param>
    /// <exception cref="InvalidOperationException">It ended first; the message has what it printed.</exception>
    public static Task<WeftProcess> StartAsync(string dataFolder, params string[] arguments)
    {
        string[] address = arguments.Contains("--http") ? [] : ["--http", "127.0.0.1:0"];
        return StartAsync(dataFolder, StartInfo(["up", "--data", dataFolder, .. address, .. arguments]));
    }

    /// <summary>Starts a node that may open only so many files; by a shell, which sets the limit and gives way to it.</summary>
    public static Task<WeftProcess> StartLimitedAsync(int descriptors, string dataFolder, params string[] arguments)
    {
        ProcessStartInfo start = StartInfo(["up", "--data", dataFolder, "--http", "127.0.0.1:0", .. arguments]);
        string[] command = [start.FileName, .. start.ArgumentList];
        start.FileName = "/bin/sh";
        start.ArgumentList.Clear();
        foreach (string word in (string[])["-c", $"ulimit -n {descriptors} && exec \"$@\"", "weft", .. command])
        {
            start.ArgumentList.Add(word);
        }

        return StartAsync(dataFolder, start);
    }

    private static async Task<WeftProcess> StartAsync(string dataFolder, ProcessStartInfo start)
    {
        var process = new Process { StartInfo = start, EnableRaisingEvents = true };
        var node = new WeftProcess(process, dataFolder);
        process.OutputDataReceived += (_, e) => node.OnLine(e.Data);
        process.ErrorDataReceived += (_, e) => node.OnLine(e.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        process.StandardInput.Close();
        Task exit = process.WaitForExitAsync();
        Task first = await Task.WhenAny(node._ready.Task, exit, Task.Delay(StartMax));
        if (first != node._ready.Task)
        {
            string why = first == exit ? $"ended with {process.ExitCode}" : "said nothing";
            string printed = string.Join('\n', node._lines);
            await node.DisposeAsync();
            throw new InvalidOperationException($"weft up {why} before it was ready:\n{printed}");
        }

        node.Url = await node._ready.Task;
        return node;
    }

    /// <summary>Runs one command to its end, with a time limit of a minute.</summary>
    public static Task<WeftRun> RunAsync(params string[] arguments) => RunAsync(arguments, null, null);

    /// <summary>Runs one command to its end, with a time limit of a minute.</summary>
    /// <param name="arguments">The words after <c>weft</c>.</param>
    /// <param name="variables">Variables to set; a null value removes one.</param>
    /// <param name="input">What it reads from stdin; null for nothing.</param>
    public static async Task<WeftRun> RunAsync(
        string[] arguments, IReadOnlyDictionary<string, string?>? variables, byte[]? input)
    {
        ProcessStartInfo start = StartInfo(arguments);
        foreach ((string name, string? value) in variables ?? new Dictionary<string, string?>())
        {
            start.Environment[name] = value;
        }

        using var process = new Process { StartInfo = start };
        process.Start();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        try
        {
            await process.StandardInput.BaseStream.WriteAsync(input ?? []);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended without reading: that is its answer.
        }

        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        try
        {
            await process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw new TimeoutException($"weft {string.Join(' ', arguments)} took more than a minute");
        }

        return new WeftRun(process.ExitCode, await output, await error);
    }

    /// <summary>Runs one command against this node.</summary>
    public Task<WeftRun> CallAsync(params string[] arguments) =>
        RunAsync([.. arguments, "--data", DataFolder], null, null);

    /// <summary>Runs one command against this node with something on stdin.</summary>
    public Task<WeftRun> CallWithInputAsync(byte[] input, params string[] arguments) =>
        RunAsync([.. arguments, "--data", DataFolder], null, input);

    /// <summary>A client of its API, with the token.</summary>
    public HttpClient Client()
    {
        var client = new HttpClient { BaseAddress = Url, Timeout = TimeSpan.FromMinutes(1) };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Token);
        return client;
    }

    /// <summary>Ends it with SIGKILL: nothing of it gets to run any more.</summary>
    public async Task KillAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        await _process.WaitForExitAsync();
    }

    /// <summary>Sends SIGTERM and waits for the end.</summary>
    /// <returns>The exit code.</returns>
    /// <exception cref="TimeoutException">It still runs after <paramref name="patience"/>.</exception>
    public async Task<int> StopAsync(TimeSpan patience)
    {
        const int terminate = 15;
        _ = SendSignal(_process.Id, terminate);
        await _process.WaitForExitAsync().WaitAsync(patience);
        return _process.ExitCode;
    }

    /// <summary>Sends SIGINT, as Ctrl+C does.</summary>
    public static void Interrupt(Process process)
    {
        const int interrupt = 2;
        _ = SendSignal(process.Id, interrupt);
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">It printed its token: no test may pass over that.</exception>
    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _process.Dispose();
        string file = Path.Combine(DataFolder, "token");
        string token = File.Exists(file) ? File.ReadAllText(file).Trim() : "";
        if (token.Length > 0 && _lines.Any(line => line.Contains(token, StringComparison.Ordinal)))
        {
            throw new InvalidOperationException("The node printed its token.");
        }
    }

    /// <summary>How to start the built command line; its settings come from the arguments alone.</summary>
    public static ProcessStartInfo StartInfo(IEnumerable<string> arguments)
    {
        string own = Environment.ProcessPath ?? "dotnet";
        bool isHost = Path.GetFileNameWithoutExtension(own).Equals("dotnet", StringComparison.OrdinalIgnoreCase);
        var start = new ProcessStartInfo(isHost ? own : "dotnet")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
        };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "Weft.Cli.dll"));
        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        foreach (string name in start.Environment.Keys.Where(IsSetting).ToArray())
        {
            start.Environment.Remove(name);
        }

        // The whole suite can run at trace level: whatever a node prints is looked through when its test ends.
        if (Environment.GetEnvironmentVariable("WEFT_TEST_LOG_LEVEL") is { Length: > 0 } level)
        {
            start.Environment["WEFT_LOG_LEVEL"] = level;
        }

        start.Environment["XDG_CONFIG_HOME"] = Path.Combine(Path.GetTempPath(), "weft-test-no-config");
        return start;
    }

    private static bool IsSetting(string name) =>
        name.StartsWith("WEFT_", StringComparison.Ordinal)
        || name is "PORT" or "PEERS" or "HTTPS_CERT" or "HTTPS_KEY" or "NO_COLOR";

    private void OnLine(string? line)
    {
        if (line is null)
        {
            return;
        }

        _lines.Enqueue(line);
        if (line.Contains("ready", StringComparison.OrdinalIgnoreCase)
            && HttpUrl().Match(line) is { Success: true } url)
        {
            _ready.TrySetResult(new Uri(url.Value));
        }
    }

    [GeneratedRegex(@"https?://[^\s""/]+/?")]
    private static partial Regex HttpUrl();

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int SendSignal(int process, int signal);
}
