using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Weft.Crypto;
using Weft.Libp2p.Connections;
using Weft.Libp2p.Dialing;
using Weft.Libp2p.Services;
using Weft.Libp2p.Streams;
using Weft.Libp2p.Transport;
using Weft.Primitives;
using Weft.Protocols.Noise;
using Weft.Protocols.Peers;
using Weft.Protocols.Ping;

namespace Weft.Libp2p;

/// <summary>What answers a protocol. The stream is disposed when it returns, and reset when it throws.</summary>
/// <param name="stream">The stream, its protocol agreed on.</param>
/// <param name="cancellationToken">The connection is gone, or the host stops.</param>
public delegate Task StreamHandler(PeerStream stream, CancellationToken cancellationToken);

/// <summary>
/// One libp2p peer: it listens, dials, and speaks protocols over streams. Safe to use from many threads.
/// </summary>
/// <remarks>
/// <code>
/// await using Libp2pHost host = await Libp2pHost.StartAsync(options);
/// host.Handle("/x/1", async (stream, ct) => …);
/// await using PeerStream stream = await host.OpenStreamAsync(peer, ["/x/2", "/x/1"]);
/// </code>
/// Source: docs/spec/libp2p.md.
/// </remarks>
public sealed partial class Libp2pHost : IAsyncDisposable
{
    private readonly Libp2pOptions _options;
    private readonly Ed25519KeyPair _key;
    private readonly NoiseIdentity _noise;
    private readonly Upgrader _upgrader;
    private readonly ResourceManager _resources;
    private readonly ConnectionSettings _settings;
    private readonly ILogger _log;
    private readonly IdentifyService _identify;
    private readonly HeartbeatService _heartbeat;
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentDictionary<string, ServedProtocol> _handlers = new();
    private readonly List<ITransportListener> _listeners = [];
    private readonly List<Task> _loops = [];
    private readonly Lock _gate = new();
    private readonly Dictionary<PeerId, List<PeerConnection>> _connections = [];
    private volatile ITransport[] _transports;
    private readonly string[] _regionNames; // Where it is, as a name among the protocols: what identify has room for.
    private int _isStopped;

