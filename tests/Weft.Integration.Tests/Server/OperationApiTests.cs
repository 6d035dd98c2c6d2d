using System.Net;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using Weft.Graph;
using Weft.Node;
using Weft.Server.Metrics;
using Weft.Tests;

namespace Weft.Integration.Tests.Server;

public sealed class OperationApiTests : IAsyncLifetime
{
    private ApiHost _host = null!;

    public async Task InitializeAsync() => _host = await ApiHost.StartAsync();

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Fact]
    public async Task Health_stats_verify_and_maintenance_answer()
    {
        await _host.PutAsync("s", "f", "1");
        using var open = new HttpClient { BaseAddress = _host.Server.Url };
        Assert.Equal(HttpStatusCode.OK, (await open.GetAsync("/health/live")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await open.GetAsync("/health/ready")).StatusCode);

        JsonElement stats = await _host.JsonAsync("GET", "/api/v1/stats");
        Assert.Equal("test", stats.GetProperty("name").GetString());
        Assert.Equal(1, stats.GetProperty("storage").GetProperty("fields").GetInt64());
        Assert.Equal(1, stats.GetProperty("operations").GetProperty("won").GetInt64());
        Assert.Equal(Environment.ProcessId, stats.GetProperty("process").GetProperty("pid").GetInt32());

        JsonElement report = await _host.JsonAsync("POST", "/api/v1/verify");
        Assert.True(report.GetProperty("ok").GetBoolean());
        Assert.Equal(1, report.GetProperty("fields").GetInt64());
        await _host.JsonAsync("POST", "/api/v1/maintain");
        using HttpResponseMessage backup = await _host.SendAsync("POST", "/api/v1/backups");
        await ApiHost.ProblemAsync(backup, 503, "W3204");
    }

    [Fact]
    public async Task Shutdown_is_answered_and_then_asked_for()
    {
        Assert.False(_host.Server.StopRequested.IsCompleted);
        JsonElement answer = await _host.JsonAsync("POST", "/api/v1/shutdown", status: 202);

        Assert.True(answer.GetProperty("stopping").GetBoolean());
        await _host.Server.StopRequested.WaitAsync(TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task Stopping_takes_less_than_five_seconds_with_clients_connected()
    {
        using SseReader watch = await SseReader.OpenAsync(_host, "prefix=");
        using var gun = new ClientWebSocket();
        await gun.ConnectAsync(new Uri($"ws://{_host.Server.Url.Authority}/gun"), CancellationToken.None);
        long started = Environment.TickCount64;

        await _host.Server.DisposeAsync();

        Assert.InRange(Environment.TickCount64 - started, 0, 5_000);
    }

    [Fact]
    public async Task Gun_and_http_see_the_same_graph_and_peers_are_listed()
    {
        using var gun = new ClientWebSocket();
        await gun.ConnectAsync(new Uri($"ws://{_host.Server.Url.Authority}/gun"), CancellationToken.None);
        byte[] put = Encoding.UTF8.GetBytes(
            """{"#":"id1","put":{"s":{"_":{"#":"s",">":{"f":5}},"f":"from gun"}}}""");
        await gun.SendAsync(put, WebSocketMessageType.Text, true, CancellationToken.None);
        using SseReader watch = await SseReader.OpenAsync(_host, "soul=s");
        SseEvent? seen;
        do
        {
            seen = await watch.NextAsync();
        }
        while (seen is { Name: "synced" });

        Assert.Equal("\"from gun\"", seen!.Value);
        JsonElement peer = Assert.Single(
            (await _host.JsonAsync("GET", "/api/v1/peers")).GetProperty("items").EnumerateArray());
        Assert.Equal("in", peer.GetProperty("direction").GetString());
        Assert.True(peer.GetProperty("bytesIn").GetInt64() >= put.Length);
        using HttpResponseMessage hangUp = await _host.SendAsync(
            "DELETE", $"/api/v1/peers?id={peer.GetProperty("id").GetInt64()}");
        Assert.Equal(HttpStatusCode.NoContent, hangUp.StatusCode);
    }

    [Fact]
    public async Task Peers_are_dialled_listed_and_hung_up()
    {
        await using ApiHost relay = await ApiHost.StartAsync();
        string url = $"ws://{relay.Server.Url.Authority}/gun";
        JsonElement link = await _host.JsonAsync("POST", "/api/v1/peers", $"{{\"url\":\"{url}\"}}", 202);
        Assert.Equal(url, link.GetProperty("address").GetString());

        await relay.PutAsync("s", "f", "\"over the link\"");
        using SseReader watch = await SseReader.OpenAsync(_host, "soul=s");
        SseEvent? seen;
        do
        {
            seen = await watch.NextAsync();
        }
        while (seen is { Name: "synced" });

        Assert.Equal("\"over the link\"", seen!.Value);
        using HttpResponseMessage gone = await _host.SendAsync(
            "DELETE", "/api/v1/peers?url=" + Uri.EscapeDataString(url));
        Assert.Equal(HttpStatusCode.NoContent, gone.StatusCode);
        using HttpResponseMessage again = await _host.SendAsync(
            "DELETE", "/api/v1/peers?url=" + Uri.EscapeDataString(url));
        await ApiHost.ProblemAsync(again, 404, "W2001");
    }

    [Theory]
    [InlineData("{\"url\":\"ftp://x\"}", "W3102")]
    [InlineData("{\"url\":\"file:///etc/passwd\"}", "W3102")]
    [InlineData("{\"url\":\"ws://user:secret@host/gun\"}", "W3102")]
    [InlineData("{\"url\":7}", "W1004")]
    [InlineData("[]", "W1004")]
    public async Task What_is_no_peer_is_not_dialled(string body, string code)
    {
        using HttpResponseMessage post = await _host.SendAsync("POST", "/api/v1/peers", body);
        await ApiHost.ProblemAsync(post, 400, code);
        Assert.Empty((await _host.JsonAsync("GET", "/api/v1/peers")).GetProperty("items").EnumerateArray());
    }

    [Fact]
    public async Task Gun_refuses_foreign_names_and_foreign_pages()
    {
        using var foreign = new HttpRequestMessage(HttpMethod.Get, "/gun");
        foreign.Headers.Host = "evil.example";
        using HttpResponseMessage host = await _host.Client.SendAsync(foreign);
        await ApiHost.ProblemAsync(host, 421, "W4102");

        using HttpResponseMessage origin = await _host.SendAsync(
            "GET", "/gun", headers: ("Origin", "https://evil.example"));
        Assert.Equal(HttpStatusCode.Forbidden, origin.StatusCode);
        using HttpResponseMessage loopback = await _host.SendAsync(
            "GET", "/gun", headers: ("Origin", "http://localhost:3000"));
        Assert.Equal(HttpStatusCode.UpgradeRequired, loopback.StatusCode);
    }

    [Fact]
    public async Task Repeated_request_with_a_key_is_done_once()
    {
        (string, string) key = ("Idempotency-Key", "k1");
        using HttpResponseMessage first = await _host.SendAsync(
            "PUT", "/api/v1/field?soul=s&name=f", "1", "application/json", key);
        await _host.PutAsync("s", "f", "2");
        using HttpResponseMessage second = await _host.SendAsync(
            "PUT", "/api/v1/field?soul=s&name=f", "1", "application/json", key);

        Assert.Equal(await first.Content.ReadAsStringAsync(), await second.Content.ReadAsStringAsync());
        Assert.Equal(first.Headers.ETag, second.Headers.ETag);
        Assert.Equal("true", second.Headers.GetValues("Idempotent-Replay").Single());
        Assert.Equal("2", await _host.TextAsync("/api/v1/field?soul=s&name=f"));

        using HttpResponseMessage other = await _host.SendAsync(
            "PUT", "/api/v1/field?soul=s&name=f", "3", "application/json", key);
        await ApiHost.ProblemAsync(other, 422, "W1004");
        using HttpResponseMessage bad = await _host.SendAsync(
            "PUT", "/api/v1/field?soul=s&name=f", "[]", "application/json", ("Idempotency-Key", "k2"));
        await ApiHost.ProblemAsync(bad, 400, "W2004");
    }

    [Fact]
    public async Task Keys_are_forgotten_after_ten_minutes_and_beyond_their_number()
    {
        var time = new ManualTime(DateTimeOffset.UtcNow);
        await using ApiHost host = await ApiHost.StartAsync(options => options.IdempotencyKeysMax = 2, time);
        Assert.False(await PutAsync("a"));
        Assert.True(await PutAsync("a"));
        time.Advance(TimeSpan.FromMinutes(10) - TimeSpan.FromSeconds(1));
        Assert.True(await PutAsync("a"));
        time.Advance(TimeSpan.FromSeconds(2));
        Assert.False(await PutAsync("a"));
        Assert.False(await PutAsync("b"));
        Assert.False(await PutAsync("c"));
        Assert.False(await PutAsync("a"));

        async Task<bool> PutAsync(string key)
        {
            using HttpResponseMessage put = await host.SendAsync(
                "PUT", "/api/v1/field?soul=s&name=f", "1", "application/json", ("Idempotency-Key", key));
            Assert.Equal(HttpStatusCode.OK, put.StatusCode);
            return put.Headers.Contains("Idempotent-Replay");
        }
    }

    [Fact]
    public async Task Same_key_at_the_same_time_is_done_once()
    {
        HttpResponseMessage[] answers = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => _host.SendAsync(
            "PUT", "/api/v1/field?soul=s&name=f", "1", "application/json", ("Idempotency-Key", "same"))));
        string[] bodies = await Task.WhenAll(answers.Select(answer => answer.Content.ReadAsStringAsync()));

        Assert.Single(bodies.Distinct());
        Assert.Equal(
            1, (await _host.JsonAsync("GET", "/api/v1/stats")).GetProperty("operations").GetProperty("won").GetInt64());
    }

    [Fact]
    public async Task Metrics_page_counts_what_happened()
    {
        await _host.JsonAsync("PUT", "/api/v1/field?soul=s&name=f&state=2", "1");
        await _host.JsonAsync("PUT", "/api/v1/field?soul=s&name=f&state=1", "1");
        await _host.TextAsync("/api/v1/field?soul=s&name=f");
        using var open = new HttpClient { BaseAddress = _host.Server.Url };
        string page = await open.GetStringAsync("/metrics");

        Assert.Contains("weft_merge_results_total{result=\"won\"} 1\n", page, StringComparison.Ordinal);
        Assert.Contains("weft_merge_results_total{result=\"kept\"} 1\n", page, StringComparison.Ordinal);
        Assert.Contains("weft_operation_duration_seconds_count{operation=\"put\",outcome=\"ok\"} 2\n", page,
            StringComparison.Ordinal);
        Assert.Contains("weft_operation_duration_seconds_count{operation=\"get\",outcome=\"found\"} 1\n", page,
            StringComparison.Ordinal);
        Assert.Contains("# TYPE weft_operation_duration_seconds histogram\n", page, StringComparison.Ordinal);
        Assert.Contains("le=\"+Inf\"} 2\n", page, StringComparison.Ordinal);
        foreach (string name in new[]
        {
            "weft_peer_connections{transport=\"ws\",role=\"accepted\"}",
            "weft_peer_io_bytes_total{direction=\"in\",protocol=\"gun\"}",
            "weft_storage_size_bytes{kind=\"memory\"}", "weft_storage_queue",
            "weft_storage_commit_duration_seconds_bucket",
            "weft_sync_lag{scope=\"relay\"}", "weft_metrics_series_dropped_total 0",
        })
        {
            Assert.Contains("\n" + name, page, StringComparison.Ordinal);
        }

        Assert.All(page.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => Assert.Matches(
            @"^(# (HELP|TYPE) [a-z_:]+ .+|[a-zA-Z_:]+(\{([a-z_]+=""[^""]*"",?)+\})? -?[0-9.eE+-]+)$", line));
    }

    [Fact]
    public async Task Many_souls_fields_and_peers_do_not_make_many_series()
    {
        var batch = new StringBuilder();
        for (int i = 0; i < 20_000; i++)
        {
            batch.Append($"{{\"soul\":\"soul/{i}\",\"fields\":{{\"field{i}\":1}}}}\n");
        }

        using HttpResponseMessage post = await _host.SendAsync(
            "POST", "/api/v1/nodes:batch", batch.ToString(), "application/x-ndjson");
        Assert.Equal(HttpStatusCode.OK, post.StatusCode);
        for (int i = 0; i < 200; i++)
        {
            await _host.SendAsync("GET", $"/api/v1/field?soul=soul/{i}&name=field{i}");
        }

        string page = await _host.TextAsync("/metrics");
        Assert.InRange(page.Length, 1, 100_000);
        Assert.DoesNotContain("soul/", page, StringComparison.Ordinal);
    }

    [Fact]
    public void Series_beyond_the_limit_are_dropped_and_counted()
    {
        using var meter = new System.Diagnostics.Metrics.Meter("test");
        using var page = new MetricsPage(candidate => ReferenceEquals(candidate, meter), seriesMax: 10);
        System.Diagnostics.Metrics.Counter<long> counter = meter.CreateCounter<long>("weft.test");
        for (int i = 0; i < 100_000; i++)
        {
            counter.Add(1, new KeyValuePair<string, object?>("topic", $"t{i}\"\n\\"));
        }

        string text = page.Write();
        Assert.Equal(10, text.Split('\n').Count(line => line.StartsWith("weft_test_total{", StringComparison.Ordinal)));
        Assert.Contains("weft_test_total{topic=\"t9\\\"\\n\\\\\"} 1\n", text, StringComparison.Ordinal);
        Assert.Contains("weft_metrics_series_dropped_total 99990\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_nodes_in_one_process_keep_their_counts_apart()
    {
        await using ApiHost other = await ApiHost.StartAsync();
        await other.Server.Peer.Graph.WriteAsync([new FieldWrite("s", "f", 1.0, double.NaN)], WriteSource.Local);

        const string Won = "weft_merge_results_total{result=\"won\"} ";
        Assert.Contains(Won + "1\n", await other.TextAsync("/metrics"), StringComparison.Ordinal);
        Assert.Contains(Won + "0\n", await _host.TextAsync("/metrics"), StringComparison.Ordinal);
    }
}
