using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Weft.Primitives;
using Weft.Server.Http;

namespace Weft.Server;

/// <summary>A peer that serves HTTP and GUN on one port: what <c>weft up</c> runs.</summary>
public sealed class WeftServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ApiServer _api;
    private readonly ILogger _logger;
    private readonly OtlpExport? _export;
    private int _stopped;

    private WeftServer(
        WebApplication app, ApiServer api, WeftPeer peer, Uri url, ILogger logger, OtlpExport? export)
    {
        _export = export;
        _app = app;
        _api = api;
        _logger = logger;
        Peer = peer;
        Url = url;
    }

    /// <summary>The peer it serves.</summary>
    public WeftPeer Peer { get; }

    /// <summary>Where it really listens, in a form that a client on this machine can use.</summary>
    public Uri Url { get; }

    /// <summary>The file that holds the API token; null when the token came from an option or a variable.</summary>
    public string? TokenFile => _api.Token.File;

    /// <summary>The API token, for clients in this process. Never print it.</summary>
    public string Token => _api.Token.Value;

    /// <summary>Completes when a client asked the node to stop (POST /api/v1/shutdown).</summary>
    public Task StopRequested => _api.StopRequested;

    /// <summary>Starts the peer and serves it. It is ready when the task completes.</summary>
    /// <param name="options">Checked here, before any effect.</param>
    /// <param name="loggers">Where to log; null for nowhere.</param>
    /// <param name="time">Clock and timers; null for the system's.</param>
    /// <param name="cancellationToken">Stops the start; nothing stays open.</param>
    /// <exception cref="WeftException">
    /// Usage, AddressInvalid, PortTaken, FolderLocked, FolderUnusable, FormatNewer, FileDamaged.
    /// </exception>
    public static async Task<WeftServer> StartAsync(
        ServerOptions options,
        ILoggerFactory? loggers = null,
        TimeProvider? time = null,
        CancellationToken cancellationToken = default)
    {
        ServerOptionsRules.ThrowIfInvalid(options);
        loggers ??= NullLoggerFactory.Instance;
        time ??= TimeProvider.System;
        WeftPeer peer = await WeftPeer.StartAsync(options.Peer, null, time, loggers, cancellationToken);
        WebApplication? app = null;
        ApiServer? api = null;
        try
        {
            ApiToken token = ApiToken.Find(options, Environment.GetEnvironmentVariable);
            ILogger logger = loggers.CreateLogger("Weft.Server");
            api = new ApiServer(() => peer, options, token, time, logger);
            api.MetricsOf(peer); // Listens from the start, so that the page counts everything.
            app = Build(options, loggers, api);
            await ListenAsync(app, options, cancellationToken);
            // Asked here and not there, so that its assemblies are loaded only when they are needed.
            OtlpExport? export = options.OtlpEndpoint is null ? null : OtlpExport.Start(options);
            var server = new WeftServer(app, api, peer, UrlOf(app), logger, export);
            RunInfo.Write(options.Peer, server);
            ServerLog.Listening(logger, server.Url.ToString(), token.File ?? "no file");
            return server;
        }
        catch
        {
            api?.Dispose();
            if (app is not null)
            {
                await app.DisposeAsync();
            }

            await peer.DisposeAsync();
            throw;
        }
    }

    /// <summary>
    /// Stops cleanly: watches and peers are told, requests in flight end, everything accepted is durable.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _stopped, 1) != 0)
        {
            return;
        }

        long started = _api.Time.GetTimestamp();
        _api.BeginStop();
        Task links = Peer.Gun.DisposeAsync().AsTask(); // Its connections are requests in flight to the web host.
        using (var deadline = new CancellationTokenSource(_api.Options.StopTimeout, _api.Time))
        {
            try
            {
                await _app.StopAsync(deadline.Token);
            }
            catch (OperationCanceledException)
            {
                // Requests in flight had their time; their connections are closed with the application.
            }
        }

        await links;
        await _app.DisposeAsync();
        await Peer.DisposeAsync();
        _api.Dispose();
        if (_export is not null)
        {
            await Task.Run(_export.Dispose); // Blocks for up to a second.
        }

        ServerLog.Stopped(_logger, (long)_api.Time.GetElapsedTime(started).TotalMilliseconds);
    }

    private static WebApplication Build(ServerOptions options, ILoggerFactory loggers, ApiServer api)
    {
        // The empty builder: no files are read or watched, no variables of ASP.NET's own change what is served.
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddRoutingCore();
        builder.Services.Replace(ServiceDescriptor.Singleton<ILoggerFactory>(new HostLoggers(loggers)));
        builder.Services.Replace(ServiceDescriptor.Singleton<IHostLifetime, NoLifetime>());
        ServerKestrel.Configure(builder.WebHost, options, loggers.CreateLogger("Weft.Connections"));
        WebApplication app = builder.Build();
        app.UseWebSockets();
        app.UseRouting();
        WeftEndpointExtensions.Map(app, api);
        app.MapFallback("{*path}", api.ServeUnknownAsync);
        return app;
    }

    private static async Task ListenAsync(
        WebApplication app, ServerOptions options, CancellationToken cancellationToken)
    {
        try
        {
            await app.StartAsync(cancellationToken);
        }
        catch (Exception failure) when (SocketErrorOf(failure) is SocketError error)
        {
            throw error switch
            {
                SocketError.AddressAlreadyInUse => new WeftException(
                    WeftError.PortTaken,
                    $"Cannot listen on {options.Http}: the port is in use. Nothing was changed.",
                    failure),
                SocketError.AccessDenied => new WeftException(
                    WeftError.AddressInvalid,
                    $"Cannot listen on {options.Http}: this user may not use the port.",
                    failure),
                _ => new WeftException(
                    WeftError.AddressInvalid, $"Cannot listen on {options.Http}: {error}.", failure),
            };
        }
    }

    // Judged by number, never by message text.
    private static SocketError? SocketErrorOf(Exception failure)
    {
        for (Exception? at = failure; at is not null; at = at.InnerException)
        {
            if (at is SocketException socket)
            {
                return socket.SocketErrorCode;
            }

            if (at is Microsoft.AspNetCore.Connections.AddressInUseException)
            {
                return SocketError.AddressAlreadyInUse;
            }
        }

        return null;
    }

    private static Uri UrlOf(WebApplication app)
    {
        IFeatureCollection features = app.Services.GetRequiredService<IServer>().Features;
        string address = features.Get<IServerAddressesFeature>()!.Addresses.First();
        var url = new UriBuilder(address);
        if (url.Host is "0.0.0.0" or "[::]" or "::")
        {
            url.Host = "127.0.0.1"; // Every address includes this one, and nobody can dial "every address".
        }

        return url.Uri;
    }

    // The process has its own way to stop; the web host must not catch signals.
    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
