using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Weft.Crypto;
using Weft.Node;
using Weft.Node.Gun;
using Weft.Node.Logs;
using Weft.Node.Network;
using Weft.Node.Storage;
using Weft.Node.Sync;
using Weft.Primitives;
using Weft.Storage;
using Weft.Transports;

namespace Weft;

/// <summary>
/// A whole peer in one process: a node, its store and its links to other peers, put together by options.
/// </summary>
/// <remarks>
/// <code>
/// await using var peer = await WeftPeer.StartAsync(new() { Path = "data", Peers = { "ws://relay:8765" } });
/// WriteResult written = await peer.Graph.Get("alice").PutAsync("name", "Ada");
/// </code>
/// <see cref="WeftNode"/> itself runs in a browser and so knows neither files nor sockets; this class adds both.
/// </remarks>
public sealed partial class WeftPeer : IAsyncDisposable
{
    private readonly Maintenance _maintenance;
    private readonly PeerIdentity _identity;
    private readonly ILogger _logger;
    private int _stopped;

    private WeftPeer(
        WeftOptions options, WeftNode node, GunDriver gun, Maintenance maintenance, PeerIdentity identity,
        PeerLinks links, ILogger logger)
    {
        Links = links;
        _identity = identity;
        _logger = logger;
        Options = options;
        Node = node;
        Gun = gun;
        _maintenance = maintenance;
        LogServers = new LogServers(node.Logs);
    }

    /// <summary>The options it runs with.</summary>
    public WeftOptions Options { get; }

    /// <summary>The node.</summary>
    public WeftNode Node { get; }

    /// <summary>Its connections: gun.js clients, GUN relays and other Weft peers.</summary>
    public GunDriver Gun { get; }

    /// <summary>Its libp2p side; null when no option asks for it.</summary>
    public NodeNetwork? Network => Node.Network;

    /// <summary>How far it and its libp2p peers are.</summary>
    public NodeSync Sync => Node.Sync;

    /// <summary>The peers that are added, removed and banned while it runs; the data folder remembers them.</summary>
    public PeerLinks Links { get; }

    /// <summary>Who the peer is: made at the first start in a folder, kept in it, and the same ever after.</summary>
    public Ed25519KeyPair Identity => Node.Identity;

    /// <summary>The graph of the node.</summary>
    public GraphSpace Graph => Node.Graph;

    /// <summary>The signed logs of the node.</summary>
    public LogSpace Logs => Node.Logs;

    /// <summary>Where the signed logs are served to hypercore peers.</summary>
    public LogServers LogServers { get; }

    /// <summary>The groups the node's identity owns or belongs to.</summary>
    public GroupDirectory Groups => Node.Groups;

    /// <summary>The grants the node's identity gives.</summary>
    public GrantDirectory Grants => Node.Grants;

    /// <summary>The recovery keys of the node's identity, and the recovery of other keys.</summary>
    public RecoveryDirectory Recovery => Node.Recovery;

    /// <summary>True from the end of the start until the stop begins.</summary>
    public bool IsReady => Volatile.Read(ref _stopped) == 0;

