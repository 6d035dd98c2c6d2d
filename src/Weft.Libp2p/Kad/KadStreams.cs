using System.Buffers;
using Weft.Libp2p.Streams;
using Weft.Primitives;
using Weft.Protocols.Kad;

namespace Weft.Libp2p.Kad;

/// <summary>Streams for questions: one is used again for a short while, which saves opening the next.</summary>
internal sealed class KadStreams(Libp2pHost host, KadServiceOptions options, TimeProvider time) : IAsyncDisposable
{
    private const int ReadBytes = 4_096;

    private readonly Lock _gate = new();
    private readonly Dictionary<PeerId, List<Idle>> _idle = [];
    private readonly SemaphoreSlim _room = new(options.StreamsMax);
    private bool _isStopped;

    /// <summary>Streams that wait for a question.</summary>
    internal int IdleCount
    {
        get
        {
            lock (_gate)
            {
                return _idle.Values.Sum(list => list.Count);
            }
        }
    }

    /// <summary>Asks, and gives the answer; null when the message has none.</summary>
    /// <exception cref="IOException">The peer ended the stream, or sent what is no answer.</exception>
    /// <exception cref="Libp2pException">It cannot be reached.</exception>
    internal async Task<KadMessage?> AskAsync(PeerId peer, KadMessage question, CancellationToken cancellationToken)
    {
        await _room.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (Take(peer) is { } used)
            {
                try
                {
                    return await AskAsync(used, question, cancellationToken).ConfigureAwait(false);
                }
                catch (IOException)
                {
                    // The other side had enough of this stream: that says nothing about a new one.
                }
            }

            PeerStream stream = await host.OpenStreamAsync(peer, [options.Kad.Protocol], cancellationToken)
                .ConfigureAwait(false);
            return await AskAsync(stream, question, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _room.Release();
        }
    }

    /// <summary>Closes streams that nobody needed for a while.</summary>
    internal async Task SweepAsync(bool isAll = false)
    {
        var old = new List<PeerStream>();
        lock (_gate)
        {
            _isStopped |= isAll;
            foreach ((PeerId peer, List<Idle> list) in _idle.ToList())
            {
                for (int i = list.Count - 1; i >= 0; i--)
                {
                    if (isAll || time.GetElapsedTime(list[i].Since) > options.IdleStreamTime)
                    {
                        old.Add(list[i].Stream);
                        list.RemoveAt(i);
                    }
                }

                if (list.Count == 0)
                {
                    _idle.Remove(peer);
                }
            }
        }

        foreach (PeerStream stream in old)
        {
            await stream.DisposeAsync().ConfigureAwait(false);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await SweepAsync(isAll: true).ConfigureAwait(false);
        _room.Dispose();
    }

    /// <summary>Reads one message; null at the end of the stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="buffer">What was read too much before, and will be.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="IOException">What came is no message.</exception>
    internal static async ValueTask<KadMessage?> ReadAsync(
        PeerStream stream, ArrayBufferWriter<byte> buffer, CancellationToken cancellationToken)
    {
        while (true)
        {
            OperationStatus status = KadCodec.ReadFrame(buffer.WrittenSpan, out int start, out int length);
            if (status == OperationStatus.InvalidData)
            {
                throw new IOException("A message of the DHT is longer than the ceiling.");
            }

            if (status == OperationStatus.Done)
            {
                if (!KadCodec.TryRead(buffer.WrittenSpan.Slice(start, length), out KadMessage message))
                {
                    throw new IOException("A message of the DHT is malformed.");
                }

                byte[] rest = buffer.WrittenSpan[(start + length)..].ToArray();
                buffer.ResetWrittenCount();
                buffer.Write(rest);
                return message;
            }

            int read = await stream.ReadAsync(buffer.GetMemory(ReadBytes), cancellationToken).ConfigureAwait(false);
            if (read == 0)
            {
                return buffer.WrittenCount == 0
                    ? null
                    : throw new IOException("The stream ended within a message.");
            }

            buffer.Advance(read);
        }
    }

    internal static async ValueTask WriteAsync(
        PeerStream stream, KadMessage message, CancellationToken cancellationToken)
    {
        var bytes = new ArrayBufferWriter<byte>(512);
        KadCodec.Write(message, bytes);
        await stream.WriteAsync(bytes.WrittenMemory, cancellationToken).ConfigureAwait(false);
    }

    private async Task<KadMessage?> AskAsync(PeerStream stream, KadMessage question, CancellationToken cancellationToken)
    {
        bool isKept = false;
        try
        {
            await WriteAsync(stream, question, cancellationToken).ConfigureAwait(false);
            if (question.Kind == KadMessageKind.AddProvider)
            {
                await stream.DisposeAsync().ConfigureAwait(false); // Its end tells the other side that nothing follows.
                isKept = true;
                return null;
            }

            var buffer = new ArrayBufferWriter<byte>(ReadBytes);
            KadMessage answer = await ReadAsync(stream, buffer, cancellationToken).ConfigureAwait(false)
                ?? throw new IOException("The stream ended without an answer.");
            isKept = buffer.WrittenCount == 0 && Keep(stream);
            if (!isKept)
            {
                await stream.DisposeAsync().ConfigureAwait(false);
                isKept = true;
            }

            return answer;
        }
        finally
        {
            if (!isKept)
            {
                stream.Abort();
                await stream.DisposeAsync().ConfigureAwait(false);
            }
        }
    }

    private PeerStream? Take(PeerId peer)
    {
        lock (_gate)
        {
            if (!_idle.TryGetValue(peer, out List<Idle>? list) || list.Count == 0)
            {
                return null;
            }

            Idle last = list[^1];
            if (time.GetElapsedTime(last.Since) > options.IdleStreamTime)
            {
                return null; // The sweep closes it.
            }

            list.RemoveAt(list.Count - 1);
            return last.Stream;
        }
    }

    private bool Keep(PeerStream stream)
    {
        lock (_gate)
        {
            if (_isStopped)
            {
                return false;
            }

            if (!_idle.TryGetValue(stream.Remote, out List<Idle>? list))
            {
                _idle[stream.Remote] = list = [];
            }

            if (list.Count >= options.IdleStreamsMax)
            {
                return false;
            }

            list.Add(new(stream, time.GetTimestamp()));
            return true;
        }
    }

    private readonly record struct Idle(PeerStream Stream, long Since);
}
