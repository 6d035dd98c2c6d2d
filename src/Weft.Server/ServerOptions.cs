namespace Weft.Server;

/// <summary>
/// How a peer serves HTTP and GUN. Section "Weft" of the configuration, beside the keys of <see cref="WeftOptions"/>.
/// </summary>
public sealed class ServerOptions
{
    /// <summary>The section of the configuration that binds to this class.</summary>
    public const string Section = WeftOptions.Section;

    /// <summary>The peer to serve. Not used by <c>MapWeft</c>, where the host has one.</summary>
    public WeftOptions Peer { get; set; } = new();

    /// <summary>
    /// Where to listen: ADDRESS:PORT, for example "127.0.0.1:8765", "[::1]:8765", "localhost:8765" or "0.0.0.0:8765".
    /// Port 0 takes a free one. Default: "127.0.0.1:8765".
    /// </summary>
    public string Http { get; set; } = "127.0.0.1:8765";

    /// <summary>Host names that are served beside IP addresses and "localhost"; at most 64. Default: none.</summary>
    public IList<string> AllowHosts { get; set; } = [];

    /// <summary>
    /// Origins whose pages may use this node, for example "https://app.example"; at most 64. Default: none.
    /// </summary>
    public IList<string> AllowOrigins { get; set; } = [];

    /// <summary>A PEM file with the certificate and its chain; with <see cref="TlsKeyFile"/> it turns TLS on.</summary>
    public string? TlsCertificateFile { get; set; }

    /// <summary>The PEM file of its private key, unencrypted.</summary>
    public string? TlsKeyFile { get; set; }

    /// <summary>
    /// The API token: 1 to 512 visible ASCII characters. Null takes WEFT_TOKEN, then the file WEFT_TOKEN_FILE names,
    /// then <see cref="TokenFile"/>.
    /// </summary>
    public string? Token { get; set; }

    /// <summary>
    /// The file that keeps the token, made with 32 random bytes and readable by its owner only. Null means "token" in
    /// the data folder; a peer that keeps its graph in memory then has a token that no file holds.
    /// </summary>
    public string? TokenFile { get; set; }

    /// <summary>Further tokens there may be; making one more is refused: 0 to 100,000. Default: 256.</summary>
    public int TokensMax { get; set; } = 256;

    /// <summary>
    /// Sessions of keys that proved themselves, held at once, and proofs taken in one minute: 1 to 100,000. Default:
    /// 1,024.
    /// </summary>
    public int SessionsMax { get; set; } = 1_024;

    /// <summary>Proofs of keys checked at once; more get 429: 1 to 1,000. Default: 32.</summary>
    public int ProofsMax { get; set; } = 32;

    /// <summary>
    /// True when owners of souls, and those they gave grants to, get sessions for these souls. Default: true, as GUN
    /// clients may read and write without any proof. False leaves sessions to grants of the node's own key.
    /// </summary>
    public bool OwnerSessions { get; set; } = true;

    /// <summary>
    /// True when /metrics is read with a token of the scope "metrics" only. Default: false, it is open to everyone who
    /// may reach the port, as monitors expect.
    /// </summary>
    public bool MetricsNeedToken { get; set; }

    /// <summary>True to serve GUN at /gun. Default: true.</summary>
    public bool ServeGun { get; set; } = true;

    /// <summary>Where metrics and traces go by OTLP, for example "http://127.0.0.1:4317"; null for nowhere.</summary>
    public string? OtlpEndpoint { get; set; }

    /// <summary>API requests served at once; more get 429: 1 to 100,000. Default: 1,024.</summary>
    public int RequestsMax { get; set; } = 1_024;

    /// <summary>Watches served at once; more get 429: 1 to 100,000. Default: 256.</summary>
    public int WatchesMax { get; set; } = 256;

    /// <summary>Connections held at once, GUN included; more are closed: 1 to 1,000,000. Default: 20,000.</summary>
    public int ConnectionsMax { get; set; } = 20_000;

    /// <summary>
    /// Bytes of the longest body, and of the longest line of a bulk body: 64 KiB to 1 GiB. Default: 16 MiB.
    /// </summary>
    public int BodyBytesMax { get; set; } = 16 << 20;

    /// <summary>Fields in one batch: 1 to 1,000,000. Default: 100,000.</summary>
    public int BatchFieldsMax { get; set; } = 100_000;

    /// <summary>
    /// Answers kept for repeated Idempotency-Keys; the oldest goes first: 1 to 1,000,000. Default: 10,000.
    /// </summary>
    public int IdempotencyKeysMax { get; set; } = 10_000;

    /// <summary>
    /// Series on the metrics page; later ones are dropped and counted: 10 to 100,000. Default: 2,000.
    /// </summary>
    public int MetricSeriesMax { get; set; } = 2_000;

    /// <summary>How long requests in flight may take when the server stops: 0 to 1 minute. Default: 3 s.</summary>
    public TimeSpan StopTimeout { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>Where further tokens are kept; null for memory only, where the graph is kept there, too.</summary>
    internal string? TokensFile() => Peer.Store == WeftStoreKind.Engine
        ? System.IO.Path.Combine(System.IO.Path.GetFullPath(Peer.Path), Access.TokenFile.Name)
        : null;
}
