using System.Runtime.CompilerServices;
using Weft.Libp2p.Gossip;
using Weft.Libp2p.Streams;
using Weft.Primitives;
using Weft.Protocols.Gossip;
using Weft.Protocols.Topics;

namespace Weft.Libp2p.Topics;

/// <summary>What a relay sends: a message, the end of what was kept, or a gap.</summary>
/// <param name="Kind">Batch for a message, CaughtUp, or Gap.</param>
/// <param name="Message">The message; its signature is verified.</param>
/// <param name="Missed">How many offsets of a gap are gone.</param>
/// <param name="Epoch">The relay's store.</param>
/// <param name="Next">Where to go on; 0 in the middle of a batch.</param>
public readonly record struct TopicReplayItem(
    TopicAnswerKind Kind, GossipMessage? Message, long Missed, string Epoch, long Next);

/// <summary>Asks relays for what they keep. Everything that comes is verified.</summary>
/// <param name="host">The host.</param>
/// <param name="gossip">Its gossip, for the bounds of messages.</param>
public sealed class TopicClient(Libp2pHost host, GossipService gossip)
{
    /// <summary>The connected peers that say they are relays, in the order of their ids.</summary>
    public IReadOnlyList<PeerId> Relays =>
    [
        .. host.Connections.Where(one => one.Identity?.Protocols.Contains(TopicWire.Protocol) == true)
            .Select(one => one.Remote).Distinct().Order(),
    ];

    /// <summary>Reads what a relay keeps, and goes on live if that is asked for.</summary>
    /// <exception cref="Libp2pException">The relay cannot be reached.</exception>
    /// <exception cref="IOException">The stream broke, or the relay does not keep the topic.</exception>
    /// <exception cref="InvalidDataException">The relay sent what nobody signed.</exception>
    public async IAsyncEnumerable<TopicReplayItem> ReplayAsync(
        PeerId relay, TopicRequest request, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        PeerStream stream = await host.OpenStreamAsync(relay, [TopicWire.Protocol], cancellationToken)
            .ConfigureAwait(false);
        await using ConfiguredAsyncDisposable closing = stream.ConfigureAwait(false);
        using CancellationTokenRegistration ending = cancellationToken.UnsafeRegister(
            static state => ((PeerStream)state!).Abort(), stream);
        await stream.WriteAsync(TopicWire.Write(request), cancellationToken).ConfigureAwait(false);
        var frames = new TopicFrames(stream);
        while (await frames.ReadAsync(cancellationToken).ConfigureAwait(false) is { } frame)
        {
            if (!TopicWire.TryRead(frame.Span, out TopicAnswer answer))
            {
                throw new InvalidDataException($"{relay} sent no answer of a relay.");
            }

            IReadOnlyList<ReadOnlyMemory<byte>> bodies = answer.Messages ?? [];
            for (int i = 0; i < bodies.Count; i++)
            {
                // One may go on behind a whole batch only.
                long next = i == bodies.Count - 1 ? answer.Offset : 0;
                yield return new(TopicAnswerKind.Batch, Open(relay, bodies[i], request.Topic), 0, answer.Epoch, next);
            }

            if (answer.Kind is TopicAnswerKind.CaughtUp or TopicAnswerKind.Gap)
            {
                yield return new(answer.Kind, null, answer.Missed, answer.Epoch, answer.Offset);
            }

            if (answer.Kind == TopicAnswerKind.CaughtUp && !request.IsLive)
            {
                yield break;
            }
        }
    }

    /// <summary>Has a relay keep a message.</summary>
    /// <returns>What became of it; when it is kept or known, it is durable there.</returns>
    public async Task<TopicAppend> StoreAsync(
        PeerId relay, GossipMessage message, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(message);
        TopicAnswer answer = await AskAsync(
            relay, new(TopicRequestKind.Publish, message.Topic, Bytes: TopicWire.BodyOf(message)), cancellationToken)
            .ConfigureAwait(false);
        return answer.Kind == TopicAnswerKind.Acknowledged
            ? answer.Status
            : throw new InvalidDataException($"{relay} did not acknowledge.");
    }

    /// <summary>The last value of a key at a relay; null when it has none.</summary>
    public async Task<GossipMessage?> LatestAsync(
        PeerId relay, string topic, ReadOnlyMemory<byte> key, CancellationToken cancellationToken = default)
    {
        TopicAnswer answer = await AskAsync(
            relay, new(TopicRequestKind.Latest, topic, Bytes: key), cancellationToken).ConfigureAwait(false);
        return answer.Messages is [{ } body, ..] ? Open(relay, body, topic) : null;
    }

    private async Task<TopicAnswer> AskAsync(PeerId relay, TopicRequest request, CancellationToken cancellationToken)
    {
        PeerStream stream = await host.OpenStreamAsync(relay, [TopicWire.Protocol], cancellationToken)
            .ConfigureAwait(false);
        await using ConfiguredAsyncDisposable closing = stream.ConfigureAwait(false);
        await stream.WriteAsync(TopicWire.Write(request), cancellationToken).ConfigureAwait(false);
        ReadOnlyMemory<byte>? frame = await new TopicFrames(stream).ReadAsync(cancellationToken).ConfigureAwait(false);
        return frame is { } got && TopicWire.TryRead(got.Span, out TopicAnswer answer)
            ? answer
            : throw new InvalidDataException($"{relay} sent no answer of a relay.");
    }

    private GossipMessage Open(PeerId relay, ReadOnlyMemory<byte> body, string topic)
    {
        GossipMessage? message = TopicWire.ReadBody(body.Span, topic, gossip.Options.Core);
        return message is not null && GossipSigning.Verify(message, host.Settings.Crypto)
            ? message
            : throw new InvalidDataException($"{relay} sent a message that its author did not sign.");
    }
}
