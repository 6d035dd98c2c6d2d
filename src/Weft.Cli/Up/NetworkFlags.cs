using System.CommandLine;
using System.Globalization;
using Weft.Cli.App;
using Weft.Node.Network;

namespace Weft.Cli.Up;

/// <summary>What <c>weft up</c> is told of libp2p. Nothing goes out unless one of these asks for it.</summary>
internal static class NetworkFlags
{
    private static readonly Option<string[]> Listen = Many("--listen", "MULTIADDR",
        "Where to listen for libp2p peers, such as /ip4/127.0.0.1/tcp/8766; port 0 takes a free one. May be repeated.");

    private static readonly Option<string[]> TopicRelays = Many("--topic-relay", "MULTIADDR",
        "A relay that keeps topics: kept connected, asked first; a relay keeps what it keeps. May be repeated.");

    private static readonly Option<string[]> Bootstrap = Many("--bootstrap", "MULTIADDR",
        "A libp2p peer to keep connected, also by name: /dns4/…, /dnsaddr/…. May be repeated.");

    private static readonly Option<string[]> Subscribe = Many("--subscribe", "TOPIC", "A topic to join. May be repeated.");

    private static readonly Option<string[]> Want = Many("--want", "PREFIX",
        "A prefix of souls to take from libp2p peers; without it, everything. May be repeated.");

    private static readonly Option<string?> Profile = Text("--profile", "default|test|super",
        "What the node is to libp2p peers: test serves echo and perf without limits by address, super serves others.");

    private static readonly Option<string?> Security = Text("--security", "noise|both|tls",
        "How libp2p connections are protected: by Noise, by Noise and TLS 1.3, or by TLS 1.3 alone. Default: noise.");

    private static readonly Option<string?> Certificate = Text("--listen-tls-cert", "FILE",
        "PEM file with the certificate for --listen …/tls/ws, and its chain. Default: that of --tls-cert.");

    private static readonly Option<string?> Key = Text(
        "--listen-tls-key", "FILE", "PEM file with its private key. Default: that of --tls-key.");

    private static readonly Option<string[]> Relays = Many("--relay", "MULTIADDR",
        "A relay at which to keep a place, so that others reach this node through it; at most 4. May be repeated.");

    private static readonly Option<string?> ServeRelay = Switch(
        "--serve-relay", "Be a relay for others. Default: on in the profile super.");

    private static readonly Option<string[]> Points = Many("--rendezvous", "MULTIADDR",
        "A rendezvous point at which to register and to look for others; at most 16. May be repeated.");

    private static readonly Option<string?> Namespace = Text(
        "--namespace", "NAME", "Under which name to register there. Default: weft.");

    private static readonly Option<string?> ServePoint = Switch(
        "--serve-rendezvous", "Be a rendezvous point for others. Default: on in the profile super.");

    private static readonly Option<string?> Mdns = Switch("--mdns",
        "Look for peers in the local network, and be found there. Default: on where --listen names an address of one.");

    private static readonly Option<string?> Exchange = Switch(
        "--exchange", "Exchange signed addresses with connected peers. Default: on.");

    private static readonly Option<string?> Outbound = Text("--outbound", "N",
        "Connections to open and keep to peers the node learned of: 0 to 256. Default: 0, only to those it is told of.");

    private static readonly Option<string?> Region = Text("--region", "LABEL",
        "Where the node is, in a word told to its peers, over which --outbound spreads its choice. Default: not told.");

    private static readonly Option<string[]> Dns = Many("--dns", "ADDRESS[:PORT]",
        "A DNS server to ask for /dnsaddr names; at most 4. Default: the system's. May be repeated.");

    private static readonly Option<string[]> Limits = Many("--limit", "NAME=N",
        "One ceiling of the network, such as InboundConnectionsMax=512; weft status shows them. May be repeated.");

    /// <summary>The options, in the order of the help.</summary>
    internal static IReadOnlyList<Option> All { get; } =
    [
        Listen, Bootstrap, Profile, Subscribe, Want, Security, Certificate, Key, Relays, ServeRelay, Points, Namespace, ServePoint,
        Mdns, Exchange, Outbound, Region, Dns, Limits, TopicRelays,
    ];