    private Libp2pHost(Libp2pOptions options)
    {
        _options = options;
        _key = options.Identity ?? KeyGenerator.NewEd25519(options.Crypto);
        Id = _key.PublicKey.ToPeerId();
        Span<byte> secret = stackalloc byte[32];
        KeyGenerator.Fill(secret);
        _noise = new(options.Crypto, _key, secret, options.EarlyMuxer ? [Upgrader.Yamux] : []);
        secret.Clear();
        ISecurity[] security = [.. options.Security];
        Array.ForEach(
            security, one => one.Start(new(_key, Id, options.Crypto, [Upgrader.Yamux], options.Time)));
        _upgrader = new(options.Crypto, _noise, Id, options.UseNoise, security);
        _transports = [.. options.Transports];
        _regionNames = options.Region is { Length: > 0 } region ? [ConnectionPlanner.RegionPrefix + region] : [];
        var random = new WeftRandom(BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong))));
        Book = new(options, () => _listened, random.Fork());
        _planner = new(this, options, random);
        _dialer = new(this, options);
        _resources = new(options.Limits, options.Time);
        _bans = new(options.Limits.BansMax);
        _settings = new(options.Time, options.Yamux, options.DrainTimeout, options.Limits.ConnectionBytesPerSecond);
        _log = options.Loggers.CreateLogger<Libp2pHost>();
        _identify = new(this, _key, options);
        _heartbeat = new(this, options);
    }

    /// <summary>This peer.</summary>
    public PeerId Id { get; }

    /// <summary>What is in use now, of what the limits allow.</summary>
    public ResourceUse Use => _resources.Use;

    /// <summary>Inbound streams that are being answered, by protocol.</summary>
    public IReadOnlyList<ProtocolUse> ProtocolUses => _resources.Protocols;

    /// <summary>How often a ceiling has said no since the start.</summary>
    public long RefusalsOf(Libp2pCeiling ceiling) => _resources.RefusalsOf(ceiling);

    /// <summary>The protocols it answers, sorted; with them the name that stands for its region.</summary>
    public IReadOnlyList<string> Protocols =>
        [.. _handlers.Keys.Concat(_regionNames).Order(StringComparer.Ordinal)];

    /// <summary>The connections there are now.</summary>
    public IReadOnlyList<PeerConnection> Connections
    {
        get
        {
            lock (_gate)
            {
                return [.. _connections.Values.SelectMany(list => list)];
            }
        }
    }

    /// <summary>Starts a host: it listens when this returns.</summary>
    /// <param name="options">How. The host takes the identity over.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="Libp2pException">An address cannot be listened at; nothing was left open.</exception>
    /// <exception cref="ArgumentException">No transport is named, or none takes an address.</exception>
    public static async Task<Libp2pHost> StartAsync(Libp2pOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfZero(options.Transports.Count, nameof(options));
        var host = new Libp2pHost(options);
        try
        {
            host.AddServices();
            await host.ListenAsync(cancellationToken).ConfigureAwait(false);
            host._planner.Start();
            return host;
        }
        catch
        {
            await host.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Answers a protocol from now on; connected peers are told.</summary>
    /// <param name="protocol">1 to 256 characters, for example "/x/1".</param>
    /// <param name="handler">Called once for each stream.</param>
    public void Handle(string protocol, StreamHandler handler) => Handle(protocol, handler, StreamRules.Default);

    /// <summary>Answers a protocol under rules: see <see cref="Handle(string, StreamHandler)"/>.</summary>
    public void Handle(string protocol, StreamHandler handler, StreamRules rules)
    {
        ArgumentException.ThrowIfNullOrEmpty(protocol);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(protocol.Length, 256, nameof(protocol));
        ArgumentNullException.ThrowIfNull(handler);
        ArgumentNullException.ThrowIfNull(rules);
        _handlers[protocol] = new(handler, rules);
        _identify.OnChanged();
    }

    /// <summary>Answers a protocol no more; streams that are open go on, and connected peers are told.</summary>
    public void Unhandle(string protocol)
    {
        if (_handlers.TryRemove(protocol, out _))
        {
            _identify.OnChanged();
        }
    }

    /// <summary>
    /// The connection with a peer that new streams take. Where there are several, one that is not limited; where both
    /// ends dialled at once, the one both ends agree on.
    /// </summary>
    /// <returns>Null when there is none.</returns>
    public PeerConnection? Find(PeerId peer)
    {
        lock (_gate)
        {
            return _connections.TryGetValue(peer, out List<PeerConnection>? list) ? Preferred(list) : null;
        }
    }

    /// <summary>Sends one ping on a stream of its own.</summary>
    /// <param name="peer">The peer; it is dialled where there is no connection.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The round trip, without the time the stream took to open.</returns>
    /// <exception cref="Libp2pException">Not reachable, or it does not answer pings.</exception>
    /// <exception cref="IOException">The stream ended before the answer.</exception>
    public async Task<TimeSpan> PingAsync(PeerId peer, CancellationToken cancellationToken = default)
    {
        PeerStream stream = await OpenStreamAsync(peer, [PingCore.Protocol], PingService.Rules, cancellationToken)
            .ConfigureAwait(false);
        await using ConfiguredAsyncDisposable closing = stream.ConfigureAwait(false);
        return await PingService.PingAsync(stream, _options.Time, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Closes every connection, and clears the identity.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isStopped, 1) != 0)
        {
            return;
        }

        _planner.Dispose();
        await _stopping.CancelAsync().ConfigureAwait(false);
        foreach (ITransportListener listener in _listeners)
        {
            await listener.DisposeAsync().ConfigureAwait(false);
        }

        await Task.WhenAll(_loops).ConfigureAwait(false);
        await Task.WhenAll(Connections.Select(connection => connection.DisposeAsync().AsTask())).ConfigureAwait(false);
        _events.Complete();
        _phases.Complete();
        _noise.Dispose();
        _key.Dispose();
        _stopping.Dispose();
    }

    internal CancellationToken Stopping => _stopping.Token;

    private void AddServices()
    {
        _identify.Register();
        PingService.Register(this);
        if (_options.ServeEcho)
        {
            Handle(EchoService.Protocol, EchoService.ServeAsync, PingService.Rules);
        }

        if (_options.ServePerf)
        {
            Handle(PerfService.Protocol, PerfService.ServeAsync, PingService.Rules);
        }
    }
}

/// <summary>What answers a protocol, and how.</summary>
internal sealed record ServedProtocol(StreamHandler Handler, StreamRules Rules);
