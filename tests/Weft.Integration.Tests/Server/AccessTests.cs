using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Weft.Primitives;
using Weft.Server;

namespace Weft.Integration.Tests.Server;

public sealed class AccessTests : IAsyncLifetime
{
    private ApiHost _host = null!;

    public async Task InitializeAsync() => _host = await ApiHost.StartAsync(options =>
    {
        options.AllowHosts.Add("weft.example");
        options.AllowOrigins.Add("https://app.example");
    });

    public async Task DisposeAsync() => await _host.DisposeAsync();

    public static TheoryData<string, string> Resources()
    {
        var data = new TheoryData<string, string>();
        foreach ((string method, string path) in OpenApiTests.Documented())
        {
            data.Add(method, path);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Resources))]
    public async Task Everything_under_api_needs_the_token(string method, string path)
    {
        foreach (string? header in new[]
        {
            null, "", "Bearer", "Bearer ", "Bearer token-of-this-test-012345678",
            "Bearer token-of-this-test-01234567890",
            "Bearer Token-of-this-test-0123456789", "Basic dG9rZW4=", "token-of-this-test-0123456789",
        })
        {
            using var request = new HttpRequestMessage(
                new HttpMethod(method), path.Replace("{id}", "x").Replace("{code}", "W1004"));
            using var client = new HttpClient { BaseAddress = _host.Server.Url };
            if (header is not null)
            {
                request.Headers.TryAddWithoutValidation("Authorization", header);
            }

            using HttpResponseMessage response = await client.SendAsync(
                request, HttpCompletionOption.ResponseHeadersRead);
            if (path.StartsWith("/api/v1/auth/", StringComparison.Ordinal))
            {
                // Where a key proves itself to get a token: whatever the header says, a proof is asked for.
                Assert.Equal(path.EndsWith("/challenge") ? 200 : 415, (int)response.StatusCode);
            }
            else if (path.StartsWith("/api/", StringComparison.Ordinal))
            {
                await ApiHost.ProblemAsync(response, 401, "W4101");
                Assert.Equal("Bearer", response.Headers.WwwAuthenticate.Single().Scheme);
            }
            else
            {
                Assert.NotEqual(HttpStatusCode.Unauthorized, response.StatusCode);
            }
        }
    }

    [Theory]
    [InlineData("127.0.0.1:80", true)]
    [InlineData("localhost", true)]
    [InlineData("LOCALHOST:1", true)]
    [InlineData("[::1]:8765", true)]
    [InlineData("192.168.1.20", true)]
    [InlineData("weft.example:8765", true)]
    [InlineData("evil.example", false)]
    [InlineData("localhost.evil.example", false)]
    [InlineData("weft.example.evil", false)]
    [InlineData("127.0.0.1.evil.example", false)]
    public async Task Host_must_be_one_of_ours(string host, bool allowed)
    {
        foreach (string path in new[] { "/api/v1/stats", "/health/live", "/metrics", "/openapi.json", "/nowhere" })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            request.Headers.Host = host;
            using HttpResponseMessage response = await _host.Client.SendAsync(request);
            if (allowed)
            {
                Assert.NotEqual((HttpStatusCode)421, response.StatusCode);
            }
            else
            {
                await ApiHost.ProblemAsync(response, 421, "W4102");
            }
        }
    }

    [Theory]
    [InlineData("https://app.example", true)]
    [InlineData("SELF", true)]
    [InlineData("https://evil.example", false)]
    [InlineData("http://app.example", false)]
    [InlineData("https://app.example.evil", false)]
    [InlineData("http://localhost:1", false)]
    [InlineData("null", false)]
    public async Task Origin_must_be_one_of_ours(string origin, bool allowed)
    {
        string sent = origin == "SELF" ? $"http://{_host.Server.Url.Authority}" : origin;
        using HttpResponseMessage response = await _host.SendAsync("GET", "/api/v1/stats", headers: ("Origin", sent));

        if (allowed)
        {
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            Assert.Equal(origin != "SELF", response.Headers.Contains("Access-Control-Allow-Origin"));
        }
        else
        {
            await ApiHost.ProblemAsync(response, 403, "W4103");
            Assert.False(response.Headers.Contains("Access-Control-Allow-Origin"));
        }
    }

    [Fact]
    public async Task Preflight_is_answered_for_allowed_origins_only()
    {
        using HttpResponseMessage yes = await PreflightAsync("https://app.example");
        Assert.Equal(HttpStatusCode.NoContent, yes.StatusCode);
        Assert.Equal("https://app.example", yes.Headers.GetValues("Access-Control-Allow-Origin").Single());
        Assert.Contains(
            "Authorization", yes.Headers.GetValues("Access-Control-Allow-Headers").Single(), StringComparison.Ordinal);

        using HttpResponseMessage no = await PreflightAsync("https://evil.example");
        await ApiHost.ProblemAsync(no, 403, "W4103");
    }

    [Theory]
    [InlineData("GET", "/nowhere", 404)]
    [InlineData("GET", "/api/v1/nowhere", 404)]
    [InlineData("GET", "/api/v2/node", 404)]
    [InlineData("POST", "/api/v1/field", 405)]
    [InlineData("PUT", "/health/live", 405)]
    [InlineData("BREW", "/api/v1/node", 405)]
    public async Task Unknown_resource_and_wrong_method_are_problems(string method, string path, int status)
    {
        using HttpResponseMessage response = await _host.SendAsync(method, path);
        await ApiHost.ProblemAsync(response, status, "W1005");
        Assert.Equal(status == 405, response.Content.Headers.Allow.Count > 0);
    }

    [Fact]
    public async Task More_requests_than_the_limit_are_told_to_come_back()
    {
        await using ApiHost small = await ApiHost.StartAsync(options => options.WatchesMax = 1);
        using HttpResponseMessage first = await small.SendAsync("GET", "/api/v1/watch?prefix=");
        using HttpResponseMessage second = await small.SendAsync("GET", "/api/v1/watch?prefix=");

        Assert.Equal(HttpStatusCode.OK, first.StatusCode);
        JsonElement problem = await ApiHost.ProblemAsync(second, 429, "W5103");
        Assert.Equal(1, problem.GetProperty("retryAfterSeconds").GetInt32());
        Assert.Equal(TimeSpan.FromSeconds(1), second.Headers.RetryAfter?.Delta);
    }

    [Theory]
    [InlineData("GET /api/v1/stats HTTP/1.1\r\n\r\n")]
    [InlineData("GET /api/v1/stats HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")]
    [InlineData("GET \u0001 HTTP/1.1\r\nHost: localhost\r\n\r\n")]
    [InlineData("\u0016\u0003\u0001\u0002")]
    [InlineData("GET /api/v1/field?soul=%00%zz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")]
    [InlineData("PUT /api/v1/field HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n")]
    [InlineData("PUT /api/v1/field HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n")]
    public async Task Broken_requests_end_their_connection_and_nothing_else(string request)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, _host.Server.Url.Port);
        NetworkStream stream = socket.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(request));
        socket.Client.Shutdown(SocketShutdown.Send);
        using var reader = new StreamReader(stream);
        string answer = await reader.ReadToEndAsync();

        Assert.True(answer.Length == 0 || answer.StartsWith("HTTP/1.1 4", StringComparison.Ordinal), answer);
        using HttpResponseMessage alive = await _host.SendAsync("GET", "/api/v1/stats");
        Assert.Equal(HttpStatusCode.OK, alive.StatusCode);
    }

    [Fact]
    public async Task Token_file_is_made_once_and_only_for_its_owner()
    {
        string folder = Directory.CreateTempSubdirectory("weft-token-").FullName;
        try
        {
            string file = Path.Combine(folder, "deep", "token");
            await using (ApiHost first = await ApiHost.StartAsync(
                options => (options.Token, options.TokenFile) = (null, file)))
            {
                Assert.Equal(file, first.Server.TokenFile);
                Assert.Equal(43, first.Server.Token.Length);
                Assert.Equal(first.Server.Token, (await File.ReadAllTextAsync(file)).Trim());
                if (!OperatingSystem.IsWindows())
                {
                    Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
                    File.SetUnixFileMode(file, (UnixFileMode)0b110_100_100);
                }

                Assert.Equal(HttpStatusCode.OK, (await first.SendAsync("GET", "/api/v1/stats")).StatusCode);
            }

            string token = (await File.ReadAllTextAsync(file)).Trim();
            await using ApiHost second = await ApiHost.StartAsync(
                options => (options.Token, options.TokenFile) = (null, file));
            Assert.Equal(token, second.Server.Token);
            if (!OperatingSystem.IsWindows())
            {
                Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData("80800", WeftError.AddressInvalid, "\"80800\" is not a port")]
    [InlineData("127.0.0.1:65536", WeftError.AddressInvalid, "65536")]
    [InlineData("nowhere.example:1", WeftError.AddressInvalid, "nowhere.example:1")]
    [InlineData("", WeftError.AddressInvalid, "not a port")]
    public async Task Address_that_is_none_is_refused(string http, WeftError error, string text)
    {
        WeftException refused = await Assert.ThrowsAsync<WeftException>(
            () => ApiHost.StartAsync(options => options.Http = http));

        Assert.Equal(error, refused.Error);
        Assert.Contains(text, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Taken_port_is_named()
    {
        WeftException refused = await Assert.ThrowsAsync<WeftException>(
            () => ApiHost.StartAsync(options => options.Http = $"127.0.0.1:{_host.Server.Url.Port}"));

        Assert.Equal(WeftError.PortTaken, refused.Error);
        Assert.Contains(_host.Server.Url.Port.ToString(), refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Broken_options_say_key_value_and_what_is_allowed()
    {
        (Action<ServerOptions> Change, string Key, string Value)[] cases =
        [
            (options => options.RequestsMax = 0, "Weft:RequestsMax", "0"),
            (options => options.Peer.MemoryMiB = 8, "Weft:MemoryMiB", "8"),
            (options => options.Peer.Peers.Add("ftp://x"), "Weft:Peers", "ftp://x"),
            (options => options.AllowOrigins.Add("app.example"), "Weft:AllowOrigins", "app.example"),
            (options => options.AllowHosts.Add("a b"), "Weft:AllowHosts", "a b"),
            (options => options.TlsKeyFile = "key.pem", "Weft:TlsCertificateFile", ""),
            (options => options.OtlpEndpoint = "nowhere", "Weft:OtlpEndpoint", "nowhere"),
            (options => options.Peer.Name = "", "Weft:Name", ""),
        ];
        foreach ((Action<ServerOptions> change, string key, string value) in cases)
        {
            WeftException refused = Assert.ThrowsAsync<WeftException>(
                () => ApiHost.StartAsync(change)).GetAwaiter().GetResult();
            Assert.Contains(key, refused.Message, StringComparison.Ordinal);
            Assert.Contains(value, refused.Message, StringComparison.Ordinal);
            Assert.Contains("allowed:", refused.Message, StringComparison.Ordinal);
        }
    }

    private async Task<HttpResponseMessage> PreflightAsync(string origin)
    {
        using var client = new HttpClient { BaseAddress = _host.Server.Url };
        using var request = new HttpRequestMessage(HttpMethod.Options, "/api/v1/field");
        request.Headers.TryAddWithoutValidation("Origin", origin);
        request.Headers.TryAddWithoutValidation("Access-Control-Request-Method", "PUT");
        return await client.SendAsync(request);
    }
}
