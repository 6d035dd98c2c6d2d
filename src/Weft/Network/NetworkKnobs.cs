using System.Globalization;
using Microsoft.Extensions.Configuration;
using Weft.Node.Network;
using Weft.Primitives;
using Weft.Protocols.Kad;
using Weft.Protocols.Replication;

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
        options.TopicRelays = WeftOptionsReader.Words(section, "Network:TopicRelays", options.TopicRelays);
        options.SyncPrefixes = WeftOptionsReader.Words(section, "Network:SyncPrefixes", options.SyncPrefixes);
        options.Sync = section["Network:Sync"] is not { } sync ? options.Sync
            : bool.TryParse(sync, out bool isOn) ? isOn
            : throw Wrong("Sync", sync, "true or false");
        options.LinksMax = Whole(section, "LinksMax", options.LinksMax);
        options.BansMax = Whole(section, "BansMax", options.BansMax);
        options.RedialMin = Duration(section, "RedialMin", options.RedialMin);
        options.RedialMax = Duration(section, "RedialMax", options.RedialMax);
        options.PingInterval = Duration(section, "PingInterval", options.PingInterval);
        options.OutboundTarget = Whole(section, "OutboundTarget", options.OutboundTarget);
        options.AnchorsMax = Whole(section, "AnchorsMax", options.AnchorsMax);
        options.Region = section["Network:Region"] ?? options.Region;
        options.TlsCertificateFile = section["Network:TlsCertificateFile"] ?? options.TlsCertificateFile;
        options.TlsKeyFile = section["Network:TlsKeyFile"] ?? options.TlsKeyFile;
        options.DnsServers = WeftOptionsReader.Words(section, "Network:DnsServers", options.DnsServers);
        foreach (IConfigurationSection one in section.GetSection("Network:Limits").GetChildren())
        {
            options.Ceilings[one.Key] = long.TryParse(
                one.Value, NumberStyles.None, CultureInfo.InvariantCulture, out long ceiling)
                ? ceiling
                : throw Wrong("Limits:" + one.Key, one.Value ?? "", "a whole number");
        }

        if (section["Network:Security"] is { } security)
        {
            options.Security = TryParseSecurity(security) ?? throw Wrong("Security", security, "noise, both or tls");
        }

        ReadReplication(section, options.Replication);
        ReadDht(section, options.Dht);
        ReadDiscovery(section, options.Discovery);
        if (section["Network:Profile"] is { } profile)
        {
            options.Profile = TryParse(profile) ?? throw Wrong("Profile", profile, "default, test or super");
        }
    }

    private static void ReadReplication(IConfiguration section, ReplicationOptions options)
    {
        options.StoreDelay = Duration(section, "Replication:StoreDelay", options.StoreDelay);
        options.RetryMin = Duration(section, "Replication:RetryMin", options.RetryMin);
        options.RetryMax = Duration(section, "Replication:RetryMax", options.RetryMax);
        options.StoresMax = Whole(section, "Replication:StoresMax", options.StoresMax);
        options.PendingMax = Whole(section, "Replication:PendingMax", options.PendingMax);
        options.TopicsMax = Whole(section, "Replication:TopicsMax", options.TopicsMax);
        options.MessageFieldsMax = Whole(section, "Replication:MessageFieldsMax", options.MessageFieldsMax);
        options.MessageBytesMax = Whole(section, "Replication:MessageBytesMax", options.MessageBytesMax);
    }

    private static void ReadDht(IConfiguration section, NetworkDhtOptions options)
    {
        options.IsOn = Flag(section, "Dht:IsOn", options.IsOn);
        options.Protocol = section["Network:Dht:Protocol"] ?? options.Protocol;
        options.OpenNamespaces = WeftOptionsReader.Words(section, "Network:Dht:OpenNamespaces", options.OpenNamespaces);
        options.RecordsMax = Whole(section, "Dht:RecordsMax", options.RecordsMax);
        options.RecordsMiB = Whole(section, "Dht:RecordsMiB", options.RecordsMiB);
        options.RecordTtl = Duration(section, "Dht:RecordTtl", options.RecordTtl);
        options.Copies = Whole(section, "Dht:Copies", options.Copies);
        options.RepairDelay = section["Network:Dht:RepairDelay"] is null
            ? options.RepairDelay
            : Duration(section, "Dht:RepairDelay", default);
        if (section["Network:Dht:Mode"] is { } mode)
        {
            options.Mode = mode.ToLowerInvariant() switch
            {
                "auto" => KadMode.Auto,
                "client" => KadMode.Client,
                "server" => KadMode.Server,
                _ => throw Wrong("Dht:Mode", mode, "auto, client or server"),
            };
        }
    }

    private static void ReadDiscovery(IConfiguration section, NetworkDiscoveryOptions options)
    {
        options.Exchange = Flag(section, "Discovery:Exchange", options.Exchange);
        options.Mdns = OptionalFlag(section, "Discovery:Mdns", options.Mdns);
        options.Relays = WeftOptionsReader.Words(section, "Network:Discovery:Relays", options.Relays);
        options.ServeRelay = OptionalFlag(section, "Discovery:ServeRelay", options.ServeRelay);
        options.Rendezvous = WeftOptionsReader.Words(section, "Network:Discovery:Rendezvous", options.Rendezvous);
        options.Namespace = section["Network:Discovery:Namespace"] ?? options.Namespace;
        options.ServeRendezvous = OptionalFlag(section, "Discovery:ServeRendezvous", options.ServeRendezvous);
    }

    private static bool? OptionalFlag(IConfiguration section, string key, bool? otherwise) =>
        section["Network:" + key] is null ? otherwise : Flag(section, key, otherwise ?? false);

    private static bool Flag(IConfiguration section, string key, bool otherwise) =>
        section["Network:" + key] is not { } text ? otherwise
        : bool.TryParse(text, out bool value) ? value
        : throw Wrong(key, text, "true or false");

    /// <summary>Reads the name of a profile; null when it is none.</summary>
    internal static NetworkProfile? TryParse(string text) => text.ToLowerInvariant() switch
    {
        "default" => NetworkProfile.Default,
        "test" => NetworkProfile.Test,
        "super" => NetworkProfile.Super,
        _ => null,
    };

    /// <summary>Reads how connections are protected; null when it is none of the names.</summary>
    internal static NetworkSecurity? TryParseSecurity(string text) => text.ToLowerInvariant() switch
    {
        "noise" => NetworkSecurity.Noise,
        "both" => NetworkSecurity.Both,
        "tls" => NetworkSecurity.Tls,
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