    /// <summary>Copies what is given into the options.</summary>
    /// <param name="settings">The flags, variables and the configuration file.</param>
    /// <param name="certificate">The certificate of the HTTP port, which serves both where no other is named.</param>
    /// <param name="key">Its key.</param>
    /// <param name="network">Takes it.</param>
    internal static void Read(Settings settings, string? certificate, string? key, NetworkOptions network)
    {
        network.Listen = [.. settings.List(Listen, "listen")];
        network.Bootstrap = [.. settings.List(Bootstrap, "bootstrap")];
        network.TopicRelays = [.. settings.List(TopicRelays, "topic-relay")];
        network.Subscribe = [.. settings.List(Subscribe, "subscribe")];
        if (settings.List(Want, "want") is { Length: > 0 } wanted)
        {
            network.SyncPrefixes = [.. wanted];
        }

        network.Profile = settings.Text(Profile, "profile") is not { } profile
            ? null
            : OneOf(profile, "--profile", "default", "test", "super") switch
            {
                "test" => NetworkProfile.Test,
                "super" => NetworkProfile.Super,
                _ => NetworkProfile.Default,
            };
        network.Security = OneOf(settings.Text(Security, "security") ?? "noise", "--security", "noise", "both", "tls") switch
        {
            "both" => NetworkSecurity.Both,
            "tls" => NetworkSecurity.Tls,
            _ => NetworkSecurity.Noise,
        };
        string? own = settings.Text(Certificate, "listen-tls-cert");
        bool isAsked = own is not null || network.Listen.Any(one => one.Contains("/wss", StringComparison.Ordinal)
            || one.Contains("/tls/ws", StringComparison.Ordinal));
        network.TlsCertificateFile = isAsked ? own ?? certificate : null;
        network.TlsKeyFile = isAsked ? settings.Text(Key, "listen-tls-key") ?? (own is null ? key : null) : null;
        network.OutboundTarget = Number(settings.Text(Outbound, "outbound") ?? "0", "--outbound");
        network.Region = settings.Text(Region, "region");
        network.DnsServers = [.. settings.List(Dns, "dns")];
        foreach (string limit in settings.List(Limits, "limit"))
        {
            int equals = limit.IndexOf('=', StringComparison.Ordinal);
            network.Ceilings[equals < 0 ? limit : limit[..equals]] =
                equals > 0 && long.TryParse(
                    limit.AsSpan(equals + 1), NumberStyles.None, CultureInfo.InvariantCulture, out long value)
                    ? value
                    : throw CliException.Usage($"--limit takes NAME=N, such as InboundConnectionsMax=512, not \"{limit}\"");
        }

        ReadDiscovery(settings, network.Discovery);
    }

    private static void ReadDiscovery(Settings settings, NetworkDiscoveryOptions discovery)
    {
        discovery.Relays = [.. settings.List(Relays, "relay")];
        discovery.ServeRelay = IsOn(settings, ServeRelay, "serve-relay");
        discovery.Rendezvous = [.. settings.List(Points, "rendezvous")];
        discovery.Namespace = settings.Text(Namespace, "namespace") ?? discovery.Namespace;
        discovery.ServeRendezvous = IsOn(settings, ServePoint, "serve-rendezvous");
        discovery.Mdns = IsOn(settings, Mdns, "mdns");
        discovery.Exchange = IsOn(settings, Exchange, "exchange") ?? discovery.Exchange;
    }

    private static bool? IsOn(Settings settings, Option<string?> option, string key) =>
        settings.Text(option, key) is { } text ? OneOf(text, option.Name, "on", "off") == "on" : null;

    private static int Number(string text, string option) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            ? number
            : throw CliException.Usage($"{option} takes a whole number, not \"{text}\"");

    private static string OneOf(string value, string option, params string[] allowed) =>
        allowed.Contains(value)
            ? value
            : throw CliException.Usage($"{option} takes {string.Join(", ", allowed)}; \"{value}\" is none of these");

    private static Option<string?> Switch(string name, string description) => Text(name, "on|off", description);

    private static Option<string?> Text(string name, string placeholder, string description) =>
        new(name) { Description = description, HelpName = placeholder };

    private static Option<string[]> Many(string name, string placeholder, string description) =>
        new(name) { Description = description, HelpName = placeholder, DefaultValueFactory = _ => [] };
}
