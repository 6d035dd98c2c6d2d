using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Weft.Primitives;

namespace Weft.Server;

/// <summary>Sets up Kestrel: where it listens, TLS, and the limits that keep silent and slow clients cheap.</summary>
internal static class ServerKestrel
{
    // A soul of 4,096 bytes and a field of 1,024, each percent-encoded, and room for the rest.
    private const int RequestLineBytesMax = 24 << 10;

    internal static void Configure(IWebHostBuilder host, ServerOptions options, ILogger connections)
    {
        ListenAddress listen = ListenAddress.Parse(options.Http);
        X509Certificate2? certificate = LoadCertificate(options);
        host.UseKestrelCore();
        if (certificate is not null)
        {
            host.UseKestrelHttpsConfiguration();
        }

        host.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            KestrelServerLimits limits = kestrel.Limits;
            limits.MaxRequestLineSize = RequestLineBytesMax;
            limits.MaxRequestHeadersTotalSize = 32 << 10;
            limits.MaxRequestHeaderCount = 64;
            limits.MaxRequestBodySize = null; // Handlers bound what they read; so a client gets to see the 413.
            limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
            limits.KeepAliveTimeout = TimeSpan.FromMinutes(2);
            limits.MaxConcurrentConnections = options.ConnectionsMax;
            limits.MaxConcurrentUpgradedConnections = options.ConnectionsMax;
            Action<ListenOptions> setUp = endpoint => SetUp(endpoint, certificate, connections);
            if (listen.Address is IPAddress address)
            {
                kestrel.Listen(address, listen.Port, setUp);
            }
            else
            {
                kestrel.ListenLocalhost(listen.Port, setUp);
            }
        });
    }

    private static void SetUp(ListenOptions endpoint, X509Certificate2? certificate, ILogger logger)
    {
        endpoint.Use(next => connection => LogAsync(connection, next, logger));
        if (certificate is null)
        {
            endpoint.Protocols = HttpProtocols.Http1; // Without TLS nothing negotiates HTTP/2.
        }
        else
        {
            endpoint.Protocols = HttpProtocols.Http1AndHttp2;
            endpoint.UseHttps(certificate, https => https.HandshakeTimeout = TimeSpan.FromSeconds(10));
        }
    }

    private static async Task LogAsync(ConnectionContext connection, ConnectionDelegate next, ILogger logger)
    {
        long started = Stopwatch.GetTimestamp();
        string remote = connection.RemoteEndPoint?.ToString() ?? "unknown";
        ServerLog.ConnectionOpened(logger, connection.ConnectionId, remote);
        try
        {
            await next(connection);
        }
        finally
        {
            ServerLog.ConnectionClosed(
                logger, connection.ConnectionId, remote, (long)Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }
    }

    private static X509Certificate2? LoadCertificate(ServerOptions options)
    {
        if (options.TlsCertificateFile is null || options.TlsKeyFile is null)
        {
            return null;
        }

        try
        {
            using X509Certificate2 pem = X509Certificate2.CreateFromPemFile(
                options.TlsCertificateFile, options.TlsKeyFile);

            // Through PKCS#12, because a key that came from PEM is ephemeral and some platforms' TLS will not take it.
            return X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null);
        }
        catch (Exception failure) when (failure is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new WeftException(
                WeftError.Usage,
                $"The TLS certificate {options.TlsCertificateFile} with key {options.TlsKeyFile} cannot be used: "
                + failure.Message,
                failure);
        }
    }
}
