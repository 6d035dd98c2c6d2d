using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Weft.Primitives;
using Weft.Testing;
using Weft.Tests;

namespace Weft.Integration.Tests.Server;

public sealed class TokenApiTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(-1, true)]
    [InlineData(0, false)]
    [InlineData(1, false)]
    public async Task A_token_ends_on_the_second(int seconds, bool taken)
    {
        var time = new ManualTime();
        await using ApiHost host = await ApiHost.StartAsync(time: time);
        string token = await host.TokenAsync(["read"], lifetime: TimeSpan.FromMinutes(5));

        time.Advance(TimeSpan.FromMinutes(5) + TimeSpan.FromSeconds(seconds));
        using HttpResponseMessage response = await host.SendAsAsync(token, "GET", "/api/v1/stats");

        if (taken)
        {
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            return;
        }

        JsonElement problem = await ApiHost.ProblemAsync(response, 401, "W4101");
        Assert.Contains("expired", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tokens_outlive_a_restart_as_digests_in_a_file_of_their_owner()
    {
        string file = _folder["tokens.json"];
        string kept;
        string revoked;
        await using (ApiHost first = await StartAsync())
        {
            kept = await first.TokenAsync(["read"], "mine/");
            JsonElement gone = await first.JsonAsync(
                "POST", "/api/v1/tokens", "{\"name\":\"gone\",\"scopes\":[\"write\"]}", 201);
            revoked = gone.GetProperty("token").GetString()!;
            using HttpResponseMessage delete = await first.SendAsync(
                "DELETE", "/api/v1/tokens?id=" + gone.GetProperty("id").GetString());
            Assert.Equal(HttpStatusCode.NoContent, delete.StatusCode);
        }

        string text = await File.ReadAllTextAsync(file);
        byte[] digest = SHA256.HashData(Encoding.ASCII.GetBytes(kept));
        await using ApiHost second = await StartAsync();
        using HttpResponseMessage good = await second.SendAsAsync(kept, "GET", "/api/v1/nodes?prefix=mine/");
        using HttpResponseMessage outside = await second.SendAsAsync(kept, "GET", "/api/v1/nodes");
        using HttpResponseMessage bad = await second.SendAsAsync(revoked, "DELETE", "/api/v1/field?soul=a&name=b");

        Assert.Equal(43, kept.Length);
        Assert.DoesNotContain(kept, text, StringComparison.Ordinal);
        Assert.Contains(Base64Url.EncodeToString(digest), text, StringComparison.Ordinal);
        Assert.False(File.Exists(file + ".new"));
        Assert.Equal(HttpStatusCode.OK, good.StatusCode);
        await ApiHost.ProblemAsync(outside, 403, "W4401");
        await ApiHost.ProblemAsync(bad, 401, "W4101");
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        }
    }

    [Theory]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("{\"weft\":1}")]
    [InlineData("{\"tokens\":[{\"id\":\"x\"}]}")]
    [InlineData("{\"tokens\":[{\"id\":\"x\",\"name\":\"n\",\"scopes\":[\"root\"]}]}")]
    public async Task A_damaged_file_stops_the_start_and_says_what_to_do(string text)
    {
        await File.WriteAllTextAsync(_folder["tokens.json"], text);

        WeftException refused = await Assert.ThrowsAsync<WeftException>(StartAsync);

        Assert.Equal(WeftError.FileDamaged, refused.Error);
        Assert.Contains(_folder["tokens.json"], refused.Message, StringComparison.Ordinal);
        Assert.Equal(text, await File.ReadAllTextAsync(_folder["tokens.json"]));
    }

    [Fact]
    public async Task There_are_only_so_many_and_expired_ones_make_room()
    {
        var time = new ManualTime();
        await using ApiHost host = await ApiHost.StartAsync(options => options.TokensMax = 2, time);
        await host.TokenAsync(["read"], lifetime: TimeSpan.FromMinutes(1));
        string second = await host.TokenAsync(["read"]);
        using HttpResponseMessage third = await host.SendAsync(
            "POST", "/api/v1/tokens", "{\"name\":\"c\",\"scopes\":[\"read\"]}");
        await ApiHost.ProblemAsync(third, 429, "W5103");

        time.Advance(TimeSpan.FromMinutes(1));
        string fourth = await host.TokenAsync(["read"]);
        JsonElement list = (await host.JsonAsync("GET", "/api/v1/tokens")).GetProperty("items");

        Assert.Equal(2, list.GetArrayLength());
        foreach (string token in new[] { second, fourth })
        {
            using HttpResponseMessage good = await host.SendAsAsync(token, "GET", "/api/v1/stats");
            Assert.Equal(HttpStatusCode.OK, good.StatusCode);
        }
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("{\"name\":\"a\"}")]
    [InlineData("{\"name\":\"a\",\"scopes\":[]}")]
    [InlineData("{\"name\":\"a\",\"scopes\":[\"root\"]}")]
    [InlineData("{\"name\":\"a\",\"scopes\":\"read\"}")]
    [InlineData("{\"name\":\"\",\"scopes\":[\"read\"]}")]
    [InlineData("{\"name\":\"a\\nb\",\"scopes\":[\"read\"]}")]
    [InlineData("{\"name\":\"a\",\"scopes\":[\"read\"],\"lifetimeMs\":0}")]
    [InlineData("{\"name\":\"a\",\"scopes\":[\"read\"],\"lifetimeMs\":\"1h\"}")]
    [InlineData("{\"name\":\"a\",\"scopes\":[\"read\"],\"prefx\":\"a/\"}")]
    [InlineData("{\"name\":\"a\",\"scopes\":[\"read\"],\"prefix\":\"\\ud800\"}")]
    [InlineData("{\"name\":\"a\",\"scopes\":[\"read\"],\"scopes\":[\"admin\"]}")]
    [InlineData("{\"name\":\"a\",\"scopes\":[\"admin\"],\"prefix\":\"a/\"}")]
    [InlineData("{\"\\ud800\":1}")]
    public async Task A_token_with_a_mistake_is_not_made(string body)
    {
        await using ApiHost host = await ApiHost.StartAsync();
        using HttpResponseMessage refused = await host.SendAsync("POST", "/api/v1/tokens", body);

        await ApiHost.ProblemAsync(refused, 400, "W1004");
        Assert.Equal(0, (await host.JsonAsync("GET", "/api/v1/tokens")).GetProperty("items").GetArrayLength());
    }

    [Fact]
    public async Task Neither_the_list_nor_the_log_tells_a_secret_and_unknown_ids_are_absent()
    {
        await using ApiHost host = await ApiHost.StartAsync();
        string token = await host.TokenAsync(["read"]);
        string list = await host.TextAsync("/api/v1/tokens");
        using HttpResponseMessage unknown = await host.SendAsync("DELETE", "/api/v1/tokens?id=first");

        Assert.DoesNotContain(token, list, StringComparison.Ordinal);
        Assert.DoesNotContain("sha256", list, StringComparison.Ordinal);
        await ApiHost.ProblemAsync(unknown, 404, "W2001");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_watch_ends_with_its_token(bool byExpiry)
    {
        var time = new ManualTime();
        await using ApiHost host = await ApiHost.StartAsync(time: time);
        JsonElement made = await host.JsonAsync(
            "POST", "/api/v1/tokens", "{\"name\":\"w\",\"scopes\":[\"read\"],\"lifetimeMs\":60000}", 201);
        using HttpResponseMessage watch = await host.SendAsAsync(
            made.GetProperty("token").GetString()!, "GET", "/api/v1/watch?prefix=");
        Assert.Equal(HttpStatusCode.OK, watch.StatusCode);
        Task<string> all = watch.Content.ReadAsStringAsync();

        if (byExpiry)
        {
            time.Advance(TimeSpan.FromSeconds(60));
        }
        else
        {
            using HttpResponseMessage revoke = await host.SendAsync(
                "DELETE", "/api/v1/tokens?id=" + made.GetProperty("id").GetString());
        }

        Assert.Contains(
            "event: bye\ndata: {\"reason\":\"the token ended\"}", await all.WaitAsync(TimeSpan.FromSeconds(30)),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Metrics_are_open_until_an_option_closes_them()
    {
        await using ApiHost open = await ApiHost.StartAsync();
        await using ApiHost closed = await ApiHost.StartAsync(options => options.MetricsNeedToken = true);
        using var nobody = new HttpClient { BaseAddress = closed.Server.Url };
        using var anybody = new HttpClient { BaseAddress = open.Server.Url };

        Assert.Equal(HttpStatusCode.OK, (await anybody.GetAsync("/metrics")).StatusCode);
        await ApiHost.ProblemAsync(await nobody.GetAsync("/metrics"), 401, "W4101");
        Assert.Equal(HttpStatusCode.OK, (await nobody.GetAsync("/health/live")).StatusCode);
        await ApiHost.ProblemAsync(
            await closed.SendAsAsync(await closed.TokenAsync(["read", "admin"]), "GET", "/metrics"), 403, "W4401");
        Assert.Equal(
            HttpStatusCode.OK,
            (await closed.SendAsAsync(await closed.TokenAsync(["metrics"]), "GET", "/metrics")).StatusCode);
    }

    private Task<ApiHost> StartAsync() => ApiHost.StartAsync(options =>
    {
        options.Peer.Store = WeftStoreKind.Engine;
        options.Peer.Path = _folder.Path;
    });
}
