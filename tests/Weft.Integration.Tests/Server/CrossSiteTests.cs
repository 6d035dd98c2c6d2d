using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using Weft.Server.Access;
using Weft.Server.Api;
using Weft.Server.Http;

namespace Weft.Integration.Tests.Server;

/// <summary>What a page of another site, or a name that was bound to this machine, can do: nothing.</summary>
public sealed class CrossSiteTests : IAsyncLifetime
{
    private const string Token = "token-of-this-test-0123456789";

    private ApiHost _host = null!;

    public async Task InitializeAsync() => _host = await ApiHost.StartAsync(options =>
    {
        options.AllowHosts.Add("weft.example");
        options.AllowOrigins.Add("https://app.example");
    });

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Fact]
    public async Task A_token_that_is_off_by_one_byte_is_none()
    {
        string further = await _host.TokenAsync(["read"]);
        foreach (string token in new[] { Token, further })
        {
            for (int i = 0; i < token.Length; i++)
            {
                char other = token[i] == 'A' ? 'B' : 'A';
                await RefusedAsync(token[..i] + other + token[(i + 1)..]);
            }

            string[] wrongs = [token + "A", "A" + token, token[1..], token[..^1], token + " x", token + "="];
            foreach (string wrong in wrongs)
            {
                await RefusedAsync(wrong);
            }

            using HttpResponseMessage right = await _host.SendAsAsync(token, "GET", "/api/v1/stats");
            Assert.Equal(HttpStatusCode.OK, right.StatusCode);
        }

        await RefusedAsync(new string('x', 600));
        await RefusedAsync("é" + Token);
    }

    [Fact]
    public void Tokens_are_compared_as_digests_of_one_length()
    {
        // Fixed time cannot be shown by a clock on a shared machine; what is compared can: whole digests.
        ApiToken first = ApiToken.Find(new Weft.Server.ServerOptions { Token = Token }, _ => null);
        byte[] digest = System.Security.Cryptography.SHA256.HashData(Encoding.ASCII.GetBytes(Token));

        Assert.True(first.Matches(digest));
        for (int i = 0; i < digest.Length; i++)
        {
            byte[] wrong = [.. digest];
            wrong[i] ^= 1;
            Assert.False(first.Matches(wrong));
        }

        Assert.False(first.Matches([]));
        Assert.False(first.Matches(digest.AsSpan(1)));
        Assert.Equal("(token)", first.ToString());
    }

    [Theory]
    [InlineData("https://evil.example")]
    [InlineData("null")]
    [InlineData("http://localhost:1")]
    [InlineData("https://app.example, https://evil.example")]
    [InlineData("file://")]
    [InlineData("https://app.example.")]
    public async Task A_foreign_origin_gets_nothing_even_with_the_token(string origin)
    {
        foreach (ApiRoute route in ApiRoutes.All)
        {
            using HttpResponseMessage response = await _host.SendAsAsync(
                Token, route.Method, route.Pattern.Replace("{id}", "x").Replace("{code}", "W1004"),
                route.Traits.HasFlag(RouteTraits.TakesJson) ? "{}" : null, headers: ("Origin", origin));
            await ApiHost.ProblemAsync(response, 403, "W4103");
            Assert.False(response.Headers.Contains("Access-Control-Allow-Origin"));
        }
    }

    [Theory]
    [InlineData("evil.example")]
    [InlineData("weft.example.evil.example")]
    [InlineData("localhost.")]
    [InlineData("127.0.0.1.nip.example")]
    public async Task A_foreign_name_gets_nothing_even_with_the_token(string name)
    {
        foreach (ApiRoute route in ApiRoutes.All)
        {
            using HttpResponseMessage response = await _host.SendAsAsync(
                Token, route.Method, route.Pattern.Replace("{id}", "x").Replace("{code}", "W1004"),
                route.Traits.HasFlag(RouteTraits.TakesJson) ? "{}" : null, headers: ("Host", name));
            await ApiHost.ProblemAsync(response, 421, "W4102");
        }
    }

    [Theory]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("multipart/form-data; boundary=x")]
    [InlineData("text/plain")]
    [InlineData("text/plain;charset=UTF-8")]
    [InlineData("text/json")]
    [InlineData("application/xml")]
    [InlineData("application/jsonx")]
    [InlineData("")]
    public async Task Writes_take_JSON_only_so_that_no_form_can_send_them(string type)
    {
        foreach (ApiRoute route in ApiRoutes.All.Where(
            route => (route.Traits & (RouteTraits.TakesJson | RouteTraits.TakesBytes)) != 0))
        {
            using var content = new ByteArrayContent("{}"u8.ToArray());
            if (type.Length > 0)
            {
                content.Headers.TryAddWithoutValidation("Content-Type", type);
            }

            using var request = new HttpRequestMessage(new HttpMethod(route.Method), route.Pattern);
            request.Content = content;
            using HttpResponseMessage response = await _host.Client.SendAsync(request);
            await ApiHost.ProblemAsync(response, 415, "W1004");
        }
    }

    [Fact]
    public void Every_write_with_a_body_asks_for_JSON()
    {
        string[] bodiless = [.. ApiRoutes.All
            .Where(route => route.Method is not "GET" and not "DELETE"
                && (route.Traits & (RouteTraits.TakesJson | RouteTraits.TakesBytes)) == 0)
            .Select(route => $"{route.Method} {route.Pattern}")];

        Assert.Equal(
            [
                "POST /api/v1/conflicts", "POST /api/v1/history/prune", "POST /api/v1/log/download", "POST /api/v1/log/truncate",
                "POST /api/v1/log/recover", "POST /api/v1/log/archive", "POST /api/v1/log/verify", "POST /api/v1/blobs/verify",
                "PUT /api/v1/blobs/{id}/pin", "POST /api/v1/blobs/{id}/fetch", "POST /api/v1/dht/maintain",
                "POST /api/v1/identity/rotate", "POST /api/v1/auth/challenge",
                "POST /api/v1/verify", "POST /api/v1/repair", "POST /api/v1/maintain", "POST /api/v1/backups",
                "POST /api/v1/shutdown",
            ],
            bodiless);
        Assert.All(
            ApiRoutes.All.Where(route => route.Pattern.StartsWith("/api/", StringComparison.Ordinal)
                && !route.Traits.HasFlag(RouteTraits.Proof)),
            route => Assert.True(route.IsApi && route.Scope != Scopes.None));
        Assert.All(
            ApiRoutes.All.Where(route => !route.IsApi && !route.Traits.HasFlag(RouteTraits.Proof)),
            route => Assert.Equal("GET", route.Method));
    }

    [Theory]
    [InlineData("https://evil.example", null, 403)]
    [InlineData("null", null, 403)]
    [InlineData("file://", null, 403)]
    [InlineData("http://localhost, https://evil.example", null, 403)]
    [InlineData("https://localhost.evil.example", null, 403)]
    [InlineData(null, "evil.example", 421)]
    [InlineData("http://localhost:3000", "evil.example", 421)]
    [InlineData("http://evil.example", "evil.example", 421)]
    public async Task A_cross_site_WebSocket_is_refused(string? origin, string? host, int status)
    {
        using var socket = new ClientWebSocket();
        socket.Options.CollectHttpResponseDetails = true;
        if (origin is not null)
        {
            socket.Options.SetRequestHeader("Origin", origin);
        }

        if (host is not null)
        {
            socket.Options.SetRequestHeader("Host", host);
        }

        await Assert.ThrowsAsync<WebSocketException>(() => socket.ConnectAsync(
            new Uri($"ws://{_host.Server.Url.Authority}/gun"), CancellationToken.None));

        Assert.Equal(status, (int)socket.HttpStatusCode);
    }

    [Theory]
    [InlineData("GET /api/v1/stats HTTP/1.0\r\n", "HTTP/1.1 421")]
    [InlineData("GET /api/v1/stats HTTP/1.1\r\nHost:\r\n", "HTTP/1.1 421")]
    [InlineData("GET http://evil.example/api/v1/stats HTTP/1.1\r\nHost: localhost\r\n", "HTTP/1.1 4")]
    [InlineData("GET /api/v1/stats HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: localhost\r\n", "HTTP/1.1 421")]
    [InlineData("GET /api/v1/stats?token=" + Token + " HTTP/1.1\r\nHost: localhost\r\nCookie: token=" + Token + "\r\n",
        "HTTP/1.1 401")]
    public async Task Raw_requests_find_no_way_around(string head, string expected)
    {
        string token = expected.EndsWith("401", StringComparison.Ordinal) ? "" : $"Authorization: Bearer {Token}\r\n";
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, _host.Server.Url.Port);
        NetworkStream stream = socket.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"{head}{token}Connection: close\r\n\r\n"));
        using var reader = new StreamReader(stream);
        string answer = await reader.ReadToEndAsync();

        Assert.StartsWith(expected, answer, StringComparison.Ordinal);
        Assert.DoesNotContain(Token, answer, StringComparison.Ordinal);
    }

    private async Task RefusedAsync(string token)
    {
        using var client = new HttpClient { BaseAddress = _host.Server.Url };
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/stats");
        request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + token);
        client.DefaultRequestHeaders.ConnectionClose = false;
        HttpResponseMessage response;
        try
        {
            response = await client.SendAsync(request);
        }
        catch (HttpRequestException)
        {
            return; // The client itself sends no such header.
        }

        Assert.True(response.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.BadRequest, token);
    }
}
