using System.Net;
using System.Text.Json;
using Weft.Server.Access;
using Weft.Server.Api;
using Weft.Server.Http;

namespace Weft.Integration.Tests.Server;

/// <summary>Every route against every kind of token.</summary>
public sealed class TokenScopeTests
{
    /// <summary>How to ask each resource about a soul: query and body; {S} is the soul.</summary>
    private static readonly Dictionary<string, (string Query, string? Body)> Asks = new()
    {
        ["GET /api/v1/field"] = ("soul={S}&name=f&wait=0", null),
        ["PUT /api/v1/field"] = ("soul={S}&name=f", "1"),
        ["DELETE /api/v1/field"] = ("soul={S}&name=f", null),
        ["GET /api/v1/node"] = ("soul={S}&wait=0&depth=2", null),
        ["PATCH /api/v1/node"] = ("soul={S}", "{\"fields\":{\"f\":1}}"),
        ["PUT /api/v1/node"] = ("soul={S}", "{\"fields\":{\"f\":1}}"),
        ["DELETE /api/v1/node"] = ("soul={S}", null),
        ["GET /api/v1/nodes"] = ("prefix={S}", null),
        ["POST /api/v1/nodes:batch"] =
            ("", "[{\"soul\":\"mine/0\",\"fields\":{\"f\":1}},{\"soul\":\"{S}\",\"fields\":{\"f\":1}}]"),
        ["GET /api/v1/walk"] = ("soul={S}", null),
        ["GET /api/v1/why"] = ("soul={S}&name=f", null),
        ["GET /api/v1/conflicts"] = ("soul={S}", null),
        ["POST /api/v1/conflicts"] = ("number=1", null), // Says nothing of what lies outside; a test of its own below.
        ["GET /api/v1/history"] = ("soul={S}", null),
        ["GET /api/v1/history/at"] = ("soul={S}&at=1", null),
        ["GET /api/v1/history/diff"] = ("soul={S}&from=1&to=2", null),
        ["GET /api/v1/history/follow"] = ("soul={S}", null),
        ["GET /api/v1/series"] = ("soul={S}&name=f", null),
        ["POST /api/v1/series"] = ("soul={S}&name=f", "1"),
        ["GET /api/v1/watch"] = ("soul={S}", null),
    };

    private static TheoryData<string, string> ApiRoutesOf(RouteReach? reach)
    {
        var data = new TheoryData<string, string>();
        foreach (ApiRoute route in ApiRoutes.All.Where(route => route.IsApi && (reach is null || route.Reach == reach)))
        {
            data.Add(route.Method, route.Pattern);
        }

        return data;
    }

    public static TheoryData<string, string> Everything() => ApiRoutesOf(null);

    public static TheoryData<string, string> AboutSouls() => ApiRoutesOf(RouteReach.Souls);

    public static TheoryData<string, string> AboutTheNode() => ApiRoutesOf(RouteReach.Node);

    [Theory]
    [MemberData(nameof(Everything))]
    public async Task A_route_takes_its_own_scope_and_no_other(string method, string pattern)
    {
        await using ApiHost host = await ApiHost.StartAsync();
        ApiRoute route = Find(method, pattern);
        foreach (string other in ScopeNames.Of(Scopes.All & ~route.Scope))
        {
            using HttpResponseMessage refused = await host.SendAsAsync(
                await host.TokenAsync([other]), method, Path(route, "mine/x"), Body(route, "mine/x"));
            JsonElement problem = await ApiHost.ProblemAsync(refused, 403, "W4401");
            Assert.Contains(
                $"\"{ScopeNames.Name(route.Scope)}\"", problem.GetProperty("detail").GetString(),
                StringComparison.Ordinal);
        }

        using HttpResponseMessage served = await host.SendAsAsync(
            await host.TokenAsync([ScopeNames.Name(route.Scope)]), method, Path(route, "mine/x"),
            Body(route, "mine/x"));
        Assert.False(
            served.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden, served.StatusCode.ToString());
    }

