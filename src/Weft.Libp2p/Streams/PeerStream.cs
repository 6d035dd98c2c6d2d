using System.Runtime.CompilerServices;
using Weft.Libp2p.Connections;
using Weft.Primitives;

namespace Weft.Libp2p.Streams;

/// <summary>
/// One stream to a peer: both ways, each way ended on its own. One reader and one writer at a time; the two do not
/// hinder each other.
/// </summary>
/// <remarks>
/// Reading gives 0 once the other side has ended its way. <see cref="CompleteWritesAsync"/> ends this side's way;
/// reading goes on. <see cref="Abort"/> ends both at once and loses what is on its way. Disposing ends this side's way
/// and throws away what still comes; if the other side does not end its way in time, the stream is reset. A write
/// completes when its bytes are in line to be sent, not when they have arrived; a write that is cancelled may have sent
/// a part.
/// </remarks>
public sealed class PeerStream : Stream
{
    private readonly ReceiveBuffer _received;
    private readonly StreamWaiter _reader;
    private readonly StreamWaiter _writer;
    private Memory<byte> _target; // Where the waiting reader wants its bytes.
    private int _filled;          // How much of it has come; the reader is woken once for all that comes together.
    private bool _hasEnded;       // The other side's way.
    private bool _hasCompleted;   // This side's way.
    private bool _isDiscarding;
    private bool _isNamed;
    private StreamEnd? _end;

    internal PeerStream(PeerConnection connection, uint id, bool isInbound)
    {
        Connection = connection;
        _received = new(connection.Memory);
        _reader = new(this);
        _writer = new(this);
        Id = id;
        IsInbound = isInbound;
    }

    /// <summary>The connection it runs over.</summary>
    public PeerConnection Connection { get; }

    /// <summary>The peer at the other end.</summary>
    public PeerId Remote => Connection.Remote;

    /// <summary>The protocol agreed on; empty while it is being negotiated.</summary>
    public string Protocol { get; private set; } = "";

    /// <summary>True when the other side opened it.</summary>
    public bool IsInbound { get; }

    /// <summary>In which line what is written waits.</summary>
    public StreamPriority Priority { get; private set; } = StreamPriority.Interactive;

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    internal uint Id { get; }

    /// <summary>When it was disposed here, while it waits for the other side's end; else null.</summary>
    internal WeftInstant? DiscardingSince { get; private set; }

    internal bool IsNamed => _isNamed;

    internal bool HasRemoteEnded => _hasEnded;

