using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Weft.Primitives;

namespace Weft.Server.Http;

/// <summary>Writes problem documents (RFC 9457) from the error catalogue.</summary>
internal static class Problem
{
    internal static readonly JsonWriterOptions JsonOptions = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // Served as JSON, never inside a page.
        SkipValidation = true,
    };

    /// <summary>Answers with a problem.</summary>
    public static async Task WriteAsync(HttpContext context, ApiException problem)
    {
        ErrorEntry entry = ErrorCatalogue.Find(problem.Error);
        int status = problem.Status ?? entry.HttpStatus;
        HttpResponse response = context.Response;
        KeepHeadersForErrors(response);
        response.StatusCode = status;
        response.ContentType = "application/problem+json";
        response.Headers.CacheControl = "no-store";
        int retryAfter = RetryAfterSeconds(status, entry);
        if (retryAfter > 0)
        {
            response.Headers.RetryAfter = new StringValues(
                retryAfter.ToString(System.Globalization.CultureInfo.InvariantCulture));
        }

        if (status == StatusCodes.Status401Unauthorized)
        {
            response.Headers.WWWAuthenticate = "Bearer realm=\"weft\"";
        }

        if (HttpMethods.IsHead(context.Request.Method))
        {
            return;
        }

        using var json = new Utf8JsonWriter(response.BodyWriter, JsonOptions);
        Write(json, problem, entry, status, retryAfter, TraceId(context));
        json.Flush();
        await response.BodyWriter.FlushAsync(context.RequestAborted);
    }

    /// <summary>The id under which this request stands in the log.</summary>
    public static string TraceId(HttpContext context) =>
        System.Diagnostics.Activity.Current?.TraceId.ToHexString() ?? context.TraceIdentifier;

    private static void Write(
        Utf8JsonWriter json, ApiException problem, ErrorEntry entry, int status, int retryAfter, string traceId)
    {
        json.WriteStartObject();
        json.WriteString("type", $"/errors/{problem.Code}");
        json.WriteString("title", entry.Title);
        json.WriteNumber("status", status);
        json.WriteString("code", problem.Code);
        json.WriteBoolean("transient", entry.IsTransient);
        json.WriteString("detail", problem.Message);
        json.WriteStartArray("try");
        foreach (string advice in entry.Try)
        {
            json.WriteStringValue(advice);
        }

        json.WriteEndArray();
        if (retryAfter > 0)
        {
            json.WriteNumber("retryAfterSeconds", retryAfter);
        }

        if (problem.ReadStatus is { } read)
        {
            json.WriteString("readStatus", read);
            json.WriteNumber("peersAsked", problem.PeersAsked);
        }

        if (problem.Line > 0)
        {
            json.WriteNumber("line", problem.Line);
        }

        json.WriteString("traceId", traceId);
        if (problem.Path is { } path)
        {
            json.WriteStartObject("errors");
            json.WriteStartArray(path);
            json.WriteStringValue(problem.Message);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    // What was meant for the good answer must not stand on the bad one; what allows a page to read it must.
    private static void KeepHeadersForErrors(HttpResponse response)
    {
        IHeaderDictionary headers = response.Headers;
        headers.Remove("ETag");
        headers.Remove("Weft-Source");
        headers.ContentLength = null;
    }

    private static int RetryAfterSeconds(int status, ErrorEntry entry) => status switch
    {
        StatusCodes.Status429TooManyRequests => 1,
        StatusCodes.Status503ServiceUnavailable when entry.IsTransient => 2,
        StatusCodes.Status507InsufficientStorage => 30,
        _ => 0,
    };
}
