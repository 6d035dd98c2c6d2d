using System.CommandLine;
using System.Globalization;
using Microsoft.Extensions.Logging;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Up;
using Weft.Crypto;
using Weft.Primitives;
using Weft.Server;
using Weft.Storage.Sealing;

namespace Weft.Cli.Commands;

/// <summary>Starts a node and stays in front.</summary>
internal static class UpCommand
{
    private static readonly Option<string?> Http = Text("--http", "ADDRESS:PORT",
        "Where to serve; port 0 takes a free one. Default: 127.0.0.1:8765, this machine only.");

    private static readonly Option<string[]> Peers = Many(
        "--peer", "URL", "A peer to connect to: ws://host:port/gun. May be repeated.");

    private static readonly Option<string[]> LogListen = Many("--log-listen", "ADDRESS",
        "Serve signed logs to hypercore peers at an IP address and port, such as 127.0.0.1:8767.");

    private static readonly Option<string[]> Replicate = Many("--replicate", "PREFIX=WORDS",
        "How a prefix without a policy is replicated: everyone, responsible(K), both with a +, or local. May be repeated.");

    private static readonly Option<string?> Memory = Text("--memory", "MIB",
        "Ceiling of memory table and caches, in MiB: 16 to 65536. Default: 128.");

    private static readonly Option<string?> Level = Text("--durability", "LEVEL",
        "What a completed write means: disk, buffered or memory. Default: disk.");

    private static readonly Option<string[]> Origins = Many(
        "--allow-origin", "ORIGIN", "A site whose pages may use this node.");

    private static readonly Option<string[]> Hosts = Many(
        "--allow-host", "NAME", "A host name to serve, beside IP addresses and localhost.");

    private static readonly Option<string?> Certificate = Text(
        "--tls-cert", "FILE", "PEM file with the certificate and its chain.");

    private static readonly Option<string?> Key = Text("--tls-key", "FILE", "PEM file with its private key.");

    private static readonly Option<string?> Log = Text(
        "--log", "text|json", "The form of the log on stderr. Default: text.");

    private static readonly Option<string?> Detail = Text("--log-level", "LEVEL",
        "How much is logged: trace, debug, information, warning or error. Default: information; -v and -q change it.");

    private static readonly Option<string?> Name = Text(
        "--name", "NAME", "A name people know the node by. Default: the machine's.");

    private static readonly Option<string?> NetworkKey = Text("--network-key", "KEY",
        "The public key of the network, which owns what no other key owns. Default: none, the open network.");

    private static readonly Option<string?> Metrics = Text(
        "--metrics", "open|token", "Who may read /metrics: everyone, or tokens of the scope metrics. Default: open.");

    private static readonly Option<string?> Otlp = Text("--otlp", "URL", "Where metrics and traces go by OTLP.");

