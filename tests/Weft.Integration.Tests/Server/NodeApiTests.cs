using System.Text.Json;

namespace Weft.Integration.Tests.Server;

public sealed class NodeApiTests : IAsyncLifetime
{
    private ApiHost _host = null!;

    public async Task InitializeAsync() => _host = await ApiHost.StartAsync();

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Fact]
    public async Task Patch_merges_and_put_replaces()
    {
        await _host.JsonAsync(
            "PATCH", "/api/v1/node?soul=alice", """{"fields":{"name":"Ada","born":1815,"boss":{"#":"mark"}}}""");
        await _host.JsonAsync("PATCH", "/api/v1/node?soul=alice", """{"fields":{"name":"Ada Lovelace"}}""");
        JsonElement node = await _host.JsonAsync("GET", "/api/v1/node?soul=alice");
        Assert.Equal("found", node.GetProperty("status").GetString());
        Assert.Equal(
            """{"born":1815,"boss":{"#":"mark"},"name":"Ada Lovelace"}""", node.GetProperty("fields").GetRawText());
        Assert.Equal(3, node.GetProperty("states").EnumerateObject().Count());
        Assert.False(node.GetProperty("more").GetBoolean());

        JsonElement replaced = await _host.JsonAsync("PUT", "/api/v1/node?soul=alice", """{"fields":{"name":"A."}}""");
        Assert.Equal(3, replaced.GetProperty("applied").GetInt32());
        node = await _host.JsonAsync("GET", "/api/v1/node?soul=alice");
        Assert.Equal("""{"name":"A."}""", node.GetProperty("fields").GetRawText());
        node = await _host.JsonAsync("GET", "/api/v1/node?soul=alice&deleted=true");
        Assert.Equal("""{"born":null,"boss":null,"name":"A."}""", node.GetProperty("fields").GetRawText());

        await _host.JsonAsync("DELETE", "/api/v1/node?soul=alice");
        node = await _host.JsonAsync("GET", "/api/v1/node?soul=alice");
        Assert.Equal("deleted", node.GetProperty("status").GetString());
        Assert.Equal("{}", node.GetProperty("fields").GetRawText());
    }

    [Fact]
    public async Task Absent_node_is_an_answer_and_no_error()
    {
        JsonElement node = await _host.JsonAsync("GET", "/api/v1/node?soul=nobody");

        Assert.Equal("unknown", node.GetProperty("status").GetString());
        Assert.Equal("{}", node.GetProperty("fields").GetRawText());
    }

    [Fact]
    public async Task Fields_can_be_chosen_by_name_and_by_range()
    {
        await _host.JsonAsync("PATCH", "/api/v1/node?soul=s", """{"fields":{"a":1,"b":2,"ba":3,"c":4}}""");

        Assert.Equal("""{"a":1,"c":4}""", await FieldsAsync("fields=c,a,zz"));
        Assert.Equal("""{"b":2,"ba":3}""", await FieldsAsync("prefix=b"));
        Assert.Equal("""{"b":2,"ba":3}""", await FieldsAsync("from=b&to=bz"));
        Assert.Equal("""{"ba":3,"c":4}""", await FieldsAsync("after=b"));
        Assert.Equal("""{"c":4,"ba":3}""", await FieldsAsync("reverse=true&limit=2"));
        JsonElement page = await _host.JsonAsync("GET", "/api/v1/node?soul=s&limit=2");
        Assert.True(page.GetProperty("more").GetBoolean());
        Assert.Equal("b", page.GetProperty("next").GetString());
    }

    [Fact]
    public async Task Depth_brings_the_linked_nodes_each_once()
    {
        await _host.JsonAsync("PATCH", "/api/v1/node?soul=a", """{"fields":{"x":{"#":"b"},"y":{"#":"c"}}}""");
        await _host.JsonAsync("PATCH", "/api/v1/node?soul=b", """{"fields":{"back":{"#":"a"},"on":{"#":"d"}}}""");
        await _host.JsonAsync("PATCH", "/api/v1/node?soul=c", """{"fields":{"n":1}}""");
        await _host.JsonAsync("PATCH", "/api/v1/node?soul=d", """{"fields":{"n":2}}""");

        Assert.Equal(["b", "c"], await LinkedAsync(1));
        Assert.Equal(["b", "c", "d"], await LinkedAsync(2));
    }

    [Theory]
    [InlineData("[]", 400, "W1004")]
    [InlineData("{}", 400, "W1004")]
    [InlineData("""{"fields":[]}""", 400, "W1004")]
    [InlineData("""{"fields":{}}""", 400, "W1004")]
    [InlineData("""{"fields":{"a":1,"a":2}}""", 400, "W1004")]
    [InlineData("""{"fields":{"a":1},"fields":{"b":1}}""", 400, "W1004")]
    [InlineData("""{"soul":"other","fields":{"a":1}}""", 400, "W1004")]
    [InlineData("""{"fields":{"a":[1]}}""", 400, "W2004")]
    [InlineData("""{"fields":{"a":{"b":{"c":1}}}}""", 400, "W2004")]
    [InlineData("""{"fields":{"_":1}}""", 400, "W2003")]
    [InlineData("""{"fields":{"":1}}""", 400, "W2003")]
    [InlineData("""{"fields":{"\ud800":1}}""", 400, "W2003")]
    [InlineData("""{"fields":{"a":1},"states":{"a":"1"}}""", 400, "W2005")]
    [InlineData("""{"fields":{"a":1},"states":{"a":1e999}}""", 400, "W2005")]
    [InlineData("""{"fields":{"a":1,"b":2},"states":{"b":1e15}}""", 422, "W2006")]
    public async Task Record_that_is_none_is_refused_and_nothing_of_it_is_stored(string body, int status, string code)
    {
        using HttpResponseMessage patch = await _host.SendAsync("PATCH", "/api/v1/node?soul=bad", body);
        await ApiHost.ProblemAsync(patch, status, code);

        JsonElement node = await _host.JsonAsync("GET", "/api/v1/node?soul=bad&deleted=true");
        Assert.Equal("{}", node.GetProperty("fields").GetRawText());
    }

    [Fact]
    public async Task Refusal_names_the_field()
    {
        using HttpResponseMessage patch = await _host.SendAsync(
            "PATCH", "/api/v1/node?soul=bad", """{"fields":{"ok":1,"bio":{"x":1}}}""");
        JsonElement problem = await ApiHost.ProblemAsync(patch, 400, "W2004");

        Assert.Equal("fields.bio", Assert.Single(problem.GetProperty("errors").EnumerateObject()).Name);
    }

    [Fact]
    public async Task States_may_stand_anywhere_and_for_some_fields_only()
    {
        await _host.JsonAsync(
            "PATCH", "/api/v1/node?soul=s",
            """{"states":{"c":3,"a":1},"extra":[{"deep":[1]}],"fields":{"a":1,"b":2,"c":3}}""");
        JsonElement states = (await _host.JsonAsync("GET", "/api/v1/node?soul=s")).GetProperty("states");

        Assert.Equal(1, states.GetProperty("a").GetDouble());
        Assert.Equal(3, states.GetProperty("c").GetDouble());
        Assert.True(states.GetProperty("b").GetDouble() > 1e12);
    }

    [Fact]
    public async Task Nodes_are_listed_by_prefix_in_pages()
    {
        for (int i = 0; i < 7; i++)
        {
            await _host.PutAsync($"room/{i}", "n", "1");
        }

        await _host.PutAsync("other", "n", "1");
        var souls = new List<string>();
        string next = "";
        int pages = 0;
        do
        {
            JsonElement page = await _host.JsonAsync("GET", $"/api/v1/nodes?prefix=room/&limit=3{next}");
            souls.AddRange(
                page.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("soul").GetString()!));
            next = page.TryGetProperty("next", out JsonElement cursor) ? $"&cursor={cursor.GetString()}" : "";
            pages++;
        }
        while (next.Length > 0);

        Assert.Equal(Enumerable.Range(0, 7).Select(i => $"room/{i}"), souls);
        Assert.Equal(3, pages);
        using HttpResponseMessage wrong = await _host.SendAsync("GET", "/api/v1/nodes?cursor=%21%21");
        await ApiHost.ProblemAsync(wrong, 400, "W1004");
        using HttpResponseMessage limit = await _host.SendAsync("GET", "/api/v1/nodes?limit=1001");
        await ApiHost.ProblemAsync(limit, 400, "W1004");
    }

    [Fact]
    public async Task Walk_follows_links_both_ways()
    {
        await _host.PutAsync("a", "to", """{"#":"b"}""");
        await _host.PutAsync("b", "to", """{"#":"c"}""");

        JsonElement walk = await _host.JsonAsync("GET", "/api/v1/walk?soul=a&depth=2");
        Assert.Equal(
            ["a", "b", "c"],
            walk.GetProperty("items").EnumerateArray().Select(step => step.GetProperty("soul").GetString()));
        walk = await _host.JsonAsync("GET", "/api/v1/walk?soul=c&depth=1&direction=in");
        JsonElement step = walk.GetProperty("items")[1];
        Assert.Equal("b", step.GetProperty("soul").GetString());
        Assert.Equal("in", step.GetProperty("direction").GetString());
        string lines = await _host.TextAsync("/api/v1/walk?soul=b&direction=both", "application/x-ndjson");
        Assert.Equal(3, lines.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        using HttpResponseMessage wrong = await _host.SendAsync("GET", "/api/v1/walk?soul=a&direction=up");
        await ApiHost.ProblemAsync(wrong, 400, "W1004");
    }

    [Fact]
    public async Task Losing_writes_can_be_listed_explained_and_brought_back()
    {
        await _host.JsonAsync("PUT", "/api/v1/field?soul=s&name=f&state=2000", "\"new\"");
        await _host.JsonAsync("PUT", "/api/v1/field?soul=s&name=f&state=1000", "\"old\"");

        JsonElement why = await _host.JsonAsync("GET", "/api/v1/why?soul=s&name=f");
        Assert.Equal("new", why.GetProperty("current").GetProperty("value").GetString());
        JsonElement loss = Assert.Single(why.GetProperty("losses").EnumerateArray());
        Assert.Equal("W2210", loss.GetProperty("code").GetString());
        Assert.Equal("http", loss.GetProperty("from").GetString());

        JsonElement conflicts = await _host.JsonAsync("GET", "/api/v1/conflicts?limit=10");
        Assert.Equal(
            "old", Assert.Single(conflicts.GetProperty("items").EnumerateArray()).GetProperty("value").GetString());
        await _host.JsonAsync("POST", $"/api/v1/conflicts?number={loss.GetProperty("number").GetInt64()}");
        Assert.Equal("\"old\"", await _host.TextAsync("/api/v1/field?soul=s&name=f"));
        using HttpResponseMessage none = await _host.SendAsync("POST", "/api/v1/conflicts?number=999999");
        await ApiHost.ProblemAsync(none, 404, "W2001");
    }

    private async Task<string> FieldsAsync(string query) =>
        (await _host.JsonAsync("GET", $"/api/v1/node?soul=s&{query}")).GetProperty("fields").GetRawText();

    private async Task<IEnumerable<string>> LinkedAsync(int depth) =>
        (await _host.JsonAsync("GET", $"/api/v1/node?soul=a&depth={depth}")).GetProperty("nodes").EnumerateArray()
            .Select(node => node.GetProperty("soul").GetString()!).Order(StringComparer.Ordinal);
}