    [Theory]
    [MemberData(nameof(AboutSouls))]
    public async Task A_token_of_a_prefix_touches_nothing_beyond_it(string method, string pattern)
    {
        await using ApiHost host = await ApiHost.StartAsync();
        ApiRoute route = Find(method, pattern);
        string token = await host.TokenAsync([ScopeNames.Name(route.Scope)], "mine/");
        if (route is not { Method: "POST", Pattern: "/api/v1/conflicts" })
        {
            foreach (string outside in new[] { "other/x", "mine", "min", "Mine/x", "mine%2Fx", " mine/x", "mine∕x" })
            {
                using HttpResponseMessage refused = await host.SendAsAsync(
                    token, method, Path(route, outside), Body(route, outside));
                JsonElement problem = await ApiHost.ProblemAsync(refused, 403, "W4401");
                Assert.Contains("\"mine/\"", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
            }
        }

        foreach (string inside in new[] { "mine/x", "mine/", "mine/a/b" })
        {
            using HttpResponseMessage served = await host.SendAsAsync(
                token, method, Path(route, inside), Body(route, inside));
            Assert.False(
                served.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden,
                $"{inside}: {served.StatusCode}");
        }

        string all = await host.TextAsync("/api/v1/nodes", "application/x-ndjson");
        Assert.All(
            all.Split('\n', StringSplitOptions.RemoveEmptyEntries),
            line => Assert.StartsWith("{\"soul\":\"mine/", line, StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(AboutTheNode))]
    public void A_right_to_a_prefix_is_no_right_to_the_node(string method, string pattern)
    {
        var limited = new Caller("x", [new Right(Scopes.All, "mine/")], null, CancellationToken.None);
        var whole = new Caller("y", [new Right(Scopes.All, "")], null, CancellationToken.None);

        ApiException refused = Assert.Throws<ApiException>(() => limited.Check(Find(method, pattern)));
        whole.Check(Find(method, pattern));

        Assert.Contains("whole node", refused.Message, StringComparison.Ordinal);
        Assert.Throws<ApiException>(() => Caller.Nobody.Check(Find(method, pattern)));
        Assert.False(Caller.Nobody.IsWhole(Scopes.Read));
        Assert.False(Caller.Nobody.MayTouch(Scopes.Read, "mine/x"));
    }

    [Fact]
    public void Every_route_about_souls_is_asked_and_every_scope_is_documented()
    {
        Assert.Equal(
            ApiRoutes.All.Where(route => route.Reach == RouteReach.Souls)
                .Select(route => $"{route.Method} {route.Pattern}").Order(),
            Asks.Keys.Order());
        using Stream resource = typeof(ApiRoutes).Assembly.GetManifestResourceStream("openapi.json")!;
        using JsonDocument document = JsonDocument.Parse(resource);
        foreach (ApiRoute route in ApiRoutes.All.Where(route => route.IsApi))
        {
            JsonElement security = document.RootElement.GetProperty("paths").GetProperty(route.Pattern)
                .GetProperty(route.Method.ToLowerInvariant()).GetProperty("security");
            Assert.Equal($"[{{\"token\":[\"{ScopeNames.Name(route.Scope)}\"]}}]", JsonSerializer.Serialize(security));
        }
    }

    [Fact]
    public async Task Lists_exports_and_watches_without_a_prefix_are_not_for_limited_tokens()
    {
        await using ApiHost host = await ApiHost.StartAsync();
        await host.PutAsync("mine/a", "f", "1");
        await host.PutAsync("other/a", "f", "2");
        string token = await host.TokenAsync(["read"], "mine/");

        foreach (string path in new[]
        {
            "/api/v1/nodes", "/api/v1/nodes?prefix=", "/api/v1/nodes?prefix=mine", "/api/v1/watch?prefix=",
            "/api/v1/nodes?from=mine/", "/api/v1/watch?prefix=min",
        })
        {
            foreach (string accept in new[] { "application/json", "application/x-ndjson" })
            {
                using HttpResponseMessage refused = await host.SendAsAsync(
                    token, "GET", path, headers: ("Accept", accept));
                await ApiHost.ProblemAsync(refused, 403, "W4401");
            }
        }

        using HttpResponseMessage export = await host.SendAsAsync(
            token, "GET", "/api/v1/nodes?prefix=mine/&from=a", headers: ("Accept", "application/x-ndjson"));
        string lines = await export.Content.ReadAsStringAsync();
        Assert.Contains("mine/a", lines, StringComparison.Ordinal);
        Assert.DoesNotContain("other", lines, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Walks_do_not_leave_the_prefix_nor_pass_through_what_lies_outside()
    {
        await using ApiHost host = await ApiHost.StartAsync();
        await host.PutAsync("mine/a", "out", "{\"#\":\"other/b\"}");
        await host.PutAsync("other/b", "back", "{\"#\":\"mine/c\"}");
        await host.PutAsync("other/z", "in", "{\"#\":\"mine/a\"}");
        await host.PutAsync("mine/a", "near", "{\"#\":\"mine/d\"}");
        string token = await host.TokenAsync(["read"], "mine/");

        using HttpResponseMessage walk = await host.SendAsAsync(
            token, "GET", "/api/v1/walk?soul=mine/a&direction=both&depth=5");
        using HttpResponseMessage node = await host.SendAsAsync(
            token, "GET", "/api/v1/node?soul=mine/a&depth=5&wait=0");

        JsonElement steps = JsonDocument.Parse(await walk.Content.ReadAsStringAsync()).RootElement.GetProperty("items");
        Assert.Equal(
            ["mine/a", "mine/d"], steps.EnumerateArray().Select(step => step.GetProperty("soul").GetString()!).Order());
        JsonElement nodes = JsonDocument.Parse(await node.Content.ReadAsStringAsync()).RootElement.GetProperty("nodes");
        Assert.Equal("mine/d", nodes.EnumerateArray().Single().GetProperty("soul").GetString());
    }

    [Fact]
    public async Task Conflicts_of_other_souls_are_neither_listed_nor_resolved()
    {
        await using ApiHost host = await ApiHost.StartAsync();
        foreach (string soul in new[] { "other/x", "mine/x" })
        {
            await host.PutAsync(soul, "f", "\"new\"");
            await host.JsonAsync("PUT", $"/api/v1/field?soul={soul}&name=f&state=5", "\"lost\"");
        }

        JsonElement all = (await host.JsonAsync("GET", "/api/v1/conflicts")).GetProperty("items");
        string token = await host.TokenAsync(["read", "write"], "mine/");
        using HttpResponseMessage some = await host.SendAsAsync(token, "GET", "/api/v1/conflicts?limit=1");
        JsonElement seen = JsonDocument.Parse(await some.Content.ReadAsStringAsync()).RootElement.GetProperty("items");

        Assert.Equal(2, all.GetArrayLength());
        Assert.Equal("mine/x", seen.EnumerateArray().Single().GetProperty("soul").GetString());
        foreach (JsonElement loss in all.EnumerateArray())
        {
            bool mine = loss.GetProperty("soul").GetString() == "mine/x";
            using HttpResponseMessage resolve = await host.SendAsAsync(
                token, "POST", $"/api/v1/conflicts?number={loss.GetProperty("number").GetInt64()}");
            Assert.Equal(mine ? HttpStatusCode.OK : HttpStatusCode.NotFound, resolve.StatusCode);
        }

        Assert.Equal("\"new\"", await host.TextAsync("/api/v1/field?soul=other/x&name=f"));
    }

    [Fact]
    public async Task Import_refuses_the_lines_that_lie_outside_and_names_them()
    {
        await using ApiHost host = await ApiHost.StartAsync();
        string token = await host.TokenAsync(["write"], "mine/");
        const string Lines = """
            {"soul":"mine/1","fields":{"f":1}}
            {"soul":"other/2","fields":{"f":2}}
            {"soul":"mine/3","fields":{"f":3}}
            """;
        using HttpResponseMessage stops = await host.SendAsAsync(
            token, "POST", "/api/v1/nodes:batch", Lines, "application/x-ndjson");
        JsonElement problem = await ApiHost.ProblemAsync(stops, 403, "W4401");
        using HttpResponseMessage skips = await host.SendAsAsync(
            token, "POST", "/api/v1/nodes:batch?skip=true", Lines, "application/x-ndjson");
        JsonElement done = JsonDocument.Parse(await skips.Content.ReadAsStringAsync()).RootElement;

        Assert.Equal(2, problem.GetProperty("line").GetInt32());
        Assert.Equal(1, done.GetProperty("refused").GetInt32());
        Assert.Equal("W4401", done.GetProperty("errors")[0].GetProperty("code").GetString());
        JsonElement list = (await host.JsonAsync("GET", "/api/v1/nodes")).GetProperty("items");
        Assert.Equal(
            ["mine/1", "mine/3"], list.EnumerateArray().Select(item => item.GetProperty("soul").GetString()!));
    }

    [Fact]
    public async Task An_answer_is_not_repeated_for_another_token()
    {
        await using ApiHost host = await ApiHost.StartAsync();
        string mine = await host.TokenAsync(["write"], "mine/");
        const string Path = "/api/v1/field?soul=other/x&name=f";
        using HttpResponseMessage first = await host.SendAsync(
            "PUT", Path, "1", "application/json", ("Idempotency-Key", "k"));
        using HttpResponseMessage stranger = await host.SendAsAsync(
            mine, "PUT", Path, "1", headers: ("Idempotency-Key", "k"));
        using HttpResponseMessage again = await host.SendAsync(
            "PUT", Path, "1", "application/json", ("Idempotency-Key", "k"));

        Assert.Equal(HttpStatusCode.OK, first.StatusCode);
        await ApiHost.ProblemAsync(stranger, 403, "W4401");
        Assert.True(again.Headers.Contains("Idempotent-Replay"));
    }

    private static ApiRoute Find(string method, string pattern) =>
        ApiRoutes.All.Single(route => route.Method == method && route.Pattern == pattern);

    private static string Path(ApiRoute route, string soul)
    {
        string path = route.Pattern.Replace("{id}", "x", StringComparison.Ordinal);
        return Asks.TryGetValue($"{route.Method} {route.Pattern}", out (string Query, string? Body) ask)
            ? $"{path}?{ask.Query.Replace("{S}", Uri.EscapeDataString(soul), StringComparison.Ordinal)}"
            : path;
    }

    private static string? Body(ApiRoute route, string soul) =>
        Asks.TryGetValue($"{route.Method} {route.Pattern}", out (string Query, string? Body) ask)
            ? ask.Body?.Replace("{S}", soul, StringComparison.Ordinal)
            : route.Traits.HasFlag(RouteTraits.TakesJson) ? "{}" : null;
}
