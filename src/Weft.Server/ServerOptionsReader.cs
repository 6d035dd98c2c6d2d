using System.Globalization;
using Microsoft.Extensions.Configuration;
using Weft.Primitives;

namespace Weft.Server;

/// <summary>
/// Copies the section "Weft" of a configuration into <see cref="ServerOptions"/>, without reflection.
/// </summary>
public static class ServerOptionsReader
{
    /// <summary>
    /// Takes every key that is set, those of <see cref="WeftOptions"/> included; the others keep what they have.
    /// </summary>
    /// <exception cref="WeftException"><see cref="WeftError.Usage"/>: a value is not of its key's kind.</exception>
    public static void Read(IConfiguration section, ServerOptions options)
    {
        ArgumentNullException.ThrowIfNull(section);
        ArgumentNullException.ThrowIfNull(options);
        WeftOptionsReader.Read(section, options.Peer);
        options.Http = section["Http"] ?? options.Http;
        options.AllowHosts = Words(section, "AllowHosts", options.AllowHosts);
        options.AllowOrigins = Words(section, "AllowOrigins", options.AllowOrigins);
        options.TlsCertificateFile = section["TlsCertificateFile"] ?? options.TlsCertificateFile;
        options.TlsKeyFile = section["TlsKeyFile"] ?? options.TlsKeyFile;
        options.Token = section["Token"] ?? options.Token;
        options.TokenFile = section["TokenFile"] ?? options.TokenFile;
        options.OtlpEndpoint = section["OtlpEndpoint"] ?? options.OtlpEndpoint;
        options.ServeGun = section["ServeGun"] is not { } gun ? options.ServeGun
            : bool.TryParse(gun, out bool serve) ? serve
            : throw ServerOptionsRules.Wrong("ServeGun", gun, "true or false");
        options.MetricsNeedToken = section["MetricsNeedToken"] is not { } metrics ? options.MetricsNeedToken
            : bool.TryParse(metrics, out bool need) ? need
            : throw ServerOptionsRules.Wrong("MetricsNeedToken", metrics, "true or false");
        options.OwnerSessions = section["OwnerSessions"] is not { } owners ? options.OwnerSessions
            : bool.TryParse(owners, out bool may) ? may
            : throw ServerOptionsRules.Wrong("OwnerSessions", owners, "true or false");
        options.SessionsMax = Whole(section, "SessionsMax", options.SessionsMax);
        options.ProofsMax = Whole(section, "ProofsMax", options.ProofsMax);
        options.TokensMax = Whole(section, "TokensMax", options.TokensMax);
        options.RequestsMax = Whole(section, "RequestsMax", options.RequestsMax);
        options.WatchesMax = Whole(section, "WatchesMax", options.WatchesMax);
        options.ConnectionsMax = Whole(section, "ConnectionsMax", options.ConnectionsMax);
        options.BodyBytesMax = Whole(section, "BodyBytesMax", options.BodyBytesMax);
        options.BatchFieldsMax = Whole(section, "BatchFieldsMax", options.BatchFieldsMax);
        options.IdempotencyKeysMax = Whole(section, "IdempotencyKeysMax", options.IdempotencyKeysMax);
        options.MetricSeriesMax = Whole(section, "MetricSeriesMax", options.MetricSeriesMax);
        options.StopTimeout = section["StopTimeout"] is not { } stop ? options.StopTimeout
            : WeftOptionsReader.ParseDuration(stop)
                ?? throw ServerOptionsRules.Wrong("StopTimeout", stop, "a duration such as 250ms or 3s");
    }

    private static int Whole(IConfiguration section, string key, int otherwise) =>
        section[key] is not { } text ? otherwise
        : int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value) ? value
        : throw ServerOptionsRules.Wrong(key, text, "a whole number");

    private static IList<string> Words(IConfiguration section, string key, IList<string> otherwise)
    {
        if (section[key] is { } joined)
        {
            return joined.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).ToList();
        }

        var items = section.GetSection(key).GetChildren().Select(child => child.Value).OfType<string>().ToList();
        return items.Count > 0 ? items : otherwise;
    }
}
