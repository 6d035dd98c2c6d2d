using System.Text.Json;
using Weft.Testing;

namespace Weft.Integration.Tests.Blobs;

/// <summary>`weft blob` against real processes that are killed.</summary>
public sealed class BlobProcessTests : IDisposable
{
    private const string Loopback = "/ip4/127.0.0.1/tcp/0";

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_fetch_goes_on_after_a_kill_and_a_kill_amid_adds_loses_nothing_that_was_acknowledged()
    {
        await File.WriteAllBytesAsync(_folder["f"], BlobShelfTests.Content(60 << 20));
        await using WeftProcess owner = await WeftProcess.StartAsync(
            _folder["owner"], "--listen", Loopback, "--profile", "test");
        string id = Id(await owner.CallAsync("blob", "add", _folder["f"], "--json"));
        string address = JsonDocument.Parse(owner.Lines.First(
            line => line.Contains("\"ready\"", StringComparison.Ordinal))).RootElement
            .GetProperty("addresses")[0].GetString()!;
        WeftProcess reader = await StartAsync("reader", address);
        Task<WeftRun> getting = reader.CallAsync("blob", "get", id, "--wait", "50s", "--out", _folder["g"]);
        await UntilAsync(() => getting.IsCompleted
            || (File.Exists(_folder["g.part"]) && new FileInfo(_folder["g.part"]).Length > 4 << 20));
        await reader.KillAsync();
        await reader.DisposeAsync();
        await getting;

        await using WeftProcess again = await StartAsync("reader", address);
        WeftRun got = await again.CallAsync("blob", "get", id, "--wait", "50s", "--out", _folder["g"]);
        Assert.True(got.Exit == 0, got.Error);
        Assert.Equal(await File.ReadAllBytesAsync(_folder["f"]), await File.ReadAllBytesAsync(_folder["g"]));

        await KillAmidAddsAsync(again);
    }

    private async Task KillAmidAddsAsync(WeftProcess node)
    {
        var acknowledged = new List<string>();
        using HttpClient client = node.Client();
        Task adding = Task.Run(async () =>
        {
            for (ulong seed = 100; ; seed++)
            {
                using var body = new ByteArrayContent(BlobShelfTests.Content(900_000, seed));
                body.Headers.ContentType = new("application/octet-stream");
                try
                {
                    using HttpResponseMessage answer = await client.PostAsync("api/v1/blobs", body);
                    string text = await answer.Content.ReadAsStringAsync();
                    lock (acknowledged)
                    {
                        acknowledged.Add(JsonDocument.Parse(text).RootElement.GetProperty("id").GetString()!);
                    }
                }
                catch (HttpRequestException)
                {
                    return; // Killed.
                }
            }
        });
        await UntilAsync(() =>
        {
            lock (acknowledged)
            {
                return acknowledged.Count >= 5;
            }
        });
        await node.KillAsync();
        await adding;

        await using WeftProcess restarted = await WeftProcess.StartAsync(node.DataFolder);
        WeftRun check = await restarted.CallAsync("blob", "verify");
        Assert.True(check.Exit == 0, check.Out + check.Error);
        string list = (await restarted.CallAsync("blob", "ls")).Out;
        Assert.All(acknowledged, id => Assert.Contains(id, list, StringComparison.Ordinal));
        Assert.Empty(Directory.GetFiles(Path.Combine(node.DataFolder, "blobs"), "*.new"));
    }

    private Task<WeftProcess> StartAsync(string name, string address) => WeftProcess.StartAsync(
        _folder[name], "--listen", Loopback, "--bootstrap", address, "--profile", "test");

    private static string Id(WeftRun run)
    {
        Assert.True(run.Exit == 0, run.Error);
        return JsonDocument.Parse(run.Out).RootElement.GetProperty("id").GetString()!;
    }

    private static async Task UntilAsync(Func<bool> holds)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!holds())
        {
            await Task.Delay(10, deadline.Token);
        }
    }
}
