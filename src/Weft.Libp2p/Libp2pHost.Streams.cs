using Weft.Libp2p.Connections;
using Weft.Libp2p.Streams;
using Weft.Primitives;
using Weft.Protocols.Multistream;

namespace Weft.Libp2p;

/// <content>Opening streams.</content>
public sealed partial class Libp2pHost
{
    /// <summary>
    /// Opens a stream over this connection, under rules: see <see cref="OpenStreamAsync(PeerId,
    /// IReadOnlyList{string}, CancellationToken)"/>.
    /// </summary>
    public async Task<PeerStream> OpenStreamAsync(
        PeerConnection connection,
        IReadOnlyList<string> protocols,
        StreamRules rules,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentNullException.ThrowIfNull(protocols);
        ArgumentNullException.ThrowIfNull(rules);
        ArgumentOutOfRangeException.ThrowIfZero(protocols.Count, nameof(protocols));
        (PeerStream? stream, Exception? failure) = await TryOpenStreamAsync(connection, protocols, rules, cancellationToken)
            .ConfigureAwait(false);
        return stream ?? throw failure!;
    }

    /// <summary>
    /// The same, for streams that every connection gets: with one that ends at once, their failures are nothing special,
    /// and nothing is thrown.
    /// </summary>
    /// <returns>The stream, or why there is none.</returns>
    internal async Task<(PeerStream? Stream, Exception? Failure)> TryOpenStreamAsync(
        PeerConnection connection, IReadOnlyList<string> protocols, StreamRules rules, CancellationToken cancellationToken)
    {
        if (connection.IsLimited && !rules.AllowsLimited)
        {
            return (null, new Libp2pException(
                WeftError.PeerUnreachable,
                $"{connection.Remote} is reached through a relay only, and {protocols[0]} does not run over one."));
        }

        if (connection.TryOpen() is not { } stream)
        {
            return (null, new Libp2pException(
                WeftError.ConnectionLimit,
                $"No stream to {connection.Remote} can be opened: a limit is reached, or it is closing."));
        }

        using CancellationTokenSource deadline = Deadline(_options.NegotiationTimeout, cancellationToken);
        (MultistreamState state, Exception? error) = await StreamNegotiation
            .DialAsync(stream, protocols, deadline.Token).ConfigureAwait(false);
        stream.Lower(rules.Priority);
        if (state == MultistreamState.Agreed)
        {
            return (stream, null);
        }

        stream.Abort();
        return (null, cancellationToken.IsCancellationRequested
            ? new OperationCanceledException(cancellationToken)
            : error switch
            {
                null => new Libp2pException(
                    WeftError.ProtocolUnsupported, $"{connection.Remote} speaks none of {string.Join(", ", protocols)}."),
                OperationCanceledException => new Libp2pException(
                    WeftError.DeadlinePassed, $"{connection.Remote} did not answer on a new stream in time.", error),
                IOException => new Libp2pException(
                    WeftError.PeerUnreachable, $"A new stream to {connection.Remote} was refused: {error.Message}", error),
                _ => error,
            });
    }
}
