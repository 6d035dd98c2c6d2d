using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Weft.Cli.App;
using Weft.Server;
using Weft.Testing;

namespace Weft.Integration.Tests.Cli;

public sealed class TlsTests : IDisposable
{
    private const string Token = "test-token-0123456789abcdef";

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Own_certificate_is_trusted_only_when_it_is_named()
    {
        WriteCertificate("mine");
        WriteCertificate("other");
        var options = new ServerOptions
        {
            Http = "127.0.0.1:0",
            Token = Token,
            TlsCertificateFile = _folder["mine.pem"],
            TlsKeyFile = _folder["mine.key"],
        };
        options.Peer.Store = WeftStoreKind.Memory;
        await using WeftServer server = await WeftServer.StartAsync(options);
        string url = server.Url.AbsoluteUri;
        CliCall trusted = Call();
        CliCall stranger = Call();
        CliCall none = Call();

        Assert.StartsWith("https://", url, StringComparison.Ordinal);
        Assert.Equal(0, await trusted.RunAsync("status", "--url", url, "--tls-ca", _folder["mine.pem"]));
        Assert.Equal(
            ExitCode.Unreachable, await stranger.RunAsync("status", "--url", url, "--tls-ca", _folder["other.pem"]));
        Assert.Equal(ExitCode.Unreachable, await none.RunAsync("status", "--url", url));
        Assert.Contains("certificate", none.Error, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task File_without_a_certificate_is_wrong_usage()
    {
        await File.WriteAllTextAsync(_folder["empty.pem"], "nothing");
        CliCall call = Call();

        int exit = await call.RunAsync("status", "--url", "https://127.0.0.1:1", "--tls-ca", _folder["empty.pem"]);

        Assert.Equal(ExitCode.Usage, exit);
    }

    private static CliCall Call() => new CliCall().With("WEFT_TOKEN", Token);

    private void WriteCertificate(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}.example", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        DateTimeOffset now = DateTimeOffset.UtcNow;
        using X509Certificate2 certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        File.WriteAllText(_folder[name + ".pem"], certificate.ExportCertificatePem());
        File.WriteAllText(_folder[name + ".key"], key.ExportPkcs8PrivateKeyPem());
    }
}
