using Weft.Crypto;
using Weft.Primitives;
using Weft.Protocols.Kad;
using Weft.Protocols.Kad.Records;
using Weft.Protocols.Kad.Rules;

namespace Weft.Simulation;

/// <summary>
/// Many DHT peers in virtual time: production cores, and in place of streams messages with latency and loss. Who is
/// down
/// does not answer; nobody is told.
/// </summary>
public sealed class KadWorld
{
    private readonly List<KadSimNode> _nodes = [];
    private readonly Dictionary<PeerId, KadSimNode> _byPeer = [];
    private readonly KadPlacesOfNodes _accomplices = new();
    private readonly List<KadSimNode> _up = [];
    private readonly ICrypto _crypto = PlatformCrypto.Create();
    private readonly KadPreimages _preimages;
    private readonly KadPlaces _places;
    private readonly Outbox<KadOutput> _outbox = new(); // One for all: whoever fills it has it carried out at once.
    private readonly RecordRules _rules;
    private readonly WeftRandom _random;
    private readonly KadOptions _options;
    private long _token;

    /// <summary>Makes an empty world.</summary>
    /// <param name="seed">The same seed gives the same run.</param>
    /// <param name="options">Every peer's options; the mode becomes server.</param>
    public KadWorld(ulong seed, KadOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Mode = KadMode.Server;
        World = new(seed);
        _options = options;
        _random = World.Random.Fork();
        _preimages = new(_crypto);
        _places = new(_crypto, 1 << 18);
        _rules = new();
        _rules.Add("open", new OpenRule());
    }

    /// <summary>The world's time and events.</summary>
    public SimWorld World { get; }

    /// <summary>What is valid, by namespace, at every peer: "open" to begin with.</summary>
    public RecordRules Rules => _rules;

    /// <summary>Every peer that was made.</summary>
    public IReadOnlyList<KadSimNode> Nodes => _nodes;

    /// <summary>One-way latency of a quick message. Default: 10 ms; a slow one takes five times as long.</summary>
    public TimeSpan LatencyMin { get; set; } = TimeSpan.FromMilliseconds(10);

    /// <summary>Share of questions and answers that are lost. Default: 0.</summary>
    public double Loss { get; set; }

    /// <summary>Ceilings of every peer's records. Default: those of a real peer.</summary>
    public RecordStoreOptions Store { get; set; } = new();

    /// <summary>How many peers are up.</summary>
    public int UpCount => _up.Count;

    /// <summary>Questions sent so far.</summary>
    public long Questions { get; private set; }

    /// <summary>Makes a peer with a random id; it is not up.</summary>
    public KadSimNode Make(KadBehaviour behaviour = KadBehaviour.Honest)
    {
        Span<byte> id = stackalloc byte[34];
        return Make(Draw(id), behaviour);
    }

    /// <summary>
    /// Makes a peer whose place shares at least so many bits with a key: a sybil tries ids until one does.
    /// </summary>
    public KadSimNode MakeNear(KadKey key, int bits, KadBehaviour behaviour)
    {
        Span<byte> id = stackalloc byte[34];
        while (true)
        {
            PeerId peer = Draw(id);
            if (KadKey.Of(peer, _crypto).CommonPrefix(key) >= bits)
            {
                return Make(peer, behaviour);
            }
        }
    }

    /// <summary>The place of a record's key.</summary>
    public KadKey PlaceOf(byte[] key) => KadKey.Of(key, _crypto);

    /// <summary>Starts a peer with an empty table; it meets some others, as bootstrap peers.</summary>
    /// <param name="node">The peer.</param>
    /// <param name="contacts">Whom it knows at the start.</param>
    public void Start(KadSimNode node, params ReadOnlySpan<KadSimNode> contacts)
    {
        ArgumentNullException.ThrowIfNull(node);
        if (node.IsUp)
        {
            throw new InvalidOperationException($"{node} is up.");
        }

        node.Life++;
        node.IsUp = true;
        node.UpIndex = _up.Count;
        _up.Add(node);
        node.Records = new MemoryRecordStore(node.Peer, Store, _crypto);
        node.Core = new(node.Peer, _options, new(_crypto, node.Records, _rules, _random.Fork(), _preimages)
        {
            Places = _places,
        });
        node.Core.Start(World.Now, _outbox);
        Apply(node);
        foreach (KadSimNode contact in contacts)
        {
            if (contact.IsUp && contact != node)
            {
                Meet(node, contact);
                Meet(contact, node);
            }
        }
    }

