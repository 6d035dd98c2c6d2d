using Weft.Node;
using Weft.Node.Gun;
using Weft.Node.Network;
using Weft.Primitives;
using Weft.Transports;

namespace Weft;

/// <summary>Where a peer keeps its graph.</summary>
public enum WeftStoreKind
{
    /// <summary>The storage engine: files in <see cref="WeftOptions.Path"/>. The default.</summary>
    Engine = 0,

    /// <summary>This process's memory only: for tests and relays that may forget.</summary>
    Memory,
}

/// <summary>What a peer is and where it keeps its data. Section "Weft" of the configuration.</summary>
/// <remarks>
/// Checked at start by <see cref="WeftOptionsRules"/>; a broken bound names the key, the value and what is allowed.
/// </remarks>
public sealed class WeftOptions
{
    /// <summary>The section of the configuration that binds to this class.</summary>
    public const string Section = "Weft";

    /// <summary>Folder of all files, made if missing. Not used by the memory store. Default: "weft-data".</summary>
    public string Path { get; set; } = "weft-data";

    /// <summary>Where the graph is kept. Default: <see cref="WeftStoreKind.Engine"/>.</summary>
    public WeftStoreKind Store { get; set; } = WeftStoreKind.Engine;

    /// <summary>
    /// The one ceiling of memory table, caches and the disk tier's cache, in MiB: 16 to 65,536. Default: 128.
    /// </summary>
    public int MemoryMiB { get; set; } = 128;

    /// <summary>
    /// How long a deletion is remembered: 1 minute and up. Default: 30 days. A peer that was away for longer may bring
    /// a deleted field back.
    /// </summary>
    public TimeSpan TombstoneHorizon { get; set; } = TimeSpan.FromDays(30);

    /// <summary>
    /// What to do when acknowledged commits of the log cannot be read. False, the default: refuse to start, and touch
    /// nothing. True: set the damaged part aside and go on without those commits.
    /// </summary>
    public bool AcceptLogDamage { get; set; }

    /// <summary>Whether the store is sealed on the disk. Default: it is plain.</summary>
    public EncryptionOptions Encryption { get; set; } = new();

    /// <summary>
    /// A file whose first line is the passphrase of the node's key, when that is sealed; it seals a new one, too. Null,
    /// the default: the key in identity.json, and those of users, are sealed with the secret of <see cref="Encryption"/>
    /// when that is on, and stand there as they are when it is not. Readable by their owner only either way.
    /// </summary>
    public string? IdentityPassphraseFile { get; set; }

    /// <summary>How often what may go is removed: 1 second and up; zero for never. Default: 1 hour.</summary>
    public TimeSpan MaintenanceInterval { get; set; } = TimeSpan.FromHours(1);

    /// <summary>
    /// Peers to dial and to keep dialling: ws:// or wss:// URLs, at most 64. Without a path, /gun is meant.
    /// </summary>
    public IList<string> Peers { get; set; } = [];

    /// <summary>
    /// Where signed logs are served to hypercore peers: IP addresses and ports such as 127.0.0.1:8767, at most 16.
    /// Default: nowhere.
    /// </summary>
    public IList<string> LogListen { get; set; } = [];

    /// <summary>The knobs of the node itself: name, lanes, queues, merge.</summary>
    public NodeOptions Node { get; set; } = new() { Name = Environment.MachineName };

    /// <summary>How the peer speaks GUN.</summary>
    public GunOptions Gun { get; set; } = new();

    /// <summary>How the peer takes part in libp2p. Default: not at all.</summary>
    public NetworkOptions Network { get; set; } = new();

    /// <summary>How relays are dialled.</summary>
    public WebSocketDialerOptions Dial { get; set; } = new();

    /// <summary>
    /// A name people know the peer by; it need not be unique: 1 to 64 characters. Default: the machine's name.
    /// </summary>
    public string Name
    {
        get => Node.Name;
        set => Node.Name = value;
    }

    /// <summary>What a completed write means. Default: <see cref="Primitives.Durability.Disk"/>.</summary>
    public Durability Durability
    {
        get => Node.Durability;
        set => Node.Durability = value;
    }
}
