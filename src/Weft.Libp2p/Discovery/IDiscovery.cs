using Weft.Protocols.Dialing;

namespace Weft.Libp2p.Discovery;

/// <summary>
/// A way to learn of peers. What it finds goes into the host's address book, under its source; whom to connect to is
/// decided elsewhere.
/// </summary>
public interface IDiscovery : IAsyncDisposable
{
    /// <summary>How much its word counts.</summary>
    PeerSource Source { get; }

    /// <summary>True while it looks for peers.</summary>
    bool IsActive { get; }

    /// <summary>Peers it has told the book of since the start; the same one counts each time.</summary>
    long Found { get; }

    /// <summary>Begins to look for peers.</summary>
    /// <param name="cancellationToken">Gives up starting.</param>
    Task StartAsync(CancellationToken cancellationToken = default);
}