    /// <summary>Takes a peer down, with its records and without a goodbye.</summary>
    public void Kill(KadSimNode node)
    {
        ArgumentNullException.ThrowIfNull(node);
        if (!node.IsUp)
        {
            return;
        }

        node.IsUp = false;
        node.Life++;
        KadSimNode last = _up[^1]; // Takes the place that is free now.
        _up[node.UpIndex] = last;
        last.UpIndex = node.UpIndex;
        _up.RemoveAt(_up.Count - 1);
        node.Forget();
        node.Core = null; // It comes back empty, if it does: nothing of it is needed.
        node.Records = null;
    }

    /// <summary>Starts a command; its result comes to <paramref name="done"/>, unless the peer dies before.</summary>
    public void Command(
        KadSimNode node, Func<KadCore, WeftInstant, double, Outbox<KadOutput>, KadQueryId> command, Action<KadResult> done)
    {
        ArgumentNullException.ThrowIfNull(node);
        KadQueryId id = command(node.Core!, World.Now, World.WallMs, _outbox);
        (node.Waiting ??= []).Add(id.Value, done);
        Apply(node);
    }

    /// <summary>The peers that are up and honest, nearest to a place first.</summary>
    public List<KadSimNode> Nearest(KadKey place, int count)
    {
        var best = new PriorityQueue<KadSimNode, KadKey>(
            Comparer<KadKey>.Create((left, right) => right.CompareTo(left)));
        foreach (KadSimNode node in _up)
        {
            if (node.Behaviour == KadBehaviour.Honest)
            {
                best.Enqueue(node, node.Place.DistanceTo(place));
                if (best.Count > count)
                {
                    best.Dequeue();
                }
            }
        }

        var nearest = new List<KadSimNode>();
        while (best.TryDequeue(out KadSimNode? node, out _))
        {
            nearest.Add(node);
        }

        nearest.Reverse();
        return nearest;
    }

    /// <summary>A random peer that is up and honest.</summary>
    public KadSimNode Pick()
    {
        while (true)
        {
            KadSimNode node = _up[_random.Next(_up.Count)];
            if (node.Behaviour == KadBehaviour.Honest)
            {
                return node;
            }
        }
    }

    /// <summary>Starts all peers that are not up, some a second, each knowing a few that were there before.</summary>
    public void JoinAll(int perSecond, CancellationToken cancellationToken = default)
    {
        var up = new List<KadSimNode>(_up);
        int joined = 0;
        foreach (KadSimNode node in _nodes.Where(node => !node.IsUp).ToList())
        {
            KadSimNode[] contacts = up.Count == 0
                ? []
                : [up[_random.Next(up.Count)], up[_random.Next(up.Count)], up[_random.Next(up.Count)]];
            Start(node, contacts);
            up.Add(node);
            if (++joined % perSecond == 0)
            {
                World.RunFor(TimeSpan.FromSeconds(1), cancellationToken);
            }
        }

        World.RunFor(TimeSpan.FromSeconds(60), cancellationToken);
    }

    /// <summary>Makes a peer known to others, as one that dials them would be.</summary>
    public void Introduce(KadSimNode node, IEnumerable<KadSimNode> others)
    {
        foreach (KadSimNode other in others)
        {
            Meet(other, node);
        }
    }

    /// <summary>The peer of an id; null when it is of another world.</summary>
    public KadSimNode? Find(PeerId peer) => _byPeer.GetValueOrDefault(peer);

    private KadSimNode Make(PeerId peer, KadBehaviour behaviour)
    {
        var node = new KadSimNode(_nodes.Count, peer, KadKey.Of(peer, _crypto)) { Behaviour = behaviour };
        _nodes.Add(node);
        _byPeer.Add(peer, node);
        if (behaviour == KadBehaviour.Misleading)
        {
            _accomplices.Add(node);
        }

        return node;
    }

    private PeerId Draw(Span<byte> id)
    {
        _random.Fill(id[2..]);
        (id[0], id[1]) = (0x12, 32);
        PeerId.TryRead(id, out PeerId peer);
        return peer;
    }

