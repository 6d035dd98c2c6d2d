using System.Diagnostics;
using System.Threading.Channels;
using Weft.Libp2p.Transport;
using Weft.Protocols.Peers;

namespace Weft.Load.Libp2p;

/// <summary>The in-memory transport over a long wire: everything arrives later, and only so many bytes a second.</summary>
internal sealed class DelayedTransport(TimeSpan oneWay, double bytesPerSecond) : ITransport
{
    private readonly InMemoryTransport _inner = new();

    public bool CanDial(Multiaddr address) => _inner.CanDial(address);

    public bool CanListen(Multiaddr address) => _inner.CanListen(address);

    public async ValueTask<ITransportConnection> DialAsync(Multiaddr address, CancellationToken cancellationToken) =>
        new Wire(await _inner.DialAsync(address, cancellationToken), oneWay, bytesPerSecond);

    public async ValueTask<ITransportListener> ListenAsync(Multiaddr address, CancellationToken cancellationToken) =>
        new Listener(await _inner.ListenAsync(address, cancellationToken), oneWay, bytesPerSecond);

    private sealed class Listener(ITransportListener inner, TimeSpan oneWay, double bytesPerSecond) : ITransportListener
    {
        public IReadOnlyList<Multiaddr> Addresses => inner.Addresses;

        public async ValueTask<ITransportConnection?> AcceptAsync(CancellationToken cancellationToken) =>
            await inner.AcceptAsync(cancellationToken) is { } one ? new Wire(one, oneWay, bytesPerSecond) : null;

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }

    /// <summary>What is written waits its turn on the wire, and then the way; the writer waits when the wire is busy.</summary>
    private sealed class Wire : ITransportConnection
    {
        private static readonly TimeSpan Backlog = TimeSpan.FromMilliseconds(10);

        private readonly ITransportConnection _inner;
        private readonly TimeSpan _oneWay;
        private readonly double _bytesPerSecond;
        private readonly Channel<(byte[] Bytes, TimeSpan Due)> _way =
            Channel.CreateBounded<(byte[], TimeSpan)>(100_000);
        private TimeSpan _free;

        internal Wire(ITransportConnection inner, TimeSpan oneWay, double bytesPerSecond)
        {
            (_inner, _oneWay, _bytesPerSecond) = (inner, oneWay, bytesPerSecond);
            _ = CarryAsync();
        }

        public Multiaddr LocalAddress => _inner.LocalAddress;

        public Multiaddr RemoteAddress => _inner.RemoteAddress;

        private static TimeSpan Now => Stopwatch.GetElapsedTime(0);

        public ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken) =>
            _inner.ReadAsync(buffer, cancellationToken);

        public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
        {
            TimeSpan now = Now;
            _free = (_free > now ? _free : now) + TimeSpan.FromSeconds(bytes.Length / _bytesPerSecond);
            await _way.Writer.WriteAsync((bytes.ToArray(), _free + _oneWay), cancellationToken);
            if (_free - now > Backlog)
            {
                await Task.Delay(_free - now - (Backlog / 2), cancellationToken);
            }
        }

        public void Abort()
        {
            _way.Writer.TryComplete();
            _inner.Abort();
        }

        public ValueTask DisposeAsync()
        {
            _way.Writer.TryComplete();
            return _inner.DisposeAsync();
        }

        private async Task CarryAsync()
        {
            try
            {
                await foreach ((byte[] bytes, TimeSpan due) in _way.Reader.ReadAllAsync())
                {
                    while (due > Now)
                    {
                        await Task.Delay(1);
                    }

                    await _inner.WriteAsync(bytes, CancellationToken.None);
                }
            }
            catch (IOException)
            {
                // The other end is gone.
            }
        }
    }
}
