using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Weft.Libp2p;
using Weft.Libp2p.Transport;
using Weft.Primitives;
using Weft.Protocols.Peers;

namespace Weft.Transports.Tls;

/// <summary>Protects connections by TLS 1.3, beside Noise: add it to <see cref="Libp2pOptions.Security"/>.</summary>
/// <remarks>
/// Both ends show one self-signed certificate that their libp2p key has signed; no authority has a say, no name is
/// asked
/// for, nothing is resumed. The muxer is chosen within the handshake. One object serves one host.
/// Source: libp2p specs, tls/tls.md; docs/spec/libp2p.md, "TLS".
/// </remarks>
public sealed class TlsSecurity : ISecurity, IDisposable
{
    private const string NoMuxer = "libp2p"; // What a peer says that negotiates its muxer afterwards.

    private SecurityIdentity? _self;
    private X509Certificate2? _certificate;
    private SslStreamCertificateContext? _context;
    private List<SslApplicationProtocol> _protocols = [];

    /// <inheritdoc/>
    public string Protocol => "/tls/1.0.0";

    /// <inheritdoc/>
    public void Start(SecurityIdentity self)
    {
        ArgumentNullException.ThrowIfNull(self);
        if (_self is not null)
        {
            throw new InvalidOperationException("One object serves one host.");
        }

        _self = self;
        _certificate = PeerCertificate.Make(self);
        _context = SslStreamCertificateContext.Create(_certificate, additionalCertificates: null, offline: true);
        _protocols = [.. self.Muxers.Append(NoMuxer).Select(name => new SslApplicationProtocol(name))];
    }

    /// <inheritdoc/>
    public async ValueTask<SecuredConnection> SecureAsync(
        ITransportConnection connection, bool isInbound, PeerId expected, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(connection);
        SecurityIdentity self = _self ?? throw new InvalidOperationException("The host has not started.");
        var check = new Check(self, expected);
        var stream = new SslStream(new TransportStream(connection), leaveInnerStreamOpen: true);
        try
        {
            if (isInbound)
            {
                await stream.AuthenticateAsServerAsync(ServerOptions(check), cancellationToken).ConfigureAwait(false);
            }
            else
            {
                await stream.AuthenticateAsClientAsync(ClientOptions(check), cancellationToken).ConfigureAwait(false);
            }

            if (check.Key is not { } key || stream.SslProtocol != SslProtocols.Tls13)
            {
                throw new AuthenticationException("It proves nothing.");
            }

            string chosen = Encoding.ASCII.GetString(stream.NegotiatedApplicationProtocol.Protocol.Span);
            string? muxer = self.Muxers.Contains(chosen) ? chosen : null;
            return new(new TlsConnection(stream, connection), key, muxer);
        }
        catch (AuthenticationException error)
        {
            await stream.DisposeAsync().ConfigureAwait(false);
            throw check.IsOther
                ? new Libp2pException(
                    WeftError.PeerWrong,
                    $"Another peer answers at {connection.RemoteAddress} than was dialled. The connection was closed.",
                    error)
                : new Libp2pException(
                    WeftError.HandshakeFailed,
                    $"The TLS handshake with {connection.RemoteAddress} failed: {error.Message}", error);
        }
        catch
        {
            await stream.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Clears the certificate and its key.</summary>
    public void Dispose() => _certificate?.Dispose();

    private SslServerAuthenticationOptions ServerOptions(Check check) => new()
    {
        ServerCertificateContext = _context,
        ClientCertificateRequired = true,
        EnabledSslProtocols = SslProtocols.Tls13,
        AllowTlsResume = false, // A resumed session shows no certificate.
        AllowRenegotiation = false,
        ApplicationProtocols = _protocols,
        CertificateChainPolicy = Policy(),
        CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
        RemoteCertificateValidationCallback = check.OnCertificate,
    };

    private SslClientAuthenticationOptions ClientOptions(Check check) => new()
    {
        TargetHost = "", // The specification forbids to ask for a name.
        ClientCertificateContext = _context,
        EnabledSslProtocols = SslProtocols.Tls13,
        AllowTlsResume = false,
        AllowRenegotiation = false,
        ApplicationProtocols = _protocols,
        CertificateChainPolicy = Policy(),
        CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
        RemoteCertificateValidationCallback = check.OnCertificate,
    };

    /// <summary>
    /// No authority is asked, and above all nothing is fetched from where a stranger's certificate says.
    /// </summary>
    private static X509ChainPolicy Policy() => new()
    {
        DisableCertificateDownloads = true,
        RevocationMode = X509RevocationMode.NoCheck,
        TrustMode = X509ChainTrustMode.CustomRootTrust,
        VerificationFlags = X509VerificationFlags.AllFlags,
    };

    /// <summary>Judges the certificate of one handshake.</summary>
    private sealed class Check(SecurityIdentity self, PeerId expected)
    {
        public PeerPublicKey? Key { get; private set; }

        public bool IsOther { get; private set; }

        public bool OnCertificate(
            object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
        {
            if (certificate is null || CountOf(chain, certificate) > 1
                || !PeerCertificate.TryVerify(
                    certificate.GetRawCertData(), self.Crypto, self.Time.GetUtcNow(), out PeerPublicKey? key))
            {
                return false;
            }

            IsOther = !expected.IsEmpty && key.ToPeerId(self.Crypto) != expected;
            Key = IsOther ? null : key;
            return !IsOther;
        }

        /// <summary>
        /// How many certificates came: the peer's own, and those that are not allowed to come with it.
        /// </summary>
        private static int CountOf(X509Chain? chain, X509Certificate own)
        {
            byte[] bytes = own.GetRawCertData();
            return 1 + (chain?.ChainPolicy.ExtraStore.Count(one => !one.RawData.AsSpan().SequenceEqual(bytes)) ?? 0);
        }
    }
}
