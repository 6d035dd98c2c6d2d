using Weft.Protocols.Peers;

namespace Weft.Libp2p.Transport;

/// <summary>Finds what stands behind a name.</summary>
/// <remarks>Implementations are safe to use from many threads.</remarks>
public interface INameResolver
{
    /// <summary>Looks up the name an address begins with.</summary>
    /// <param name="address">
    /// "/dnsaddr/…": the addresses its TXT records hold. "/dns/…", "/dns4/…", "/dns6/…": the same address with each IP
    /// address of the name in its place.
    /// </param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>What was found; empty when there is nothing.</returns>
    /// <exception cref="IOException">Nobody could be asked.</exception>
    ValueTask<IReadOnlyList<Multiaddr>> ResolveAsync(Multiaddr address, CancellationToken cancellationToken);
}
