using Weft.Protocols.Peers;

namespace Weft.Libp2p.Transport;

/// <summary>
/// Carries ordered, reliable bytes between two addresses. It knows nothing of peers, keys or streams.
/// </summary>
/// <remarks>Implementations are safe to use from many threads.</remarks>
public interface ITransport
{
    /// <summary>True when it can dial this address; a peer id at the end does not matter.</summary>
    bool CanDial(Multiaddr address);

    /// <summary>True when it can listen at this address.</summary>
    bool CanListen(Multiaddr address);

    /// <summary>Opens a connection.</summary>
    /// <param name="address">One that <see cref="CanDial"/> takes.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="IOException">Nobody answers there.</exception>
    ValueTask<ITransportConnection> DialAsync(Multiaddr address, CancellationToken cancellationToken);

    /// <summary>Begins to listen.</summary>
    /// <param name="address">One that <see cref="CanListen"/> takes; port 0 lets the system choose.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="IOException">The address cannot be listened at.</exception>
    ValueTask<ITransportListener> ListenAsync(Multiaddr address, CancellationToken cancellationToken);
}

/// <summary>Takes connections at one address.</summary>
public interface ITransportListener : IAsyncDisposable
{
    /// <summary>Where it can be dialled: without wildcards, with the port the system chose. At least one.</summary>
    IReadOnlyList<Multiaddr> Addresses { get; }

    /// <summary>Waits for the next connection.</summary>
    /// <returns>The connection; null once the listener is disposed.</returns>
    /// <exception cref="IOException">One connection failed before it was taken; the listener goes on.</exception>
    ValueTask<ITransportConnection?> AcceptAsync(CancellationToken cancellationToken);
}

/// <summary>One connection: bytes in, bytes out. One reader and one writer at a time.</summary>
public interface ITransportConnection : IAsyncDisposable
{
    /// <summary>This end.</summary>
    Multiaddr LocalAddress { get; }

    /// <summary>The other end.</summary>
    Multiaddr RemoteAddress { get; }

    /// <summary>True through a relay, which cuts the connection after some time and bytes.</summary>
    bool IsLimited => false;

    /// <summary>Reads what is there, or waits until something is.</summary>
    /// <param name="buffer">
    /// Takes the bytes. Empty waits until a read would give something, so that an idle connection holds no buffer.
    /// </param>
    /// <param name="cancellationToken">Gives up; the connection may be of no use afterwards.</param>
    /// <returns>How many bytes; 0 at the end (for an empty buffer always).</returns>
    /// <exception cref="IOException">The connection is broken.</exception>
    ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken);

    /// <summary>Writes everything.</summary>
    /// <exception cref="IOException">The connection is broken.</exception>
    ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken);

    /// <summary>Ends it at once; reads and writes that wait fail. Harmless when called twice.</summary>
    void Abort();
}
