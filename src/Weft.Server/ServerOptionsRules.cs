using Weft.Primitives;

namespace Weft.Server;

/// <summary>Checks <see cref="ServerOptions"/>: every message says the key, the value and what is allowed.</summary>
internal static class ServerOptionsRules
{
    private const int NamesMax = 64;

    /// <summary>Throws when a bound is broken, before any effect.</summary>
    /// <exception cref="WeftException">Usage, or AddressInvalid for an address.</exception>
    internal static void ThrowIfInvalid(ServerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ListenAddress.Parse(options.Http);
        Range("RequestsMax", options.RequestsMax, 1, 100_000);
        Range("WatchesMax", options.WatchesMax, 1, 100_000);
        Range("ConnectionsMax", options.ConnectionsMax, 1, 1_000_000);
        Range("BodyBytesMax", options.BodyBytesMax, 64 << 10, 1 << 30);
        Range("BatchFieldsMax", options.BatchFieldsMax, 1, 1_000_000);
        Range("IdempotencyKeysMax", options.IdempotencyKeysMax, 1, 1_000_000);
        Range("MetricSeriesMax", options.MetricSeriesMax, 10, 100_000);
        Range("SessionsMax", options.SessionsMax, 1, 100_000);
        Range("ProofsMax", options.ProofsMax, 1, 1_000);
        Range("TokensMax", options.TokensMax, 0, 100_000);
        Range("AllowHosts:Count", options.AllowHosts.Count, 0, NamesMax);
        Range("AllowOrigins:Count", options.AllowOrigins.Count, 0, NamesMax);
        if (options.StopTimeout < TimeSpan.Zero || options.StopTimeout > TimeSpan.FromMinutes(1))
        {
            throw Wrong("StopTimeout", options.StopTimeout.ToString(), "0 to 1 minute");
        }

        foreach (string host in options.AllowHosts)
        {
            if (Uri.CheckHostName(host) == UriHostNameType.Unknown)
            {
                throw Wrong("AllowHosts", host, "host names without a port, such as weft.example");
            }
        }

        foreach (string origin in options.AllowOrigins)
        {
            if (!Uri.TryCreate(origin, UriKind.Absolute, out Uri? uri)
                || uri.PathAndQuery != "/" || origin.EndsWith('/')
                || uri.Scheme is not ("http" or "https"))
            {
                throw Wrong("AllowOrigins", origin, "SCHEME://HOST[:PORT] without a path, such as https://app.example");
            }
        }

        if ((options.TlsCertificateFile is null) != (options.TlsKeyFile is null))
        {
            throw Wrong(
                options.TlsCertificateFile is null ? "TlsCertificateFile" : "TlsKeyFile", "", "both files, or neither");
        }

        if (options.OtlpEndpoint is { } otlp
            && !(Uri.TryCreate(otlp, UriKind.Absolute, out Uri? target) && target.Scheme is "http" or "https"))
        {
            throw Wrong("OtlpEndpoint", otlp, "an http:// or https:// URL");
        }
    }

    internal static WeftException Wrong(string key, string value, string allowed) =>
        new(WeftError.Usage, $"Weft:{key} is \"{LogText.Clean(value)}\"; allowed: {allowed}.");

    private static void Range(string key, long value, long min, long max)
    {
        if (value < min || value > max)
        {
            throw new WeftException(WeftError.Usage, $"Weft:{key} is {value}; allowed: {min} to {max}.");
        }
    }
}
