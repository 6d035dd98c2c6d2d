using System.Net.Sockets;
using System.Text.Json;
using Weft.Testing;

namespace Weft.Integration.Tests.Cli;

public sealed class UpTests : IDisposable
{
    private static readonly TimeSpan StopMax = TimeSpan.FromSeconds(30);

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Up_says_ready_with_the_real_port_and_stops_on_SIGTERM_in_time()
    {
        await using WeftProcess node = await WeftProcess.StartAsync(_folder["data"]);
        string line = node.Lines.First(text => text.Contains("ready", StringComparison.Ordinal));
        JsonElement ready = JsonDocument.Parse(line).RootElement;
        using HttpClient client = node.Client();

        Assert.NotEqual(0, node.Url.Port);
        Assert.True((await client.GetAsync("health/ready")).IsSuccessStatusCode);
        Assert.Equal(Path.Combine(_folder["data"], "token"), ready.GetProperty("token").GetString());
        Assert.DoesNotContain(node.Token, string.Concat(node.Lines), StringComparison.Ordinal);
        Assert.Equal(0, await node.StopAsync(StopMax));
        Assert.False(File.Exists(Path.Combine(_folder["data"], "running.json")));
    }

    [Fact]
    public async Task Token_file_is_for_its_owner_only()
    {
        await using WeftProcess node = await WeftProcess.StartAsync(_folder["data"]);

        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(
                UnixFileMode.UserRead | UnixFileMode.UserWrite,
                File.GetUnixFileMode(Path.Combine(_folder["data"], "token")));
        }

