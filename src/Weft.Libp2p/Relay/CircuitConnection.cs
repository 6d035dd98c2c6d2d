using Weft.Libp2p.Streams;
using Weft.Libp2p.Transport;
using Weft.Protocols.Peers;

namespace Weft.Libp2p.Relay;

/// <summary>A connection with a peer through a relay: a stream to the relay, which hands on what comes.</summary>
internal sealed class CircuitConnection(PeerStream stream, bool isLimited, Multiaddr local, Multiaddr remote)
    : ITransportConnection
{
    public Multiaddr LocalAddress => local;

    public Multiaddr RemoteAddress => remote;

    public bool IsLimited => isLimited;

    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        try
        {
            return await stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        }
        catch (ObjectDisposedException gone)
        {
            throw new IOException("The circuit is closed.", gone);
        }
    }

    public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        try
        {
            await stream.WriteAsync(bytes, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception gone) when (gone is ObjectDisposedException or InvalidOperationException)
        {
            throw new IOException("The circuit is closed.", gone);
        }
    }

    public void Abort() => stream.Abort();

    public ValueTask DisposeAsync()
    {
        stream.Abort();
        return stream.DisposeAsync();
    }
}
