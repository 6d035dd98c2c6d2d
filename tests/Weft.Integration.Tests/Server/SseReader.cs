using System.Text.Json;

namespace Weft.Integration.Tests.Server;

/// <summary>One server-sent event.</summary>
internal sealed record SseEvent(string Name, JsonElement Data, string? Id)
{
    public string? Soul => Data.GetProperty("soul").GetString();

    public string Value => Data.GetProperty("value").GetRawText();
}

/// <summary>Reads server-sent events as a browser does.</summary>
internal sealed class SseReader : IDisposable
{
    private readonly HttpResponseMessage _response;
    private readonly StreamReader _lines;

    private SseReader(HttpResponseMessage response, Stream body)
    {
        _response = response;
        _lines = new StreamReader(body);
    }

    public HttpResponseMessage Response => _response;

    public string? LastId { get; private set; }

    public int Comments { get; private set; }

    public static async Task<SseReader> OpenAsync(ApiHost host, string query, string? lastId = null)
    {
        HttpResponseMessage response = lastId is null
            ? await host.SendAsync("GET", "/api/v1/watch?" + query)
            : await host.SendAsync("GET", "/api/v1/watch?" + query, headers: ("Last-Event-ID", lastId));
        response.EnsureSuccessStatusCode();
        return new SseReader(response, await response.Content.ReadAsStreamAsync());
    }

    /// <summary>The next event; null at the end.</summary>
    public async Task<SseEvent?> NextAsync()
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        string name = "message";
        string data = "";
        string? id = null;
        while (await _lines.ReadLineAsync(deadline.Token) is { } line)
        {
            if (line.Length == 0)
            {
                if (data.Length > 0)
                {
                    return new SseEvent(name, JsonDocument.Parse(data).RootElement.Clone(), id);
                }

                (name, id) = ("message", null);
            }
            else if (line[0] == ':')
            {
                Comments++;
            }
            else if (line.StartsWith("event: ", StringComparison.Ordinal))
            {
                name = line[7..];
            }
            else if (line.StartsWith("data: ", StringComparison.Ordinal))
            {
                data = line[6..];
            }
            else if (line.StartsWith("id: ", StringComparison.Ordinal))
            {
                LastId = id = line[4..];
            }
        }

        return null;
    }

    /// <summary>The next event, which must be of this kind.</summary>
    public async Task<SseEvent> NextAsync(string name)
    {
        SseEvent? next = await NextAsync();
        Assert.Equal(name, next?.Name);
        return next!;
    }

    public void Dispose()
    {
        _lines.Dispose();
        _response.Dispose();
    }
}