    /// <inheritdoc/>
    /// <exception cref="PeerStreamException">The stream was reset, or its connection is gone.</exception>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<int>(cancellationToken);
        }

        ValueTask<int> wait;
        lock (Connection.Gate)
        {
            if (_received.Length > 0)
            {
                int read = _received.Read(buffer.Span);
                Connection.OnConsumed(Id, read);
                return new(read);
            }

            ObjectDisposedException.ThrowIf(_isDiscarding, this);
            if (_hasEnded && _end != StreamEnd.LocalReset)
            {
                return new(0); // Everything has come, whatever happened to the stream afterwards.
            }

            if (_end is { } end)
            {
                return ValueTask.FromException<int>(new PeerStreamException(end));
            }

            wait = _reader.Begin();
            _target = buffer;
            _filled = 0;
        }

        if (cancellationToken.CanBeCanceled)
        {
            _reader.CancelBy(cancellationToken);
        }

        return wait;
    }

    /// <inheritdoc/>
    /// <exception cref="PeerStreamException">The stream was reset, or its connection is gone.</exception>
    /// <exception cref="InvalidOperationException">This side's way has ended.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        while (!buffer.IsEmpty)
        {
            buffer = buffer[await SendAsync(buffer, cancellationToken).ConfigureAwait(false)..];
        }
    }

    /// <summary>Ends this side's way: the other side reads to the end. Harmless when called twice.</summary>
    /// <remarks>Nothing needs to be flushed before: what was written is in line already.</remarks>
    public ValueTask CompleteWritesAsync()
    {
        lock (Connection.Gate)
        {
            if (!_hasCompleted && _end is null)
            {
                _hasCompleted = true;
                Connection.CompleteWrites(this);
            }
        }

        return default;
    }

    /// <summary>Resets the stream: both ways end at once. Harmless when called twice.</summary>
    public void Abort()
    {
        lock (Connection.Gate)
        {
            if (_end is null && !(_hasCompleted && _hasEnded))
            {
                Connection.Reset(this);
                End(StreamEnd.LocalReset);
            }
        }
    }

    /// <summary>Does nothing: what is written is in line to be sent at once.</summary>
    public override void Flush()
    {
    }

    /// <summary>Does nothing: what is written is in line to be sent at once.</summary>
    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <summary>Not supported: a stream to a peer is read asynchronously.</summary>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("Use ReadAsync.");

    /// <summary>Not supported: a stream to a peer is written asynchronously.</summary>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("Use WriteAsync.");

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <summary>Ends this side's way and throws away what still comes.</summary>
    public override ValueTask DisposeAsync()
    {
        Discard();
        GC.SuppressFinalize(this);
        return default;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Discard();
        }

        base.Dispose(disposing);
    }

    /// <summary>Lets what is written from now on wait in a later line; an earlier one would change the order of bytes.</summary>
    internal void Lower(StreamPriority priority)
    {
        lock (Connection.Gate)
        {
            Priority = priority > Priority ? priority : Priority;
        }
    }

    internal void Name(string protocol)
    {
        lock (Connection.Gate)
        {
            Protocol = protocol;
            if (!_isNamed && IsInbound && _end is null)
            {
                Connection.OnNamed();
            }

            _isNamed = true;
        }
    }

    /// <summary>Puts back what a negotiation read too much; it is not counted a second time.</summary>
    internal void PutBack(ReadOnlySpan<byte> bytes)
    {
        lock (Connection.Gate)
        {
            _received.Prepend(bytes);
        }
    }

    // What follows is called by the connection, with its gate held.

    internal void OnData(ReadOnlySpan<byte> bytes)
    {
        if (_isDiscarding)
        {
            Connection.OnConsumed(Id, bytes.Length);
            return;
        }

        if (_reader.IsWaiting && _received.Length == 0)
        {
            // The usual case of a reader that keeps up: one copy, straight to where it is wanted.
            int direct = Math.Min(bytes.Length, _target.Length);
            bytes[..direct].CopyTo(_target.Span);
            bool isFirst = _filled == 0;
            _filled += direct;
            _target = _target[direct..];
            bytes = bytes[direct..];
            Connection.OnConsumed(Id, direct);
            if (_target.IsEmpty)
            {
                WakeReader();
            }
            else if (isFirst)
            {
                Connection.OnRipening(this);
            }
        }

        if (!_received.TryAppend(bytes))
        {
            Connection.Reset(this); // Nobody reads, and there is no room to wait in.
            End(StreamEnd.LocalReset);
        }
    }

    internal void OnEnd()
    {
        _hasEnded = true;
        WakeReader();
    }

    /// <summary>What came together is all there: the reader that waits for it is woken.</summary>
    internal void WakeReader()
    {
        int filled = _filled;
        _target = default;
        _filled = 0;
        _reader.Set(filled);
    }

    internal void WakeIfRipe()
    {
        if (_filled > 0)
        {
            WakeReader();
        }
    }

    internal void OnWritable() => _writer.Set(0);

    internal void End(StreamEnd end)
    {
        if (_end is null)
        {
            _end = end;
            WakeIfRipe();
            _target = default;
            if (!_hasEnded || end == StreamEnd.LocalReset)
            {
                _received.Clear(); // A part of a message is worth nothing; a whole one may still be read.
            }

            _received.Uncount();

            _reader.Fail(new PeerStreamException(end));
            _writer.Fail(new PeerStreamException(end));
        }
    }

    private void Discard()
    {
        lock (Connection.Gate)
        {
            if (_isDiscarding)
            {
                return;
            }

            _isDiscarding = true;
            if (_end is not null)
            {
                _received.Clear();
                return;
            }

            WakeIfRipe();
            _target = default;
            _reader.Fail(new ObjectDisposedException(nameof(PeerStream)));
            int unread = _received.Length;
            _received.Clear();
            Connection.OnConsumed(Id, unread);
            DiscardingSince = Connection.Now;
            Connection.OnDiscarding();
            if (!_hasCompleted)
            {
                _hasCompleted = true;
                Connection.CompleteWrites(this);
            }
        }
    }

    /// <summary>Puts in line what there is room for; where there is none, waits for some and gives 0.</summary>
    private ValueTask<int> SendAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken)
    {
        int sent = 0;
        bool isMine = false;
        ValueTask<int> wait = default;
        lock (Connection.Gate)
        {
            ThrowIfUnwritable();
            int part;
            do
            {
                part = Connection.Send(this, buffer.Span[sent..], out bool mustSend);
                sent += part;
                isMine |= mustSend;
            }
            while (part > 0 && sent < buffer.Length);

            if (sent == 0)
            {
                wait = _writer.Begin();
                Connection.AwaitRoom(this);
            }
        }

        if (sent > 0)
        {
            if (isMine)
            {
                Connection.SendSoon(sent, PeerConnection.BatchMax);
            }

            return new(sent);
        }

        if (cancellationToken.CanBeCanceled)
        {
            _writer.CancelBy(cancellationToken);
        }

        return wait;
    }

    private void ThrowIfUnwritable()
    {
        if (_end is { } end)
        {
            throw new PeerStreamException(end);
        }

        ObjectDisposedException.ThrowIf(_isDiscarding, this);
        if (_hasCompleted)
        {
            throw new InvalidOperationException("The writes of this stream are completed.");
        }
    }

    /// <summary>A reader or writer gives up.</summary>
    internal void Cancel(StreamWaiter waiter, CancellationToken cancellationToken)
    {
        lock (Connection.Gate)
        {
            if (waiter == _reader)
            {
                WakeIfRipe(); // Bytes that have come are not lost to a reader who gives up.
            }

            waiter.Fail(new OperationCanceledException(cancellationToken));
            if (waiter == _reader)
            {
                _target = default;
            }
        }
    }
}
