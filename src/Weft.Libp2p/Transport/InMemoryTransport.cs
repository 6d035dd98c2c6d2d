using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Threading.Channels;
using Weft.Protocols.Peers;

namespace Weft.Libp2p.Transport;

/// <summary>
/// Connections within one process, at addresses "/memory/N": for tests, and for several hosts in one program. Hosts
/// reach each other when they share one object of this class.
/// </summary>
public sealed class InMemoryTransport : ITransport
{
    private const int BacklogMax = 128;
    private const int BufferBytes = 256 * 1024;

    private readonly Lock _gate = new();
    private readonly Dictionary<ulong, Listener> _listeners = [];
    private ulong _next = 1;

    /// <inheritdoc/>
    public bool CanDial(Multiaddr address) => address.IsOf(MultiaddrCode.Memory);

    /// <inheritdoc/>
    public bool CanListen(Multiaddr address) => CanDial(address);

    /// <inheritdoc/>
    public ValueTask<ITransportConnection> DialAsync(Multiaddr address, CancellationToken cancellationToken)
    {
        Listener? listener;
        ulong own;
        lock (_gate)
        {
            _listeners.TryGetValue(NumberOf(address), out listener);
            own = _next++ | (1UL << 63); // Ends that only dial have addresses nobody listens at.
        }

        var there = new Pipe(Options());
        var back = new Pipe(Options());
        Multiaddr local = AddressOf(own);
        Multiaddr remote = address.WithoutPeer()!;
        if (listener is null || !listener.Offer(new Connection(there.Reader, back.Writer, remote, local)))
        {
            throw new IOException($"Nobody listens at {address}.");
        }

        return new(new Connection(back.Reader, there.Writer, local, remote));
    }

    /// <inheritdoc/>
    public ValueTask<ITransportListener> ListenAsync(Multiaddr address, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            ulong number = NumberOf(address);
            if (number == 0)
            {
                number = _next++;
            }

            var listener = new Listener(this, number);
            return _listeners.TryAdd(number, listener)
                ? new(listener)
                : throw new IOException($"Somebody listens at {address} already.");
        }
    }

    private static PipeOptions Options() => new(
        pauseWriterThreshold: BufferBytes, resumeWriterThreshold: BufferBytes / 2, useSynchronizationContext: false);

    private static Multiaddr AddressOf(ulong number) => Multiaddr.Parse($"/memory/{number}");

    private static ulong NumberOf(Multiaddr address) => BinaryPrimitives.ReadUInt64BigEndian(address.Parts[0].Value.Span);

    private void Remove(ulong number)
    {
        lock (_gate)
        {
            _listeners.Remove(number);
        }
    }

    private sealed class Listener(InMemoryTransport owner, ulong number) : ITransportListener
    {
        private readonly Channel<ITransportConnection> _waiting =
            Channel.CreateBounded<ITransportConnection>(BacklogMax);

        public IReadOnlyList<Multiaddr> Addresses { get; } = [AddressOf(number)];

        public async ValueTask<ITransportConnection?> AcceptAsync(CancellationToken cancellationToken) =>
            await _waiting.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false)
                && _waiting.Reader.TryRead(out ITransportConnection? connection)
                ? connection
                : null;

        public bool Offer(ITransportConnection connection) => _waiting.Writer.TryWrite(connection);

        public ValueTask DisposeAsync()
        {
            owner.Remove(number);
            _waiting.Writer.TryComplete();
            while (_waiting.Reader.TryRead(out ITransportConnection? left))
            {
                left.Abort();
            }

            return default;
        }
    }

    private sealed class Connection(PipeReader reader, PipeWriter writer, Multiaddr local, Multiaddr remote)
        : ITransportConnection
    {
        private volatile bool _isAborted;

        public Multiaddr LocalAddress => local;

        public Multiaddr RemoteAddress => remote;

        public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
        {
            try
            {
                ReadResult read = await reader.ReadAsync(cancellationToken).ConfigureAwait(false);
                if (_isAborted || read.IsCanceled)
                {
                    throw new IOException("The connection was aborted.");
                }

                int length = (int)Math.Min(buffer.Length, read.Buffer.Length);
                ReadOnlySequence<byte> part = read.Buffer.Slice(0, length);
                part.CopyTo(buffer.Span);
                reader.AdvanceTo(part.End);
                return length;
            }
            catch (InvalidOperationException gone)
            {
                throw new IOException("The connection was aborted.", gone);
            }
        }

        public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
        {
            try
            {
                FlushResult flush = await writer.WriteAsync(bytes, cancellationToken).ConfigureAwait(false);
                if (_isAborted || flush.IsCanceled || flush.IsCompleted)
                {
                    throw new IOException("The other end is gone.");
                }
            }
            catch (InvalidOperationException gone)
            {
                throw new IOException("The connection was aborted.", gone);
            }
        }

        public void Abort()
        {
            _isAborted = true;
            reader.CancelPendingRead();
            writer.CancelPendingFlush();
            writer.Complete();
        }

        public ValueTask DisposeAsync()
        {
            Abort();
            reader.Complete(); // Frees its memory; the other end's writes fail from now on.
            return default;
        }
    }
}
