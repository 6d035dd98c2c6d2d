using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Weft.Server.Api;
using Weft.Server.Http;

namespace Weft.Server;

/// <summary>Serves a peer from an ASP.NET Core application.</summary>
public static class WeftEndpointExtensions
{
    /// <summary>
    /// Maps /api/v1, /gun, /health, /metrics, /openapi.json and /errors for the peer that <c>AddWeft</c> added. Checks
    /// of host, origin and token come with them; limits of connections and headers are the host's own.
    /// </summary>
    /// <param name="app">The application.</param>
    /// <param name="options">Null reads section "Weft" of the configuration.</param>
    /// <returns>The application.</returns>
    /// <exception cref="Primitives.WeftException">
    /// An option is out of bounds, or the token file cannot be used.
    /// </exception>
    public static WebApplication MapWeft(this WebApplication app, ServerOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(app);
        if (options is null)
        {
            options = new ServerOptions();
            ServerOptionsReader.Read(app.Configuration.GetSection(ServerOptions.Section), options);
        }

        ServerOptionsRules.ThrowIfInvalid(options);
        var server = new ApiServer(
            app.Services.FindWeftPeer,
            options,
            ApiToken.Find(options, Environment.GetEnvironmentVariable),
            app.Services.GetService<TimeProvider>() ?? TimeProvider.System,
            app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("Weft.Server"));
        app.Lifetime.ApplicationStopping.Register(server.BeginStop);
        OtlpExport? export = options.OtlpEndpoint is null ? null : OtlpExport.Start(options);
        app.Lifetime.ApplicationStopped.Register(server.Dispose);
        app.Lifetime.ApplicationStopped.Register(() => export?.Dispose());
        _ = StopOnRequestAsync(app, server);
        app.UseWebSockets();
        Map(app, server);
        return app;
    }

    internal static void Map(WebApplication app, ApiServer server)
    {
        server.Map(app, ApiRoutes.All);
        if (server.Options.ServeGun)
        {
            // The endpoint judges the origin by GUN's own rule; the host name is judged as everywhere.
            app.MapGun(
                () => server.PeerOrNull?.Gun, new GunEndpointOptions { AllowOrigins = server.Options.AllowOrigins })
                .Add(endpoint => endpoint.RequestDelegate = server.CheckHost(endpoint.RequestDelegate!));
        }

        app.Map("/api/{**rest}", server.ServeUnknownAsync);
    }

    private static async Task StopOnRequestAsync(WebApplication app, ApiServer server)
    {
        await server.StopRequested;
        app.Lifetime.StopApplication();
    }
}