    /// <summary>Identify has run between the two.</summary>
    private void Meet(KadSimNode node, KadSimNode other)
    {
        if (node.Connect(other.Number) || node.Core!.RouteCount == 0)
        {
            node.Core!.OnPeerServes(other.Peer, [], World.Now, World.WallMs, _outbox, isConnected: false);
            Apply(node);
        }
    }

    private void Apply(KadSimNode node)
    {
        // Outputs may bring further ones into the same outbox: nothing here calls a core at once.
        for (int i = 0; i < _outbox.Count; i++)
        {
            KadOutput output = _outbox[i];
            switch (output.Kind)
            {
                case KadOutputKind.Ask:
                    Send(node, output);
                    break;
                case KadOutputKind.StartTimer:
                    After(node, output.Due - World.Now, () =>
                        node.Core!.OnTimer(output.Timer, World.Now, World.WallMs, _outbox));
                    break;
                case KadOutputKind.Done when node.Waiting?.Remove(output.Result!.Query.Value, out Action<KadResult>? done) == true:
                    World.After(TimeSpan.Zero, () => done!(output.Result!));
                    break;
                case KadOutputKind.Done:
                    // A command that ended before its number was known: Command adds the listener, so it comes again.
                    World.After(TimeSpan.Zero, () => TakeResult(node, output.Result!));
                    break;
            }
        }

        _outbox.Clear();
    }

    private static void TakeResult(KadSimNode node, KadResult result)
    {
        if (node.Waiting?.Remove(result.Query.Value, out Action<KadResult>? done) == true)
        {
            done!(result);
        }
    }

    private void Send(KadSimNode from, in KadOutput output)
    {
        Questions++;
        if (!_byPeer.TryGetValue(output.Peer, out KadSimNode? to) || _random.Chance(Loss))
        {
            return;
        }

        (long request, KadMessage message, int life) = (output.Request, output.Message, from.Life);
        if (message.Kind == KadMessageKind.AddProvider)
        {
            After(from, OneWay(), () => from.Core!.OnSent(request, World.Now, World.WallMs, _outbox));
        }

        World.After(OneWay(), () =>
        {
            if (!to.IsUp || to.Behaviour == KadBehaviour.Silent)
            {
                return;
            }

            if (to.Behaviour == KadBehaviour.Misleading)
            {
                Reply(from, request, Mislead(message), life);
                return;
            }

            if (from.Behaviour == KadBehaviour.Honest || _random.Chance(0.5))
            {
                Meet(to, from);
            }

            Ask(from, to, request, message, life);
        });
    }

    private void Ask(KadSimNode from, KadSimNode to, long request, in KadMessage message, int life)
    {
        long token = ++_token;
        to.Core!.OnQuestion(token, from.Peer, message, World.Now, World.WallMs, _outbox);
        for (int i = 0; i < _outbox.Count; i++)
        {
            if (_outbox[i].Kind == KadOutputKind.Answer && _outbox[i].Token == token)
            {
                Reply(from, request, _outbox[i].Message, life);
            }
        }

        Apply(to);
    }

    private void Reply(KadSimNode from, long request, KadMessage answer, int life)
    {
        if (_random.Chance(Loss))
        {
            return;
        }

        World.After(OneWay(), () =>
        {
            if (from.Life == life && from.IsUp)
            {
                from.Core!.OnAnswer(request, answer, World.Now, World.WallMs, _outbox);
                Apply(from);
            }
        });
    }

    /// <summary>
    /// The accomplices nearest to the key, and no record; a record to keep is acknowledged and thrown away.
    /// </summary>
    private KadMessage Mislead(in KadMessage question)
    {
        if (question.Kind == KadMessageKind.PutValue)
        {
            return question;
        }

        KadPeer[] named = [.. _accomplices.Nearest(_places.Of(question.Key.Span), _options.K)
            .Select(node => new KadPeer(node.Peer, []))];
        return new(question.Kind, question.Key, Closer: named);
    }

    private void After(KadSimNode node, TimeSpan span, Action action)
    {
        int life = node.Life;
        World.After(span, () =>
        {
            if (node.Life == life && node.IsUp)
            {
                action();
                Apply(node);
            }
        });
    }

    private TimeSpan OneWay() => LatencyMin * (1 + (4 * _random.NextDouble()));
}
