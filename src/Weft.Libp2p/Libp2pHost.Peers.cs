using Weft.Libp2p.Connections;
using Weft.Libp2p.Dialing;
using Weft.Libp2p.Streams;
using Weft.Libp2p.Transport;
using Weft.Primitives;
using Weft.Protocols.Dialing;
using Weft.Protocols.Peers;

namespace Weft.Libp2p;

/// <content>Peers by name, and what others add to the host.</content>
public sealed partial class Libp2pHost
{
    private readonly Dialer _dialer;
    private readonly Dictionary<PeerId, SortedSet<string>> _protected = [];
    private readonly List<Multiaddr> _announced = [];
    private Multiaddr[] _listened = [];

    /// <summary>Where peers can be reached.</summary>
    public PeerBook Book { get; }

    /// <summary>
    /// Where this host can be reached, with its peer id: where it listens, and what was announced. Others are told.
    /// </summary>
    public IReadOnlyList<Multiaddr> Addresses
    {
        get
        {
            lock (_gate)
            {
                return [.. _listened, .. _announced];
            }
        }
    }

    /// <summary>
    /// Connects to a peer at the addresses of the book, or gives the connection there is. Who asks for a peer that is
    /// being dialled joins that dial.
    /// </summary>
    /// <param name="peer">The peer.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="Libp2pException">No address is known, none leads to the peer, or a ceiling is reached.</exception>
    public Task<PeerConnection> ConnectAsync(PeerId peer, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfEqual(peer.IsEmpty, true, nameof(peer));
        ObjectDisposedException.ThrowIf(_isStopped != 0, this);
        return Find(peer) is { } there
            ? Task.FromResult(there)
            : _dialer.ConnectAsync(peer, extra: null, ignoresBackoff: true, cancellationToken);
    }

    /// <summary>
    /// Connects to the peer at this address, or gives the connection there is with the peer it names.
    /// </summary>
    /// <param name="address">Where; with a peer id at its end, no other peer is accepted.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="Libp2pException">Nobody answers, another peer does, or a ceiling is reached.</exception>
    public Task<PeerConnection> ConnectAsync(Multiaddr address, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(address);
        ObjectDisposedException.ThrowIf(_isStopped != 0, this);
        return !address.Peer.IsEmpty && Find(address.Peer) is { } there
            ? Task.FromResult(there)
            : _dialer.ConnectAsync(address.Peer, address, ignoresBackoff: true, cancellationToken);
    }

    /// <summary>
    /// Opens a stream to a peer, over the connection there is or a new one. A peer that could not be reached a short
    /// while ago is not dialled again at once: see <see cref="AddressBookOptions.BackoffMin"/>.
    /// </summary>
    /// <param name="peer">The peer.</param>
    /// <param name="protocols">
    /// 1 and up, the best first; <see cref="PeerStream.Protocol"/> says which it became.
    /// </param>
    /// <param name="cancellationToken">Gives up; the stream is reset.</param>
    /// <exception cref="Libp2pException">Not reachable, a ceiling reached, or the peer speaks none of them.</exception>
    public Task<PeerStream> OpenStreamAsync(
        PeerId peer, IReadOnlyList<string> protocols, CancellationToken cancellationToken = default) =>
        OpenStreamAsync(peer, protocols, StreamRules.Default, cancellationToken);

