using Weft.Log;
using Weft.Log.Wire;
using Weft.Primitives;

namespace Weft.Tests.Log;

/// <summary>
/// Replicating logs in one test, joined by links that deliver in order, and in an order of links that a seed chose.
/// </summary>
internal sealed class ReplicationRig(ulong seed = 1, ReplicationOptions? options = null)
{
    private readonly WeftRandom _random = new(seed);
    private readonly List<Side> _sides = [];
    private readonly List<Link> _links = [];

    public delegate byte[]? Spoiler(LogMessageKind kind, byte[] body);

    public WeftInstant Now { get; set; } = new(1_000_000);

    public List<(int Side, ReplicationOutput Output)> Events { get; } = [];

    /// <summary>Messages delivered, by kind.</summary>
    public Dictionary<LogMessageKind, int> Delivered { get; } = [];

    /// <summary>Tree nodes that blocks brought with them.</summary>
    public int NodesDelivered { get; private set; }

    public ReplicationCore this[int side] => _sides[side].Core;

    /// <summary>Adds a log; the number is its place in the rig.</summary>
    public int Add(LogCore log)
    {
        _sides.Add(new Side(new ReplicationCore(log, options ?? new ReplicationOptions())));
        return _sides.Count - 1;
    }

    /// <summary>Joins two logs. A spoiler sees what the first sends to the second; null swallows the message.</summary>
    public int Join(int first, int second, Spoiler? spoiler = null)
    {
        int number = _links.Count + 1;
        _links.Add(new Link(first, second, spoiler));
        Do(first, (core, outbox) => core.OnPeerOpened(number, Now, outbox));
        Do(second, (core, outbox) => core.OnPeerOpened(number, Now, outbox));
        return number;
    }

    public void Cut(int number)
    {
        Link link = _links[number - 1];
        link.IsCut = true;
        link.ToFirst.Clear();
        link.ToSecond.Clear();
        Do(link.First, (core, outbox) => core.OnPeerClosed(number, Now, outbox));
        Do(link.Second, (core, outbox) => core.OnPeerClosed(number, Now, outbox));
    }

    public void Do(int side, Action<ReplicationCore, Outbox<ReplicationOutput>> action)
    {
        ReplicationCore core = _sides[side].Core;
        var outbox = new Outbox<ReplicationOutput>();
        action(core, outbox);
        long shown = core.Log.Published.Length + (core.Log.Published.Fork << 40);
        core.Log.OnDurable(core.Log.LastCommit);
        if (core.Log.Published.Length + (core.Log.Published.Fork << 40) != shown)
        {
            core.OnPublished(Now, outbox);
        }

        foreach (ReplicationOutput output in outbox.Items.ToArray())
        {
            if (output.Kind == ReplicationOutputKind.Send)
            {
                Link link = _links[output.Peer - 1];
                (link.First == side ? link.ToSecond : link.ToFirst).Enqueue(
                    ((LogMessageKind)output.Type, output.Body.ToArray()));
                continue;
            }

            Events.Add((side, output));
            if (output.Kind == ReplicationOutputKind.Drop && !_links[output.Peer - 1].IsCut)
            {
                // What was sent before is still delivered; then the other side sees the end.
                _links[output.Peer - 1].IsEnding = true;
            }
        }
    }

    /// <summary>Delivers messages until none is under way; true, or false when that never comes.</summary>
    public bool Settle(int deliveriesMax = 200_000)
    {
        for (int i = 0; i < deliveriesMax; i++)
        {
            Link[] busy = [.. _links.Where(link => !link.IsCut && link.ToFirst.Count + link.ToSecond.Count > 0)];
            if (busy.Length == 0)
            {
                foreach (Link link in _links.Where(link => link.IsEnding && !link.IsCut))
                {
                    Cut(_links.IndexOf(link) + 1);
                }

                return true;
            }

            DeliverOne(busy[_random.Next(busy.Length)]);
        }

        return false;
    }

    private void DeliverOne(Link link)
    {
        int number = _links.IndexOf(link) + 1;
        bool toSecond = link.ToFirst.Count == 0 || (link.ToSecond.Count > 0 && _random.Chance(0.5));
        (LogMessageKind kind, byte[] body) = (toSecond ? link.ToSecond : link.ToFirst).Dequeue();
        Do(toSecond ? link.First : link.Second, (core, outbox) => core.OnSent(number, body.Length, outbox));
        byte[]? delivered = toSecond && link.Spoiler is not null ? link.Spoiler(kind, body) : body;
        if (delivered is not null)
        {
            Delivered[kind] = Delivered.GetValueOrDefault(kind) + 1;
            NodesDelivered += kind == LogMessageKind.Data ? LogCodec.ReadProof(delivered)?.Block?.Nodes.Count ?? 0 : 0;
            Do(toSecond ? link.Second : link.First,
                (core, outbox) => core.OnMessage(number, (int)kind, delivered, Now, outbox));
        }
    }

    private sealed class Side(ReplicationCore core)
    {
        public ReplicationCore Core { get; } = core;
    }

    private sealed class Link(int first, int second, Spoiler? spoiler)
    {
        public int First { get; } = first;

        public int Second { get; } = second;

        public Spoiler? Spoiler { get; } = spoiler;

        public bool IsCut { get; set; }

        public bool IsEnding { get; set; }

        public Queue<(LogMessageKind Kind, byte[] Body)> ToFirst { get; } = [];

        public Queue<(LogMessageKind Kind, byte[] Body)> ToSecond { get; } = [];
    }
}
