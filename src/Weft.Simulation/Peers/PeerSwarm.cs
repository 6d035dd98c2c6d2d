using System.Buffers.Binary;
using Weft.Primitives;
using Weft.Protocols.Dialing;
using Weft.Protocols.Peers;

namespace Weft.Simulation;

/// <summary>
/// Many peers that find each other, in virtual time: production cores of address book, dial and connection planner; in
/// place of sockets links with latency. Who is down, full or cut off does not answer.
/// </summary>
public sealed class PeerSwarm
{
    private readonly List<SwarmPeer> _peers = [];
    private readonly Dictionary<Multiaddr, SwarmPeer> _byAddress = [];
    private readonly Dictionary<PeerId, SwarmPeer> _byId = [];
    private readonly List<SwarmPeer> _sybils = [];
    private long _link;

    /// <summary>Makes an empty swarm.</summary>
    /// <param name="seed">The same seed gives the same run.</param>
    /// <param name="planner">Every peer's options.</param>
    public PeerSwarm(ulong seed, PlannerOptions planner)
    {
        World = new(seed);
        Planner = planner;
        Random = World.Random.Fork();
    }

    /// <summary>The world's time and events.</summary>
    public SimWorld World { get; }

    /// <summary>Every peer that was made.</summary>
    public IReadOnlyList<SwarmPeer> Peers => _peers;

    /// <summary>What each peer's planner aims at.</summary>
    public PlannerOptions Planner { get; }

    /// <summary>What each peer's book holds. Default: 256 peers.</summary>
    public AddressBookOptions Book { get; } = new() { PeersMax = 256, AddressesMax = 512 };

    /// <summary>Connections each peer lets in. Default: 64.</summary>
    public int InboundMax { get; set; } = 64;

    /// <summary>Addresses a peer hands to another in one answer. Default: 16.</summary>
    public int ExchangeCount { get; set; } = 16;

    /// <summary>True when these two cannot reach each other; null for never.</summary>
    public Func<SwarmPeer, SwarmPeer, bool>? IsCut { get; set; }

    internal WeftRandom Random { get; }

    /// <summary>Makes a peer at an address of its own; it is not up.</summary>
    /// <param name="range">Which public /16 it lives in: 0 to 20,000.</param>
    /// <param name="isSybil">It belongs to the attacker: it tells of nobody but its kind.</param>
    public SwarmPeer Make(int range, bool isSybil = false)
    {
        Span<byte> key = stackalloc byte[32];
        BinaryPrimitives.WriteInt32BigEndian(key, _peers.Count);
        var address = Multiaddr.OfTcp(
            [(byte)(11 + (range / 250)), (byte)(range % 250), (byte)(_peers.Count / 250), (byte)(1 + (_peers.Count % 250))], 4001);
        var peer = new SwarmPeer(this, _peers.Count, PeerId.FromEd25519(key), address, isSybil);
        _peers.Add(peer);
        _byId.Add(peer.Id, peer);
        if (isSybil)
        {
            _sybils.Add(peer);
        }

        _byAddress.Add(address, peer);
        return peer;
    }

    /// <summary>True when every peer that is up reaches every other over links.</summary>
    public bool IsConnected()
    {
        SwarmPeer[] up = [.. _peers.Where(peer => peer.IsUp)];
        var seen = new HashSet<SwarmPeer>();
        var waiting = new Stack<SwarmPeer>();
        waiting.Push(up[0]);
        while (waiting.TryPop(out SwarmPeer? next))
        {
            if (seen.Add(next))
            {
                foreach (SwarmLink link in next.Links)
                {
                    waiting.Push(link.Other(next));
                }
            }
        }

        return seen.Count == up.Length;
    }

    /// <summary>Breaks every link between peers that are cut off from each other; both ends notice in time.</summary>
    public void BreakCutLinks()
    {
        foreach (SwarmPeer peer in _peers)
        {
            foreach (SwarmLink link in peer.Links.Where(link => IsCut?.Invoke(peer, link.Other(peer)) == true).ToArray())
            {
                World.After(Random.NextDouble() * TimeSpan.FromSeconds(30), () => Break(link));
            }
        }
    }

    internal IReadOnlyList<SwarmPeer> Sybils => _sybils;

    internal SwarmPeer Of(PeerId peer) => _byId[peer];

    internal SwarmPeer? At(Multiaddr address) => _byAddress.GetValueOrDefault(address);

    internal TimeSpan Latency() => TimeSpan.FromMilliseconds(10 + (140 * Random.NextDouble()));

    internal SwarmLink? TryLink(SwarmPeer dialler, SwarmPeer target)
    {
        if (!target.IsUp || !dialler.IsUp || IsCut?.Invoke(dialler, target) == true || target.InboundCount >= InboundMax)
        {
            return null;
        }

        var link = new SwarmLink(++_link, dialler, target, Latency());
        dialler.OnLinked(link);
        target.OnLinked(link);
        return link;
    }

    internal void Break(SwarmLink link)
    {
        if (!link.IsBroken)
        {
            link.IsBroken = true;
            link.Dialler.OnBroken(link);
            link.Target.OnBroken(link);
        }
    }
}

/// <summary>A connection between two simulated peers.</summary>
/// <param name="id">Its number.</param>
/// <param name="dialler">Who opened it.</param>
/// <param name="target">Who let it in.</param>
/// <param name="latency">One way.</param>
public sealed class SwarmLink(long id, SwarmPeer dialler, SwarmPeer target, TimeSpan latency)
{
    /// <summary>Its number.</summary>
    public long Id => id;

    /// <summary>Who opened it.</summary>
    public SwarmPeer Dialler => dialler;

    /// <summary>Who let it in.</summary>
    public SwarmPeer Target => target;

    /// <summary>One way.</summary>
    public TimeSpan Latency => latency;

    internal bool IsBroken { get; set; }

    /// <summary>The other end.</summary>
    public SwarmPeer Other(SwarmPeer one) => one == dialler ? target : dialler;
}
