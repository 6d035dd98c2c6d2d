using System.Text;
using System.Text.Json;
using Weft.Testing;

namespace Weft.Integration.Tests.Cli;

/// <summary>Data that travels through real processes: export and import, and a watch that outlives its node.</summary>
public sealed class ProcessDataTests : IDisposable
{
    private static readonly TimeSpan StopMax = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan WatchMax = TimeSpan.FromSeconds(60);

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Export_and_import_between_processes_give_an_identical_graph_that_survives_restarts()
    {
        await using WeftProcess first = await WeftProcess.StartAsync(_folder["a"]);
        await using WeftProcess second = await WeftProcess.StartAsync(_folder["b"]);
        string lines = string.Concat(Enumerable.Range(0, 3_000).Select(i =>
            $"{{\"soul\":\"n/{i}\",\"fields\":{{\"text\":\"line {i} \\u00e4\\ud83d\\ude00\",\"n\":{i}.5,"
            + $"\"next\":{{\"#\":\"n/{(i * 7) % 3_000}\"}},\"gone\":null,\"yes\":true}}}}\n"));

        WeftRun filled = await first.CallWithInputAsync(Encoding.UTF8.GetBytes(lines), "import", "-", "--json");
        Assert.Equal(0, (await first.CallAsync("export", _folder["1.jsonl"])).Exit);
        Assert.Equal(0, (await second.CallAsync("import", _folder["1.jsonl"], "--batch", "64KiB")).Exit);
        Assert.Equal(0, (await second.CallAsync("export", _folder["2.jsonl"])).Exit);
        Assert.Equal(0, await second.StopAsync(StopMax));
        WeftRun third = await WeftProcess.RunAsync("export", _folder["3.jsonl"], "--offline", "--data", _folder["b"]);

        byte[] whole = await File.ReadAllBytesAsync(_folder["1.jsonl"]);
        Assert.Contains("\"durable\":\"disk\"", filled.Out, StringComparison.Ordinal);
        Assert.Equal(0, third.Exit);
        Assert.Equal(3_000, whole.Count(unit => unit == (byte)'\n'));
        Assert.Equal(whole, await File.ReadAllBytesAsync(_folder["2.jsonl"]));
        Assert.Equal(whole, await File.ReadAllBytesAsync(_folder["3.jsonl"]));
    }

    [Fact]
    public async Task Watch_goes_on_when_its_node_was_killed_and_started_again()
    {
        string address = $"127.0.0.1:{CliNode.FreePort()}";
        WeftProcess node = await WeftProcess.StartAsync(_folder["data"], "--http", address);
        await node.CallAsync("put", "room", "v:=0");
        using var watch = new System.Diagnostics.Process
        {
            StartInfo = WeftProcess.StartInfo(["watch", "room", "--json", "--count", "2", "--data", _folder["data"]]),
        };
        watch.Start();
        using var patience = new CancellationTokenSource(WatchMax);
        await NextAsync(watch, "snapshot", patience.Token);
        await NextAsync(watch, "synced", patience.Token);

        await node.CallAsync("put", "room", "v:=1");
        JsonElement before = await NextAsync(watch, "change", patience.Token);
        await node.KillAsync();
        await node.DisposeAsync();
        await using WeftProcess again = await WeftProcess.StartAsync(_folder["data"], "--http", address);
        await again.CallAsync("put", "room", "v:=2");
        JsonElement after = await NextAsync(watch, "change", patience.Token);
        await watch.WaitForExitAsync(patience.Token);

        Assert.Equal(1, before.GetProperty("value").GetInt32());
        Assert.Equal(2, after.GetProperty("value").GetInt32());
        Assert.Equal(0, watch.ExitCode);
    }

    [Fact]
    public async Task Interrupted_import_ends_at_once_with_130_and_the_node_goes_on()
    {
        await using WeftProcess node = await WeftProcess.StartAsync(_folder["data"]);
        using var import = new System.Diagnostics.Process
        {
            StartInfo = WeftProcess.StartInfo(["import", "-", "-v", "--data", _folder["data"]]),
        };
        import.Start();
        using var patience = new CancellationTokenSource(WatchMax);

        // Its first word says that the signals are taken; stdin stays open and silent.
        string first = (await import.StandardError.ReadLineAsync(patience.Token))!;
        WeftProcess.Interrupt(import);
        await import.WaitForExitAsync(patience.Token);

        Assert.StartsWith("# node", first, StringComparison.Ordinal);
        Assert.Equal(130, import.ExitCode);
        string rest = await import.StandardError.ReadToEndAsync(patience.Token);
        Assert.Contains("interrupted", rest, StringComparison.Ordinal);
        Assert.Equal(0, (await node.CallAsync("status")).Exit);
    }

    private static async Task<JsonElement> NextAsync(
        System.Diagnostics.Process watch, string kind, CancellationToken cancellationToken)
    {
        while (await watch.StandardOutput.ReadLineAsync(cancellationToken) is { } line)
        {
            JsonElement item = JsonDocument.Parse(line).RootElement;
            if (item.GetProperty("event").GetString() == kind)
            {
                return item;
            }
        }

        string why = await watch.StandardError.ReadToEndAsync(cancellationToken);
        throw new InvalidOperationException($"The watch ended without a {kind}: {why}");
    }
}
