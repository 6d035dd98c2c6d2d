using System.Net.Sockets;
using Weft.Server;

namespace Weft.Integration.Tests.Cli;

/// <summary>A node inside the test process, and command lines that talk to it.</summary>
public sealed class CliNode : IAsyncLifetime
{
    private const string Token = "test-token-0123456789abcdef";

    private WeftServer? _server;

    /// <summary>Where it serves.</summary>
    public Uri Url => _server!.Url;

    /// <inheritdoc/>
    public async Task InitializeAsync()
    {
        var options = new ServerOptions { Http = "127.0.0.1:0", Token = Token };
        options.Peer.Store = WeftStoreKind.Memory;
        _server = await WeftServer.StartAsync(options);
    }

    /// <inheritdoc/>
    public async Task DisposeAsync() => await _server!.DisposeAsync();

    /// <summary>A command line that knows address and token through its variables.</summary>
    internal CliCall Call(bool isTerminal = false, string input = "") =>
        new CliCall { IsTerminal = isTerminal, Input = input }
            .With("WEFT_URL", Url.AbsoluteUri).With("WEFT_TOKEN", Token);

    /// <summary>A port that nobody listens on.</summary>
    internal static int FreePort()
    {
        using var listener = new TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        return ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
    }
}
