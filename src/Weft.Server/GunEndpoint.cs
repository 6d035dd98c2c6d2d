using System.Net;
using System.Net.WebSockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Weft.Node.Gun;
using Weft.Primitives;

namespace Weft.Server;

/// <summary>When the GUN endpoint compresses messages, for clients that offer permessage-deflate.</summary>
public enum GunCompression
{
    /// <summary>For clients on other machines: on one machine it only costs time.</summary>
    Remote = 0,

    /// <summary>For every client that offers it.</summary>
    Always,

    /// <summary>Never.</summary>
    Never,
}

/// <summary>How /gun accepts connections.</summary>
public sealed class GunEndpointOptions
{
    /// <summary>
    /// Origins whose pages may connect, for example "https://app.example". Loopback origins always may.
    /// </summary>
    public IList<string> AllowOrigins { get; set; } = [];

    /// <summary>When messages are compressed. What comes in is never inflated beyond the frame limit.</summary>
    public GunCompression Compression { get; set; }

    /// <summary>Silence after which a client is pinged. Default: 15 s.</summary>
    public TimeSpan KeepAliveInterval { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>How long it may take to answer before it counts as gone. Default: 15 s.</summary>
    public TimeSpan KeepAliveTimeout { get; set; } = TimeSpan.FromSeconds(15);
}

/// <summary>Accepts GUN's WebSockets and hands them to the driver; it decides only who may connect.</summary>
public static class GunEndpoint
{
    /// <summary>Where gun.js looks by default.</summary>
    public const string Path = "/gun";

    /// <summary>Maps /gun. The application must use WebSockets before routing.</summary>
    /// <param name="endpoints">The application's routes.</param>
    /// <param name="driver">Finds the driver of the node; null while there is none.</param>
    /// <param name="options">Who may connect, and how.</param>
    public static IEndpointConventionBuilder MapGun(
        this IEndpointRouteBuilder endpoints, Func<GunDriver?> driver, GunEndpointOptions options) =>
        endpoints.Map(Path, context => ServeAsync(context, driver(), options));

    /// <summary>True when a page of this origin may connect: a loopback address, or one that was allowed.</summary>
    /// <param name="origin">The header; null or empty for clients that are no pages.</param>
    /// <param name="allowed">Origins that were allowed.</param>
    public static bool IsAllowed(string? origin, IEnumerable<string> allowed)
    {
        if (string.IsNullOrEmpty(origin) || allowed.Contains(origin, StringComparer.OrdinalIgnoreCase))
        {
            return true;
        }

        return Uri.TryCreate(origin, UriKind.Absolute, out Uri? uri)
            && uri.Scheme is "http" or "https"
            && (uri.Host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
                || (IPAddress.TryParse(
                    uri.Host.Trim('[', ']'), out IPAddress? address) && IPAddress.IsLoopback(address)));
    }

    private static async Task ServeAsync(HttpContext context, GunDriver? driver, GunEndpointOptions options)
    {
        if (!IsAllowed(context.Request.Headers.Origin, options.AllowOrigins))
        {
            await RefuseAsync(context, WeftError.OriginRefused);
            return;
        }

        if (driver is null or { Failure: not null })
        {
            await RefuseAsync(context, WeftError.NodeUnavailable);
            return;
        }

        if (!context.WebSockets.IsWebSocketRequest)
        {
            context.Response.Headers.Upgrade = "websocket";
            context.Response.StatusCode = StatusCodes.Status426UpgradeRequired;
            context.Response.ContentType = "text/plain";
            await context.Response.WriteAsync("GUN is served here over WebSocket: Gun('http://HOST:PORT/gun').\n");
            return;
        }

        IPAddress? remote = context.Connection.RemoteIpAddress;
        bool isLocal = remote is null || IPAddress.IsLoopback(remote);
        using WebSocket socket = await context.WebSockets.AcceptWebSocketAsync(new WebSocketAcceptContext
        {
            // Without context from message to message: memory stays flat, and messages cannot leak into each other.
            DangerousEnableCompression = options.Compression == GunCompression.Always
                || (options.Compression == GunCompression.Remote && !isLocal),
            DisableServerContextTakeover = true,
            KeepAliveInterval = options.KeepAliveInterval,
            KeepAliveTimeout = options.KeepAliveTimeout,
        });
        string address = $"{remote}:{context.Connection.RemotePort}";
        await driver.RunConnectionAsync(socket, new GunConnectionInfo(address), context.RequestAborted);
    }

    private static async Task RefuseAsync(HttpContext context, WeftError error)
    {
        ErrorEntry entry = ErrorCatalogue.Find(error);
        context.Response.StatusCode = entry.HttpStatus;
        context.Response.ContentType = "text/plain";
        await context.Response.WriteAsync($"{ErrorCatalogue.Code(error)} {entry.Title}. {entry.Cause}\n");
    }
}
