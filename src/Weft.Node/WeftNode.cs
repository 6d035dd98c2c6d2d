using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Weft.Crypto;
using Weft.Graph.Policy;
using Weft.Node.Access;
using Weft.Node.Blobs;
using Weft.Node.Events;
using Weft.Node.History;
using Weft.Node.Lanes;
using Weft.Node.Logs;
using Weft.Node.Network;
using Weft.Node.Replication;
using Weft.Node.Storage;
using Weft.Node.Sync;
using Weft.Node.Topics;
using Weft.Primitives;
using Weft.Protocols.Replication;

namespace Weft.Node;

/// <summary>One peer in one process: its graph, its store, its links to other peers.</summary>
public sealed class WeftNode : IAsyncDisposable
{
    private readonly GraphDriver _driver;
    private readonly NodeAdmission _admission;
    private readonly PolicyDriver _policies;
    private readonly ITimer _journalTimer;
    private readonly byte[] _networkId;
    private readonly bool _ownsIdentity;
    private int _disposed;
    private int _hasNetwork;

    private WeftNode(NodeOptions options, IStore store, TimeProvider time, ILoggerFactory loggers)
    {
        Options = options;
        Crypto = options.Crypto ?? NodeIdentity.FindCrypto();
        _ownsIdentity = options.Identity is null;
        Identity = options.Identity ?? NodeIdentity.Make(Crypto);
        _networkId = NodeIdentity.NetworkIdOf(Crypto, options.NetworkKey);
        Store = store;
        Time = time;
        Loggers = loggers;
        FirstSequence = store.CommittedSequence;
        Metrics = new NodeMetrics();
        Changes = new ChangeHub(options.RecentChangesBytesMax, store.CommittedSequence);
        Policies = new PolicyBook(options.Policy, Crypto, options.NetworkKey);
        Plans = new ReplicationPlans(Policies, options.ReadReplicate());
        _admission = new NodeAdmission(options, store, Crypto, Identity, _networkId, Policies, Metrics);
        VerifyQueue verifying = _admission.Queue;
        store.FollowArrivals(() => verifying.Waiting);
        Retention = new HistoryRules(store, Policies, time);
        _driver = new GraphDriver(
            options, store, time, Metrics, _admission,
            new HistoryKeeper(store, Retention, Identity.PublicKey.ToString()));
        _policies = new PolicyDriver(Policies, store, _driver, loggers.CreateLogger<PolicyDriver>(), Metrics);
        store.OnCommitted(commit =>
        {
            _policies.OnCommitted(commit);
            Changes.Post(commit);
        });
        Graph = new GraphSpace(store, _driver, Changes, Metrics, options);
        Graph.Acks = () => new AckWaiter(this);
        Groups = new GroupDirectory(this, Identity, options.Groups);
        Grants = new GrantDirectory(this, Identity);
        Recovery = new RecoveryDirectory(this, Identity);
        Logs = new LogSpace(store, Crypto, time, options.Logs, loggers);
        _driver.History.Logs = Logs;
        Graph.Past = new HistoryReader(store, Retention, Logs, time);
        Retention.Reader = Graph.Past;
        Topics = new NodeTopics(this);
        Blobs = new NodeBlobs(this);

        Events = new NodeEvents(time);
        Sync = new NodeSync(this);
        Telemetry = new NodeTelemetry(this);
        _driver.Telemetry = Telemetry;
        Graph.Telemetry = Telemetry;
        _journalTimer = time.CreateTimer(_ => SaveJournal(), null, JournalPeriod, JournalPeriod);
    }

    private static TimeSpan JournalPeriod => TimeSpan.FromSeconds(10);

    /// <summary>The options it runs with.</summary>
    public NodeOptions Options { get; }

    /// <summary>Who the node is. It signs; its secret stays inside.</summary>
    public Ed25519KeyPair Identity { get; }

    /// <summary>The cryptographic primitives.</summary>
    public ICrypto Crypto { get; }

    /// <summary>The public key of the network; null for the open one.</summary>
    public Ed25519PublicKey? NetworkKey => Options.NetworkKey;

    /// <summary>The network that signatures are for: 32 bytes, all zero for the open one.</summary>
    public ReadOnlyMemory<byte> NetworkId => _networkId;

    /// <summary>What the node knows of policies, rotations and revocations.</summary>
    public PolicyBook Policies { get; }

    /// <summary>How each soul is replicated, by policy and configuration.</summary>
    public ReplicationPlans Plans { get; }

    /// <summary>The graph.</summary>
    public GraphSpace Graph { get; }

    /// <summary>How much of the past is kept, prefix by prefix.</summary>
    public HistoryRules Retention { get; }

    /// <summary>The past of a node, as far as a policy has this peer keep it.</summary>
    /// <exception cref="ArgumentException">The soul is not valid.</exception>
    public NodeHistory History(string soul) => Graph.Get(soul).History;

    /// <summary>A field of a node as a series of values over time.</summary>
    /// <exception cref="ArgumentException">The soul or the field is not valid.</exception>
    public NodeSeries Series(string soul, string field) => Graph.Get(soul).Series(field);

    /// <summary>The groups this node's identity owns or belongs to.</summary>
    public GroupDirectory Groups { get; }

    /// <summary>The grants this node's identity gives.</summary>
    public GrantDirectory Grants { get; }

    /// <summary>The recovery keys of this node's identity, and the recovery of other keys.</summary>
    public RecoveryDirectory Recovery { get; }

    /// <summary>The signed logs.</summary>
    public LogSpace Logs { get; }

