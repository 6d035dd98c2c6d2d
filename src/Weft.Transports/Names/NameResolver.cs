using System.Net;
using System.Net.Sockets;
using System.Text;
using Weft.Libp2p.Transport;
using Weft.Protocols.Peers;

namespace Weft.Transports.Names;

/// <summary>
/// Looks names up by DNS: "/dns", "/dns4" and "/dns6" as the system does, "/dnsaddr" by the TXT records of
/// "_dnsaddr.NAME" that read "dnsaddr=/…".
/// </summary>
/// <remarks>
/// Safe to use from many threads; it remembers nothing. Nesting and counts are the caller's to bound, and
/// <see cref="Weft.Protocols.Dialing.DialCore"/> does. Source: libp2p specs, addressing/README.md, "dnsaddr".
/// </remarks>
public sealed class NameResolver(NameResolverOptions? options = null) : INameResolver
{
    private const string TextPrefix = "dnsaddr=";

    private readonly NameResolverOptions _options = options ?? new();
    private readonly DnsTxtClient _texts = new(options ?? new());

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<Multiaddr>> ResolveAsync(Multiaddr address, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(address);
        return address.Parts[0].Code switch
        {
            MultiaddrCode.DnsAddr => ReadTextsAsync(address, cancellationToken),
            MultiaddrCode.Dns or MultiaddrCode.Dns4 or MultiaddrCode.Dns6 => ReadHostAsync(address, cancellationToken),
            _ => ValueTask.FromResult<IReadOnlyList<Multiaddr>>([address]),
        };
    }

    private async ValueTask<IReadOnlyList<Multiaddr>> ReadTextsAsync(Multiaddr name, CancellationToken cancellationToken)
    {
        string host = NameOf(name);
        var found = new List<Multiaddr>();
        foreach (string text in await _texts.AskAsync("_dnsaddr." + host, cancellationToken).ConfigureAwait(false))
        {
            if (found.Count == _options.AddressesMax)
            {
                break;
            }

            // Who asks for one peer is not led to another one, nor to an address that names none.
            if (text.StartsWith(TextPrefix, StringComparison.Ordinal)
                && Multiaddr.TryParse(text.AsSpan(TextPrefix.Length), out Multiaddr? address)
                && (name.Peer.IsEmpty || address.Peer == name.Peer))
            {
                found.Add(address);
            }
        }

        return found;
    }

    private async ValueTask<IReadOnlyList<Multiaddr>> ReadHostAsync(Multiaddr address, CancellationToken cancellationToken)
    {
        string host = NameOf(address);
        AddressFamily family = address.Parts[0].Code switch
        {
            MultiaddrCode.Dns4 => AddressFamily.InterNetwork,
            MultiaddrCode.Dns6 => AddressFamily.InterNetworkV6,
            _ => AddressFamily.Unspecified,
        };
        IPAddress[] ips;
        try
        {
            ips = await Dns.GetHostAddressesAsync(host, family, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (error is SocketException or ArgumentException)
        {
            throw new IOException($"{host} was not found: {error.Message}", error);
        }

        string rest = Rest(address, host);
        var found = new List<Multiaddr>();
        foreach (IPAddress ip in ips.Take(_options.AddressesMax))
        {
            var bare = new IPAddress(ip.GetAddressBytes()); // Without a zone: a multiaddr has another place for it.
            string head = ip.AddressFamily == AddressFamily.InterNetwork ? "/ip4/" : "/ip6/";
            if (Multiaddr.TryParse($"{head}{bare}{rest}", out Multiaddr? known))
            {
                found.Add(known);
            }
        }

        return found;
    }

    /// <summary>What stands behind the name; a server by TLS still hears the name.</summary>
    private static string Rest(Multiaddr address, string host)
    {
        string text = address.ToString();
        string rest = text[(text.IndexOf('/', 1) + 1 + host.Length)..];
        string named = $"/tls/sni/{host}/ws";
        return rest.Contains("/wss", StringComparison.Ordinal) ? rest.Replace("/wss", named, StringComparison.Ordinal)
            : rest.Contains("/tls/ws", StringComparison.Ordinal) ? rest.Replace("/tls/ws", named, StringComparison.Ordinal)
            : rest;
    }

    private static string NameOf(Multiaddr address) => Encoding.UTF8.GetString(address.Parts[0].Value.Span);
}
