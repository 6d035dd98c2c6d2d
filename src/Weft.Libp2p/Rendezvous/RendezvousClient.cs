using System.Buffers;
using System.Runtime.CompilerServices;
using Weft.Libp2p.Streams;
using Weft.Primitives;
using Weft.Protocols.Peers;
using Weft.Protocols.Rendezvous;

namespace Weft.Libp2p.Rendezvous;

/// <summary>What a rendezvous point has found.</summary>
/// <param name="Peers">The peers, their signatures verified; one may stand under several namespaces.</param>
/// <param name="Cookie">Asks, the next time, for those who came after these.</param>
public sealed record RendezvousFound(IReadOnlyList<PeerRecord> Peers, ReadOnlyMemory<byte> Cookie);

/// <summary>Asks rendezvous points: to be found there, and for others.</summary>
/// <param name="host">The host.</param>
public sealed class RendezvousClient(Libp2pHost host)
{
    private static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(20);

    /// <summary>Registers this host's addresses under a namespace; again takes the place of the earlier one.</summary>
    /// <param name="point">The rendezvous point: connected, or in the address book.</param>
    /// <param name="name">The namespace: 1 to 255 bytes of UTF-8.</param>
    /// <param name="ttl">For how long, in whole seconds; zero leaves it to the point.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>For how long the point has granted it.</returns>
    /// <exception cref="Libp2pException">Not reachable, it does not speak rendezvous, or refuses.</exception>
    /// <exception cref="IOException">The stream broke.</exception>
    public async Task<TimeSpan> RegisterAsync(
        PeerId point, string name, TimeSpan ttl = default, CancellationToken cancellationToken = default)
    {
        CheckName(name);
        RendezvousMessage answer = await AskAsync(
            point,
            new(RendezvousKind.Register) { Registrations = [new(name, host.SignedRecord, ttl)] },
            RendezvousKind.RegisterResponse,
            cancellationToken).ConfigureAwait(false);
        return answer.Ttl;
    }

    /// <summary>
    /// Takes this host's registration back. Points do not answer that; it returns once it is on its way.
    /// </summary>
    /// <exception cref="Libp2pException">Not reachable, or it does not speak rendezvous.</exception>
    /// <exception cref="IOException">The stream broke.</exception>
    public async Task UnregisterAsync(PeerId point, string name, CancellationToken cancellationToken = default)
    {
        CheckName(name);
        await AskAsync(
            point, new(RendezvousKind.Unregister) { Namespace = name }, awaited: null, cancellationToken)
            .ConfigureAwait(false);
    }

    /// <summary>Asks who is registered.</summary>
    /// <param name="point">The rendezvous point: connected, or in the address book.</param>
    /// <param name="name">The namespace; empty for all.</param>
    /// <param name="limit">How many at most; 0 leaves it to the point.</param>
    /// <param name="cookie">Of an earlier answer: only those who came after it.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>
    /// The peers, this host not among them; records that do not open are left out. The address book is not told.
    /// </returns>
    /// <exception cref="Libp2pException">Not reachable, it does not speak rendezvous, or refuses.</exception>
    /// <exception cref="IOException">The stream broke.</exception>
    public async Task<RendezvousFound> DiscoverAsync(
        PeerId point,
        string name,
        int limit = 0,
        ReadOnlyMemory<byte> cookie = default,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(name);
        RendezvousMessage answer = await AskAsync(
            point,
            new(RendezvousKind.Discover) { Namespace = name, Limit = limit, Cookie = cookie },
            RendezvousKind.DiscoverResponse,
            cancellationToken).ConfigureAwait(false);
        var peers = new List<PeerRecord>();
        foreach (RendezvousRegistration one in limit > 0 ? answer.Registrations.Take(limit) : answer.Registrations)
        {
            if ((name.Length == 0 || one.Namespace == name)
                && PeerRecord.TryOpen(one.SignedRecord.Span, host.Options.Crypto, out PeerRecord? record)
                && record.Peer != host.Id)
            {
                peers.Add(record);
            }
        }

        return new(peers, answer.Cookie);
    }

    private static void CheckName(string name)
    {
        if (!RendezvousCodec.IsNamespace(name))
        {
            throw new ArgumentException("A namespace has 1 to 255 bytes.", nameof(name));
        }
    }

    private async Task<RendezvousMessage> AskAsync(
        PeerId point, RendezvousMessage question, RendezvousKind? awaited, CancellationToken cancellationToken)
    {
        using CancellationTokenSource deadline = host.Deadline(AnswerTimeout, cancellationToken);
        try
        {
            PeerStream stream = await host
                .OpenStreamAsync(point, [RendezvousCodec.Protocol], deadline.Token).ConfigureAwait(false);
            await using ConfiguredAsyncDisposable closing = stream.ConfigureAwait(false);
            var output = new ArrayBufferWriter<byte>(1_024);
            RendezvousCodec.Write(question, output);
            await StreamMessages.WriteAsync(stream, output, deadline.Token).ConfigureAwait(false);
            await stream.CompleteWritesAsync().ConfigureAwait(false);
            byte[]? bytes = await StreamMessages
                .ReadAsync(stream, RendezvousCodec.MessageBytesMax, deadline.Token).ConfigureAwait(false);
            if (awaited is null)
            {
                return question; // The point ends the stream without a word.
            }

            if (!RendezvousCodec.TryRead(bytes, out RendezvousMessage? answer) || answer.Kind != awaited)
            {
                throw new Libp2pException(
                    WeftError.PeerUnreachable, $"{point} does not answer as a rendezvous point does.");
            }

            return answer.Status == RendezvousStatus.Ok
                ? answer
                : throw new Libp2pException(
                    WeftError.PeerUnreachable,
                    $"Rendezvous point {point} refuses: {answer.Status}. {answer.StatusText}");
        }
        catch (OperationCanceledException error) when (!cancellationToken.IsCancellationRequested)
        {
            throw new Libp2pException(
                WeftError.DeadlinePassed, $"Rendezvous point {point} did not answer in time.", error);
        }
    }
}
