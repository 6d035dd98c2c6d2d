using System.Net.Security;
using Weft.Libp2p.Transport;
using Weft.Protocols.Peers;

namespace Weft.Transports.Tls;

/// <summary>A connection within TLS.</summary>
internal sealed class TlsConnection(SslStream stream, ITransportConnection under) : ITransportConnection
{
    public Multiaddr LocalAddress => under.LocalAddress;

    public Multiaddr RemoteAddress => under.RemoteAddress;

    public bool IsLimited => under.IsLimited;

    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        try
        {
            return await stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (error is InvalidOperationException or NotSupportedException)
        {
            throw new IOException(error.Message, error);
        }
    }

    public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        try
        {
            await stream.WriteAsync(bytes, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (error is InvalidOperationException or NotSupportedException)
        {
            throw new IOException(error.Message, error);
        }
    }

    public void Abort() => under.Abort();

    public async ValueTask DisposeAsync()
    {
        under.Abort(); // So that no farewell waits for a peer that does not read.
        await stream.DisposeAsync().ConfigureAwait(false);
        await under.DisposeAsync().ConfigureAwait(false);
    }
}
