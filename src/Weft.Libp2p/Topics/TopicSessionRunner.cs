using System.Runtime.CompilerServices;
using Weft.Libp2p.Streams;
using Weft.Primitives;
using Weft.Protocols.Gossip;
using Weft.Protocols.Topics;

namespace Weft.Libp2p.Topics;

/// <summary>Runs one comparison over one stream: the driver of <see cref="TopicSessionCore"/>.</summary>
internal static class TopicSessionRunner
{
    /// <summary>Runs it to its end.</summary>
    /// <exception cref="InvalidDataException">The peer does not keep to the protocol, or gave forged messages.</exception>
    /// <exception cref="IOException">The stream broke, or the peer does not keep the topic.</exception>
    internal static async Task RunAsync(
        Libp2pHost host, PeerId peer, TopicSessionCore core, TimeSpan answerMax,
        Func<IReadOnlyList<(GossipMessage Message, double ReceivedMs)>, Task> take,
        Func<IReadOnlyList<TopicPoint>, IReadOnlyList<TopicEntry>> supply, CancellationToken cancellationToken)
    {
        PeerStream stream = await host.OpenStreamAsync(peer, [TopicWire.Protocol], cancellationToken)
            .ConfigureAwait(false);
        await using ConfiguredAsyncDisposable closing = stream.ConfigureAwait(false);
        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var frames = new TopicFrames(stream);
        var outbox = new Outbox<TopicSessionOutput>();
        var taken = new List<(GossipMessage Message, double ReceivedMs)>();
        core.Start(outbox);
        while (outbox.Count > 0)
        {
            TopicSessionOutput[] outputs = outbox.Items.ToArray();
            outbox.Clear();
            taken.AddRange(outputs.Where(one => one.Kind == TopicSessionOutputKind.Take)
                .Select(one => (one.Message!, one.ReceivedMs)));
            if (taken.Count > 0)
            {
                await take(taken).ConfigureAwait(false);
                taken.Clear();
            }

            foreach (TopicSessionOutput output in outputs)
            {
                switch (output.Kind)
                {
                    case TopicSessionOutputKind.Send:
                        late.CancelAfter(answerMax);
                        await stream.WriteAsync(TopicWire.Write(output.Request), late.Token).ConfigureAwait(false);
                        core.OnAnswer(await AnswerAsync(frames, peer, late.Token).ConfigureAwait(false), outbox);
                        break;
                    case TopicSessionOutputKind.Supply:
                        core.OnSupplied(supply(output.Points ?? []), outbox);
                        break;
                    case TopicSessionOutputKind.Failed:
                        throw new InvalidDataException($"{peer} is no relay to trust: {output.Why}.");
                }
            }
        }
    }

    private static async Task<TopicAnswer> AnswerAsync(
        TopicFrames frames, PeerId peer, CancellationToken cancellationToken) =>
        await frames.ReadAsync(cancellationToken).ConfigureAwait(false) is not { } frame
            ? throw new IOException($"{peer} ended the stream.")
            : TopicWire.TryRead(frame.Span, out TopicAnswer answer)
                ? answer
                : throw new InvalidDataException($"{peer} sent no answer of a relay.");
}
