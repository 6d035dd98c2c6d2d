using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Weft.Integration.Tests.Server;

public sealed class BatchApiTests : IAsyncLifetime
{
    private const string Lines = "application/x-ndjson";

    private ApiHost _host = null!;

    public async Task InitializeAsync() => _host = await ApiHost.StartAsync();

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Fact]
    public async Task Batch_is_one_commit()
    {
        JsonElement written = await _host.JsonAsync(
            "POST", "/api/v1/nodes:batch",
            """[{"soul":"a","fields":{"x":1}},{"soul":"b","fields":{"y":{"#":"a"}},"states":{"y":5}}]""");

        Assert.Equal(2, written.GetProperty("applied").GetInt32());
        Assert.Equal(1, written.GetProperty("sequence").GetInt64());
        Assert.Equal("1", await _host.TextAsync("/api/v1/field?soul=a&name=x"));
    }

    [Theory]
    [InlineData("", false)]
    [InlineData("?sign=true", true)]
    public async Task Imported_lines_are_signed_when_that_is_asked_for(string query, bool isSigned)
    {
        string body = string.Concat(
            Enumerable.Range(0, 40).Select(i => $"{{\"soul\":\"s{i}\",\"fields\":{{\"x\":{i}}}}}\n"));
        using HttpResponseMessage post = await _host.SendAsync("POST", "/api/v1/nodes:batch" + query, body, Lines);
        Assert.Equal(HttpStatusCode.OK, post.StatusCode);

        JsonElement why = await _host.JsonAsync("GET", "/api/v1/why?soul=s39&name=x");
        string? author = why.GetProperty("current").TryGetProperty("author", out JsonElement named) ? named.GetString() : null;
        Assert.Equal(isSigned ? _host.Server.Peer.Node.Identity.PublicKey.ToString() : null, author);
    }

    [Fact]
    public async Task Refused_line_leaves_the_connection_open_for_the_next_request()
    {
        const string bad = "{\"soul\":\"\",\"fields\":{\"x\":1}}\n";
        string rest = string.Concat(Enumerable.Repeat("{\"soul\":\"a\",\"fields\":{\"x\":1}}\n", 10_000));
        string head = $"HTTP/1.1\r\nHost: {_host.Server.Url.Authority}\r\n"
            + $"Authorization: Bearer {_host.Server.Token}\r\n";
        using var client = new TcpClient();
        await client.ConnectAsync(_host.Server.Url.Host, _host.Server.Url.Port);
        NetworkStream stream = client.GetStream();
        using var reader = new StreamReader(stream);

        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            $"POST /api/v1/nodes:batch {head}Content-Type: {Lines}\r\n"
            + $"Content-Length: {bad.Length + rest.Length}\r\n\r\n{bad}"));
        Assert.Contains(" 400 ", await reader.ReadLineAsync(), StringComparison.Ordinal); // Before the rest is sent.
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"{rest}GET /api/v1/nodes?limit=1 {head}\r\n"));

        string? next;
        do
        {
            next = await reader.ReadLineAsync();
        }
        while (next is not null && !next.StartsWith("HTTP/1.1 ", StringComparison.Ordinal));
        Assert.Equal("HTTP/1.1 200 OK", next);
    }

    [Theory]
    [InlineData("""[{"soul":"a","fields":{"x":1}},{"soul":"b","fields":{"y":[1]}}]""", 400, "W2004")]
    [InlineData("""[{"soul":"a","fields":{"x":1}},{"soul":"","fields":{"y":1}}]""", 400, "W2002")]
    [InlineData("""[{"soul":"a","fields":{"x":1}},{"fields":{"y":1}}]""", 400, "W1004")]
    [InlineData("""[{"soul":"a","fields":{"x":1}},{"soul":"b","fields":{"y":1},"states":{"y":1e15}}]""", 422, "W2006")]
    [InlineData("""[{"soul":"a","fields":{"x":1}},7]""", 400, "W1004")]
    [InlineData("""[{"soul":"a","fields":{"x":1}}""", 400, "W1004")]
    [InlineData("""{"soul":"a","fields":{"x":1}}""", 400, "W1004")]
    [InlineData("[]", 400, "W1004")]
    public async Task Batch_with_one_bad_record_changes_nothing(string body, int status, string code)
    {
        using HttpResponseMessage post = await _host.SendAsync("POST", "/api/v1/nodes:batch", body);
        await ApiHost.ProblemAsync(post, status, code);

        using HttpResponseMessage read = await _host.SendAsync("GET", "/api/v1/field?soul=a&name=x");
        await ApiHost.ProblemAsync(read, 404, "W2001");
    }

    [Fact]
    public async Task Batch_over_the_limit_of_fields_says_how_to_send_more()
    {
        await using ApiHost small = await ApiHost.StartAsync(options => options.BatchFieldsMax = 2);
        using HttpResponseMessage post = await small.SendAsync(
            "POST", "/api/v1/nodes:batch", """[{"soul":"a","fields":{"x":1,"y":2}},{"soul":"b","fields":{"z":3}}]""");
        await ApiHost.ProblemAsync(post, 422, "W5102");

        using HttpResponseMessage line = await small.SendAsync(
            "POST", "/api/v1/nodes:batch", """{"soul":"a","fields":{"x":1,"y":2,"z":3}}""", Lines);
        JsonElement problem = await ApiHost.ProblemAsync(line, 422, "W5102");
        Assert.Equal(1, problem.GetProperty("line").GetInt64());
    }

    [Fact]
    public async Task Lines_are_imported_whatever_their_line_ends()
    {
        JsonElement done = await ImportAsync(
            "{\"soul\":\"a\",\"fields\":{\"x\":1}}\r\n\n  \n{\"soul\":\"b\",\"fields\":{}}\n"
            + "{\"soul\":\"c\",\"fields\":{\"x\":1,\"y\":2}}");

        Assert.Equal(3, done.GetProperty("lines").GetInt64());
        Assert.Equal(3, done.GetProperty("fields").GetInt64());
        Assert.Equal(3, done.GetProperty("applied").GetInt64());
        Assert.Equal("2", await _host.TextAsync("/api/v1/field?soul=c&name=y"));
    }

    [Fact]
    public async Task Everything_before_a_bad_line_is_stored_and_nothing_of_it_or_after()
    {
        var body = new StringBuilder();
        for (int i = 1; i <= 9_000; i++)
        {
            body.Append(i == 7_777
                ? "{\"soul\":\"bad\",\"fields\":{\"x\":[]}}\n"
                : $"{{\"soul\":\"n/{i:00000}\",\"fields\":{{\"x\":{i}}}}}\n");
        }

        using HttpResponseMessage post = await _host.SendAsync("POST", "/api/v1/nodes:batch", body.ToString(), Lines);
        JsonElement problem = await ApiHost.ProblemAsync(post, 400, "W2004");

        Assert.Equal(7_777, problem.GetProperty("line").GetInt64());
        Assert.Equal("7776", await _host.TextAsync("/api/v1/field?soul=n/07776&name=x"));
        using HttpResponseMessage after = await _host.SendAsync("GET", "/api/v1/field?soul=n/07778&name=x");
        Assert.Equal(HttpStatusCode.NotFound, after.StatusCode);
    }

    [Fact]
    public async Task A_line_the_merge_refuses_is_named()
    {
        using HttpResponseMessage post = await _host.SendAsync(
            "POST",
            "/api/v1/nodes:batch",
            "{\"soul\":\"a\",\"fields\":{\"x\":1}}\n{\"soul\":\"b\",\"fields\":{\"x\":1},\"states\":{\"x\":1e15}}\n",
            Lines);
        JsonElement problem = await ApiHost.ProblemAsync(post, 422, "W2006");

        Assert.Equal(2, problem.GetProperty("line").GetInt64());
    }

    [Fact]
    public async Task Bad_lines_can_be_skipped_and_are_reported()
    {
        JsonElement done = await ImportAsync(
            "{\"soul\":\"a\",\"fields\":{\"x\":1}}\nnot json\n"
            + "{\"soul\":\"b\",\"fields\":{\"x\":1},\"states\":{\"x\":1e15}}\n"
            + "{\"soul\":\"c\",\"fields\":{\"x\":1}}\n", "?skip=true");

        Assert.Equal(2, done.GetProperty("lines").GetInt64());
        Assert.Equal(2, done.GetProperty("refused").GetInt64());
        Assert.Equal(
            [(2, "W1004"), (3, "W2006")],
            done.GetProperty("errors").EnumerateArray()
                .Select(error => (error.GetProperty("line").GetInt32(), error.GetProperty("code").GetString()!))
                .Order());
        Assert.Equal("1", await _host.TextAsync("/api/v1/field?soul=c&name=x"));
    }

    [Fact]
    public async Task Export_then_import_gives_an_identical_graph()
    {
        var random = new Random(7);
        var body = new StringBuilder();
        string[] values = ["null", "true", "0", "-1.5e-7", "1e+21", "\"\"", "\"\\ud800\"", "\"\u00e9\\u0000\\n\"",
            "{\"#\":\"n/1\"}"];
        for (int i = 0; i < 1_500; i++)
        {
            body.Append($"{{\"soul\":\"n/{i}\\u0001\u540d\",\"fields\":{{");
            body.AppendJoin(
                ',', Enumerable.Range(0, 4).Select(f => $"\"f{f}\\\"\":{values[random.Next(values.Length)]}"));
            body.Append("},\"states\":{");
            body.AppendJoin(',', Enumerable.Range(0, 4).Select(f => $"\"f{f}\\\"\":{1_000 + random.NextDouble():R}"));
            body.Append("}}\n");
        }

        await ImportAsync(body.ToString());
        string exported = await _host.TextAsync("/api/v1/nodes", Lines);
        await using ApiHost other = await ApiHost.StartAsync();
        using HttpResponseMessage post = await other.SendAsync("POST", "/api/v1/nodes:batch", exported, Lines);
        Assert.Equal(HttpStatusCode.OK, post.StatusCode);

        Assert.Equal(1_500, exported.Count(unit => unit == '\n'));
        Assert.Equal(exported, await other.TextAsync("/api/v1/nodes", Lines));
    }

    [Fact]
    public async Task Export_goes_on_behind_a_soul_and_splits_a_large_node()
    {
        string fields = string.Join(',', Enumerable.Range(0, 10_001).Select(i => $"\"f{i:00000}\":{i}"));
        const string Small = "\"fields\":{\"x\":1}}\n";
        await ImportAsync(
            $"{{\"soul\":\"a\",{Small}{{\"soul\":\"b\",\"fields\":{{{fields}}}}}\n{{\"soul\":\"c\",{Small}");

        string all = await _host.TextAsync("/api/v1/nodes", Lines);
        string[] lines = all.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(4, lines.Length);
        Assert.Contains("\"more\":true", lines[1][^20..], StringComparison.Ordinal);
        Assert.Equal(string.Join('\n', lines[1..]) + "\n", await _host.TextAsync("/api/v1/nodes?after=a", Lines));
        Assert.Equal(string.Join('\n', lines[1..]) + "\n", await _host.TextAsync("/api/v1/nodes?from=b", Lines));
        Assert.Equal(lines[3] + "\n", await _host.TextAsync("/api/v1/nodes?prefix=c", Lines));
    }

    [Fact]
    public async Task Line_over_the_limit_ends_the_import()
    {
        await using ApiHost small = await ApiHost.StartAsync(options => options.BodyBytesMax = 64 << 10);
        string good = "{\"soul\":\"a\",\"fields\":{\"x\":1}}\n";
        using HttpResponseMessage post = await small.SendAsync(
            "POST",
            "/api/v1/nodes:batch",
            good + "{\"soul\":\"b\",\"fields\":{\"x\":\"" + new string('x', 300_000) + "\"}}\n",
            Lines);
        JsonElement problem = await ApiHost.ProblemAsync(post, 413, "W5101");

        Assert.Equal(2, problem.GetProperty("line").GetInt64());
        Assert.Equal("1", await small.TextAsync("/api/v1/field?soul=a&name=x"));
    }

    private async Task<JsonElement> ImportAsync(string body, string query = "")
    {
        using HttpResponseMessage post = await _host.SendAsync("POST", "/api/v1/nodes:batch" + query, body, Lines);
        string text = await post.Content.ReadAsStringAsync();
        Assert.True(post.IsSuccessStatusCode, text);
        return JsonDocument.Parse(text).RootElement.Clone();
    }
}