        Assert.True(node.Token.Length >= 32);
    }

    [Fact]
    public async Task Down_waits_until_the_folder_is_free()
    {
        await using WeftProcess node = await WeftProcess.StartAsync(_folder["data"]);

        WeftRun down = await node.CallAsync("down");
        await using WeftProcess next = await WeftProcess.StartAsync(_folder["data"]);

        Assert.Equal(0, down.Exit);
        Assert.True(node.HasExited);
        Assert.Equal(0, node.ExitCode);
        Assert.Equal(5, (await WeftProcess.RunAsync("status", "--url", node.Url.AbsoluteUri)).Exit);
    }

    [Fact]
    public async Task Port_in_use_is_told_with_its_number()
    {
        using var taken = new TcpListener(System.Net.IPAddress.Loopback, 0);
        taken.Start();
        int port = ((System.Net.IPEndPoint)taken.LocalEndpoint).Port;

        string address = $"127.0.0.1:{port}";

        WeftRun up = await WeftProcess.RunAsync("up", "--data", _folder["data"], "--http", address);
        WeftRun json = await WeftProcess.RunAsync("up", "--data", _folder["data"], "--http", address, "--json");

        Assert.Equal(1, up.Exit);
        Assert.Contains("error W3101", up.Error, StringComparison.Ordinal);
        Assert.Contains($":{port}", up.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("ready", up.Out, StringComparison.Ordinal);
        string problem = json.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1];
        Assert.Equal("W3101", JsonDocument.Parse(problem).RootElement.GetProperty("code").GetString());
    }

    [Theory]
    [InlineData("127.0.0.1:80800")]
    [InlineData("nonsense")]
    [InlineData("not-an-ip:80")]
    public async Task Bad_address_is_wrong_usage(string address)
    {
        WeftRun up = await WeftProcess.RunAsync("up", "--data", _folder["data"], "--http", address);

        Assert.Equal(2, up.Exit);
        Assert.Contains("error W3102", up.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--memory", "1")]
    [InlineData("--memory", "lots")]
    [InlineData("--durability", "stone")]
    [InlineData("--log", "xml")]
    [InlineData("--peer", "not a url")]
    public async Task Bad_option_is_wrong_usage(string option, string value)
    {
        var call = new CliCall();

        Assert.Equal(2, await call.RunAsync("up", "--data", _folder["data"], "--http", "127.0.0.1:0", option, value));

        Assert.Contains(value, call.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Second_node_on_the_folder_is_told_who_holds_it()
    {
        await using WeftProcess node = await WeftProcess.StartAsync(_folder["data"]);

        WeftRun second = await WeftProcess.RunAsync("up", "--data", _folder["data"], "--http", "127.0.0.1:0");
        WeftRun offline = await node.CallAsync("get", "alice", "--offline");

        Assert.Equal(1, second.Exit);
        Assert.StartsWith("error W3201", second.Error, StringComparison.Ordinal);
        Assert.Contains($"pid {node.Id} on this machine", second.Error, StringComparison.Ordinal);
        Assert.Contains("Do not delete", second.Error, StringComparison.Ordinal);
        Assert.Contains("weft down", second.Error, StringComparison.Ordinal);
        Assert.Equal(1, offline.Exit);
        Assert.Equal(0, (await node.CallAsync("status")).Exit);
    }

    [Fact]
    public async Task Folder_of_no_node_is_read_offline_and_nothing_is_made()
    {
        WeftRun missing = await WeftProcess.RunAsync("ls", "--offline", "--data", _folder["none"]);
        await using (WeftProcess node = await WeftProcess.StartAsync(_folder["data"]))
        {
            await node.CallAsync("put", "alice", "name=Ada");
            Assert.Equal(0, await node.StopAsync(StopMax));
        }

        WeftRun read = await WeftProcess.RunAsync("get", "alice", "name", "--offline", "--data", _folder["data"]);
        WeftRun verify = await WeftProcess.RunAsync("verify", "--offline", "--data", _folder["data"]);

        Assert.Equal("Ada\n", read.Out);
        Assert.Equal(0, verify.Exit);
        Assert.NotEqual(0, missing.Exit);
        Assert.False(Directory.Exists(_folder["none"]));
    }

    [Fact]
    public async Task Backup_of_a_running_node_is_restored_verified_and_identical()
    {
        await using WeftProcess node = await WeftProcess.StartAsync(_folder["data"]);
        string lines = string.Concat(Enumerable.Range(0, 500).Select(
            i => $"{{\"soul\":\"s/{i}\",\"fields\":{{\"v\":{i},\"l\":{{\"#\":\"s/{i / 2}\"}}}}}}\n"));
        Assert.Equal(0, (await node.CallWithInputAsync(System.Text.Encoding.UTF8.GetBytes(lines), "import", "-")).Exit);

        WeftRun backup = await node.CallAsync("backup", _folder["b.weftbak"]);
        WeftRun again = await node.CallAsync("backup", _folder["b.weftbak"]);
        WeftRun refused = await WeftProcess.RunAsync("restore", _folder["b.weftbak"], "--data", _folder["data"]);
        WeftRun restored = await WeftProcess.RunAsync("restore", _folder["b.weftbak"], "--data", _folder["copy"]);
        WeftRun there = await WeftProcess.RunAsync("export", "--offline", "--data", _folder["copy"]);
        WeftRun here = await node.CallAsync("export");

        Assert.Equal(0, backup.Exit);
        Assert.Equal(6, again.Exit);
        Assert.Equal(6, refused.Exit);
        Assert.Equal(0, restored.Exit);
        Assert.Equal(500, here.Out.Count(unit => unit == '\n'));
        Assert.Equal(here.Out, there.Out);
        Assert.Equal(0, await node.StopAsync(StopMax));
    }

    [Fact]
    public async Task Token_of_the_variable_is_the_token_and_no_file_is_written()
    {
        const string token = "token-from-the-variable-0123456789";
        using var systemd = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        systemd.Bind(new UnixDomainSocketEndPoint(_folder["notify"]));
        System.Diagnostics.ProcessStartInfo start =
            WeftProcess.StartInfo(["up", "--data", _folder["data"], "--http", "127.0.0.1:0", "--log", "json"]);
        start.Environment["WEFT_TOKEN"] = token;
        start.Environment["NOTIFY_SOCKET"] = _folder["notify"];
        using var process = System.Diagnostics.Process.Start(start)!;
        byte[] datagram = new byte[256];
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        int length = await systemd.ReceiveAsync(datagram, patience.Token);
        string ready = (await process.StandardOutput.ReadLineAsync(patience.Token))!;
        string url = JsonDocument.Parse(ready).RootElement.GetProperty("url").GetString()!;

        WeftRun status = await WeftProcess.RunAsync(
            ["status", "--url", url], new Dictionary<string, string?> { ["WEFT_TOKEN"] = token }, null);
        WeftRun stranger = await WeftProcess.RunAsync("status", "--url", url);
        process.Kill();
        await process.WaitForExitAsync(patience.Token);
        string log = await process.StandardError.ReadToEndAsync(patience.Token);

        string told = System.Text.Encoding.UTF8.GetString(datagram, 0, length);
        Assert.StartsWith("READY=1\n", told, StringComparison.Ordinal);
        Assert.Equal(0, status.Exit);
        Assert.Equal(4, stranger.Exit);
        Assert.False(File.Exists(Path.Combine(_folder["data"], "token")));
        Assert.All(
            log.Split('\n', StringSplitOptions.RemoveEmptyEntries),
            line => Assert.Equal(JsonValueKind.Object, JsonDocument.Parse(line).RootElement.ValueKind));
    }

    [Theory]
    [InlineData("PORT", "80800")]
    [InlineData("WEFT_HTTP", "127.0.0.1:80801")]
    [InlineData("PEERS", "no-url")]
    [InlineData("WEFT_PEERS", "ws://127.0.0.1:1/gun,no-url")]
    [InlineData("WEFT_MEMORY", "3")]
    [InlineData("WEFT_DURABILITY", "paper")]
    public async Task Variables_of_weft_and_of_other_relays_are_read(string name, string value)
    {
        CliCall call = new CliCall().With(name, value);

        Assert.Equal(2, await call.RunAsync("up", "--data", _folder["data"]));

        Assert.Contains(value.Split(':', ',')[^1], call.Error, StringComparison.Ordinal);
    }
}
