using System.Buffers;
using Weft.Crypto;
using Weft.Log;
using Weft.Primitives;

namespace Weft.Node.Logs;

/// <content>Connections: a reading and a writing loop for each, around the one loop that decides.</content>
internal sealed partial class LogDriver
{
    private const int ReadBytes = 64 * 1_024;

    private readonly Dictionary<int, LogLink> _links = [];
    private int _linkLast;

    /// <summary>Replicates logs over a stream until it ends.</summary>
    /// <param name="stream">The stream; disposed at the end.</param>
    /// <param name="name">Where it leads, for lists and messages.</param>
    /// <param name="isInitiator">True for the side that dialled.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Why it ended.</returns>
    public async Task<string> ReplicateAsync(
        Stream stream, string name, bool isInitiator, CancellationToken cancellationToken)
    {
        var link = new LogLink(Interlocked.Increment(ref _linkLast), name, stream, isInitiator);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stopping.Token);
        try
        {
            await AskAsync(() => Connect(link), cancellationToken).ConfigureAwait(false);
            Task writing = WriteAsync(link, ending.Token);
            await ReadAsync(link, ending.Token).ConfigureAwait(false);
            await ending.CancelAsync().ConfigureAwait(false);
            await writing.ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The node stops, or the caller does.
        }
        finally
        {
            await stream.DisposeAsync().ConfigureAwait(false);
            Post(() => Disconnect(link));
        }

        return link.Reason;
    }

    public IReadOnlyList<LogLinkInfo> Links() => [.. _links.Values.Select(link => link.Info())];

    private bool Connect(LogLink link)
    {
        Span<byte> random = stackalloc byte[LogHubCore.RandomLength];
        KeyGenerator.Fill(random);
        _links.Add(link.Number, link);
        LogDriverLog.Opened(_logger, link.Number, link.Name);
        _hub.OnConnected(link.Number, link.IsOutbound, _seed, random, _outbox);
        return true;
    }

    private void Disconnect(LogLink link)
    {
        if (_links.Remove(link.Number))
        {
            LogDriverLog.Closed(_logger, link.Number, link.Name, link.Reason);
            _hub.OnClosed(link.Number, Now, _outbox);
        }
    }

    private void SendTo(int connection, ReadOnlyMemory<byte> bytes)
    {
        if (_links.TryGetValue(connection, out LogLink? link) && !link.Outgoing.Writer.TryWrite(bytes))
        {
            CloseLink(connection, "its peer takes nothing");
            _hub.OnClosed(connection, Now, _outbox);
        }
    }

    private void CloseLink(int connection, string reason)
    {
        if (_links.Remove(connection, out LogLink? link))
        {
            link.Reason = reason;
            LogDriverLog.Closed(_logger, connection, link.Name, reason);
            link.Outgoing.Writer.TryComplete();
        }
    }

    private void NoteEstablished(int connection, Hash32 peer)
    {
        if (_links.TryGetValue(connection, out LogLink? link))
        {
            link.Peer = peer;
        }
    }

    private async Task ReadAsync(LogLink link, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                await link.Room.WaitAsync(cancellationToken).ConfigureAwait(false);
                byte[] buffer = ArrayPool<byte>.Shared.Rent(ReadBytes);
                int count = await link.Stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
                if (count == 0)
                {
                    ArrayPool<byte>.Shared.Return(buffer);
                    return;
                }

                Interlocked.Add(ref link.BytesIn, count);
                await PostAsync(() => Take(link, buffer, count), cancellationToken).ConfigureAwait(false);
            }
        }
        catch (Exception end) when (IsEnd(end))
        {
            link.Reason = end.Message;
        }
    }

    private void Take(LogLink link, byte[] buffer, int count)
    {
        try
        {
            _hub.OnBytes(link.Number, buffer.AsSpan(0, count), Now, _outbox);
        }
        catch (WeftException failure)
        {
            // The store did not take a block. The log is as it was; the peer is asked again over another connection.
            LogDriverLog.StoreFailed(_logger, failure);
            CloseLink(link.Number, failure.Message);
            _hub.OnClosed(link.Number, Now, _outbox);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
            link.Room.Release();
        }
    }

    private async Task WriteAsync(LogLink link, CancellationToken cancellationToken)
    {
        try
        {
            while (await link.Outgoing.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
            {
                int taken = await WriteWaitingAsync(link, cancellationToken).ConfigureAwait(false);
                Interlocked.Add(ref link.BytesOut, taken);
                await PostAsync(() => _hub.OnSent(link.Number, taken, Now, _outbox), cancellationToken)
                    .ConfigureAwait(false);
            }

            // The core has closed it: what it said before is written; the reader must not wait for the peer.
            await link.Stream.DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception end) when (IsEnd(end) || end is OperationCanceledException)
        {
            // The reader notices as well.
            await link.Stream.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Writes what waits, up to a bound: many small frames at once, because each write is a call of the system.</summary>
    /// <returns>How many bytes.</returns>
    private static async Task<int> WriteWaitingAsync(LogLink link, CancellationToken cancellationToken)
    {
        byte[] gathered = ArrayPool<byte>.Shared.Rent(ReadBytes);
        try
        {
            int bytes = 0;
            int held = 0;
            while (bytes < ReadBytes && link.Outgoing.Reader.TryRead(out ReadOnlyMemory<byte> piece))
            {
                bytes += piece.Length;
                if (held > 0 && held + piece.Length > ReadBytes)
                {
                    await link.Stream.WriteAsync(gathered.AsMemory(0, held), cancellationToken).ConfigureAwait(false);
                    held = 0;
                }

                if (piece.Length > ReadBytes)
                {
                    await link.Stream.WriteAsync(piece, cancellationToken).ConfigureAwait(false);
                    continue;
                }

                piece.CopyTo(gathered.AsMemory(held));
                held += piece.Length;
            }

            if (held > 0)
            {
                await link.Stream.WriteAsync(gathered.AsMemory(0, held), cancellationToken).ConfigureAwait(false);
            }

            return bytes;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(gathered);
        }
    }

    private static bool IsEnd(Exception end) =>
        end is IOException or ObjectDisposedException or WeftException or InvalidOperationException;
}
