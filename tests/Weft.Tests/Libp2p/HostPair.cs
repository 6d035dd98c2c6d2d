using Weft.Crypto;
using Weft.Libp2p;
using Weft.Libp2p.Connections;
using Weft.Libp2p.Streams;
using Weft.Libp2p.Transport;
using Weft.Protocols.Peers;

namespace Weft.Tests.Libp2p;

/// <summary>Two hosts in one process, over the in-memory transport: one listens, one dials.</summary>
internal sealed class HostPair : IAsyncDisposable
{
    private HostPair(InMemoryTransport transport, Libp2pHost listener, Libp2pHost dialler) =>
        (Transport, Listener, Dialler) = (transport, listener, dialler);

    public InMemoryTransport Transport { get; }

    public Libp2pHost Listener { get; }

    public Libp2pHost Dialler { get; }

    public static async Task<HostPair> StartAsync(
        Action<Libp2pOptions>? listener = null, Action<Libp2pOptions>? dialler = null)
    {
        var transport = new InMemoryTransport();
        return new(transport, await HostAsync(transport, true, listener), await HostAsync(transport, false, dialler));
    }

    public static Task<Libp2pHost> HostAsync(
        InMemoryTransport transport, bool isListening, Action<Libp2pOptions>? change = null)
    {
        var options = new Libp2pOptions { Crypto = PlatformCrypto.Create(), ServeEcho = true, ServePerf = true };
        options.Transports.Add(transport);
        if (isListening)
        {
            options.Listen.Add(Multiaddr.Parse("/memory/0"));
        }

        change?.Invoke(options);
        return Libp2pHost.StartAsync(options);
    }

    /// <summary>Waits, with a deadline, for what other threads do.</summary>
    public static async Task UntilAsync(Func<bool> test)
    {
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (!test())
        {
            await Task.Delay(5, late.Token);
        }
    }

    public Task<PeerConnection> DialAsync() => Dialler.DialAsync(Listener.Addresses[0]);

    public async Task<PeerStream> OpenAsync(string protocol)
    {
        PeerConnection connection = await DialAsync();
        return await Dialler.OpenStreamAsync(connection, [protocol]);
    }

    public async ValueTask DisposeAsync()
    {
        await Dialler.DisposeAsync();
        await Listener.DisposeAsync();
    }
}
