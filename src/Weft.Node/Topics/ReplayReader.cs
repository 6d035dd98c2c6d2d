using System.Globalization;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Weft.Libp2p;
using Weft.Libp2p.Gossip;
using Weft.Libp2p.Topics;
using Weft.Node.Network;
using Weft.Primitives;
using Weft.Protocols.Gossip;
using Weft.Protocols.Topics;

namespace Weft.Node.Topics;

/// <summary>
/// What a relay has kept, compared with a second relay, then what comes: from the relay and from the mesh at once, so
/// that nothing falls between the two. The driver of one <see cref="TopicReaderCore"/>.
/// </summary>
/// <param name="network">Where relays are.</param>
/// <param name="topic">The topic's name.</param>
/// <param name="live">The mesh; null to end when everything that was kept has been given.</param>
/// <param name="replay">Where to begin.</param>
internal sealed class ReplayReader(NodeNetwork network, string topic, GossipSubscription? live, Replay replay)
{
    private const int ComparedMax = 3;

    private static readonly TimeSpan TickEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan CompareMax = TimeSpan.FromSeconds(10);

    private readonly TopicReaderCore _core = new(new(), replay.Start == TopicStart.All);
    private readonly Outbox<TopicReaderOutput> _outbox = new();
    private readonly Channel<Input> _line = Channel.CreateBounded<Input>(
        new BoundedChannelOptions(1_024) { SingleReader = true });

    private string? _cursor; // Behind everything that was read, while something of it may still wait.

    internal async IAsyncEnumerable<TopicMessage> ReadAllAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task feeding = FeedAsync(ending.Token);
        Task ticking = live is null ? Task.CompletedTask : TickAsync(ending.Token);
        try
        {
            while (await _line.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
            {
                while (_line.Reader.TryRead(out Input input))
                {
                    Take(input);
                    for (int i = 0; i < _outbox.Count; i++)
                    {
                        yield return Of(_outbox[i], isLast: i == _outbox.Count - 1);
                    }

                    _outbox.Clear();
                }
            }
        }
        finally
        {
            await ending.CancelAsync().ConfigureAwait(false);
            await feeding.ConfigureAwait(false);
            await ticking.ConfigureAwait(false);
        }
    }

    private void Take(in Input input)
    {
        WeftInstant now = Now;
        switch (input)
        {
            case { Message: { } message }:
                _cursor = input.Cursor ?? _cursor;
                _core.OnMessage(message, input.Hash, null, now, _outbox);
                break;
            case { Missed: > 0 }:
                _core.OnGap(input.Missed, _outbox);
                break;
            case { IsCaughtUp: true }:
                _core.OnCaughtUp(_outbox);
                break;
            case { Session: { } session }:
                session.TrySetResult(MakeSession());
                break;
            default:
                _core.OnTick(now, _outbox);
                break;
        }
    }

    /// <summary>What came is compared with a second relay, if it is little enough and it is known where it begins.</summary>
    private TopicSessionCore? MakeSession()
    {
        if (!_core.CanCompare || (replay.Start != TopicStart.All && _core.StampMin == 0))
        {
            return null;
        }

        Dictionary<TopicSpace, TopicIndex> indexes = new()
        {
            [TopicSpace.Events] = _core.IndexOf(TopicSpace.Events, network.Node.Crypto),
            [TopicSpace.Values] = _core.IndexOf(TopicSpace.Values, network.Node.Crypto),
        };
        bool isAll = replay.Start == TopicStart.All;
        return new(
            topic, space => indexes[space],
            (space, point) => (isAll || space == TopicSpace.Events) && _core.Wants(point),
            gives: false, new(), network.Gossip.Options.Core, network.Node.Crypto)
        {
            Low = isAll ? default : new(_core.StampMin),
        };
    }

