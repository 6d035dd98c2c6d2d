using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Weft.Primitives;
using Weft.Server.Http;

namespace Weft.Server.Api;

/// <summary>What needs no token: health, metrics, the OpenAPI document and the error pages.</summary>
internal static class OpenPages
{
    private static readonly Lazy<byte[]> OpenApi = new(() =>
    {
        using Stream resource = typeof(OpenPages).Assembly.GetManifestResourceStream("openapi.json")
            ?? throw new InvalidOperationException("The OpenAPI document is not in the assembly.");
        using var copy = new MemoryStream();
        resource.CopyTo(copy);
        return copy.ToArray();
    });

    internal static Task RootAsync(ApiCall call) => TextAsync(call, "text/html; charset=utf-8", Page(
        "A weft node",
        """
        <ul>
        <li><code>/gun</code> takes gun.js apps: <code>Gun(location.origin + '/gun')</code></li>
        <li><code>/api/v1</code> is the HTTP interface: <a href="/openapi.json">OpenAPI</a></li>
        <li><a href="/health/ready">health</a>, <a href="/metrics">metrics</a>, <a href="/errors">errors</a></li>
        </ul>
        """));

    internal static Task LiveAsync(ApiCall call) => HealthAsync(call, []);

    internal static Task ReadyAsync(ApiCall call) =>
        HealthAsync(
            call, call.Server.Stopping.IsCancellationRequested ? ["stopping"] : WeftHealth.ReasonsNotReady(call.Peer));

    internal static Task SyncedAsync(ApiCall call) => HealthAsync(call, WeftHealth.ReasonsNotSynced(call.Peer));

    internal static Task MetricsAsync(ApiCall call) =>
        TextAsync(call, "text/plain; version=0.0.4; charset=utf-8", call.Server.MetricsOf(call.Peer).Write());

    internal static async Task OpenApiAsync(ApiCall call)
    {
        call.Response.ContentType = "application/json";
        call.Response.ContentLength = OpenApi.Value.Length;
        await call.Response.BodyWriter.WriteAsync(OpenApi.Value, call.Aborted);
    }

    internal static Task ErrorsAsync(ApiCall call)
    {
        var page = new StringBuilder();
        foreach (ErrorEntry entry in ErrorCatalogue.All)
        {
            string code = ErrorCatalogue.Code(entry.Error);
            page.Append(
                CultureInfo.InvariantCulture, $"<li><a href=\"/errors/{code}\">{code}</a> {Html(entry.Title)}</li>\n");
        }

        return TextAsync(call, "text/html; charset=utf-8", Page("Errors of weft", $"<ul>\n{page}</ul>"));
    }

    internal static Task ErrorAsync(ApiCall call)
    {
        string? code = call.Request.RouteValues["code"] as string;
        ErrorEntry entry = (code is null ? null : ErrorCatalogue.Find(code))
            ?? throw new ApiException(WeftError.RouteUnknown, $"There is no error \"{LogText.Clean(code)}\".");
        return call.Accepts("application/json")
            ? call.AnswerAsync(StatusCodes.Status200OK, json => WriteError(json, entry))
            : TextAsync(call, "text/html; charset=utf-8", ErrorPage(entry));
    }

    private static Task HealthAsync(ApiCall call, IReadOnlyList<string> reasons) => call.AnswerAsync(
        reasons.Count == 0 ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable,
        json =>
        {
            json.WriteStartObject();
            json.WriteString("status", reasons.Count == 0 ? "ok" : "unavailable");
            json.WriteStartArray("reasons");
            foreach (string reason in reasons)
            {
                json.WriteStringValue(reason);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        });

    private static void WriteError(Utf8JsonWriter json, ErrorEntry entry)
    {
        json.WriteStartObject();
        json.WriteString("code", ErrorCatalogue.Code(entry.Error));
        json.WriteString("title", entry.Title);
        json.WriteNumber("status", entry.HttpStatus);
        json.WriteBoolean("transient", entry.IsTransient);
        json.WriteString("cause", entry.Cause);
        json.WriteStartArray("try");
        foreach (string advice in entry.Try)
        {
            json.WriteStringValue(advice);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static string ErrorPage(ErrorEntry entry)
    {
        string code = ErrorCatalogue.Code(entry.Error);
        string advice = string.Concat(entry.Try.Select(text => $"<li><code>{Html(text)}</code></li>\n"));
        string again = entry.IsTransient
            ? "The same call may succeed later without a change."
            : "Repeating it will not help.";
        return Page(
            $"{code}: {entry.Title}",
            $"<p>{Html(entry.Cause)}</p>\n<p>{again}</p>\n<h2>Try</h2>\n<ul>\n{advice}</ul>\n"
            + "<p><a href=\"/errors\">All errors</a></p>");
    }

    private static string Page(string title, string body) =>
        $"<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{Html(title)}</title></head>\n"
        + $"<body><h1>{Html(title)}</h1>\n{body}\n</body></html>\n";

    private static string Html(string text) => WebUtility.HtmlEncode(text);

    private static async Task TextAsync(ApiCall call, string type, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        call.Response.ContentType = type;
        call.Response.ContentLength = bytes.Length;
        call.Response.Headers.CacheControl = "no-store";
        call.Response.Headers.XContentTypeOptions = "nosniff";
        call.Response.Headers.ContentSecurityPolicy = "default-src 'none'";
        if (!HttpMethods.IsHead(call.Request.Method))
        {
            await call.Response.BodyWriter.WriteAsync(bytes, call.Aborted);
        }
    }
}
