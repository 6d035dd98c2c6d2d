using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Weft.Node.Network;
using Weft.Primitives;
using Weft.Transports;
using Weft.Transports.Mdns;
using Weft.Transports.Names;
using Weft.Transports.Tls;

namespace Weft;

/// <summary>The one place where a node is given its sockets, names, certificates and files of the network.</summary>
internal static class NetworkRim
{
    private const int DnsPort = 53;

    /// <summary>Puts the parts together.</summary>
    /// <param name="options">What the node is to do.</param>
    /// <param name="memory">What the data folder remembers of peers.</param>
    /// <param name="folder">The data folder; null where there is none.</param>
    /// <exception cref="WeftException"><see cref="WeftError.Usage"/>: a certificate cannot be used.</exception>
    internal static NetworkParts Make(NetworkOptions options, PeerMemory memory, string? folder)
    {
        var owned = new List<IDisposable>();
        WebSocketTlsOptions? tls = null;
        if (options is { TlsCertificateFile: { } file, TlsKeyFile: { } key })
        {
            tls = Load(file, key, owned);
        }

        int? descriptors = OpenFiles.NetworkShare();
        var tcp = new TcpTransportOptions();
        tcp.RequestsMax = Math.Min(tcp.RequestsMax, descriptors / 2 ?? tcp.RequestsMax);
        AnchorsFile? anchors = folder is null ? null : new AnchorsFile(Path.Combine(folder, AnchorsFile.Name));
        return new()
        {
            Transports = { new TcpTransport(tcp), new WebSocketTransport(tcp, tls) },
            LocalDiscovery = host => new MdnsDiscovery(host),
            Tls = () => new TlsSecurity(),
            Names = new NameResolver(NamesOf(options)),
            Anchors = anchors?.Read() ?? [],
            SaveAnchors = anchors is null ? null : anchors.Write,
            DescriptorsMax = descriptors,
            Owned = owned,
            AgentVersion = "weft/" + typeof(WeftPeer).Assembly.GetName().Version?.ToString(3),
            Bans = memory.Bans,
            Links = [.. memory.Links.Where(PeerLinks.IsLibp2p)],
        };
    }

    private static NameResolverOptions NamesOf(NetworkOptions options)
    {
        var names = new NameResolverOptions();
        foreach (string server in options.DnsServers)
        {
            IPEndPoint end = IPEndPoint.Parse(server);
            names.Servers.Add(end.Port == 0 ? new(end.Address, DnsPort) : end);
        }

        return names;
    }

    private static WebSocketTlsOptions Load(string file, string key, List<IDisposable> owned)
    {
        try
        {
            using X509Certificate2 pem = X509Certificate2.CreateFromPemFile(file, key);
            var chain = new X509Certificate2Collection();
            chain.ImportFromPemFile(file);
            owned.AddRange(chain);

            // Through PKCS#12, because a key that came from PEM is ephemeral and some platforms' TLS will not take it.
            X509Certificate2 certificate = X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null);
            owned.Add(certificate);
            return new()
            {
                Certificate = certificate,
                Chain = [.. chain.Where(one => !one.RawDataMemory.Span.SequenceEqual(certificate.RawDataMemory.Span))],
            };
        }
        catch (Exception failure) when (failure is CryptographicException or IOException or UnauthorizedAccessException)
        {
            owned.ForEach(one => one.Dispose());
            throw new WeftException(
                WeftError.Usage,
                $"The certificate {file} with key {key} cannot be used for \"/tls/ws\": {failure.Message}",
                failure);
        }
    }
}
