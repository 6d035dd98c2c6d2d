using System.Text.Json;
using Weft.Testing;

namespace Weft.Integration.Tests.Storage;

/// <summary>Real damage in the file of a real node, and a peer that has what was lost.</summary>
public sealed class RepairTests
{
    private const string Loopback = "/ip4/127.0.0.1/tcp/0";
    private const int Souls = 40;

    [Fact]
    public async Task What_damage_took_comes_back_from_a_peer_and_what_no_peer_has_is_named()
    {
        using var folder = new Weft.Testing.TempFolder();
        await using WeftProcess whole = await WeftProcess.StartAsync(folder["a"], "--listen", Loopback);
        string address = JsonDocument.Parse(whole.Lines.First(text => text.Contains("\"ready\"", StringComparison.Ordinal)))
            .RootElement.GetProperty("addresses")[0].GetString()!;
        await using (WeftProcess b = await WeftProcess.StartAsync(
            folder["b"], "--listen", Loopback, "--bootstrap", address))
        {
            using HttpClient client = b.Client();
            for (int i = 0; i < Souls; i++)
            {
                using var body = new StringContent(
                    $"\"value {i:00} of the room\"", System.Text.Encoding.UTF8, "application/json");
                (await client.PutAsync($"api/v1/field?soul=room%2F{i:00}&name=text", body)).EnsureSuccessStatusCode();
            }

            WeftRun synced = await b.CallAsync("sync", "--wait", "--any", "--deadline", "60s");
            Assert.True(synced.Exit == 0, synced.Out + synced.Error);
            (await client.PostAsync("api/v1/maintain", null)).EnsureSuccessStatusCode(); // Everything is in graph.db now.
            Assert.Equal(0, await b.StopAsync(TimeSpan.FromSeconds(30)));
        }

        await using (WeftProcess alone = await WeftProcess.StartAsync(folder["b"]))
        {
            Assert.Equal(0, (await alone.CallAsync("put", "secret/1", "text=value 99 of nobody else")).Exit);
            using HttpClient client = alone.Client();
            (await client.PostAsync("api/v1/maintain", null)).EnsureSuccessStatusCode();
            Assert.Equal(0, await alone.StopAsync(TimeSpan.FromSeconds(30)));
        }

        int flipped = Flip(folder["b/graph.db"], "value 07 of", "value 23 of", "value 99 of");
        Assert.True(flipped >= 3, $"{flipped} places were flipped");
        Assert.Equal(8, (await WeftProcess.RunAsync("verify", "--offline", "--data", folder["b"])).Exit);

        WeftRun rebuilt = await WeftProcess.RunAsync("repair", "--offline", "--data", folder["b"], "--json");
        JsonElement report = JsonDocument.Parse(rebuilt.Out).RootElement;
        Assert.True(rebuilt.Exit == 8, rebuilt.Out + rebuilt.Error);
        Assert.Equal(3, report.GetProperty("blocksLost").GetInt32());
        Assert.Equal(
            ["room/07", "room/23", "secret/1"], report.GetProperty("souls").EnumerateArray().Select(one => one.GetString()));
        Assert.True(File.Exists(report.GetProperty("aside").GetString()));

        await using WeftProcess back = await WeftProcess.StartAsync(
            folder["b"], "--listen", Loopback, "--bootstrap", address);
        await ConnectedAsync(back);
        WeftRun repaired = await back.CallAsync("repair", "--from", "peers", "--json");
        JsonElement result = JsonDocument.Parse(repaired.Out).RootElement;

        Assert.Equal(8, repaired.Exit); // Nobody else has the secret.
        Assert.Equal((3, 2, 1), (Count(result, "souls"), Count(result, "repaired"), Count(result, "peers")));
        Assert.Equal("secret/1", Assert.Single(result.GetProperty("unrepaired").EnumerateArray()).GetString());
        using HttpClient reads = back.Client();
        for (int i = 0; i < Souls; i++)
        {
            Assert.Equal(
                $"\"value {i:00} of the room\"",
                await reads.GetStringAsync($"api/v1/field?soul=room%2F{i:00}&name=text&wait=0ms"));
        }

        using HttpResponseMessage secret = await reads.GetAsync("api/v1/field?soul=secret%2F1&name=text&wait=0ms");
        Assert.Equal(500, (int)secret.StatusCode); // Damaged, not absent.
        WeftRun again = await back.CallAsync("verify", "--json");
        Assert.Equal(1, JsonDocument.Parse(again.Out).RootElement.GetProperty("damages").GetArrayLength());
    }

    private static int Count(JsonElement report, string name) => report.GetProperty(name).GetInt32();

    private static async Task ConnectedAsync(WeftProcess node)
    {
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (JsonDocument.Parse((await node.CallAsync("sync", "--json")).Out is { Length: > 0 } line ? line.Split('\n')[0] : "{}")
            .RootElement is var peer && !(peer.TryGetProperty("caughtUp", out JsonElement done) && done.GetBoolean()))
        {
            await Task.Delay(200, late.Token);
        }
    }

    // One bit in each place where one of the texts stands.
    private static int Flip(string path, params string[] texts)
    {
        byte[] bytes = File.ReadAllBytes(path);
        int count = 0;
        foreach (string text in texts)
        {
            byte[] wanted = System.Text.Encoding.UTF8.GetBytes(text);
            for (int at = bytes.AsSpan().IndexOf(wanted); at >= 0;)
            {
                bytes[at + 2] ^= 0x04;
                count++;
                int next = bytes.AsSpan(at + 1).IndexOf(wanted);
                at = next < 0 ? -1 : at + 1 + next;
            }
        }

        File.WriteAllBytes(path, bytes);
        return count;
    }
}