    /// <summary>
    /// Opens a stream to a peer under rules: see <see cref="OpenStreamAsync(PeerId, IReadOnlyList{string},
    /// CancellationToken)"/>.
    /// </summary>
    public async Task<PeerStream> OpenStreamAsync(
        PeerId peer, IReadOnlyList<string> protocols, StreamRules rules, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(rules);
        ArgumentOutOfRangeException.ThrowIfEqual(peer.IsEmpty, true, nameof(peer));
        ObjectDisposedException.ThrowIf(_isStopped != 0, this);
        PeerConnection connection = Find(peer) is { } there && (!there.IsLimited || rules.AllowsLimited)
            ? there
            : await _dialer.ConnectAsync(peer, extra: null, ignoresBackoff: false, cancellationToken)
                .ConfigureAwait(false);
        return await OpenStreamAsync(connection, protocols, rules, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Says that a peer matters: its connections are not closed to make room. Each tag counts on its own.
    /// </summary>
    /// <param name="peer">The peer.</param>
    /// <param name="tag">Who says so, for example "kad".</param>
    public void Protect(PeerId peer, string tag)
    {
        ArgumentException.ThrowIfNullOrEmpty(tag);
        lock (_gate)
        {
            if (!_protected.TryGetValue(peer, out SortedSet<string>? tags))
            {
                _protected[peer] = tags = new(StringComparer.Ordinal);
            }

            tags.Add(tag);
        }

        _planner.Protect(peer, isProtected: true);
    }

    /// <summary>Takes one tag back.</summary>
    /// <returns>True when the peer is still protected by another.</returns>
    public bool Unprotect(PeerId peer, string tag)
    {
        bool isProtected;
        lock (_gate)
        {
            if (_protected.TryGetValue(peer, out SortedSet<string>? tags) && tags.Remove(tag) && tags.Count == 0)
            {
                _protected.Remove(peer);
            }

            isProtected = _protected.ContainsKey(peer);
        }

        _planner.Protect(peer, isProtected);
        return isProtected;
    }

    /// <summary>The tags that protect a peer, sorted; empty when none does.</summary>
    public IReadOnlyList<string> ProtectionOf(PeerId peer)
    {
        lock (_gate)
        {
            return _protected.TryGetValue(peer, out SortedSet<string>? tags) ? [.. tags] : [];
        }
    }

    /// <summary>Adds a way to reach peers while the host runs; it is asked after those there are.</summary>
    /// <remarks>For a transport that needs the host itself: a relay's.</remarks>
    public void AddTransport(ITransport transport)
    {
        ArgumentNullException.ThrowIfNull(transport);
        lock (_gate)
        {
            _transports = [.. _transports, transport];
        }
    }

    /// <summary>Says that this host can also be reached there; connected peers are told.</summary>
    /// <param name="address">With or without this host's peer id at its end.</param>
    public void Announce(Multiaddr address)
    {
        ArgumentNullException.ThrowIfNull(address);
        Multiaddr full = address.WithPeer(Id);
        lock (_gate)
        {
            if (_announced.Contains(full))
            {
                return;
            }

            _announced.Add(full);
        }

        _identify.OnChanged();
    }

    /// <summary>Takes an announced address back; connected peers are told.</summary>
    /// <returns>False when it was not announced.</returns>
    public bool Withdraw(Multiaddr address)
    {
        ArgumentNullException.ThrowIfNull(address);
        bool isRemoved;
        lock (_gate)
        {
            isRemoved = _announced.Remove(address.WithPeer(Id));
        }

        if (isRemoved)
        {
            _identify.OnChanged();
        }

        return isRemoved;
    }

    /// <summary>
    /// Takes a connection that came by another way than a listener, for example through a relay: it is bounded,
    /// protected and muxed like any inbound one.
    /// </summary>
    /// <param name="connection">Bytes of the handshake follow. The host owns it from now on.</param>
    /// <returns>The connection; null when there was no room or the handshake failed. It never throws for a peer.</returns>
    public Task<PeerConnection?> AcceptAsync(ITransportConnection connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        return WelcomeAsync(connection);
    }

    /// <summary>The newest signed record of this host's addresses.</summary>
    internal ReadOnlyMemory<byte> SignedRecord => _identify.SignedRecord;

    /// <summary>Signs something in this host's name.</summary>
    internal byte[] SealEnvelope(string domain, ReadOnlySpan<byte> payloadType, ReadOnlySpan<byte> payload) =>
        SignedEnvelope.Seal(_key, _options.Crypto, domain, payloadType, payload);
}