    /// <summary>Starts a peer: opens the store, starts the node, dials the peers.</summary>
    /// <param name="options">Checked here, before any effect.</param>
    /// <param name="openStore">Opens another store than the options name; null for theirs.</param>
    /// <param name="time">Clock and timers; null for the system's.</param>
    /// <param name="loggers">Where to log; null for nowhere.</param>
    /// <param name="cancellationToken">Stops the start; nothing stays open.</param>
    /// <exception cref="WeftException">
    /// Usage or AddressInvalid for a broken option; FolderLocked, FolderUnusable, FormatNewer, FileDamaged from the
    /// store.
    /// </exception>
    public static async ValueTask<WeftPeer> StartAsync(
        WeftOptions options,
        Func<WeftOptions, CancellationToken, ValueTask<IStore>>? openStore = null,
        TimeProvider? time = null,
        ILoggerFactory? loggers = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        WeftOptionsRules.ThrowIfInvalid(options);
        time ??= TimeProvider.System;
        loggers ??= NullLoggerFactory.Instance;
        long started = time.GetTimestamp();
        IStore store = openStore is null
            ? await WeftStores.OpenAsync(options, time, loggers, cancellationToken).ConfigureAwait(false)
            : await openStore(options, cancellationToken).ConfigureAwait(false);
        var identity = new PeerIdentity();
        WeftNode node;
        PeersFile? file = openStore is null && options.Store == WeftStoreKind.Engine
            ? new PeersFile(Path.Combine(options.Path, PeersFile.Name))
            : null;
        PeerMemory memory;
        try
        {
            memory = file?.Read() ?? PeerMemory.Empty;
            // Under the lock of the store, so that two starts do not make two keys.
            await identity.OpenAsync(options, isOwnStore: openStore is null, store, time, cancellationToken)
                .ConfigureAwait(false);
            node = await identity.StartAsync(options.Node, store, time, loggers, cancellationToken)
                .ConfigureAwait(false);
        }
        catch
        {
            identity.Dispose();
            await store.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        ILogger logger = loggers.CreateLogger("Weft");
        var gun = new GunDriver(node, options.Gun, new WebSocketDialer(options.Dial).DialAsync);
        var peer = new WeftPeer(
            options, node, gun, new Maintenance(node, options.MaintenanceInterval, time, logger), identity,
            new PeerLinks(gun, () => node.Network, file, memory), logger);
        try
        {
            // Those of the options are judged by WeftOptionsRules, those of the file were when they were added.
            foreach (Uri link in options.Peers.Concat(memory.Links).Select(PeerAddress.Parse).OfType<Uri>())
            {
                gun.AddLink(link);
            }

            foreach (string address in options.LogListen)
            {
                peer.LogServers.Listen(address);
            }

            if (options.Network.IsOn)
            {
                NetworkParts parts = NetworkRim.Make(options.Network, memory, file is null ? null : options.Path);
                await node.StartNetworkAsync(options.Network, parts, cancellationToken).ConfigureAwait(false);
            }
        }
        catch
        {
            await peer.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        foreach (string path in identity.Sealed)
        {
            WeftLog.KeySealed(logger, path);
        }

        PeerInstruments.Add(node, gun);
        WeftLog.Started(logger, options.Name, store.GetType().Name, options.Durability,
            (long)time.GetElapsedTime(started).TotalMilliseconds);
        return peer;
    }

    /// <summary>
    /// Gives the peer another key: a record signed with the old one names the new one as its successor, to whom belongs
    /// from then on what belonged to the old one. The new key counts from the next start on; until then what this peer
    /// signs is refused.
    /// </summary>
    /// <param name="cancellationToken">Stops the waiting; a rotation that has begun ends at the next start.</param>
    /// <returns>The new key.</returns>
    /// <exception cref="WeftException">
    /// Usage: the key is not one of a data folder; DiskFailed; or why the record was refused.
    /// </exception>
    public ValueTask<Ed25519PublicKey> RotateIdentityAsync(CancellationToken cancellationToken = default) =>
        _identity.RotateAsync(Node, cancellationToken);

    /// <summary>
    /// Writes a complete, verified copy of the store to one file, with the keys of the data folder: the node's and those of
    /// users. In the backup of a plain store every key is sealed; that of an encrypted store is sealed as a whole.
    /// </summary>
    /// <param name="path">The file to make; readable by its owner only.</param>
    /// <param name="passphrase">UTF-8: seals the keys that stand open in a plain store; may be empty when none does.</param>
    /// <param name="progress">Takes the bytes copied and read back so far.</param>
    /// <param name="cancellationToken">Stops early; nothing is left.</param>
    /// <exception cref="WeftException">
    /// KeySealed: a passphrase is needed; Usage: this peer has no data folder with keys; TargetNotEmpty, FileDamaged,
    /// DiskFull, DiskFailed.
    /// </exception>
    public async ValueTask<BackupReport> BackupWithKeysAsync(
        string path, ReadOnlyMemory<byte> passphrase, IProgress<long>? progress = null,
        CancellationToken cancellationToken = default)
    {
        if (Node.Store is not StorageEngine engine)
        {
            throw new WeftException(WeftError.Usage, "This peer keeps its graph in memory; there are no files to copy.");
        }

        bool isEncrypted = StorageEngine.ReadKeyKind(Options.Path) != Storage.Sealing.StoreKeyKind.None;
        return await engine.BackupAsync(
            path, _identity.Pack(passphrase.Span, isEncrypted), progress, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Stops cleanly: peers are told, everything accepted is made durable, the store is closed.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _stopped, 1) != 0)
        {
            return;
        }

        long started = Node.Time.GetTimestamp();
        await _maintenance.DisposeAsync().ConfigureAwait(false);
        await Gun.DisposeAsync().ConfigureAwait(false);
        await LogServers.DisposeAsync().ConfigureAwait(false);
        await Node.DisposeAsync().ConfigureAwait(false);
        Links.Dispose();
        _identity.Dispose();
        WeftLog.Stopped(_logger, Options.Name, (long)Node.Time.GetElapsedTime(started).TotalMilliseconds);
    }
}
