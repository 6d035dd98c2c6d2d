using System.Globalization;
using Microsoft.Extensions.Configuration;
using Weft.Node.Network;
using Weft.Primitives;

namespace Weft;

/// <summary>Copies the section "Weft:Network" of a configuration into <see cref="NetworkOptions"/>.</summary>
internal static class NetworkKnobs
{
    /// <summary>Takes every key that is set; the others keep what they have.</summary>
    /// <exception cref="WeftException"><see cref="WeftError.Usage"/>: a value is not of its key's kind.</exception>
    internal static void Read(IConfiguration section, NetworkOptions options)
    {
        options.Listen = WeftOptionsReader.Words(section, "Network:Listen", options.Listen);
        options.Bootstrap = WeftOptionsReader.Words(section, "Network:Bootstrap", options.Bootstrap);
        options.Subscribe = WeftOptionsReader.Words(section, "Network:Subscribe", options.Subscribe);
        options.LinksMax = Whole(section, "LinksMax", options.LinksMax);
        options.BansMax = Whole(section, "BansMax", options.BansMax);
        options.RedialMin = Duration(section, "RedialMin", options.RedialMin);
        options.RedialMax = Duration(section, "RedialMax", options.RedialMax);
        options.PingInterval = Duration(section, "PingInterval", options.PingInterval);
        if (section["Network:Profile"] is { } profile)
        {
            options.Profile = TryParse(profile) ?? throw Wrong("Profile", profile, "default, test or super");
        }
    }

    /// <summary>Reads the name of a profile; null when it is none.</summary>
    internal static NetworkProfile? TryParse(string text) => text.ToLowerInvariant() switch
    {
        "default" => NetworkProfile.Default,
        "test" => NetworkProfile.Test,
        "super" => NetworkProfile.Super,
        _ => null,
    };

    private static int Whole(IConfiguration section, string key, int otherwise) =>
        section["Network:" + key] is not { } text ? otherwise
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) ? value
        : throw Wrong(key, text, "a whole number");

    private static TimeSpan Duration(IConfiguration section, string key, TimeSpan otherwise) =>
        section["Network:" + key] is not { } text ? otherwise
        : WeftOptionsReader.ParseDuration(text) ?? throw Wrong(key, text, "a duration such as 250ms, 5s, 2h or 7d");

    private static WeftException Wrong(string key, string value, string allowed) =>
        new(WeftError.Usage, $"Weft:Network:{key} is \"{value}\"; allowed: {allowed}.");
}