    /// <summary>Blobs: content of any size under a name that is computed from it.</summary>
    public NodeBlobs Blobs { get; }

    /// <summary>The store under it.</summary>
    public IStore Store { get; }

    /// <summary>The recent changes, for those who follow them.</summary>
    public ChangeHub Changes { get; }

    /// <summary>The libp2p side of the node; null unless <see cref="StartNetworkAsync"/> was called.</summary>
    public NodeNetwork? Network { get; private set; }

    /// <summary>Topics: signed messages for everyone who has joined. They need libp2p.</summary>
    public NodeTopics Topics { get; }

    /// <summary>Records and providers in the DHT; null unless the node speaks libp2p and the DHT is on.</summary>
    public NodeDht? Dht => Network?.Dht;

    /// <summary>How far this node and its libp2p peers are.</summary>
    public NodeSync Sync { get; }

    /// <summary>What happens to the node and its peers.</summary>
    public NodeEvents Events { get; }

    /// <summary>Counts since the start.</summary>
    public NodeMetrics Metrics { get; }

    /// <summary>Instruments and spans, for those who watch the node from outside.</summary>
    public NodeTelemetry Telemetry { get; }

    /// <summary>Clock and timers.</summary>
    public TimeProvider Time { get; }

    /// <summary>Where drivers log.</summary>
    public ILoggerFactory Loggers { get; }

    /// <summary>Deltas that wait in the lanes.</summary>
    public int WritesWaiting => _driver.WritesWaiting;

    /// <summary>Signatures of incoming writes that wait to be verified.</summary>
    public int SignaturesWaiting => _admission.Queue.Waiting;

    /// <summary>Signatures verified since the start.</summary>
    public long SignaturesVerified => _admission.Queue.Checked;

    /// <summary>Those of them that did not hold.</summary>
    public long SignaturesWrong => _admission.Queue.Failed;

    /// <summary>The newest commit when the node was made.</summary>
    internal long FirstSequence { get; }

    /// <summary>True while stored fields wait to be judged again, because a policy, rotation or revocation changed.</summary>
    public bool IsRejudging => _policies.IsBusy;

    /// <summary>Writes of the near future that are held.</summary>
    public int DeferredCount => _driver.DeferredCount;

    /// <summary>Starts a node on a store. The node owns the store from then on.</summary>
    /// <param name="options">Checked here; a broken bound throws before any effect.</param>
    /// <param name="store">Where the graph is kept.</param>
    /// <param name="time">Clock and timers; null for the system's.</param>
    /// <param name="loggers">Where drivers log; null for nowhere.</param>
    /// <param name="cancellationToken">Stops the start.</param>
    /// <exception cref="ArgumentException">An option is out of bounds.</exception>
    public static async ValueTask<WeftNode> StartAsync(
        NodeOptions options,
        IStore store,
        TimeProvider? time = null,
        ILoggerFactory? loggers = null,
        CancellationToken cancellationToken = default)
    {
        options.ThrowIfInvalid();
        cancellationToken.ThrowIfCancellationRequested();
        var node = new WeftNode(options, store, time ?? TimeProvider.System, loggers ?? NullLoggerFactory.Instance);
        try
        {
            await node._policies.LoadAsync(cancellationToken).ConfigureAwait(false);
            await node.Retention.LoadAsync(cancellationToken).ConfigureAwait(false);
            await node.Blobs.StartAsync(cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await node.DisposeAsync().ConfigureAwait(false); // A node that does not know its policies must not take writes.
            throw;
        }

        node.Logs.Start(); // Before the lanes: they append to logs that hold history.
        node._driver.Start();
        node._policies.Start();
        return node;
    }

    /// <summary>Joins libp2p with the identity of the node: listens, dials, and serves. At most once.</summary>
    /// <param name="options">Checked here, before any effect.</param>
    /// <param name="parts">The transports, and what is remembered of earlier runs.</param>
    /// <param name="cancellationToken">Gives up; nothing stays open.</param>
    /// <exception cref="WeftException">Usage, AddressInvalid, or PortTaken.</exception>
    /// <exception cref="InvalidOperationException">It was called before.</exception>
    public async Task<NodeNetwork> StartNetworkAsync(
        NetworkOptions options, NetworkParts parts, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(parts);
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
        if (Interlocked.Exchange(ref _hasNetwork, 1) != 0)
        {
            throw new InvalidOperationException("The node has joined libp2p before.");
        }

        return Network = await NodeNetwork.StartAsync(this, options, parts, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Stops cleanly: everything accepted is finished and made durable, then the store is closed.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        if (Network is not null)
        {
            await Network.DisposeAsync().ConfigureAwait(false); // Peers bring writes; those that came are finished below.
        }

        await Blobs.DisposeAsync().ConfigureAwait(false);
        await _journalTimer.DisposeAsync().ConfigureAwait(false);
        await _policies.DisposeAsync().ConfigureAwait(false);
        await _driver.DisposeAsync().ConfigureAwait(false);
        await Logs.DisposeAsync().ConfigureAwait(false); // After the lanes, which append to logs that hold history.
        await _admission.DisposeAsync().ConfigureAwait(false);
        await Store.DisposeAsync().ConfigureAwait(false);
        Events.Complete();
        Telemetry.Dispose();
        Groups.Dispose();
        if (_ownsIdentity)
        {
            Identity.Dispose();
        }
    }

    // Losing writes are evidence, not data: a crash may cost the last few seconds of them, never a value.
    private void SaveJournal() => _ = _driver.SaveJournalAsync().AsTask();
}
