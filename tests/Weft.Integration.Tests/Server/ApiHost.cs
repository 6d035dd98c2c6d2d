using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Weft.Server;
using Weft.Testing;

namespace Weft.Integration.Tests.Server;

/// <summary>A real server on a free port of loopback, and a client that has its token.</summary>
internal sealed class ApiHost : IAsyncDisposable
{
    private readonly CanaryScan _canaries;

    private ApiHost(WeftServer server, CanaryScan canaries)
    {
        Server = server;
        _canaries = canaries;
        Client = new HttpClient { BaseAddress = server.Url, Timeout = TimeSpan.FromSeconds(60) };
        Client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", server.Token);
    }

    public WeftServer Server { get; }

    public HttpClient Client { get; }

    public static async Task<ApiHost> StartAsync(Action<ServerOptions>? change = null, TimeProvider? time = null)
    {
        var options = new ServerOptions
        {
            Http = "127.0.0.1:0",
            Token = "token-of-this-test-0123456789",
            Peer = new WeftOptions { Store = WeftStoreKind.Memory, Name = "test" },
        };
        change?.Invoke(options);
        // Every test that has a server also looks for its token in everything that is logged, down to trace.
        var canaries = new CanaryScan();
        if (options.Token is { Length: >= 12 } token)
        {
            canaries.Add("the token", token);
        }

        return new ApiHost(await WeftServer.StartAsync(options, canaries.Loggers(), time), canaries);
    }

    public Task<HttpResponseMessage> SendAsync(
        string method,
        string path,
        string? json = null,
        string type = "application/json",
        params (string Name, string Value)[] headers)
    {
        var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (json is not null)
        {
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(json));
            request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        }

        foreach ((string name, string value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    /// <summary>The same request with another token; null for none.</summary>
    public async Task<HttpResponseMessage> SendAsAsync(
        string? token,
        string method,
        string path,
        string? body = null,
        string type = "application/json",
        params (string Name, string Value)[] headers)
    {
        using var client = new HttpClient { BaseAddress = Server.Url, Timeout = TimeSpan.FromSeconds(60) };
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (token is not null)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }

        if (body is not null)
        {
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
            request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        }

        foreach ((string name, string value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    /// <summary>Makes a token.</summary>
    public async Task<string> TokenAsync(string[] scopes, string prefix = "", TimeSpan? lifetime = null)
    {
        string body = JsonSerializer.Serialize(new Dictionary<string, object?>
        {
            ["name"] = "test", ["scopes"] = scopes, ["prefix"] = prefix,
            ["lifetimeMs"] = (long?)lifetime?.TotalMilliseconds,
        });
        return (await JsonAsync("POST", "/api/v1/tokens", body, 201)).GetProperty("token").GetString()!;
    }

    public async Task<JsonElement> JsonAsync(string method, string path, string? json = null, int status = 200)
    {
        using HttpResponseMessage response = await SendAsync(method, path, json);
        string body = await response.Content.ReadAsStringAsync();
        Assert.True((int)response.StatusCode == status, $"{method} {path}: {(int)response.StatusCode} {body}");
        return body.Length == 0 ? default : JsonDocument.Parse(body).RootElement.Clone();
    }

    public Task<JsonElement> PutAsync(string soul, string field, string json) =>
        JsonAsync("PUT", $"/api/v1/field?soul={Uri.EscapeDataString(soul)}&name={Uri.EscapeDataString(field)}", json);

    public async Task<string> TextAsync(string path, string? accept = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (accept is not null)
        {
            request.Headers.TryAddWithoutValidation("Accept", accept);
        }

        using HttpResponseMessage response = await Client.SendAsync(request);
        response.EnsureSuccessStatusCode();
        return await response.Content.ReadAsStringAsync();
    }

    /// <summary>Requires a problem document with this status and code.</summary>
    public static async Task<JsonElement> ProblemAsync(HttpResponseMessage response, int status, string code)
    {
        string body = await response.Content.ReadAsStringAsync();
        Assert.True(status == (int)response.StatusCode, $"{(int)response.StatusCode} {body}");
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        JsonElement problem = JsonDocument.Parse(body).RootElement.Clone();
        Assert.Equal(code, problem.GetProperty("code").GetString());
        Assert.Equal($"/errors/{code}", problem.GetProperty("type").GetString());
        Assert.Equal(status, problem.GetProperty("status").GetInt32());
        Assert.NotEqual("", problem.GetProperty("title").GetString());
        Assert.NotEqual("", problem.GetProperty("traceId").GetString());
        Assert.NotEqual(0, problem.GetProperty("try").GetArrayLength());
        return problem;
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Server.DisposeAsync();
        Assert.Empty(_canaries.Hits);
    }
}
