using System.Buffers;
using Weft.Libp2p;
using Weft.Libp2p.Connections;
using Weft.Libp2p.Streams;
using Weft.Node.Network;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Protocols.Blobs;

namespace Weft.Node.Blobs;

/// <summary>
/// Answers <c>/weft/blob/1</c>, and finds peers that have a blob: those that are connected, then those that the DHT names.
/// </summary>
/// <remarks>Source: docs/spec/blobs.md, sections 3 and 5.</remarks>
internal sealed class BlobService(NodeNetwork network) : IBlobPeers, IAsyncDisposable
{
    private const int ProvidersMax = 16;

    private static readonly StreamRules Rules = new() { Priority = StreamPriority.Bulk };
    private static readonly TimeSpan FindTimeout = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly long _startedAt = network.Node.Time.GetTimestamp();
    private readonly BlobServeCore _core = new(network.Node.Options.Blobs.ServeLimits);
    private BlobAnnouncer? _announcer;

    private NodeBlobs Blobs => network.Node.Blobs;

    private TimeProvider Time => network.Node.Time;

    private WeftInstant Now => new((long)Time.GetElapsedTime(_startedAt).TotalMicroseconds);

    /// <summary>Streams that are served now.</summary>
    public int Streams
    {
        get
        {
            lock (_gate)
            {
                return _core.Streams;
            }
        }
    }

    public Task StartAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        network.Host.Handle(BlobCodec.Protocol, ServeAsync, Rules);
        if (network.Dht is { } dht && Blobs.Options is { Announce: true, Serve: true })
        {
            _announcer = new BlobAnnouncer(dht.Service, Blobs, Time);
        }

        Blobs.Service = this;
        return Task.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        network.Host.Unhandle(BlobCodec.Protocol);
        await _stopping.CancelAsync().ConfigureAwait(false);
        if (_announcer is not null)
        {
            await _announcer.DisposeAsync().ConfigureAwait(false);
        }

