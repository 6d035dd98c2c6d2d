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
    TopicAnswerKind Kind, GossipMessage? Message, long Missed, string Epoch, long Next)
{
    /// <summary>Of a message: its hash.</summary>
    public GossipMessageId Hash { get; init; }
}

/// <summary>Asks relays for what they keep. Everything that comes is verified.</summary>
/// <param name="host">The host.</param>
/// <param name="gossip">Its gossip, for the bounds of messages.</param>
/// <param name="preferred">Relays that are asked first; null for none.</param>
public sealed class TopicClient(Libp2pHost host, GossipService gossip, IEnumerable<PeerId>? preferred = null)
{
    private readonly HashSet<PeerId> _preferred = [.. preferred ?? []];

    /// <summary>The connected peers that say they are relays: preferred ones first, then in the order of their ids.</summary>
    public IReadOnlyList<PeerId> Relays =>
    [
        .. host.Connections.Where(one => one.Identity?.Protocols.Contains(TopicWire.Protocol) == true)
            .Select(one => one.Remote).Distinct().OrderBy(one => _preferred.Contains(one) ? 0 : 1).ThenBy(one => one),
    ];

    /// <summary>The topics that a relay keeps.</summary>
    public async Task<IReadOnlyList<string>> TopicsAsync(PeerId relay, CancellationToken cancellationToken = default) =>
        (await AskAsync(relay, new(TopicRequestKind.Topics, ""), cancellationToken).ConfigureAwait(false)).Topics ?? [];

    /// <summary>Takes from a relay what a reader lacks of it.</summary>
    /// <param name="relay">The relay.</param>
    /// <param name="session">Compares; it gives nothing.</param>
    /// <param name="take">Takes what comes; it is verified.</param>
    /// <param name="answerMax">How long the relay may take over one answer.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="InvalidDataException">The relay gave what nobody signed, or does not keep to it.</exception>
    /// <exception cref="IOException">The stream broke, or the relay does not keep the topic.</exception>
    public Task CompareAsync(
        PeerId relay, TopicSessionCore session,
        Func<IReadOnlyList<(GossipMessage Message, double ReceivedMs)>, Task> take, TimeSpan answerMax,
        CancellationToken cancellationToken = default) =>
        TopicSessionRunner.RunAsync(host, relay, session, answerMax, take, _ => [], cancellationToken);

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

            GossipMessage[] messages = Open(relay, answer.Messages ?? [], request.Topic, out GossipMessageId[] hashes);
            for (int i = 0; i < messages.Length; i++)
            {
                // A relay that does not number them lets one go on behind a whole batch only.
                long next = i == messages.Length - 1 ? answer.Offset
                    : answer.Times is { } numbers && i < numbers.Count ? (long)Math.Min(numbers[i], long.MaxValue)
                    : 0;
                yield return new(TopicAnswerKind.Batch, messages[i], 0, answer.Epoch, next) { Hash = hashes[i] };
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

    private GossipMessage Open(PeerId relay, ReadOnlyMemory<byte> body, string topic) =>
        Open(relay, [body], topic, out _)[0];

    /// <summary>Reads and verifies messages; a whole batch costs little more than one signature of each author.</summary>
    private GossipMessage[] Open(
        PeerId relay, IReadOnlyList<ReadOnlyMemory<byte>> bodies, string topic, out GossipMessageId[] hashes)
    {
        var messages = new GossipMessage[bodies.Count];
        for (int i = 0; i < messages.Length; i++)
        {
            messages[i] = TopicWire.ReadBody(bodies[i].Span, topic, gossip.Options.Core)
                ?? throw new InvalidDataException($"{relay} sent what is no message of {topic}.");
        }

        return TopicChain.Verify(messages, host.Settings.Crypto, out hashes, out _)
            ? messages
            : throw new InvalidDataException($"{relay} sent a message that its author did not sign.");
    }
}
