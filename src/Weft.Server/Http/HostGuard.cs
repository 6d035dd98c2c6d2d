using System.Net;
using Microsoft.AspNetCore.Http;
using Weft.Primitives;

namespace Weft.Server.Http;

/// <summary>
/// Keeps pages of other sites out. A node on loopback is reachable for every page in a browser on the same machine: by
/// cross-site requests, which carry an Origin, and by DNS rebinding, which carries the attacker's Host.
/// </summary>
internal sealed class HostGuard(ServerOptions options)
{
    private readonly HashSet<string> _hosts = new(options.AllowHosts, StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<string> _origins = new(options.AllowOrigins, StringComparer.OrdinalIgnoreCase);

    /// <summary>Refuses a request under a foreign name or from a foreign page.</summary>
    /// <exception cref="ApiException">HostRefused or OriginRefused.</exception>
    internal void Check(HttpContext context)
    {
        CheckHost(context);
        if (context.Request.Headers.Origin is not { Count: > 0 } origins)
        {
            return;
        }

        string origin = origins.ToString();
        if (_origins.Contains(origin))
        {
            context.Response.Headers.AccessControlAllowOrigin = origin;
            context.Response.Headers.AccessControlExposeHeaders = "ETag, Weft-Source, Retry-After, Idempotent-Replay";
            context.Response.Headers.Vary = "Origin";
        }
        else if (!string.Equals(
            origin, $"{context.Request.Scheme}://{context.Request.Host.Value}", StringComparison.OrdinalIgnoreCase))
        {
            throw new ApiException(
                WeftError.OriginRefused, $"Pages of \"{LogText.Clean(origin)}\" may not use this node.");
        }
    }

    /// <summary>Refuses a request under a foreign name.</summary>
    /// <exception cref="ApiException">HostRefused.</exception>
    internal void CheckHost(HttpContext context)
    {
        string host = context.Request.Host.Host;
        if (!IsOwnHost(host))
        {
            throw new ApiException(
                WeftError.HostRefused, $"\"{LogText.Clean(host)}\" is none of the names this node is served under.");
        }
    }

    /// <summary>Answers the question a browser asks before a cross-origin request.</summary>
    /// <returns>True when it was one.</returns>
    internal bool AnswersPreflight(HttpContext context, ApiRoute[] methods)
    {
        IHeaderDictionary headers = context.Request.Headers;
        if (!HttpMethods.IsOptions(context.Request.Method) || headers.AccessControlRequestMethod.Count == 0
            || methods.Length == 0 || headers.Origin.Count == 0 || !_origins.Contains(headers.Origin.ToString()))
        {
            return false;
        }

        context.Response.StatusCode = StatusCodes.Status204NoContent;
        context.Response.Headers.AccessControlAllowMethods = string.Join(", ", methods.Select(route => route.Method));
        context.Response.Headers.AccessControlAllowHeaders =
            "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, Last-Event-ID";
        context.Response.Headers.AccessControlMaxAge = "600";
        return true;
    }

    private bool IsOwnHost(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || IPAddress.TryParse(host.AsSpan().Trim("[]"), out _)
        || _hosts.Contains(host);
}