        _stopping.Dispose();
    }

    public void Announce(BlobId id) => _announcer?.Add(id);

    public void Withdraw(BlobId id) => _announcer?.Remove(id);

    public IReadOnlyList<PeerId> Connected() =>
    [
        .. network.Host.Connections
            .Where(static one => !one.IsLimited && one.Identity?.Protocols.Contains(BlobCodec.Protocol) == true)
            .OrderBy(static one => one.RoundTrip).Select(static one => one.Remote).Distinct(),
    ];

    public async Task<IReadOnlyList<PeerId>> FindAsync(BlobId id, CancellationToken cancellationToken)
    {
        if (network.Dht is not { } dht)
        {
            return [];
        }

        try
        {
            Protocols.Kad.KadResult found = await dht.Service.FindProvidersAsync(
                BlobAnnouncer.KeyOf(id), ProvidersMax, FindTimeout, cancellationToken).ConfigureAwait(false);
            return [.. found.Providers.Select(static provider => provider.Id).Where(peer => peer != network.Id)];
        }
        catch (Exception end) when (end is WeftException or ObjectDisposedException
            or System.Threading.Channels.ChannelClosedException)
        {
            return [];
        }
    }

    public async Task<Stream> OpenAsync(PeerId peer, CancellationToken cancellationToken) =>
        await network.Host.OpenStreamAsync(peer, [BlobCodec.Protocol], Rules, cancellationToken).ConfigureAwait(false);

    private async Task ServeAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        bool isIn;
        lock (_gate)
        {
            isIn = _core.TryEnter(stream.Remote);
        }

        IBlobFile? file = null;
        try
        {
            using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stopping.Token);
            var frames = new BlobFrames(stream, BlobCodec.AskBytesMax);
            var answer = new ArrayBufferWriter<byte>(512);
            while (await ReadAskAsync(frames, ending.Token).ConfigureAwait(false) is { } ask)
            {
                answer.ResetWrittenCount();
                if (!isIn)
                {
                    BlobCodec.WriteBusy(answer, TimeSpan.FromSeconds(1));
                    await stream.WriteAsync(answer.WrittenMemory, ending.Token).ConfigureAwait(false);
                    break;
                }

                if (file?.Id != ask.Id)
                {
                    Close(file);
                    file = Open(ask.Id);
                }

                if (file is not { IsWhole: true })
                {
                    BlobCodec.WriteAbsent(answer);
                    await stream.WriteAsync(answer.WrittenMemory, ending.Token).ConfigureAwait(false);
                    continue;
                }

                BlobCodec.WriteHead(answer, file.Size, file.Tree.Root);
                await SendAsync(stream, answer, ending.Token).ConfigureAwait(false);
                if (!await GiveAsync(stream, file, ask, answer, ending.Token).ConfigureAwait(false))
                {
                    stream.Abort(); // What is here is not what it should be; half an answer says so.
                    break;
                }
            }
        }
        catch (Exception end) when (end is IOException or WeftException or OperationCanceledException
            or ObjectDisposedException)
        {
            BlobLog.StreamEnded(Blobs.Log, stream.Remote, end.Message);
            stream.Abort();
        }
        finally
        {
            Close(file);
            if (isIn)
            {
                lock (_gate)
                {
                    _core.Leave(stream.Remote);
                }
            }

            await stream.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Waits for the next question; null at the end, after a long rest, and for what is none.</summary>
    private async Task<Question?> ReadAskAsync(BlobFrames frames, CancellationToken cancellationToken)
    {
        using var rest = new CancellationTokenSource(Blobs.Options.ServeLimits.RestMax, Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(rest.Token, cancellationToken);
        (OperationStatus status, ReadOnlyMemory<byte> bytes) = await frames.ReadAsync(either.Token).ConfigureAwait(false);
        return status == OperationStatus.Done && BlobCodec.TryRead(bytes.Span, out BlobMessage message)
            && message.Kind == BlobMessageKind.Ask
            ? new Question(message.Id, message.From, message.Count)
            : null;
    }

    private async Task<bool> GiveAsync(
        PeerStream stream, IBlobFile file, Question ask, ArrayBufferWriter<byte> answer,
        CancellationToken cancellationToken)
    {
        int to = (int)Math.Min(file.Tree.Chunks, (long)ask.From + ask.Count);
        var walk = new BlobWalk(file.Tree.Chunks, ask.From, to);
        byte[] chunk = ArrayPool<byte>.Shared.Rent(BlobLimits.ChunkBytes);
        try
        {
            for (int at = ask.From; at < to; at++)
            {
                Memory<byte> data = chunk.AsMemory(0, BlobLimits.ChunkLength(file.Size, at));
                if (file.Read(at, data.Span) != BlobChunkRead.Right)
                {
                    Blobs.OnDamaged(file.Id, at);
                    return false;
                }

                answer.ResetWrittenCount();
                BlobCodec.TryWriteChunk(answer, file.Tree, ref walk, data.Span);
                await SendAsync(stream, answer, cancellationToken).ConfigureAwait(false);
            }

            return true;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(chunk);
        }
    }

    private async Task SendAsync(
        PeerStream stream, ArrayBufferWriter<byte> answer, CancellationToken cancellationToken)
    {
        TimeSpan wait;
        lock (_gate)
        {
            wait = _core.Take(stream.Remote, answer.WrittenCount, Now);
        }

        if (wait > TimeSpan.Zero)
        {
            await Task.Delay(wait, Time, cancellationToken).ConfigureAwait(false);
        }

        using var late = new CancellationTokenSource(Blobs.Options.ServeLimits.ChunkDeadline, Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
        await stream.WriteAsync(answer.WrittenMemory, either.Token).ConfigureAwait(false);
    }

    private IBlobFile? Open(BlobId id)
    {
        if (!Blobs.Options.Serve || Blobs.Index.Find(id) is not { IsWhole: true })
        {
            return null;
        }

        IBlobFile? file = Blobs.Shelf.Open(id);
        if (file is not null)
        {
            Blobs.Index.Hold(id);
            Blobs.NoteUse(id);
        }

        return file;
    }

    private void Close(IBlobFile? file)
    {
        if (file is not null)
        {
            Blobs.Index.Release(file.Id);
            file.Dispose();
        }
    }

    private sealed record Question(BlobId Id, int From, int Count);
}
