using Weft.Protocols.Peers;

namespace Weft.Libp2p.Transport;

/// <summary>A connection some of whose bytes were read already: they come first.</summary>
internal sealed class PrefixedConnection(ITransportConnection inner, ReadOnlyMemory<byte> prefix) : ITransportConnection
{
    private ReadOnlyMemory<byte> _prefix = prefix;

    public Multiaddr LocalAddress => inner.LocalAddress;

    public Multiaddr RemoteAddress => inner.RemoteAddress;

    public bool IsLimited => inner.IsLimited;

    public ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        if (_prefix.IsEmpty)
        {
            return inner.ReadAsync(buffer, cancellationToken);
        }

        int length = Math.Min(buffer.Length, _prefix.Length);
        _prefix.Span[..length].CopyTo(buffer.Span);
        _prefix = _prefix[length..];
        return new(length);
    }

    public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) =>
        inner.WriteAsync(bytes, cancellationToken);

    public void Abort() => inner.Abort();

    public ValueTask DisposeAsync() => inner.DisposeAsync();
}
