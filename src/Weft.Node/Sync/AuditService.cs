using System.Buffers;
using System.Security.Cryptography;
using Weft.Graph;
using Weft.Libp2p;
using Weft.Libp2p.Connections;
using Weft.Libp2p.Streams;
using Weft.Node.Network;
using Weft.Primitives;
using Weft.Protocols.Audit;
using Weft.Protocols.Sync;

namespace Weft.Node.Sync;

/// <summary>Answers audits of peers from the store, and carries out those of this node.</summary>
/// <remarks>Source: docs/spec/sync.md, section 8.</remarks>
internal sealed class AuditService(SyncService sync, NodeNetwork network, AuditOptions options) : IAsyncDisposable
{
    private const int ServedMax = 16;
    private const int ServedPerPeer = 4;
    private const int BytesPerRead = 256 << 10;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Lock _gate = new();
    private readonly List<PeerId> _served = [];

    /// <summary>Ceilings.</summary>
    public AuditOptions Options => options;

    /// <summary>Audits of peers that are being answered.</summary>
    public int Served
    {
        get
        {
            lock (_gate)
            {
                return _served.Count;
            }
        }
    }

    /// <summary>Answers from now on.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        network.Host.Handle(AuditCodec.Protocol, AnswerAsync);
        return Task.CompletedTask;
    }

    /// <summary>Compares once with a peer.</summary>
    /// <param name="peer">Connected.</param>
    /// <param name="plan">What.</param>
    /// <param name="differencesMax">How many are named.</param>
    /// <param name="seed">Of samples; null for a random one.</param>
    /// <param name="cancellationToken">Ends it early; what was found is the result.</param>
    public async Task<AuditPass> RunAsync(
        PeerId peer, AuditPlan plan, int differencesMax, ulong? seed, CancellationToken cancellationToken)
    {
        var bounds = new AuditOptions { DifferencesMax = differencesMax };
        var core = new AuditCore(
            bounds, network.Node.Crypto, plan,
            new WeftRandom(seed ?? BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)))));
        var pass = new AuditPass(core.Tally);
        WeftError error = WeftError.None;
        try
        {
            PeerConnection connection = network.Host.Find(peer)
                ?? throw new WeftException(WeftError.PeerUnreachable, $"{peer} is not connected.");
            PeerStream stream = await network.Host
                .OpenStreamAsync(connection, [AuditCodec.Protocol], cancellationToken).ConfigureAwait(false);
            await using (stream.ConfigureAwait(false))
            {
                await DriveAsync(core, plan, peer, stream, pass, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            error = WeftError.DeadlinePassed;
        }
        catch (WeftException failure)
        {
            error = failure.Error;
        }
        catch (Exception gone) when (gone is IOException or ObjectDisposedException)
        {
            error = WeftError.PeerUnreachable;
        }

        core.Fail(error, new Outbox<AuditOutput>()); // Without effect when it has ended by itself.
        pass.Error = core.Tally.Error;
        return pass;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        network.Host.Unhandle(AuditCodec.Protocol);
        return ValueTask.CompletedTask;
    }

    private async Task DriveAsync(
        AuditCore core, AuditPlan plan, PeerId peer, PeerStream stream, AuditPass pass,
        CancellationToken cancellationToken)
    {
        using var buffer = new SyncBuffer();
        var outbox = new Outbox<AuditOutput>();
        core.Start(outbox);
        for (int i = 0; i < outbox.Count && !core.IsOver;)
        {
            AuditOutput output = outbox[i++];
            if (i == outbox.Count)
            {
                outbox.Clear(); // One output leads to the next: the list would only grow.
                i = 0;
            }

            switch (output.Kind)
            {
                case AuditOutputKind.Send:
                    pass.BytesOut += await SendAsync(stream, output.Message!, cancellationToken).ConfigureAwait(false);
                    (AuditMessage? message, int bytes) = await ReadAsync(stream, buffer, cancellationToken)
                        .ConfigureAwait(false);
                    pass.BytesIn += bytes;
                    core.OnMessage(message, outbox);
                    break;
                case AuditOutputKind.ReadSums:
                    core.OnSums(
                        output.Ticket, await SumsAsync(plan.Prefix, output, cancellationToken).ConfigureAwait(false), outbox);
                    break;
                case AuditOutputKind.ReadItems:
                    (List<AuditItem> items, SyncKey? next) = await ItemsAsync(
                        plan.Prefix, output.From, output.To, int.MaxValue, cancellationToken).ConfigureAwait(false);
                    core.OnItems(output.Ticket, items, next, outbox);
                    break;
                case AuditOutputKind.Exchange:
                    await sync.ExchangeAsync(peer, plan.Prefix, output, cancellationToken).ConfigureAwait(false);
                    break;
            }
        }

        // What was collected last is exchanged after the end.
        for (int i = 0; i < outbox.Count; i++)
        {
            if (outbox[i].Kind == AuditOutputKind.Exchange)
            {
                await sync.ExchangeAsync(peer, plan.Prefix, outbox[i], cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task<List<RangeSum>> SumsAsync(
        string prefix, AuditOutput output, CancellationToken cancellationToken)
    {
        var sums = new List<RangeSum>(output.Bounds!.Count);
        SyncKey from = output.From;
        foreach (SyncKey to in output.Bounds)
        {
            sums.Add(await sync.Ranges.SumAsync(prefix, from, to, cancellationToken).ConfigureAwait(false));
            from = to;
        }

        return sums;
    }

    private async Task<(List<AuditItem> Items, SyncKey? Next)> ItemsAsync(
        string prefix, SyncKey from, SyncKey to, int itemsMax, CancellationToken cancellationToken)
    {
        (IReadOnlyList<FieldWrite> writes, SyncKey? next) = await sync.Ranges
            .ReadAsync(prefix, from, to, BytesPerRead, cancellationToken).ConfigureAwait(false);
        var items = new List<AuditItem>(Math.Min(writes.Count, itemsMax));
        foreach (FieldWrite write in writes)
        {
            if (items.Count == itemsMax)
            {
                return (items, SyncKey.Of(write));
            }

            items.Add(new(SyncKey.Of(write), write.State, FieldHash.Of(
                network.Node.Crypto, write.Soul, write.Field, write.State, write.Value).Id));
        }

        return (items, next);
    }

    private async Task AnswerAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (_served.Count >= ServedMax || _served.Count(peer => peer == stream.Remote) >= ServedPerPeer)
            {
                stream.Abort(); // Few with each, and few at all: sums are read from the disk.
                return;
            }

            _served.Add(stream.Remote);
        }

        try
        {
            using var buffer = new SyncBuffer();
            while (true)
            {
                (AuditMessage? message, _) = await ReadAsync(stream, buffer, cancellationToken).ConfigureAwait(false);
                if (message is not AuditAsk ask)
                {
                    return;
                }

                AuditMessage answer = await FindAsync(ask, cancellationToken).ConfigureAwait(false);
                await SendAsync(stream, answer, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (Exception gone) when (gone is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // Its stream has ended, or it asks nothing more.
        }
        finally
        {
            lock (_gate)
            {
                _served.Remove(stream.Remote);
            }

            stream.Abort();
        }
    }

    private async Task<AuditMessage> FindAsync(AuditAsk ask, CancellationToken cancellationToken)
    {
        var findings = new List<AuditFinding>(ask.Ranges.Count);
        int bytes = 0;
        try
        {
            foreach (AuditRange range in ask.Ranges)
            {
                AuditFinding finding = await FindAsync(ask.Prefix, range, cancellationToken).ConfigureAwait(false);
                bytes += SizeOf(finding);
                if (findings.Count > 0 && bytes > options.AnswerBytesMax)
                {
                    break;
                }

                findings.Add(finding);
            }
        }
        catch (WeftException)
        {
            return new AuditGoodbye(WeftError.NodeUnavailable); // Its disk is no business of the peer's.
        }

        return new AuditAnswer(ask.Number, findings);
    }

    private async Task<AuditFinding> FindAsync(string prefix, AuditRange range, CancellationToken cancellationToken)
    {
        if (range.Parts == 0)
        {
            (List<AuditItem> items, SyncKey? next) = await ItemsAsync(
                prefix, range.From, range.To, options.ItemsMax, cancellationToken).ConfigureAwait(false);
            return new AuditFinding(null, items, next);
        }

        if (range.Parts == 1)
        {
            RangeSum sum = await sync.Ranges
                .SumAsync(prefix, range.From, range.To, cancellationToken).ConfigureAwait(false);
            return new AuditFinding([new(range.To, sum.Fingerprint(network.Node.Crypto), sum.Count)]);
        }

        IReadOnlyList<RangePart> parts = await sync.Ranges
            .SplitAsync(prefix, range.From, range.To, range.Parts, cancellationToken).ConfigureAwait(false);
        return new AuditFinding(
            [.. parts.Select(part => new AuditPart(part.To, part.Sum.Fingerprint(network.Node.Crypto), part.Sum.Count))]);
    }

    private static int SizeOf(AuditFinding finding) => finding.Parts is { } parts
        ? parts.Sum(part => 28 + (part.To.Soul?.Length ?? 0) + part.To.Field.Length)
        : finding.Items!.Sum(item => 28 + item.Key.Soul!.Length + item.Key.Field.Length);

    private static async ValueTask<int> SendAsync(
        PeerStream stream, AuditMessage message, CancellationToken cancellationToken)
    {
        var body = new ArrayBufferWriter<byte>(1_024);
        AuditCodec.Write(message, body);
        byte[] frame = new byte[Uvarint.BytesMax + body.WrittenCount];
        int head = Uvarint.Write(frame, (ulong)body.WrittenCount);
        body.WrittenSpan.CopyTo(frame.AsSpan(head));
        await stream.WriteAsync(frame.AsMemory(0, head + body.WrittenCount), cancellationToken).ConfigureAwait(false);
        return head + body.WrittenCount;
    }

    private async ValueTask<(AuditMessage? Message, int Bytes)> ReadAsync(
        PeerStream stream, SyncBuffer buffer, CancellationToken cancellationToken)
    {
        using var late = new CancellationTokenSource(Patience, network.Node.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
        int length = await SyncFrames
            .ReadFrameAsync(stream, buffer, options.MessageBytesMax, either.Token).ConfigureAwait(false);
        if (length == -1)
        {
            throw new IOException("The peer has ended the stream.");
        }

        AuditMessage? message = length < 0 ? null : AuditCodec.Read(buffer.Held.Span[..length], options);
        buffer.Take(Math.Max(0, length));
        return (message, Math.Max(0, length));
    }
}

/// <summary>One comparison with one peer.</summary>
/// <param name="tally">What it found.</param>
internal sealed class AuditPass(AuditTally tally)
{
    public AuditTally Tally { get; } = tally;

    public WeftError Error { get; set; }

    public long BytesIn { get; set; }

    public long BytesOut { get; set; }
}
