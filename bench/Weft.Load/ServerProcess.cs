using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace Weft.Load;

/// <summary>A server under load: a real process on loopback and a free port, with a folder of its own.</summary>
internal sealed partial class ServerProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly Queue<string> _lastLines = new();
    private readonly TaskCompletionSource<Uri> _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly bool _isVerbose;
    private Uri? _seen;

    private ServerProcess(string name, Process process, bool isVerbose)
    {
        Name = name;
        _process = process;
        _isVerbose = isVerbose;
    }

    public string Name { get; }

    public int Id => _process.Id;

    /// <summary>The HTTP root, for example http://127.0.0.1:40123/.</summary>
    public Uri Http { get; private set; } = new("http://127.0.0.1");

    /// <summary>The GUN endpoint.</summary>
    public Uri Gun => new($"ws://127.0.0.1:{Http.Port}/gun");

    /// <summary>From the start of the process to its line that says ready.</summary>
    public TimeSpan StartTime { get; private set; }

    public bool HasExited => _process.HasExited;

    /// <summary>Starts a server and waits until it says that it is ready.</summary>
    /// <exception cref="InvalidOperationException">It ended, or said nothing within two minutes.</exception>
    public static async Task<ServerProcess> StartAsync(
        string name, ProcessStartInfo start, bool isVerbose, CancellationToken cancellationToken)
    {
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        start.RedirectStandardInput = true;
        var process = new Process { StartInfo = start, EnableRaisingEvents = true };
        var server = new ServerProcess(name, process, isVerbose);
        process.OutputDataReceived += (_, e) => server.OnLine(e.Data);
        process.ErrorDataReceived += (_, e) => server.OnLine(e.Data);
        process.Exited += (_, _) => server._ready.TrySetException(
            new InvalidOperationException($"{name} ended before it was ready: {server.LastLines()}"));
        long began = Stopwatch.GetTimestamp();
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        process.StandardInput.Close();
        try
        {
            server.Http = await server._ready.Task.WaitAsync(TimeSpan.FromMinutes(2), cancellationToken);
        }
        catch (TimeoutException)
        {
            await server.DisposeAsync();
            throw new InvalidOperationException($"{name} was not ready within two minutes: {server.LastLines()}");
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }

        server.StartTime = Stopwatch.GetElapsedTime(began);
        return server;
    }

    /// <summary>Processor time so far: unlike a rate it says the same on a busy machine.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    /// <summary>VmRSS in bytes.</summary>
    public long ReadResident() => Machine.ReadProcessBytes(Id, "VmRSS");

    /// <summary>The highest VmRSS so far (VmHWM), in bytes.</summary>
    public long ReadResidentPeak() => Machine.ReadProcessBytes(Id, "VmHWM");

    /// <summary>Ends it with SIGKILL: nothing of it gets to run any more.</summary>
    public async Task KillAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        await _process.WaitForExitAsync();
    }

    /// <summary>Ends it with SIGTERM; after 30 seconds with SIGKILL.</summary>
    public async Task StopAsync()
    {
        if (!_process.HasExited)
        {
            const int Terminate = 15;
            _ = Kill(_process.Id, Terminate);
        }

        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        try
        {
            await _process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            Console.Error.WriteLine($"{Name} did not stop within 30 s and was killed.");
            await KillAsync();
        }
    }

    /// <summary>The last lines it printed.</summary>
    public string LastLines()
    {
        lock (_lastLines)
        {
            return string.Join(" | ", _lastLines);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _process.Dispose();
    }

    private void OnLine(string? line)
    {
        if (line is null)
        {
            return;
        }

        if (_isVerbose)
        {
            Console.Error.WriteLine($"[{Name}] {line}");
        }

        lock (_lastLines)
        {
            _lastLines.Enqueue(line);
            if (_lastLines.Count > 8)
            {
                _lastLines.Dequeue();
            }
        }

        Match address = Address().Match(line);
        if (address.Success && _seen is null)
        {
            _seen = new Uri($"http://127.0.0.1:{address.Groups[1].Value}/");
        }

        if (_seen is not null && line.Contains("ready", StringComparison.OrdinalIgnoreCase))
        {
            _ready.TrySetResult(_seen);
        }
    }

    [GeneratedRegex(@"http://(?:127\.0\.0\.1|localhost):(\d+)")]
    private static partial Regex Address();

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int processId, int signal);
}
