using System.Net;
using System.Text.Json;

namespace Weft.Integration.Tests.Server;

public sealed class FieldApiTests : IAsyncLifetime
{
    private ApiHost _host = null!;

    public async Task InitializeAsync() => _host = await ApiHost.StartAsync();

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Theory]
    [InlineData("\"Ada\"", "\"Ada\"")]
    [InlineData("1815", "1815")]
    [InlineData("-0", "0")]
    [InlineData("1.50", "1.5")]
    [InlineData("1e21", "1e+21")]
    [InlineData("true", "true")]
    [InlineData("{\"#\":\"mark\"}", "{\"#\":\"mark\"}")]
    [InlineData(" { \"#\" : \"m\\u0061rk\" } ", "{\"#\":\"mark\"}")]
    [InlineData("\"\\u00e9\\n\\/\"", "\"\u00e9\\n/\"")]
    [InlineData("\"\\ud800\"", "\"\\ud800\"")]
    public async Task Value_is_answered_as_javascript_writes_it(string sent, string answered)
    {
        JsonElement written = await _host.PutAsync("alice", "name", sent);
        using HttpResponseMessage read = await _host.SendAsync("GET", "/api/v1/field?soul=alice&name=name");

        Assert.Equal(HttpStatusCode.OK, read.StatusCode);
        Assert.Equal(answered, await read.Content.ReadAsStringAsync());
        Assert.Equal("application/json", read.Content.Headers.ContentType?.MediaType);
        Assert.Equal($"\"{written.GetProperty("state").GetRawText()}\"", read.Headers.ETag?.Tag);
        Assert.Equal(1, written.GetProperty("applied").GetInt32());
        Assert.Equal("memory", written.GetProperty("durable").GetString());
    }

    [Theory]
    [InlineData("users/ada lovelace", "full name")]
    [InlineData("a%2Fb", "a/b")]
    [InlineData("a%252Fb", "x&y=z")]
    [InlineData("__proto__", "constructor")]
    [InlineData("\u00fcber/\ud83d\ude00", "\u540d\u524d")]
    [InlineData("+", "\u0000\u0001")]
    public async Task Soul_and_field_may_hold_any_text(string soul, string field)
    {
        await _host.PutAsync(soul, field, "\"here\"");
        JsonElement node = await _host.JsonAsync("GET", $"/api/v1/node?soul={Uri.EscapeDataString(soul)}");

        Assert.Equal(soul, node.GetProperty("soul").GetString());
        JsonProperty only = Assert.Single(node.GetProperty("fields").EnumerateObject());
        Assert.Equal(field, only.Name);
        Assert.Equal("here", only.Value.GetString());
    }

    [Theory]
    [InlineData("", 400, "W1004")]
    [InlineData("{", 400, "W1004")]
    [InlineData("nul", 400, "W1004")]
    [InlineData("1 2", 400, "W1004")]
    [InlineData("'x'", 400, "W1004")]
    [InlineData("NaN", 400, "W1004")]
    [InlineData("\"\\ud8\"", 400, "W1004")]
    [InlineData("1e999", 400, "W2004")]
    [InlineData("-1e999", 400, "W2004")]
    [InlineData("[]", 400, "W2004")]
    [InlineData("[1]", 400, "W2004")]
    [InlineData("{}", 400, "W2004")]
    [InlineData("{\"a\":1}", 400, "W2004")]
    [InlineData("{\"#\":1}", 400, "W2004")]
    [InlineData("{\"#\":\"x\",\"y\":1}", 400, "W2004")]
    [InlineData("{\"__proto__\":{}}", 400, "W2004")]
    [InlineData("{\"#\":\"\"}", 400, "W2002")]
    [InlineData("{\"#\":\"\\ud800\"}", 400, "W2002")]
    public async Task Body_that_is_no_value_is_refused_and_nothing_is_stored(string body, int status, string code)
    {
        using HttpResponseMessage put = await _host.SendAsync("PUT", "/api/v1/field?soul=bad&name=f", body);
        await ApiHost.ProblemAsync(put, status, code);

        using HttpResponseMessage read = await _host.SendAsync("GET", "/api/v1/field?soul=bad&name=f");
        await ApiHost.ProblemAsync(read, 404, "W2001");
    }

    [Fact]
    public async Task Deep_nesting_and_huge_numbers_are_refused_quickly()
    {
        string deep = new string('[', 100_000) + new string(']', 100_000);
        using HttpResponseMessage nested = await _host.SendAsync("PUT", "/api/v1/field?soul=bad&name=f", deep);
        await ApiHost.ProblemAsync(nested, 400, "W1004");

        using HttpResponseMessage digits = await _host.SendAsync(
            "PUT", "/api/v1/field?soul=bad&name=f", new string('9', 400_000));
        await ApiHost.ProblemAsync(digits, 400, "W2004");
    }

    [Fact]
    public async Task Bytes_that_are_no_utf8_are_refused()
    {
        using var content = new ByteArrayContent([(byte)'"', 0xFF, 0xFE, (byte)'"']);
        content.Headers.ContentType = new("application/json");
        using HttpResponseMessage put = await _host.Client.PutAsync("/api/v1/field?soul=bad&name=f", content);

        await ApiHost.ProblemAsync(put, 400, "W1004");
    }

    [Fact]
    public async Task Text_of_one_mebibyte_is_taken_and_one_byte_more_is_not()
    {
        await _host.PutAsync("big", "text", $"\"{new string('x', 1 << 20)}\"");
        using HttpResponseMessage more = await _host.SendAsync(
            "PUT", "/api/v1/field?soul=big&name=text", $"\"{new string('x', (1 << 20) + 1)}\"");

        await ApiHost.ProblemAsync(more, 413, "W5101");
        Assert.Equal((1 << 20) + 2, (await _host.TextAsync("/api/v1/field?soul=big&name=text")).Length);
    }

    [Fact]
    public async Task Body_over_the_limit_is_too_large()
    {
        using HttpResponseMessage put = await _host.SendAsync(
            "PUT", "/api/v1/field?soul=big&name=text", new string(' ', (16 << 20) + 1));

        await ApiHost.ProblemAsync(put, 413, "W5101");
    }

    [Theory]
    [InlineData("/api/v1/field?name=f", "W1004")]
    [InlineData("/api/v1/field?soul=s", "W1004")]
    [InlineData("/api/v1/field?soul=&name=f", "W2002")]
    [InlineData("/api/v1/field?soul=s&name=_", "W2003")]
    [InlineData("/api/v1/field?soul=s&name=", "W2003")]
    [InlineData("/api/v1/field?soul=a&soul=b&name=f", "W1004")]
    [InlineData("/api/v1/field?soul=%ff&name=f", "W1004")]
    [InlineData("/api/v1/field?soul=%ED%A0%80&name=f", "W1004")]
    [InlineData("/api/v1/field?soul=s&name=f&wait=soon", "W1004")]
    [InlineData("/api/v1/field?soul=s&name=f&wait=31s", "W1004")]
    public async Task Query_that_names_no_field_is_refused(string path, string code)
    {
        using HttpResponseMessage read = await _host.SendAsync("GET", path);
        await ApiHost.ProblemAsync(read, 400, code);
    }

    [Fact]
    public async Task Longest_soul_is_taken_and_one_byte_more_is_not()
    {
        string longest = string.Concat(Enumerable.Repeat("\u00e9", 2_048));
        await _host.PutAsync(longest, "f", "1");
        Assert.Equal("1", await _host.TextAsync($"/api/v1/field?soul={Uri.EscapeDataString(longest)}&name=f"));

        using HttpResponseMessage more = await _host.SendAsync(
            "PUT", $"/api/v1/field?soul={Uri.EscapeDataString(longest)}x&name=f", "1");
        await ApiHost.ProblemAsync(more, 400, "W2002");
    }

    [Fact]
    public async Task Absent_and_deleted_fields_say_so()
    {
        using HttpResponseMessage absent = await _host.SendAsync("GET", "/api/v1/field?soul=nobody&name=f");
        JsonElement problem = await ApiHost.ProblemAsync(absent, 404, "W2001");
        Assert.Equal("unknown", problem.GetProperty("readStatus").GetString());
        Assert.Equal(0, problem.GetProperty("peersAsked").GetInt32());

        await _host.PutAsync("alice", "name", "\"Ada\"");
        JsonElement deleted = await _host.JsonAsync("DELETE", "/api/v1/field?soul=alice&name=name");
        Assert.Equal(1, deleted.GetProperty("applied").GetInt32());
        using HttpResponseMessage gone = await _host.SendAsync("GET", "/api/v1/field?soul=alice&name=name");
        problem = await ApiHost.ProblemAsync(gone, 404, "W2001");
        Assert.Equal("deleted", problem.GetProperty("readStatus").GetString());
    }

    [Fact]
    public async Task Given_state_decides_and_the_answer_tells_what_was_kept()
    {
        await _host.JsonAsync("PUT", "/api/v1/field?soul=s&name=f&state=1000.5", "\"new\"");
        JsonElement older = await _host.JsonAsync("PUT", "/api/v1/field?soul=s&name=f&state=999", "\"old\"");

        Assert.Equal(0, older.GetProperty("applied").GetInt32());
        Assert.Equal(1, older.GetProperty("kept").GetInt32());
        using HttpResponseMessage read = await _host.SendAsync("GET", "/api/v1/field?soul=s&name=f");
        Assert.Equal("\"new\"", await read.Content.ReadAsStringAsync());
        Assert.Equal("\"1000.5\"", read.Headers.ETag?.Tag);

        using HttpResponseMessage far = await _host.SendAsync("PUT", "/api/v1/field?soul=s&name=f&state=1e15", "1");
        await ApiHost.ProblemAsync(far, 422, "W2006");
        using HttpResponseMessage none = await _host.SendAsync("PUT", "/api/v1/field?soul=s&name=f&state=NaN", "1");
        await ApiHost.ProblemAsync(none, 400, "W2005");
    }

    [Fact]
    public async Task If_match_writes_only_over_the_state_it_names()
    {
        JsonElement first = await _host.PutAsync("s", "f", "1");
        string tag = $"\"{first.GetProperty("state").GetRawText()}\"";

        using HttpResponseMessage second = await PutIfAsync("2", ("If-Match", tag));
        Assert.Equal(HttpStatusCode.OK, second.StatusCode);
        using HttpResponseMessage third = await PutIfAsync("3", ("If-Match", tag));
        await ApiHost.ProblemAsync(third, 412, "W2301");
        using HttpResponseMessage exists = await PutIfAsync("4", ("If-None-Match", "*"));
        await ApiHost.ProblemAsync(exists, 412, "W2301");
        Assert.Equal("2", await _host.TextAsync("/api/v1/field?soul=s&name=f"));

        await _host.JsonAsync("DELETE", "/api/v1/field?soul=s&name=f");
        using HttpResponseMessage star = await PutIfAsync("5", ("If-Match", "*"));
        await ApiHost.ProblemAsync(star, 412, "W2301");
        using HttpResponseMessage fresh = await PutIfAsync("6", ("If-None-Match", "*"));
        Assert.Equal(HttpStatusCode.OK, fresh.StatusCode);
        using HttpResponseMessage wrong = await PutIfAsync("7", ("If-Match", "\"soon\""));
        await ApiHost.ProblemAsync(wrong, 400, "W1004");
    }

    [Fact]
    public async Task Of_many_conditional_writers_exactly_one_wins()
    {
        JsonElement first = await _host.PutAsync("s", "f", "0");
        string tag = $"\"{first.GetProperty("state").GetRawText()}\"";

        HttpResponseMessage[] answers = await Task.WhenAll(
            Enumerable.Range(1, 32).Select(number => PutIfAsync($"{number}", ("If-Match", tag))));

        Assert.Single(answers, answer => answer.StatusCode == HttpStatusCode.OK);
        Assert.Equal(31, answers.Count(answer => answer.StatusCode == HttpStatusCode.PreconditionFailed));
    }

    [Fact]
    public async Task If_none_match_spares_the_body()
    {
        await _host.PutAsync("s", "f", "1");
        using HttpResponseMessage read = await _host.SendAsync("GET", "/api/v1/field?soul=s&name=f");
        using HttpResponseMessage again = await _host.SendAsync(
            "GET", "/api/v1/field?soul=s&name=f", null, "", ("If-None-Match", read.Headers.ETag!.Tag));

        Assert.Equal(HttpStatusCode.NotModified, again.StatusCode);
        Assert.Equal("", await again.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Other_content_types_and_acks_are_refused()
    {
        using HttpResponseMessage xml = await _host.SendAsync(
            "PUT", "/api/v1/field?soul=s&name=f", "1", "application/xml");
        await ApiHost.ProblemAsync(xml, 415, "W1004");
        using HttpResponseMessage form = await _host.SendAsync(
            "PUT", "/api/v1/field?soul=s&name=f", "1", "multipart/form-data");
        await ApiHost.ProblemAsync(form, 415, "W1004");
        using HttpResponseMessage lines = await _host.SendAsync(
            "PUT", "/api/v1/field?soul=s&name=f", "1", "application/x-ndjson");
        await ApiHost.ProblemAsync(lines, 415, "W1004");
        using HttpResponseMessage ack = await _host.SendAsync("PUT", "/api/v1/field?soul=s&name=f&ack=peers:2", "1");
        await ApiHost.ProblemAsync(ack, 400, "W1004");
        using HttpResponseMessage charset = await _host.SendAsync(
            "PUT", "/api/v1/field?soul=s&name=f&ack=memory", "1", "application/json; charset=utf-8");
        Assert.Equal(HttpStatusCode.OK, charset.StatusCode);
    }

    private Task<HttpResponseMessage> PutIfAsync(string json, (string Name, string Value) header) =>
        _host.SendAsync("PUT", "/api/v1/field?soul=s&name=f", json, "application/json", header);
}