    private async Task FeedAsync(CancellationToken cancellationToken)
    {
        TopicRequest request = replay.RequestFor(topic, network.Node.Time.GetUtcNow()) with { IsLive = live is not null };
        using var caughtUp = new SemaphoreSlim(0);
        Task kept = KeptAsync(request, caughtUp, cancellationToken);
        try
        {
            // Live messages wait in their own line until what was kept has been given: it comes first, in its order.
            await caughtUp.WaitAsync(cancellationToken).ConfigureAwait(false);
            if (live is not null)
            {
                await LiveAsync(live, () => !kept.IsCompleted, cancellationToken).ConfigureAwait(false);
            }
            else
            {
                await kept.ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // The reader has gone.
        }
        finally
        {
            _line.Writer.TryComplete(); // The reader ends, and with it what is still read of the relay.
            await kept.ConfigureAwait(false);
        }
    }

    private async Task LiveAsync(
        GossipSubscription mesh, Func<bool> hasRelay, CancellationToken cancellationToken)
    {
        await foreach (GossipDelivery delivery in mesh.ReadAllAsync(cancellationToken).ConfigureAwait(false))
        {
            if (delivery.Message is { } message)
            {
                GossipMessageId hash = TopicLogCore.HashOf(message, network.Node.Crypto);
                await WriteAsync(new() { Message = message, Hash = hash }, cancellationToken).ConfigureAwait(false);
            }
            else if (!hasRelay())
            {
                // While the relay sends too, what was dropped here comes from there.
                await WriteAsync(new() { Missed = delivery.Missed }, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Asks one relay after the other until one has given what it keeps; then goes on with it.</summary>
    private async Task KeptAsync(TopicRequest request, SemaphoreSlim caughtUp, CancellationToken cancellationToken)
    {
        bool isCaughtUp = false;
        try
        {
            foreach ((PeerId relay, IAsyncEnumerable<TopicReplayItem> source) in Sources(request, cancellationToken))
            {
                try
                {
                    await foreach (TopicReplayItem item in source.ConfigureAwait(false))
                    {
                        if (item.Kind == TopicAnswerKind.CaughtUp)
                        {
                            await CompareAsync(relay, cancellationToken).ConfigureAwait(false);
                            await WriteAsync(new() { IsCaughtUp = true }, cancellationToken).ConfigureAwait(false);
                            isCaughtUp = true;
                            caughtUp.Release();
                        }
                        else
                        {
                            await WriteAsync(InputOf(item), cancellationToken).ConfigureAwait(false);
                        }
                    }
                }
                catch (Exception broken) when (IsBroken(broken))
                {
                    // What it gave was verified; the next relay gives the rest, and what comes twice is left out.
                }

                if (isCaughtUp)
                {
                    return; // What comes from now on comes over the mesh.
                }
            }

            // No relay gave everything: something may be missing, and the reader is told.
            await WriteAsync(new() { IsCaughtUp = true }, cancellationToken).ConfigureAwait(false);
            await WriteAsync(new() { Missed = 1 }, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception gone) when (gone is OperationCanceledException or ChannelClosedException)
        {
            // The reader has gone, or the mesh has ended.
        }
        finally
        {
            if (!isCaughtUp)
            {
                caughtUp.Release();
            }
        }
    }

    /// <summary>
    /// Asks a second relay whether the first one left something out, and takes that from it; when it cannot say, or is not
    /// to be trusted, the next one.
    /// </summary>
    private async Task CompareAsync(PeerId first, CancellationToken cancellationToken)
    {
        if (first == network.Id)
        {
            return; // Our own relay compares itself with others.
        }

        TopicClient client = Client();
        foreach (PeerId second in client.Relays.Where(relay => relay != first).Take(ComparedMax))
        {
            var asked = new TaskCompletionSource<TopicSessionCore?>(TaskCreationOptions.RunContinuationsAsynchronously);
            await WriteAsync(new() { Session = asked }, cancellationToken).ConfigureAwait(false);
            if (await asked.Task.WaitAsync(cancellationToken).ConfigureAwait(false) is not { } session)
            {
                return;
            }

            try
            {
                await client.CompareAsync(
                    second, session, messages => TakeAsync(messages, cancellationToken), CompareMax, cancellationToken)
                    .ConfigureAwait(false);
                return;
            }
            catch (Exception broken) when (
                IsBroken(broken) || (broken is OperationCanceledException && !cancellationToken.IsCancellationRequested))
            {
                // A second relay that cannot answer is as good as none.
            }
        }
    }

    private async Task TakeAsync(
        IReadOnlyList<(GossipMessage Message, double ReceivedMs)> messages, CancellationToken cancellationToken)
    {
        foreach ((GossipMessage message, _) in messages)
        {
            GossipMessageId hash = TopicLogCore.HashOf(message, network.Node.Crypto);
            await WriteAsync(new() { Message = message, Hash = hash }, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task TickAsync(CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(TickEvery, network.Node.Time);
        try
        {
            while (await timer.WaitForNextTickAsync(cancellationToken).ConfigureAwait(false))
            {
                await WriteAsync(default, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (Exception gone) when (gone is OperationCanceledException or ChannelClosedException)
        {
            // The reader has gone.
        }
    }

    private IEnumerable<(PeerId Relay, IAsyncEnumerable<TopicReplayItem> Items)> Sources(
        TopicRequest request, CancellationToken cancellationToken)
    {
        if (network.TopicRelay?.ReplayAsync(request, cancellationToken) is { } own)
        {
            yield return (network.Id, own);
        }

        TopicClient client = Client();
        foreach (PeerId relay in client.Relays)
        {
            yield return (relay, client.ReplayAsync(relay, request, cancellationToken));
        }
    }

    private ValueTask WriteAsync(Input input, CancellationToken cancellationToken) =>
        _line.Writer.WriteAsync(input, cancellationToken);

    private TopicClient Client() => new(network.Host, network.Gossip, network.TopicRelays);

    private WeftInstant Now => new(
        (long)(network.Node.Time.GetTimestamp() * (1_000_000.0 / network.Node.Time.TimestampFrequency)));

    private static bool IsBroken(Exception error) =>
        error is Libp2pException or IOException or InvalidDataException or ObjectDisposedException;

    private static Input InputOf(in TopicReplayItem item) => item.Message is { } message
        ? new()
        {
            Message = message,
            Hash = item.Hash,
            Cursor = item.Next == 0
                ? null
                : string.Create(CultureInfo.InvariantCulture, $"{item.Epoch}.{item.Next}"),
        }
        : new() { Missed = Math.Max(1, item.Missed) };

    private TopicMessage Of(in TopicReaderOutput output, bool isLast)
    {
        if (output.Message is not { } message)
        {
            return new(topic, output.Author, 0, default, output.Missed);
        }

        // A cursor says that everything before it was given: not while something waits for the one before it.
        bool hasCursor = isLast && _core.HeldCount == 0;
        TopicMessage made = TopicSubscription.Of(message) with { Cursor = hasCursor ? _cursor : null };
        _cursor = hasCursor ? null : _cursor;
        return made;
    }

    /// <summary>What is fed to the core; the default is a tick.</summary>
    private readonly record struct Input
    {
        internal GossipMessage? Message { get; init; }

        internal GossipMessageId Hash { get; init; }

        internal string? Cursor { get; init; }

        internal long Missed { get; init; }

        internal bool IsCaughtUp { get; init; }

        internal TaskCompletionSource<TopicSessionCore?>? Session { get; init; }
    }
}
