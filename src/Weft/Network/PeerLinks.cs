using Weft.Node.Gun;
using Weft.Node.Network;
using Weft.Primitives;
using Weft.Protocols.Peers;

namespace Weft;

/// <summary>
/// The peers of a running node, of both kinds: GUN links (ws:// and wss:// URLs) and libp2p peers (multiaddrs and peer
/// ids). What is added and banned here is remembered in the data folder. Safe to use from many threads.
/// </summary>
public sealed class PeerLinks : IDisposable
{
    private readonly GunDriver _gun;
    private readonly Func<NodeNetwork?> _network;
    private readonly PeersFile? _file;
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly List<string> _links;
    private IReadOnlyList<BannedPeer> _bans;

    internal PeerLinks(GunDriver gun, Func<NodeNetwork?> network, PeersFile? file, PeerMemory memory)
    {
        _gun = gun;
        _network = network;
        _file = file;
        _links = [.. memory.Links];
        _bans = memory.Bans;
    }

    /// <summary>The addresses that were added while the node ran, in this run and earlier ones.</summary>
    public IReadOnlyList<string> Added
    {
        get
        {
            lock (_links)
            {
                return [.. _links];
            }
        }
    }

    /// <summary>True for what names a libp2p peer: a multiaddr, or a peer id.</summary>
    public static bool IsLibp2p(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.StartsWith('/') || PeerId.TryParse(text, out _);
    }

    /// <summary>Connects to a peer now, whenever the connection breaks, and after each start of the node.</summary>
    /// <param name="address">A ws:// or wss:// URL, or a multiaddr.</param>
    /// <param name="cancellationToken">Stops the waiting for others who change the list.</param>
    /// <returns>False when it was there already.</returns>
    /// <exception cref="WeftException">
    /// AddressInvalid; NetworkOff: a multiaddr, and the node does not speak libp2p; TooManyRequests beyond a bound;
    /// DiskFailed: it is connected, but not remembered.
    /// </exception>
    public async ValueTask<bool> AddAsync(string address, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(address);
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            string plain;
            bool isNew;
            if (address.StartsWith('/'))
            {
                Multiaddr parsed = Parse(address);
                plain = parsed.ToString();
                isNew = Network.Keep(parsed);
            }
            else
            {
                Uri url = PeerAddress.Parse(address) ?? throw Wrong(address);
                plain = url.AbsoluteUri;
                isNew = _gun.AddLink(url);
            }

            if (isNew)
            {
                lock (_links)
                {
                    _links.Add(plain);
                }

                Save();
            }

            return isNew;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>
    /// Hangs up at a peer, and dials it no more; one that the options name comes back at the next start.
    /// </summary>
    /// <param name="peer">A URL, a multiaddr, or a peer id.</param>
    /// <param name="cancellationToken">Stops the waiting for others who change the list.</param>
    /// <returns>False when there was none.</returns>
    /// <exception cref="WeftException">AddressInvalid, NetworkOff or DiskFailed.</exception>
    public async ValueTask<bool> RemoveAsync(string peer, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(peer);
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            bool found;
            Predicate<string> isGone;
            if (PeerId.TryParse(peer, out PeerId id))
            {
                found = await Network.RemoveAsync(id).ConfigureAwait(false);
                isGone = link => Multiaddr.TryParse(link, out Multiaddr? known) && known.Peer == id;
            }
            else if (peer.StartsWith('/'))
            {
                Multiaddr address = Parse(peer);
                found = await Network.RemoveAsync(address).ConfigureAwait(false);
                isGone = link => link == address.ToString();
            }
            else
            {
                Uri url = PeerAddress.Parse(peer) ?? throw Wrong(peer);
                found = _gun.RemoveLink(url);
                isGone = link => link == url.AbsoluteUri;
            }

            int forgotten;
            lock (_links)
            {
                forgotten = _links.RemoveAll(isGone);
            }

            if (forgotten > 0)
            {
                Save();
            }

            return found || forgotten > 0;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Closes every connection with a libp2p peer, and takes none until it is allowed again.</summary>
    /// <param name="peer">The peer.</param>
    /// <param name="reason">Why: at most 200 characters are kept.</param>
    /// <param name="cancellationToken">Stops the waiting for others who change the list.</param>
    /// <exception cref="WeftException">NetworkOff, TooManyRequests, Usage or DiskFailed.</exception>
    public async ValueTask<BannedPeer> BanAsync(
        PeerId peer, string reason = "", CancellationToken cancellationToken = default)
    {
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            BannedPeer ban = await Network.BanAsync(peer, reason).ConfigureAwait(false);
            _bans = Network.ListBans();
            Save();
            return ban;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Allows a peer again.</summary>
    /// <returns>False when it was not banned.</returns>
    /// <exception cref="WeftException">NetworkOff or DiskFailed.</exception>
    public async ValueTask<bool> UnbanAsync(PeerId peer, CancellationToken cancellationToken = default)
    {
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            bool found = Network.Unban(peer);
            _bans = Network.ListBans();
            if (found)
            {
                Save();
            }

            return found;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Nothing can be changed any more.</summary>
    public void Dispose() => _turn.Dispose();

    private NodeNetwork Network => _network() ?? throw new WeftException(
        WeftError.NetworkOff, "This node does not speak libp2p. Nothing was changed.");

    private static Multiaddr Parse(string text) =>
        Multiaddr.TryParse(text, out Multiaddr? address) ? address : throw Wrong(text);

    private static WeftException Wrong(string text)
    {
        string plain = string.Concat(text.Take(200).Select(unit => char.IsControl(unit) ? '?' : unit));
        return new WeftException(
            WeftError.AddressInvalid,
            $"\"{plain}\" is no peer; allowed: a ws:// or wss:// URL, a multiaddr such as /ip4/…/tcp/…, or a peer id.");
    }

    private void Save() => _file?.Write(new PeerMemory(Added, _bans));
}
