using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Weft.Transports;

/// <summary>What WebSocket over TLS ("wss") needs.</summary>
public sealed class WebSocketTlsOptions
{
    /// <summary>
    /// The certificate to listen with, and its private key: one that browsers accept. Null: no listening with TLS. The
    /// caller disposes it after the host.
    /// </summary>
    public X509Certificate2? Certificate { get; set; }

    /// <summary>Certificates between it and an authority, sent along.</summary>
    public X509Certificate2Collection? Chain { get; set; }

    /// <summary>Judges the certificates of servers that are dialled. Null: as the system does.</summary>
    public RemoteCertificateValidationCallback? ServerCheck { get; set; }
}
