using System.Collections.Concurrent;
using Weft.Libp2p.Transport;
using Weft.Protocols.Peers;
using Weft.Transports;

namespace Weft.Cli.Demo;

/// <summary>The wires between the peers of a demo: TCP over loopback, which can be cut between two groups of peers.</summary>
/// <remarks>A cut wire breaks as a pulled cable would: no goodbye, and nobody gets through any more.</remarks>
internal sealed class DemoWires
{
    private readonly ConcurrentDictionary<int, int> _ownerOfPort = new(); // Of listeners and of dialled sockets.
    private readonly ConcurrentDictionary<Wire, byte> _wires = new();
    private volatile Func<int, int, bool> _isCut = static (_, _) => false;

    /// <summary>What one peer is given to reach the others.</summary>
    /// <param name="peer">The number of the peer.</param>
    public ITransport For(int peer) => new Gate(this, peer, new TcpTransport());

    /// <summary>Cuts every wire between a peer that belongs to the group and one that does not.</summary>
    public void Cut(Func<int, bool> isInGroup)
    {
        _isCut = (one, other) => isInGroup(one) != isInGroup(other);
        foreach (Wire wire in _wires.Keys)
        {
            if (IsCut(wire))
            {
                wire.Break();
            }
        }
    }

    /// <summary>Lets everybody through again.</summary>
    public void Heal() => _isCut = static (_, _) => false;

    private static int PortOf(Multiaddr address) => address.PortOf(MultiaddrCode.Tcp);

    private bool IsCut(Wire wire) =>
        _ownerOfPort.TryGetValue(wire.RemotePort, out int other) && _isCut(wire.Owner, other);

    private sealed class Gate(DemoWires wires, int owner, ITransport inner) : ITransport
    {
        public bool CanDial(Multiaddr address) => inner.CanDial(address);

        public bool CanListen(Multiaddr address) => inner.CanListen(address);

        public async ValueTask<ITransportConnection> DialAsync(Multiaddr address, CancellationToken cancellationToken)
        {
            if (wires._ownerOfPort.TryGetValue(PortOf(address), out int other) && wires._isCut(owner, other))
            {
                throw new IOException("This wire is cut.");
            }

            ITransportConnection connection = await inner.DialAsync(address, cancellationToken);
            wires._ownerOfPort[PortOf(connection.LocalAddress)] = owner; // So that the other end knows whose it is.
            return Wire.Add(wires, owner, PortOf(address), connection);
        }

        public async ValueTask<ITransportListener> ListenAsync(Multiaddr address, CancellationToken cancellationToken)
        {
            ITransportListener listener = await inner.ListenAsync(address, cancellationToken);
            foreach (Multiaddr at in listener.Addresses)
            {
                wires._ownerOfPort[PortOf(at)] = owner;
            }

            return new Door(wires, owner, listener);
        }
    }

    private sealed class Door(DemoWires wires, int owner, ITransportListener inner) : ITransportListener
    {
        public IReadOnlyList<Multiaddr> Addresses => inner.Addresses;

        public async ValueTask<ITransportConnection?> AcceptAsync(CancellationToken cancellationToken) =>
            await inner.AcceptAsync(cancellationToken) is { } connection
                ? Wire.Add(wires, owner, PortOf(connection.RemoteAddress), connection)
                : null;

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }

    private sealed class Wire : ITransportConnection
    {
        private readonly DemoWires _wires;
        private readonly ITransportConnection _inner;
        private volatile bool _isBroken;

        private Wire(DemoWires wires, int owner, int remotePort, ITransportConnection inner)
        {
            _wires = wires;
            _inner = inner;
            Owner = owner;
            RemotePort = remotePort;
        }

        public int Owner { get; }

        public int RemotePort { get; }

        public Multiaddr LocalAddress => _inner.LocalAddress;

        public Multiaddr RemoteAddress => _inner.RemoteAddress;

        public static Wire Add(DemoWires wires, int owner, int remotePort, ITransportConnection inner)
        {
            var wire = new Wire(wires, owner, remotePort, inner);
            wires._wires.TryAdd(wire, 0);
            return wire;
        }

        public void Break()
        {
            _isBroken = true;
            _inner.Abort();
        }

        public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
        {
            int read = await _inner.ReadAsync(buffer, cancellationToken);
            return _isBroken || _wires.IsCut(this) ? throw new IOException("This wire is cut.") : read;
        }

        public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) =>
            _isBroken ? throw new IOException("This wire is cut.") : _inner.WriteAsync(bytes, cancellationToken);

        public void Abort() => _inner.Abort();

        public ValueTask DisposeAsync()
        {
            _wires._wires.TryRemove(this, out _);
            return _inner.DisposeAsync();
        }
    }
}
