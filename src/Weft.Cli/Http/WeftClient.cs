using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Primitives;

namespace Weft.Cli.Http;

/// <summary>Speaks HTTP with a node. Every failure leaves as a <see cref="CliException"/> with its number.</summary>
internal sealed class WeftClient : IDisposable
{
    private const int ProblemBytesMax = 256 * 1024;
    private const string Base = "api/v1/";

    private readonly HttpClient _http;
    private TimeSpan? _timeout;
    private readonly Action<string> _trace;

    /// <summary>Makes a client; it connects with the first request.</summary>
    /// <param name="url">The node.</param>
    /// <param name="token">Its API token, or null.</param>
    /// <param name="timeout">How long one answer may take; null for as long as it takes.</param>
    /// <param name="trace">Takes one line per request.</param>
    /// <param name="trust">Certificates to trust beside the system's; null for none.</param>
    /// <param name="handler">What carries the requests instead of sockets, in tests.</param>
    public WeftClient(
        Uri url,
        string? token,
        TimeSpan? timeout,
        Action<string>? trace = null,
        TlsTrust? trust = null,
        HttpMessageHandler? handler = null)
    {
        Url = url.AbsoluteUri.EndsWith('/') ? url : new Uri(url.AbsoluteUri + "/");
        _timeout = timeout;
        _trace = trace ?? (_ => { });
        _http = new HttpClient(handler ?? Sockets(trust))
        {
            BaseAddress = Url, Timeout = System.Threading.Timeout.InfiniteTimeSpan,
        };
        _http.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("weft-cli", AppVersion.Short));
        if (token is not null)
        {
            _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }
    }

    /// <summary>The node, with a slash at the end.</summary>
    public Uri Url { get; }

    /// <summary>
    /// Lets the node end what it was given a deadline for, and say how far it came, before the answer counts as missing.
    /// </summary>
    public void WaitForDeadline() => _timeout += TimeSpan.FromSeconds(10);

    /// <summary>A path below <c>/api/v1/</c> with its query; values are escaped, null ones are left out.</summary>
    public static string Path(string resource, params (string Name, string? Value)[] query)
    {
        var path = new StringBuilder(Base).Append(resource);
        char mark = '?';
        foreach ((string name, string? value) in query)
        {
            if (value is not null)
            {
                path.Append(mark).Append(name).Append('=').Append(Uri.EscapeDataString(value));
                mark = '&';
            }
        }

        return path.ToString();
    }

    private static SocketsHttpHandler Sockets(TlsTrust? trust)
    {
        var handler = new SocketsHttpHandler
        {
            ConnectTimeout = TimeSpan.FromSeconds(10),
            UseCookies = false,
            AllowAutoRedirect = false, // A token must not follow a redirect to another host.
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
        };
        if (trust is not null)
        {
            handler.SslOptions.RemoteCertificateValidationCallback = trust.IsTrusted;
        }

        return handler;
    }

    /// <summary>Gets one JSON document.</summary>
    public Task<JsonDocument> GetAsync(string path, CancellationToken cancellationToken) =>
        ReadJsonAsync(HttpMethod.Get, path, null, cancellationToken);

    /// <summary>Sends JSON and gets one JSON document.</summary>
    public Task<JsonDocument> SendAsync(
        HttpMethod method,
        string path,
        ReadOnlyMemory<byte> json,
        CancellationToken cancellationToken,
        string mediaType = "application/json") =>
        ReadJsonAsync(method, path, new BytesContent(json, mediaType), cancellationToken);

    /// <summary>Sends a request without a body and gets one JSON document.</summary>
    public Task<JsonDocument> SendAsync(HttpMethod method, string path, CancellationToken cancellationToken) =>
        ReadJsonAsync(method, path, null, cancellationToken);

    /// <summary>Sends any request; the answer's body is still to be read. A problem becomes an exception.</summary>
    /// <param name="method">The verb.</param>
    /// <param name="path">Made by <see cref="Path"/>, or a path from the root such as <c>health/ready</c>.</param>
    /// <param name="content">The body, or null.</param>
    /// <param name="accept">The media type wanted, or null.</param>
    /// <param name="headers">Further headers.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public async Task<HttpResponseMessage> OpenAsync(
        HttpMethod method,
        string path,
        HttpContent? content,
        string? accept,
        CancellationToken cancellationToken,
        params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        if (accept is not null)
        {
            request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue(accept));
        }

        foreach ((string name, string value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        HttpResponseMessage answer = await WithDeadlineAsync(
            token => _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, token), cancellationToken);
        _trace($"{method} /{path} -> {(int)answer.StatusCode}");
        if (answer.IsSuccessStatusCode && content is not BytesContent { Cut: not null })
        {
            return answer;
        }

        using (answer)
        {
            throw answer.IsSuccessStatusCode
                ? Unreachable(((BytesContent)content!).Cut!) // It cannot have taken what it never got.
                : await WithDeadlineAsync(token => ReadProblemAsync(answer, token), cancellationToken);
        }
    }

    public void Dispose() => _http.Dispose();

    private static async Task<CliException> ReadProblemAsync(
        HttpResponseMessage answer, CancellationToken cancellationToken)
    {
        byte[] body = new byte[ProblemBytesMax];
        int length;
        await using (Stream stream = await answer.Content.ReadAsStreamAsync(cancellationToken))
        {
            length = await stream.ReadAtLeastAsync(body, body.Length, throwOnEndOfStream: false, cancellationToken);
        }

        return Problem.ToException((int)answer.StatusCode, body.AsMemory(0, length));
    }

    private async Task<JsonDocument> ReadJsonAsync(
        HttpMethod method, string path, HttpContent? content, CancellationToken cancellationToken)
    {
        using HttpResponseMessage answer =
            await OpenAsync(method, path, content, "application/json", cancellationToken);
        try
        {
            return await WithDeadlineAsync(
                async token =>
                {
                    await using Stream body = await answer.Content.ReadAsStreamAsync(token);
                    return await JsonDocument.ParseAsync(body, default, token);
                },
                cancellationToken);
        }
        catch (JsonException error)
        {
            throw new CliException(
                WeftError.RequestMalformed, $"the answer of {Url} is not JSON; is that a weft node?", error)
            {
                Try = ["weft status", "weft doctor"],
            };
        }
    }

    private async Task<T> WithDeadlineAsync<T>(
        Func<CancellationToken, Task<T>> run, CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        if (_timeout is { } timeout)
        {
            deadline.CancelAfter(timeout);
        }

        try
        {
            return await run(deadline.Token);
        }
        catch (Exception error) when (cancellationToken.IsCancellationRequested
            && error is OperationCanceledException or HttpRequestException or IOException)
        {
            // Its connection was ended on purpose; what it says of that is no failure of its own.
            throw new OperationCanceledException(error.Message, error, cancellationToken);
        }
        catch (OperationCanceledException error)
        {
            throw new CliException(
                WeftError.DeadlinePassed, $"{Url} did not answer within {Units.Duration(_timeout ?? default)}", error);
        }
        catch (HttpRequestException error)
        {
            throw Unreachable(error);
        }
        catch (IOException error)
        {
            throw Unreachable(error);
        }
    }

    private CliException Unreachable(Exception error)
    {
        string why = error.InnerException is SocketException { SocketErrorCode: SocketError.ConnectionRefused }
            ? ""
            : $" ({(error.InnerException ?? error).Message})";
        return new CliException(
            WeftError.NodeUnreachable, $"no node answers at {Url.AbsoluteUri.TrimEnd('/')}{why}", error);
    }
}
