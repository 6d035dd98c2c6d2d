using System.Net;
using System.Text;
using System.Text.Json;
using Weft.Primitives;
using Weft.Server;
using Weft.Storage;

namespace Weft.Integration.Tests.Server;

/// <summary>The HTTP server on the storage engine: what must survive a restart, and what needs files.</summary>
public sealed class EngineTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("weft-engine-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Acknowledged_writes_survive_a_restart_and_say_disk()
    {
        await using (ApiHost first = await StartAsync())
        {
            JsonElement written = await first.PutAsync("alice", "name", "\"Ada\"");
            Assert.Equal("disk", written.GetProperty("durable").GetString());
            written = await first.JsonAsync("PUT", "/api/v1/field?soul=alice&name=quick&ack=memory", "1");
            Assert.Contains(written.GetProperty("durable").GetString(), new[] { "memory", "buffered", "disk" });
        }

        await using ApiHost second = await StartAsync();
        Assert.Equal("\"Ada\"", await second.TextAsync("/api/v1/field?soul=alice&name=name"));
        Assert.Equal("1", await second.TextAsync("/api/v1/field?soul=alice&name=quick"));
    }

    [Fact]
    public async Task Watch_resumes_across_a_restart_without_a_miss()
    {
        string? cursor;
        await using (ApiHost first = await StartAsync())
        {
            await first.PutAsync("s", "a", "1");
            using SseReader watch = await SseReader.OpenAsync(first, "soul=s");
            await watch.NextAsync("snapshot");
            await watch.NextAsync("synced");
            cursor = watch.LastId;
            await first.PutAsync("s", "b", "2");
        }

        await using (ApiHost second = await StartAsync())
        {
            await second.PutAsync("s", "c", "3");
            await second.JsonAsync("DELETE", "/api/v1/field?soul=s&name=a");
        }

        await using ApiHost third = await StartAsync();
        using SseReader resumed = await SseReader.OpenAsync(third, "soul=s", cursor);
        var seen = new Dictionary<string, string>();
        SseEvent next = (await resumed.NextAsync())!;
        while (next.Name == "change")
        {
            seen[next.Data.GetProperty("field").GetString()!] = next.Value;
            next = (await resumed.NextAsync())!;
        }

        Assert.Equal("synced", next.Name);
        Assert.Equal([("a", "null"), ("b", "2"), ("c", "3")], seen.Select(item => (item.Key, item.Value)).Order());
    }

    [Fact]
    public async Task Backup_is_made_listed_downloaded_in_parts_and_restored()
    {
        string file = Path.Combine(_folder, "copy.weftbak");
        await using (ApiHost host = await StartAsync())
        {
            await host.PutAsync("alice", "name", "\"Ada\"");
            JsonElement copy = await host.JsonAsync("POST", "/api/v1/backups", status: 201);
            string id = copy.GetProperty("id").GetString()!;
            Assert.Equal(1, copy.GetProperty("fields").GetInt64());
            JsonElement item = Assert.Single(
                (await host.JsonAsync("GET", "/api/v1/backups")).GetProperty("items").EnumerateArray());
            Assert.Equal(id, item.GetProperty("id").GetString());

            byte[] whole = await host.Client.GetByteArrayAsync($"/api/v1/backups/{id}");
            Assert.Equal(item.GetProperty("bytes").GetInt64(), whole.Length);
            using HttpResponseMessage part = await host.SendAsync(
                "GET", $"/api/v1/backups/{id}", headers: ("Range", "bytes=10-19"));
            Assert.Equal(HttpStatusCode.PartialContent, part.StatusCode);
            Assert.Equal(whole[10..20], await part.Content.ReadAsByteArrayAsync());
            await File.WriteAllBytesAsync(file, whole);

            using HttpResponseMessage deleted = await host.SendAsync("DELETE", $"/api/v1/backups/{id}");
            Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
            using HttpResponseMessage gone = await host.SendAsync("GET", $"/api/v1/backups/{id}");
            await ApiHost.ProblemAsync(gone, 404, "W2001");
        }

        string restored = Path.Combine(_folder, "restored");
        await StorageEngine.RestoreAsync(file, restored);
        await using ApiHost other = await StartAsync(folder: restored);
        Assert.Equal("\"Ada\"", await other.TextAsync("/api/v1/field?soul=alice&name=name"));
    }

    [Theory]
    [InlineData("..")]
    [InlineData("%2e%2e%2f%2e%2e%2ftoken")]
    [InlineData("..%2ftoken")]
    [InlineData("%2fetc%2fpasswd")]
    [InlineData("token")]
    [InlineData("x.weftbak")]
    public async Task Backup_id_leads_to_no_other_file(string id)
    {
        await using ApiHost host = await StartAsync();
        Directory.CreateDirectory(Path.Combine(_folder, "data", "backups"));
        foreach (string method in new[] { "GET", "DELETE" })
        {
            using HttpResponseMessage response = await host.SendAsync(method, "/api/v1/backups/" + id);
            Assert.Contains((int)response.StatusCode, new[] { 404, 405 });
            Assert.DoesNotContain(
                host.Server.Token, await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Fifth_backup_is_refused_until_one_is_deleted()
    {
        await using ApiHost host = await StartAsync();
        string id = "";
        for (int i = 0; i < 4; i++)
        {
            id = (await host.JsonAsync("POST", "/api/v1/backups", status: 201)).GetProperty("id").GetString()!;
        }

        using HttpResponseMessage fifth = await host.SendAsync("POST", "/api/v1/backups");
        await ApiHost.ProblemAsync(fifth, 429, "W5103");
        await host.SendAsync("DELETE", $"/api/v1/backups/{id}");
        await host.JsonAsync("POST", "/api/v1/backups", status: 201);
    }

    [Fact]
    public async Task Verify_and_backup_can_tell_their_progress()
    {
        await using ApiHost host = await StartAsync();
        await host.PutAsync("s", "f", "1");
        foreach ((string path, string property) in new[] { ("/api/v1/verify", "ok"), ("/api/v1/backups", "id") })
        {
            using HttpResponseMessage response = await host.SendAsync(
                "POST", path, headers: ("Accept", "application/x-ndjson"));
            string text = await response.Content.ReadAsStringAsync();
            string[] lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
            Assert.True(JsonDocument.Parse(lines[^1]).RootElement.TryGetProperty(property, out _), lines[^1]);
            Assert.All(lines[..^1], line => Assert.Contains("\"progress\":", line, StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task Second_node_on_the_folder_is_told_who_holds_it_and_running_json_goes_with_the_node()
    {
        string running = Path.Combine(_folder, "data", "running.json");
        await using (ApiHost host = await StartAsync())
        {
            using JsonDocument info = JsonDocument.Parse(await File.ReadAllTextAsync(running));
            Assert.Equal(Environment.ProcessId, info.RootElement.GetProperty("pid").GetInt32());
            Assert.Equal(host.Server.Url.ToString(), info.RootElement.GetProperty("url").GetString());

            WeftException refused = await Assert.ThrowsAsync<WeftException>(() => StartAsync());
            Assert.Equal(WeftError.FolderLocked, refused.Error);
            Assert.Contains($"{Environment.ProcessId}", refused.Message, StringComparison.Ordinal);
            Assert.Contains(host.Server.Url.ToString(), refused.Message, StringComparison.Ordinal);
        }

        Assert.False(File.Exists(running));
    }

    [Fact]
    public async Task Import_of_many_lines_survives_a_restart_and_is_exported_the_same()
    {
        var body = new StringBuilder();
        for (int i = 0; i < 20_000; i++)
        {
            body.Append($"{{\"soul\":\"n/{i * 7919 % 20_000:00000}\",\"fields\":{{\"a\":{i},\"b\":\"text {i}\"}},");
            body.Append($"\"states\":{{\"a\":{i + 1},\"b\":{i + 1}}}}}\n");
        }

        string exported;
        await using (ApiHost first = await StartAsync())
        {
            using HttpResponseMessage post = await first.SendAsync(
                "POST", "/api/v1/nodes:batch", body.ToString(), "application/x-ndjson");
            Assert.Equal(HttpStatusCode.OK, post.StatusCode);
            exported = await first.TextAsync("/api/v1/nodes", "application/x-ndjson");
        }

        await using ApiHost second = await StartAsync();
        Assert.Equal(20_000, exported.Count(unit => unit == '\n'));
        Assert.Equal(exported, await second.TextAsync("/api/v1/nodes", "application/x-ndjson"));
    }

    private Task<ApiHost> StartAsync(string? folder = null) => ApiHost.StartAsync(options =>
    {
        options.Peer.Store = WeftStoreKind.Engine;
        options.Peer.Path = folder ?? Path.Combine(_folder, "data");
        options.Peer.MemoryMiB = 32;
    });
}
