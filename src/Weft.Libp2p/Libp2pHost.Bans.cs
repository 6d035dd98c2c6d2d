using Weft.Libp2p.Connections;
using Weft.Primitives;
using Weft.Protocols.Dialing;
using Weft.Protocols.Peers;

namespace Weft.Libp2p;

/// <summary>A ban.</summary>
/// <param name="Peer">The peer; empty for a range.</param>
/// <param name="Range">The range of addresses; null for a peer.</param>
/// <param name="Left">How long it still lasts; null for good.</param>
public sealed record BanEntry(PeerId Peer, IpRange? Range, TimeSpan? Left);

/// <content>Peers and addresses nothing is to be had with.</content>
public sealed partial class Libp2pHost
{
    private readonly Lock _banGate = new();
    private readonly BanList _bans;

    /// <summary>The bans there are: peers first, sorted.</summary>
    public IReadOnlyList<BanEntry> Bans
    {
        get
        {
            WeftInstant now = _options.Time.Instant();
            lock (_banGate)
            {
                return
                [
                    .. _bans.Peers.Where(ban => ban.Until > now).Select(ban => new BanEntry(ban.Peer, null, Left(ban.Until))),
                    .. _bans.Ranges.Where(ban => ban.Until > now)
                        .Select(ban => new BanEntry(default, ban.Range, Left(ban.Until))),
                ];
            }

            TimeSpan? Left(WeftInstant until) => until == WeftInstant.Never ? null : until - now;
        }
    }

    /// <summary>Bans a peer: its connections end, and it is neither dialled nor let in.</summary>
    /// <param name="peer">The peer; not this host.</param>
    /// <param name="duration">How long; null for good, that is as long as the host runs.</param>
    /// <exception cref="Libp2pException">The list is full: <see cref="Libp2pLimits.BansMax"/>.</exception>
    public void Ban(PeerId peer, TimeSpan? duration = null)
    {
        ArgumentOutOfRangeException.ThrowIfEqual(peer.IsEmpty || peer == Id, true, nameof(peer));
        WeftInstant now = _options.Time.Instant();
        lock (_banGate)
        {
            Check(_bans.Ban(peer, duration is { } time ? now + time : WeftInstant.Never, now));
        }

        CutOff(connection => connection.Remote == peer);
    }

    /// <summary>Bans a range of addresses: connections with it end, and it is neither dialled nor let in.</summary>
    /// <param name="range">The range; a connection through a relay is not of the relay's range.</param>
    /// <param name="duration">How long; null for good, that is as long as the host runs.</param>
    /// <exception cref="Libp2pException">The list is full: <see cref="Libp2pLimits.BansMax"/>.</exception>
    public void Ban(IpRange range, TimeSpan? duration = null)
    {
        WeftInstant now = _options.Time.Instant();
        lock (_banGate)
        {
            Check(_bans.Ban(range, duration is { } time ? now + time : WeftInstant.Never, now));
        }

        CutOff(connection => !connection.IsLimited && IpRange.TryOf(connection.RemoteAddress, out IpRange there)
            && range.Contains(there));
    }

    /// <summary>Lifts the ban of a peer.</summary>
    /// <returns>False when there was none.</returns>
    public bool Unban(PeerId peer)
    {
        lock (_banGate)
        {
            return _bans.Unban(peer);
        }
    }

    /// <summary>Lifts the ban of exactly this range.</summary>
    /// <returns>False when there was none.</returns>
    public bool Unban(IpRange range)
    {
        lock (_banGate)
        {
            return _bans.Unban(range);
        }
    }

    /// <summary>True while the peer is banned.</summary>
    public bool IsBanned(PeerId peer)
    {
        lock (_banGate)
        {
            return _bans.IsBanned(peer, _options.Time.Instant());
        }
    }

    private bool IsBanned(Multiaddr address)
    {
        lock (_banGate)
        {
            return !address.TryFind(MultiaddrCode.Circuit, out _) && _bans.IsBanned(address, _options.Time.Instant());
        }
    }

    private void CutOff(Func<PeerConnection, bool> isMeant)
    {
        foreach (PeerConnection connection in Connections.Where(isMeant))
        {
            connection.CutOff(ConnectionEnd.Banned);
        }
    }

    private static void Check(bool isBanned)
    {
        if (!isBanned)
        {
            throw new Libp2pException(WeftError.TooManyRequests, "The list of bans is full; lift one first.");
        }
    }
}