    public static Command Build()
    {
        var command = new WeftCommand("up", "Start a node here and stay in front; Ctrl+C stops it cleanly.")
        {
            Examples =
            [
                "weft up", "weft up --data ./data --http 127.0.0.1:0 --peer ws://relay:8765/gun",
                "weft up --listen /ip4/127.0.0.1/tcp/8766 --listen /ip4/127.0.0.1/tcp/8767/ws",
                "weft up --listen /ip4/0.0.0.0/tcp/8766 --bootstrap /dnsaddr/peers.example --outbound 8",
                "weft up --relay /ip4/192.0.2.7/tcp/8766/p2p/12D3Koo… --mdns off",
                "weft up --encrypt", "weft up --encrypt --key-file weft.key",
                "weft up --http 0.0.0.0:8765 --allow-host my.example --tls-cert cert.pem --tls-key key.pem",
            ],
            Remarks = "Each option is also a variable (WEFT_HTTP, WEFT_PEERS, WEFT_MEMORY ...) and a key of the "
                + "configuration file. PORT, PEERS, HTTPS_CERT and HTTPS_KEY are taken as GUN's relay takes them.",
        };
        Option[] options =
        [
            Http, Peers, LogListen, .. NetworkFlags.All, Replicate, Memory, Level, Origins, Hosts, Certificate, Key, Log,
            Detail, Name, Metrics, StoreKeyOptions.IdentityPassphrase, NetworkKey, Otlp, StoreKeyOptions.Encrypt,
            StoreKeyOptions.PassphraseFile, StoreKeyOptions.KeyFile,
        ];
        foreach (Option option in options)
        {
            command.Options.Add(option);
        }

        command.Run(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        long began = context.Host.Time.GetTimestamp();
        string form = OneOf(context.Settings.Text(Log, "log") ?? "text", "--log", "text", "json");
        ServerOptions options = ReadOptions(context);
        LogLevel level = ReadLevel(context);
        using var log = new FrontLog(context.Host, level, form == "json");
        await using WeftServer server = await StartAsync(context, options, log, cancellationToken);
        Banner banner = Describe(options, server, context.Host.Time.GetElapsedTime(began));
        if (context.Output.IsTerminal && form == "text")
        {
            banner.WriteText(context.Output);
        }
        else
        {
            banner.WriteJson(context.Output);
        }

        string? systemd = context.Host.Variable("NOTIFY_SOCKET");
        SystemdNotifier.Send(systemd, $"READY=1\nSTATUS=serving {server.Url}");
        await Task.WhenAny(server.StopRequested, Task.Delay(Timeout.Infinite, cancellationToken));
        SystemdNotifier.Send(systemd, "STOPPING=1");
        return ExitCode.Done;
    }

    private static ServerOptions ReadOptions(CommandContext context)
    {
        Settings settings = context.Settings;
        string? http = settings.Text(Http, "http");
        if (http is null && context.Host.Variable("PORT") is { } port)
        {
            http = "127.0.0.1:" + port; // A relay is opened to others on purpose only.
        }

        var options = new ServerOptions
        {
            Http = http ?? "127.0.0.1:8765",
            AllowHosts = settings.List(Hosts, "allow-host"),
            AllowOrigins = settings.List(Origins, "allow-origin"),
            TlsCertificateFile = settings.Text(Certificate, "tls-cert", "HTTPS_CERT"),
            TlsKeyFile = settings.Text(Key, "tls-key", "HTTPS_KEY"),
            OtlpEndpoint = settings.Text(Otlp, "otlp"),
        };
        options.Peer.IdentityPassphraseFile = settings.Text(StoreKeyOptions.IdentityPassphrase, "identity-passphrase-file");
        options.Peer.Node.NetworkKey = ReadNetworkKey(settings.Text(NetworkKey, "network-key"));
        string metrics = settings.Text(Metrics, "metrics") ?? "open";
        options.MetricsNeedToken = OneOf(metrics, "--metrics", "open", "token") == "token";
        options.Peer.Path = settings.DataFolder;
        options.Peer.Peers = [.. settings.List(Peers, "peers", "PEERS").Select(PeersCommand.CheckPeer)];
        NetworkFlags.Read(settings, options.TlsCertificateFile, options.TlsKeyFile, options.Peer.Network);
        options.Peer.Node.Replicate = [.. settings.List(Replicate, "replicate")];
        options.Peer.MemoryMiB = ReadMemory(settings.Text(Memory, "memory"));
        string durability = settings.Text(Level, "durability") ?? "disk";
        options.Peer.Durability = OneOf(durability, "--durability", "disk", "buffered", "memory") switch
        {
            "buffered" => Durability.Buffered,
            "memory" => Durability.Memory,
            _ => Durability.Disk,
        };
        options.Peer.Name = settings.Text(Name, "name") ?? options.Peer.Name;
        options.Peer.LogListen = [.. settings.List(LogListen, "log-listen")];
        return options;
    }

    private static async Task<WeftServer> StartAsync(
        CommandContext context, ServerOptions options, FrontLog log, CancellationToken cancellationToken)
    {
        using StoreSecret? secret = StoreKeyOptions.ForStart(context, options.Peer.Path);
        options.Peer.Encryption.Secret = secret;
        try
        {
            return await WeftServer.StartAsync(options, log, context.Host.Time, cancellationToken);
        }
        catch (WeftException error) when (error.Error is WeftError.FolderLocked or WeftError.PortTaken)
        {
            throw Explain(context, options, error);
        }
        finally
        {
            options.Peer.Encryption.Secret = null; // The engine has what it needs.
        }
    }

    /// <summary>Adds who is in the way.</summary>
    private static CliException Explain(CommandContext context, ServerOptions options, WeftException error)
    {
        var lines = new List<(string Label, string Text)>();
        RunInfo? running = RunInfo.Read(options.Peer.Path);
        string who = running is null
            ? ""
            : $"pid {running.Pid} on this machine, {running.Url.AbsoluteUri.TrimEnd('/')}"
                + Since(running.Started, context.Host.Time.GetUtcNow());
        if (error.Error == WeftError.PortTaken)
        {
            if (running is not null && options.Http.EndsWith($":{running.Url.Port}", StringComparison.Ordinal))
            {
                lines.Add(("by", $"weft node \"{running.Name}\", {who}"));
            }

            return new CliException(error.Error, error.Message, error)
            {
                Lines = lines,
                Try =
                [
                    "weft status                     talk to the node that runs",
                    "weft up --http 127.0.0.1:0      another port",
                ],
            };
        }

        lines.Add(("in", options.Peer.Path));
        if (running is not null)
        {
            lines.Add(("by", who));
        }

        return new CliException(error.Error, error.Message, error)
        {
            Lines = lines,
            Try = ["weft down                       stop it", "weft up --data ./other          use another folder"],
        };
    }

    private static string Since(DateTimeOffset? started, DateTimeOffset now) =>
        started is { } at ? $", since {Units.Duration(now - at)}" : "";

    private static Banner Describe(ServerOptions options, WeftServer server, TimeSpan elapsed)
    {
        Node.Storage.StoreStats stats = server.Peer.Node.Store.ReadStats();
        return new Banner(
            options.Peer.Name, server.Url, options.Peer.Path, server.TokenFile ?? "WEFT_TOKEN", stats.Nodes,
            stats.DiskBytes, options.Peer.Durability.ToString().ToLowerInvariant(), [.. options.Peer.Peers], elapsed)
        {
            PeerId = server.Peer.Identity.PublicKey.ToPeerId().ToString(),
            Addresses = [.. (server.Peer.Network?.Addresses ?? []).Select(address => address.ToString())],
        };
    }

    private static LogLevel ReadLevel(CommandContext context)
    {
        if (context.Settings.Text(Detail, "log-level") is not { } named)
        {
            return context.Output.IsQuiet ? LogLevel.Warning
                : context.IsVerbose ? LogLevel.Debug
                : LogLevel.Information;
        }

        return OneOf(named, "--log-level", "trace", "debug", "information", "warning", "error") switch
        {
            "trace" => LogLevel.Trace,
            "debug" => LogLevel.Debug,
            "information" => LogLevel.Information,
            "warning" => LogLevel.Warning,
            _ => LogLevel.Error,
        };
    }

    private static int ReadMemory(string? text)
    {
        if (text is null)
        {
            return 128;
        }

        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int mib))
        {
            return mib;
        }

        return Units.TrySize(text, out long bytes) && bytes >> 20 is >= 16 and <= 65_536
            ? (int)(bytes >> 20)
            : throw CliException.Usage($"--memory takes 16 to 65536 MiB, not \"{text}\"");
    }

    private static string OneOf(string value, string option, params string[] allowed) =>
        allowed.Contains(value)
            ? value
            : throw CliException.Usage($"{option} takes {string.Join(", ", allowed)}; \"{value}\" is none of these");

    private static Ed25519PublicKey? ReadNetworkKey(string? text) =>
        text is null ? null
        : Ed25519PublicKey.TryParse(text, out Ed25519PublicKey key) ? key
        : throw new WeftException(
            WeftError.Usage, $"\"{text}\" is no key: 43 characters of base64url, as weft id show prints one.");

    private static Option<string?> Text(string name, string placeholder, string description) =>
        new(name) { Description = description, HelpName = placeholder };

    private static Option<string[]> Many(string name, string placeholder, string description) =>
        new(name) { Description = description, HelpName = placeholder, DefaultValueFactory = _ => [] };
}
