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
/// What a relay has kept, then what comes: from the relay and from the mesh at once, so that nothing falls between the
/// two,
/// and each message once.
/// </summary>
internal sealed class ReplayReader(NodeNetwork network, GossipSubscription live, Replay replay)
{
    private const int RememberedMax = 65_536;

    private readonly HashSet<(PeerId From, ulong Sequence)> _seen = [];
    private readonly Queue<(PeerId From, ulong Sequence)> _order = [];

    internal async IAsyncEnumerable<TopicMessage> ReadAllAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var line = Channel.CreateBounded<TopicMessage>(new BoundedChannelOptions(256) { SingleReader = true });
        Task relay = RelayAsync(line.Writer, ending.Token);
        try
        {
            await foreach (TopicMessage message in line.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                if (message.IsGap || IsNew(message))
                {
                    yield return message;
                }
            }
        }
        finally
        {
            await ending.CancelAsync().ConfigureAwait(false);
            await relay.ConfigureAwait(false);
        }
    }

    private bool IsNew(TopicMessage message)
    {
        if (!_seen.Add((message.From, message.Sequence)))
        {
            return false;
        }

        _order.Enqueue((message.From, message.Sequence));
        if (_order.Count > RememberedMax)
        {
            _seen.Remove(_order.Dequeue());
        }

        return true;
    }

    private async Task RelayAsync(ChannelWriter<TopicMessage> line, CancellationToken cancellationToken)
    {
        TopicRequest request = replay.RequestFor(live.Topic, network.Node.Time.GetUtcNow());
        using var caughtUp = new SemaphoreSlim(0);
        Task kept = KeptAsync(request, line, caughtUp, cancellationToken);
        try
        {
            // Live messages wait in their own line until what was kept has been given: it comes first, in its order.
            await caughtUp.WaitAsync(cancellationToken).ConfigureAwait(false);
            await LiveAsync(line, () => !kept.IsCompleted, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The reader has gone.
        }
        finally
        {
            line.TryComplete(); // The reader ends, and with it what is still read of the relay.
            await kept.ConfigureAwait(false);
        }
    }

    private async Task LiveAsync(
        ChannelWriter<TopicMessage> line, Func<bool> hasRelay, CancellationToken cancellationToken)
    {
        await foreach (GossipDelivery delivery in live.ReadAllAsync(cancellationToken).ConfigureAwait(false))
        {
            if (delivery.Message is { } message)
            {
                await line.WriteAsync(TopicSubscription.Of(message), cancellationToken).ConfigureAwait(false);
            }
            else if (!hasRelay())
            {
                // While the relay sends too, what was dropped here comes from there.
                await line.WriteAsync(new(live.Topic, default, 0, default, delivery.Missed), cancellationToken)
                    .ConfigureAwait(false);
            }
        }
    }

    /// <summary>Asks one relay after the other until one has given what it keeps; then goes on with it.</summary>
    private async Task KeptAsync(
        TopicRequest request, ChannelWriter<TopicMessage> line, SemaphoreSlim caughtUp,
        CancellationToken cancellationToken)
    {
        bool isCaughtUp = false;
        try
        {
            foreach (IAsyncEnumerable<TopicReplayItem> source in Sources(request, cancellationToken))
            {
                try
                {
                    await foreach (TopicReplayItem item in source.ConfigureAwait(false))
                    {
                        if (item.Kind == TopicAnswerKind.CaughtUp)
                        {
                            isCaughtUp = true;
                            caughtUp.Release();
                        }
                        else
                        {
                            await line.WriteAsync(Of(item), cancellationToken).ConfigureAwait(false);
                        }
                    }
                }
                catch (Exception broken) when (
                    broken is Libp2pException or IOException or InvalidDataException or ObjectDisposedException)
                {
                    // What it gave was verified; the next relay gives the rest, and what comes twice is left out.
                }

                if (isCaughtUp)
                {
                    return; // What comes from now on comes over the mesh.
                }
            }

            // No relay gave everything: something may be missing, and the reader is told.
            await line.WriteAsync(new(live.Topic, default, 0, default, Missed: 1), cancellationToken)
                .ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The reader has gone.
        }
        finally
        {
            if (!isCaughtUp)
            {
                caughtUp.Release();
            }
        }
    }

    private IEnumerable<IAsyncEnumerable<TopicReplayItem>> Sources(
        TopicRequest request, CancellationToken cancellationToken)
    {
        if (network.TopicRelay?.ReplayAsync(request, cancellationToken) is { } own)
        {
            yield return own;
        }

        var client = new TopicClient(network.Host, network.Gossip);
        foreach (PeerId relay in client.Relays)
        {
            yield return client.ReplayAsync(relay, request, cancellationToken);
        }
    }

    private TopicMessage Of(TopicReplayItem item) => item.Message is { } message
        ? TopicSubscription.Of(message) with
        {
            Cursor = item.Next == 0
                ? null
                : string.Create(CultureInfo.InvariantCulture, $"{item.Epoch}.{item.Next}"),
        }
        : new(live.Topic, default, 0, default, Math.Max(1, item.Missed));
}
