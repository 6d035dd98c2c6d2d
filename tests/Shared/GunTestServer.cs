using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Weft.Node;
using Weft.Node.Gun;
using Weft.Node.Storage;
using Weft.Server;

namespace Weft.Testing;

/// <summary>A peer in this process that serves /gun on a free loopback port, and nothing else.</summary>
public sealed class GunTestServer : IAsyncDisposable
{
    private readonly WebApplication _app;

    private GunTestServer(WebApplication app, WeftPeer peer, Uri url) => (_app, Peer, Url) = (app, peer, url);

    /// <summary>The peer.</summary>
    public WeftPeer Peer { get; }

    /// <summary>Its graph.</summary>
    public GraphSpace Graph => Peer.Graph;

    /// <summary>Its GUN driver.</summary>
    public GunDriver Gun => Peer.Gun;

    /// <summary>The URL of /gun, with the scheme ws.</summary>
    public Uri Url { get; }

    /// <summary>The same as gun.js takes it.</summary>
    public string HttpUrl => Url.AbsoluteUri.Replace("ws://", "http://", StringComparison.Ordinal);

    /// <summary>Starts one.</summary>
    /// <param name="store">Null for a new store in memory.</param>
    /// <param name="change">Changes options.</param>
    /// <param name="endpoint">How /gun accepts; null for the defaults.</param>
    /// <param name="port">0 for any.</param>
    /// <param name="time">Clock and timers; null for the system's.</param>
    public static async Task<GunTestServer> StartAsync(
        IStore? store = null,
        Action<WeftOptions>? change = null,
        GunEndpointOptions? endpoint = null,
        int port = 0,
        TimeProvider? time = null)
    {
        var options = new WeftOptions { Store = WeftStoreKind.Memory };
        change?.Invoke(options);
        WeftPeer peer = await WeftPeer.StartAsync(
            options, store is null ? null : (_, _) => new ValueTask<IStore>(store), time);
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(System.Net.IPAddress.Loopback, port));
        WebApplication app = builder.Build();
        app.UseWebSockets();
        app.UseRouting();
        app.MapGun(() => peer.Gun, endpoint ?? new GunEndpointOptions());
        await app.StartAsync();
        string address = app.Services.GetRequiredService<IServer>().Features
            .Get<IServerAddressesFeature>()!.Addresses.First();
        return new GunTestServer(app, peer, new UriBuilder(address) { Scheme = "ws", Path = "/gun" }.Uri);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Peer.Gun.DisposeAsync();
        await _app.StopAsync();
        await _app.DisposeAsync();
        await Peer.DisposeAsync();
    }
}
