using Weft.Primitives;
using Weft.Protocols.Blobs;

namespace Weft.Node.Blobs;

/// <summary>Where a fetch finds peers.</summary>
internal interface IBlobPeers
{
    /// <summary>Peers that are connected and speak the protocol.</summary>
    IReadOnlyList<PeerId> Connected();

    /// <summary>Peers that say elsewhere that they have a blob; none when there is nowhere to ask.</summary>
    Task<IReadOnlyList<PeerId>> FindAsync(BlobId id, CancellationToken cancellationToken);

    /// <summary>Opens a stream to a peer.</summary>
    /// <exception cref="IOException">It cannot be reached.</exception>
    /// <exception cref="WeftException">It cannot be reached, or does not speak the protocol.</exception>
    Task<Stream> OpenAsync(PeerId peer, CancellationToken cancellationToken);
}
