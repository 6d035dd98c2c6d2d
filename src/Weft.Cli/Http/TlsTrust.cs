using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Weft.Cli.App;

namespace Weft.Cli.Http;

/// <summary>Trusts the certificates of one file beside the system's.</summary>
internal sealed class TlsTrust
{
    private readonly X509Certificate2Collection _trusted;
    private readonly bool _isLoopback;

    private TlsTrust(X509Certificate2Collection trusted, bool isLoopback)
    {
        _trusted = trusted;
        _isLoopback = isLoopback;
    }

    /// <summary>Reads the file.</summary>
    /// <param name="path">PEM: one or more certificates.</param>
    /// <param name="url">The node that will be spoken to.</param>
    /// <exception cref="CliException">The file holds no certificate.</exception>
    public static TlsTrust Load(string path, Uri url)
    {
        var trusted = new X509Certificate2Collection();
        try
        {
            trusted.ImportFromPemFile(path);
        }
        catch (Exception error) when (error is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw CliException.Usage($"{path} cannot be read as certificates: {error.Message}");
        }

        return trusted.Count > 0
            ? new TlsTrust(trusted, url.IsLoopback)
            : throw CliException.Usage($"{path} holds no certificate");
    }

    /// <summary>Judges the certificate of a node.</summary>
    public bool IsTrusted(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        // On this machine the address is an IP, while the certificate names the host as others see it.
        SslPolicyErrors serious = _isLoopback ? errors & ~SslPolicyErrors.RemoteCertificateNameMismatch : errors;
        if (serious == SslPolicyErrors.None)
        {
            return true;
        }

        if (serious != SslPolicyErrors.RemoteCertificateChainErrors || certificate is null)
        {
            return false;
        }

        using var own = new X509Chain();
        own.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        own.ChainPolicy.CustomTrustStore.AddRange(_trusted);
        own.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck; // Nobody publishes revocations for own ones.
        foreach (X509ChainElement element in chain?.ChainElements ?? Enumerable.Empty<X509ChainElement>())
        {
            own.ChainPolicy.ExtraStore.Add(element.Certificate);
        }

        using X509Certificate2 checkedCertificate = X509CertificateLoader.LoadCertificate(certificate.GetRawCertData());
        return own.Build(checkedCertificate);
    }
}
