using System.Net.Sockets;
using System.Text.Json;
using Weft.Testing;

namespace Weft.Integration.Tests.Cli;

public sealed class UpTests : IDisposable
{
    private static readonly TimeSpan StopMax = TimeSpan.FromSeconds(5);

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
                UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(_folder["data"], "token")));
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

        WeftRun up = await WeftProcess.RunAsync("up", "--data", _folder["data"], "--http", $"127.0.0.1:{port}");
        WeftRun json = await WeftProcess.RunAsync("up", "--data", _folder["data"], "--http", $"127.0.0.1:{port}", "--json");

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
}
