using Weft.Crypto;
using Weft.Primitives;
using Weft.Protocols.Gossip;

namespace Weft.Simulation.Gossip;

/// <summary>Many peers that gossip about one topic, and what reached whom.</summary>
/// <remarks>
/// Streams are whole and in order, as over TCP; a share of the messages is dropped for good on its way, as where a peer
/// is
/// slow. Signatures are real ones. That a message is delivered once at most is checked at every delivery.
/// </remarks>
internal sealed class GossipWorld : IDisposable
{
    internal const string Topic = "t";
    internal const int DataBytes = 200;
    internal const byte PublishTag = 0x12; // Field 2 of an RPC, a message.

    internal static readonly TimeSpan VerifyTime = TimeSpan.FromMilliseconds(0.1);

    private readonly SimNetwork _network;
    private readonly WeftRandom _random;
    private readonly PeerId[] _ids;
    private readonly GossipSimNode[] _nodes;
    private readonly GossipAttacker[] _attackers;
    private readonly Dictionary<int, WeftInstant> _published = [];
    private readonly HashSet<(int Message, int Node)> _delivered = [];
    private readonly List<TimeSpan> _latencies = [];
    private readonly double _loss;

    /// <param name="nodes">Honest peers.</param>
    /// <param name="attackers">Hostile ones; their kinds take turns.</param>
    /// <param name="seed">The same seed gives the same run.</param>
    /// <param name="loss">Share of the messages that are dropped.</param>
    internal GossipWorld(int nodes, int attackers, ulong seed, double loss)
    {
        World = new(seed);
        _random = World.Random.Fork();
        _network = new(World, new NetworkProfile());
        _loss = loss;
        Ed25519KeyPair[] keys = [.. Enumerable.Range(0, nodes + attackers).Select(NewKey)];
        _ids = [.. keys.Select(key => key.PublicKey.ToPeerId())];
        _nodes = [.. keys.Take(nodes).Select((key, number) => new GossipSimNode(this, number, key, _random.Fork()))];
        _attackers =
        [
            .. keys.Skip(nodes).Select((key, number) => new GossipAttacker(
                this, nodes + number, key, (GossipAttack)(number % 3), _random.Fork())),
        ];
        Array.ForEach<ISimHost>([.. _nodes, .. _attackers], host => _network.Add(host));
    }

    internal SimWorld World { get; }

    internal SimNetwork Network => _network;

    internal ICrypto Crypto { get; } = PlatformCrypto.Create();

    internal GossipOptions Options { get; } = new();

    internal IReadOnlyList<GossipSimNode> Nodes => _nodes;

    internal long Copies { get; set; }

    internal long Attacks { get; set; }

    internal int Deliveries => _latencies.Count;

    /// <summary>Copies of a message beyond the first, for each delivery.</summary>
    internal double Duplicates => Deliveries == 0 ? 0 : Math.Max(0, Copies - Deliveries) / (double)Deliveries;

    internal PeerId IdOf(int number) => _ids[number];

    internal string PlaceOf(int number) =>
        number >= _nodes.Length && _attackers[number - _nodes.Length].Attack == GossipAttack.Crowd
            ? "crowd"
            : $"at {number}";

    /// <summary>Everyone dials some others, and joins.</summary>
    internal void Begin(int dials)
    {
        foreach (GossipSimNode node in _nodes)
        {
            World.After(TimeSpan.FromSeconds(_random.NextDouble()), node.Begin);
            Dial(node.Number, dials);
        }

        for (int number = _nodes.Length; number < _ids.Length; number++)
        {
            Dial(number, 3 * dials); // Hostile peers know no restraint.
        }

        Array.ForEach(_attackers, attacker => attacker.Begin());
    }

    /// <summary>Honest peers that live publish one after the other.</summary>
    internal void Publish(int first, int count, TimeSpan every)
    {
        GossipSimNode[] live = [.. _nodes.Where(node => node.IsUp)];
        for (int i = 0; i < count; i++)
        {
            int message = first + i;
            GossipSimNode author = live[_random.Next(live.Length)];
            World.After(every * i, () =>
            {
                _published[message] = World.Now;
                author.Publish(message);
            });
        }
    }

    /// <summary>A share of the honest peers is gone, without a word.</summary>
    internal int Kill(double share)
    {
        int killed = 0;
        foreach (GossipSimNode node in _nodes)
        {
            if (killed < _nodes.Length - 1 && _random.Chance(share))
            {
                node.Die(_network);
                killed++;
            }
        }

        return killed;
    }

    internal void Send(SimConnection connection, int from, ReadOnlyMemory<byte> frame, bool isData)
    {
        if (!isData || !_random.Chance(_loss))
        {
            _network.Send(connection, from, frame);
        }
    }

    internal void OnDelivered(int node, GossipMessage message)
    {
        int number = BitConverter.ToInt32(message.Data.Span);
        if (!_published.TryGetValue(number, out WeftInstant at))
        {
            World.Report("G0", node, $"message {number} was never published");
        }
        else if (!_delivered.Add((number, node)))
        {
            World.Report("I8", node, $"message {number} was delivered twice");
        }
        else if (message.Source is not null)
        {
            _latencies.Add(World.Now - at);
        }
    }

    /// <summary>Reports every live peer that lacks a message.</summary>
    internal void CheckReach()
    {
        foreach (int message in _published.Keys.Order())
        {
            foreach (GossipSimNode node in _nodes
                .Where(node => node.IsUp && !_delivered.Contains((message, node.Number))))
            {
                World.Report("I9", node.Number, $"message {message} has not come");
            }
        }
    }

    /// <summary>The time within which the share of the deliveries was made.</summary>
    internal TimeSpan Percentile(double share)
    {
        List<TimeSpan> sorted = [.. _latencies.Order()];
        return sorted.Count == 0 ? TimeSpan.Zero : sorted[Math.Min(sorted.Count - 1, (int)(share * sorted.Count))];
    }

    /// <summary>The hostile peers that an honest one knows.</summary>
    internal IEnumerable<GossipPeer> EnemiesOf(GossipSimNode node)
    {
        for (int number = _nodes.Length; number < _ids.Length; number++)
        {
            if (node.Core.Find(_ids[number]) is { } enemy)
            {
                yield return enemy;
            }
        }
    }

    public void Dispose()
    {
        Array.ForEach(_nodes, node => node.Dispose());
        Array.ForEach(_attackers, attacker => attacker.Dispose());
    }

    private void Dial(int number, int dials)
    {
        var chosen = new HashSet<int> { number };
        for (int tries = 0; chosen.Count <= Math.Min(dials, _nodes.Length - 1) && tries < 50 * dials; tries++)
        {
            int other = _random.Next(_nodes.Length);
            if (chosen.Add(other))
            {
                World.After(TimeSpan.FromSeconds(2 * _random.NextDouble()), () => DialOnce(number, other));
            }
        }
    }

    /// <summary>Two that dial each other get one connection.</summary>
    private void DialOnce(int from, int to)
    {
        if (_linked.Add((Math.Min(from, to), Math.Max(from, to))))
        {
            _network.Dial(from, to);
        }
    }

    private readonly HashSet<(int, int)> _linked = [];

    private Ed25519KeyPair NewKey(int number)
    {
        byte[] seed = new byte[Ed25519KeyPair.SeedLength];
        BitConverter.TryWriteBytes(seed, number + 1);
        BitConverter.TryWriteBytes(seed.AsSpan(8), World.Seed);
        return new(Crypto, seed);
    }
}
