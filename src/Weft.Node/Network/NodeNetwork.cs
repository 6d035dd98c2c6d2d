using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Weft.Crypto;
using Weft.Libp2p;
using Weft.Libp2p.Connections;
using Weft.Libp2p.Transport;
using Weft.Node.Events;
using Weft.Primitives;
using Weft.Protocols.Peers;
using Weft.Protocols.Ping;

namespace Weft.Node.Network;

/// <summary>
/// The part of a node that speaks libp2p: one host with the node's identity, the peers it keeps, and the services over
/// it. Safe to use from many threads.
/// </summary>
/// <remarks>It owns the host. Source: docs/operate/network.md, docs/spec/libp2p.md.</remarks>
public sealed partial class NodeNetwork : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<Multiaddr, KeptPeer> _kept = [];
    private readonly Dictionary<PeerId, BannedPeer> _bans = [];
    private readonly CancellationTokenSource _stopping = new();
    private readonly WeftRandom _random;
    private readonly NetworkCeilingTargets _ceilings;
    private readonly IDisposable[] _owned;
    private int _isStopped;

    private NodeNetwork(
        WeftNode node, NetworkOptions options, NetworkParts parts, Libp2pHost host, NetworkCeilingTargets ceilings)
    {
        _ceilings = ceilings;
        _owned = [.. parts.Owned];
        _saveAnchors = parts.SaveAnchors;
        _savedAnchors = parts.Anchors;
        Node = node;
        Options = options;
        Host = host;
        Log = node.Loggers.CreateLogger("Weft.Network");
        _random = new WeftRandom(BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong))));
    }

    /// <summary>The host: open streams with it, answer protocols, watch connections.</summary>
    public Libp2pHost Host { get; }

    /// <summary>The options it runs with.</summary>
    public NetworkOptions Options { get; }

    /// <summary>This peer; its key is the node's.</summary>
    public PeerId Id => Host.Id;

    /// <summary>Where it listens, with its peer id: what others dial.</summary>
    public IReadOnlyList<Multiaddr> Addresses => Host.Addresses;

    internal WeftNode Node { get; }

    internal ILogger Log { get; }

    /// <summary>Starts the host and its services, and begins to dial.</summary>
    internal static async Task<NodeNetwork> StartAsync(
        WeftNode node, NetworkOptions options, NetworkParts parts, CancellationToken cancellationToken)
    {
        if (options.FindFaults().FirstOrDefault() is { } fault)
        {
            throw new WeftException(WeftError.Usage, $"Weft:{fault}");
        }

        var ceilings = new NetworkCeilingTargets(HostOptions(node, options, parts), new(), new());
        NetworkCeilings.Apply(options.Ceilings, ceilings);
        Libp2pHost host;
        try
        {
            host = await Libp2pHost.StartAsync(ceilings.Host, cancellationToken).ConfigureAwait(false);
        }
        catch (ArgumentException wrong)
        {
            throw new WeftException(WeftError.AddressInvalid, wrong.Message, wrong);
        }

        var network = new NodeNetwork(node, options, parts, host, ceilings);
        try
        {
            foreach (BannedPeer ban in parts.Bans.Take(options.BansMax))
            {
                network._bans[ban.Peer] = ban;
                host.Ban(ban.Peer); // Before anybody is dialled; the listener has been open for a moment only.
            }

            await network.AddServicesAsync(parts, cancellationToken).ConfigureAwait(false);
            foreach (string address in options.Bootstrap.Concat(options.TopicRelays).Concat(parts.Links)
                .Take(options.LinksMax))
            {
                if (Multiaddr.TryParse(address, out Multiaddr? parsed))
                {
                    network.Keep(parsed);
                }
            }

            node.Events.AddSource(network.OnWatched);
            network._anchoring = network.KeepAnchorsAsync();
            NetworkLog.Started(network.Log, host.Id, host.Addresses.Count);
            return network;
        }
        catch
        {
            await network.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Dials a peer now and whenever it is not connected, for as long as the node runs.</summary>
    /// <param name="address">Where it is; with a peer id at its end, no other peer is accepted there.</param>
    /// <returns>False when it is kept already.</returns>
    /// <exception cref="WeftException">TooManyRequests beyond <see cref="NetworkOptions.LinksMax"/>.</exception>
    public bool Keep(Multiaddr address)
    {
        ArgumentNullException.ThrowIfNull(address);
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isStopped != 0, this);
            if (_kept.ContainsKey(address))
            {
                return false;
            }

            if (_kept.Count >= Options.LinksMax)
            {
                throw new WeftException(
                    WeftError.TooManyRequests, $"There are {_kept.Count} peers to keep already, as many as are allowed.");
            }

            var kept = new KeptPeer(this, address, _random.Fork());
            _kept.Add(address, kept);
            kept.Start();
            return true;
        }
    }

    /// <summary>Hangs up at a peer, and dials it no more.</summary>
    /// <param name="peer">The peer.</param>
    /// <returns>False when it was neither kept nor connected.</returns>
    public async ValueTask<bool> RemoveAsync(PeerId peer)
    {
        List<KeptPeer> gone;
        lock (_gate)
        {
            gone = [.. _kept.Values.Where(kept => kept.Peer == peer)];
            gone.ForEach(kept => _kept.Remove(kept.Address));
        }

        bool found = gone.Count > 0;
        foreach (KeptPeer kept in gone)
        {
            await kept.DisposeAsync().ConfigureAwait(false);
        }

        foreach (PeerConnection connection in Host.Connections.Where(one => one.Remote == peer))
        {
            found = true;
            await connection.DisposeAsync().ConfigureAwait(false);
        }

        return found;
    }

    /// <summary>Hangs up at the peer that is kept at this address, and dials it no more.</summary>
    /// <returns>False when nobody is kept there.</returns>
    public async ValueTask<bool> RemoveAsync(Multiaddr address)
    {
        KeptPeer? kept;
        lock (_gate)
        {
            if (!_kept.Remove(address, out kept))
            {
                return false;
            }
        }

        await kept.DisposeAsync().ConfigureAwait(false);
        if (Host.Connections.FirstOrDefault(one => one.Remote == kept.Peer && !one.IsInbound) is { } connection)
        {
            await connection.DisposeAsync().ConfigureAwait(false);
        }

        return true;
    }

    /// <summary>Closes every connection with a peer, and takes none from now on.</summary>
    /// <exception cref="WeftException">
    /// TooManyRequests beyond <see cref="NetworkOptions.BansMax"/>; Usage for this node itself.
    /// </exception>
    public async ValueTask<BannedPeer> BanAsync(PeerId peer, string reason = "")
    {
        ArgumentNullException.ThrowIfNull(reason);
        if (peer == Id || peer.IsEmpty)
        {
            throw new WeftException(WeftError.Usage, "A node does not ban itself. Nothing was changed.");
        }

        BannedPeer? ban;
        lock (_gate)
        {
            if (!_bans.TryGetValue(peer, out ban))
            {
                if (_bans.Count >= Options.BansMax)
                {
                    throw new WeftException(
                        WeftError.TooManyRequests, $"{_bans.Count} peers are banned already, as many as are allowed.");
                }

                ban = new(peer, Node.Time.GetUtcNow(), reason.Length > 200 ? reason[..200] : reason);
                _bans.Add(peer, ban);
            }

            Tell(NodeEventKind.PeerBan, peer, one => one with { Reason = ban.Reason.Length == 0 ? null : ban.Reason });
            Host.Ban(peer); // The host takes more of them than this list does: its other reasons have room, too.
        }

        foreach (PeerConnection connection in Host.Connections.Where(one => one.Remote == peer))
        {
            await connection.DisposeAsync().ConfigureAwait(false);
        }

        return ban;
    }

    /// <summary>Allows a peer again.</summary>
    /// <returns>False when it was not banned.</returns>
    public bool Unban(PeerId peer)
    {
        lock (_gate)
        {
            Host.Unban(peer);
            bool wasBanned = _bans.Remove(peer);
            if (wasBanned)
            {
                Tell(NodeEventKind.PeerUnban, peer, static one => one);
            }

            return wasBanned;
        }
    }

    /// <summary>True when connections with this peer are closed at once.</summary>
    public bool IsBanned(PeerId peer)
    {
        lock (_gate)
        {
            return _bans.ContainsKey(peer);
        }
    }

    /// <summary>The banned peers, in the order of their ids.</summary>
    public IReadOnlyList<BannedPeer> ListBans()
    {
        lock (_gate)
        {
            return [.. _bans.Values.OrderBy(ban => ban.Peer)];
        }
    }

    /// <summary>Every connection, and every peer to keep that is not connected.</summary>
    public IReadOnlyList<NetworkPeer> ListPeers()
    {
        KeptPeer[] kept;
        lock (_gate)
        {
            kept = [.. _kept.Values];
        }

        var peers = new List<NetworkPeer>();
        var wanted = kept.Select(one => one.Peer).ToHashSet();
        foreach (PeerConnection connection in Host.Connections.OrderBy(one => one.Remote).ThenBy(one => one.Since))
        {
            peers.Add(Describe(connection, wanted.Contains(connection.Remote)));
        }

        foreach (KeptPeer away in kept.Where(one => one.State != NetworkPeerState.Connected)
            .OrderBy(one => one.Address.ToString(), StringComparer.Ordinal))
        {
            peers.Add(new NetworkPeer(
                away.Peer, null, TransportOf(away.Address), away.Address.ToString(), IsInbound: false, IsKept: true,
                away.State, null, null, 0, null, [], away.LastError));
        }

        return peers;
    }

    /// <summary>Measures the round trip to a peer, which is dialled if it has to be.</summary>
    /// <param name="target">A peer id of a connected peer, or a multiaddr.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Who answered, and how long it took.</returns>
    /// <exception cref="WeftException">
    /// AddressInvalid, PeerBanned, PeerUnreachable, DeadlinePassed, or what else keeps it from answering.
    /// </exception>
    public async Task<(PeerId Peer, TimeSpan RoundTrip)> PingAsync(
        string target, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(target);
        Multiaddr? address = null;
        if (!PeerId.TryParse(target, out PeerId peer))
        {
            if (!Multiaddr.TryParse(target, out address))
            {
                throw new WeftException(WeftError.AddressInvalid, "That is no multiaddr and no peer id.");
            }

            peer = address.Peer;
        }

        if (IsBanned(peer))
        {
            throw new WeftException(WeftError.PeerBanned, $"{peer} is banned here.");
        }

        if (address is not null)
        {
            peer = (await Host.ConnectAsync(address, cancellationToken).ConfigureAwait(false)).Remote;
        }

        try
        {
            return (peer, await Host.PingAsync(peer, cancellationToken).ConfigureAwait(false));
        }
        catch (IOException broken)
        {
            throw new WeftException(WeftError.PeerUnreachable, $"{peer} ended the ping: {broken.Message}", broken);
        }
    }

    /// <summary>Stops the services, hangs up everywhere, and closes the host.</summary>
    public async ValueTask DisposeAsync()
    {
        KeptPeer[] kept;
        lock (_gate)
        {
            if (_isStopped != 0)
            {
                return;
            }

            _isStopped = 1;
            kept = [.. _kept.Values];
        }

        SaveAnchors(); // While they are still connected.
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _anchoring.ConfigureAwait(false);
        await StopTellingAsync().ConfigureAwait(false);
        await Task.WhenAll(kept.Select(one => one.DisposeAsync().AsTask())).ConfigureAwait(false);
        await StopServicesAsync().ConfigureAwait(false);
        await Host.DisposeAsync().ConfigureAwait(false);
        Array.ForEach(_owned, one => one.Dispose());
        _stopping.Dispose();
    }

    /// <summary>By what an address is reached, in one word.</summary>
    internal static string TransportOf(Multiaddr address) =>
        address.ToString().Contains("/p2p-circuit", StringComparison.Ordinal) ? "relay"
        : address.TryFind(MultiaddrCode.Ws, out _) || address.TryFind(MultiaddrCode.Wss, out _) ? "ws"
        : address.TryFind(MultiaddrCode.Memory, out _) ? "memory"
        : "tcp";

    private static Libp2pOptions HostOptions(WeftNode node, NetworkOptions options, NetworkParts parts)
    {
        Span<byte> seed = stackalloc byte[Ed25519KeyPair.SeedLength];
        node.Identity.CopySeedTo(seed);
        var host = new Libp2pOptions
        {
            Crypto = node.Crypto,
            Identity = new Ed25519KeyPair(node.Crypto, seed), // The host clears its copy; the node keeps its own.
            AgentVersion = parts.AgentVersion,
            // A busy machine may be late by many seconds; half a minute of silence is an end.
            Heartbeat = new PingOptions
            {
                Interval = options.PingInterval,
                MissesMax = Math.Max(3, (int)(TimeSpan.FromSeconds(30) / options.PingInterval)),
            },
            Time = node.Time,
            Loggers = node.Loggers,
        };
        CryptographicOperations.ZeroMemory(seed);
        foreach (string address in options.Listen)
        {
            host.Listen.Add(Multiaddr.Parse(address));
        }

        foreach (ITransport transport in parts.Transports)
        {
            host.Transports.Add(transport);
        }

        if (options.Security != NetworkSecurity.Noise)
        {
            ISecurity tls = parts.Tls?.Invoke()
                ?? throw new WeftException(WeftError.Usage, "Weft:Network:Security needs TLS, and there is none here.");
            host.Security.Add(tls);
            host.UseNoise = options.Security == NetworkSecurity.Both;
            if (tls is IDisposable owned)
            {
                parts.Owned.Add(owned);
            }
        }

        host.Names = parts.Names;
        host.Region = options.Region;
        host.Planner.OutboundTarget = options.OutboundTarget;
        host.Planner.AnchorsMax = options.AnchorsMax;
        foreach (PeerAnchor anchor in parts.Anchors.Take(options.OutboundTarget > 0 ? options.AnchorsMax : 0))
        {
            host.Anchors.Add(anchor);
        }

        NetworkProfiles.Apply(options, host);
        if (options.Limits is null && parts.DescriptorsMax is { } descriptors)
        {
            host.Limits.DescriptorsMax = Math.Min(host.Limits.DescriptorsMax, descriptors);
        }

        host.Limits.BansMax = Math.Max(host.Limits.BansMax, 2 * options.BansMax);
        return host;
    }

    private NetworkPeer Describe(PeerConnection connection, bool isKept) => new(
        connection.Remote,
        connection.Identity?.AgentVersion,
        TransportOf(connection.RemoteAddress),
        connection.RemoteAddress.ToString(),
        connection.IsInbound,
        isKept,
        NetworkPeerState.Connected,
        connection.RoundTrip == TimeSpan.Zero ? null : connection.RoundTrip,
        Host.ScoreOf(connection),
        connection.StreamCount,
        connection.Since,
        connection.Identity?.Protocols ?? [],
        LastError: null);
}
