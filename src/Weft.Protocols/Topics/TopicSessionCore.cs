using Weft.Crypto;
using Weft.Primitives;
using Weft.Protocols.Gossip;

namespace Weft.Protocols.Topics;

/// <summary>What a session asks its driver to do.</summary>
public enum TopicSessionOutputKind
{
    /// <summary>Send Request; its answer goes to <see cref="TopicSessionCore.OnAnswer"/>.</summary>
    Send,

    /// <summary>Keep Message: it is verified, and the peer says that it came at ReceivedMs.</summary>
    Take,

    /// <summary>Hand the messages at Points to <see cref="TopicSessionCore.OnSupplied"/>.</summary>
    Supply,

    /// <summary>Both sides have the same, as far as they want it.</summary>
    Done,

    /// <summary>The peer does not keep to the protocol, or gave what nobody signed: Why says it.</summary>
    Failed,
}

/// <summary>One wish of a session.</summary>
/// <param name="Kind">What to do.</param>
/// <param name="Request">To be sent.</param>
/// <param name="Message">To be kept.</param>
/// <param name="ReceivedMs">When it came to the peer, in milliseconds since 1970.</param>
/// <param name="Points">To be supplied.</param>
/// <param name="Why">Of a failure.</param>
public readonly record struct TopicSessionOutput(
    TopicSessionOutputKind Kind, TopicRequest Request = default, GossipMessage? Message = null, double ReceivedMs = 0,
    IReadOnlyList<TopicPoint>? Points = null, string Why = "");

/// <summary>
/// One comparison of a topic with a relay, from the side that began it: heads and fingerprints, ranges that differ,
/// what is missing here, then what is missing there.
/// </summary>
/// <remarks>Pure; one caller at a time. Source: docs/spec/topics.md, "Relays among each other".</remarks>
public sealed class TopicSessionCore
{
    private readonly string _topic;
    private readonly Func<TopicSpace, TopicIndex> _indexOf;
    private readonly Func<TopicSpace, TopicPoint, bool> _wants;
    private readonly TopicReconcileOptions _options;
    private readonly GossipOptions _gossip;
    private readonly ICrypto _crypto;
    private readonly bool _gives;
    private readonly Queue<(TopicSpace Space, TopicPoint Low)> _spaces = [];
    private readonly Queue<TopicPoint> _needs = [];
    private readonly List<TopicPoint> _haves = [];
    private readonly List<TopicPoint> _asked = [];
    private readonly HashSet<TopicPoint> _open = []; // Of those asked for, what has not come yet.
    private int _offered; // How many of what the peer lacks are done with.
    private TopicReconcileCore? _compare;
    private TopicSpace _space;
    private Phase _phase = Phase.Heads;

    /// <summary>Makes a session.</summary>
    /// <param name="topic">The topic's name.</param>
    /// <param name="indexOf">What is here.</param>
    /// <param name="wants">What of the peer's is wanted.</param>
    /// <param name="gives">Also give the peer what it lacks.</param>
    /// <param name="options">Ceilings.</param>
    /// <param name="gossip">The bounds of messages.</param>
    /// <param name="crypto">Verifies.</param>
    public TopicSessionCore(
        string topic, Func<TopicSpace, TopicIndex> indexOf, Func<TopicSpace, TopicPoint, bool> wants, bool gives,
        TopicReconcileOptions options, GossipOptions gossip, ICrypto crypto) =>
        (_topic, _indexOf, _wants, _gives, _options, _gossip, _crypto) =
        (topic, indexOf, wants, gives, options, gossip, crypto);

    private enum Phase
    {
        Heads,
        Compare,
        Fetch,
        Give,
        Ended,
    }

    /// <summary>From where on events are compared here: see <see cref="TopicLogCore.LowOf"/>.</summary>
    public TopicPoint Low { get; set; }

    /// <summary>The last of each author, as the peer says.</summary>
    public IReadOnlyList<TopicHead> Heads { get; private set; } = [];

    /// <summary>Messages that the peer gave.</summary>
    public int Taken { get; private set; }

    /// <summary>Messages that it named, and then did not give.</summary>
    public int Withheld { get; private set; }

    /// <summary>Messages that it was given.</summary>
    public int Given { get; private set; }

    /// <summary>Begins.</summary>
    public void Start(Outbox<TopicSessionOutput> outbox) =>
        Send(new(TopicRequestKind.Heads, _topic), outbox);

    /// <summary>Takes the answer to what was sent last.</summary>
    public void OnAnswer(in TopicAnswer answer, Outbox<TopicSessionOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(outbox);
        switch (_phase, answer.Kind)
        {
            case (Phase.Heads, TopicAnswerKind.Heads):
                OnHeads(answer, outbox);
                break;
            case (Phase.Compare, TopicAnswerKind.Ranges) when _compare!.OnAnswer(answer.Ranges ?? []):
                Compare(outbox);
                break;
            case (Phase.Fetch, TopicAnswerKind.Batch):
                OnMessages(answer, outbox);
                break;
            case (Phase.Give, TopicAnswerKind.Acknowledged):
                Give(outbox);
                break;
            default:
                Fail("it answered what was not asked", outbox);
                break;
        }
    }

    /// <summary>Takes what was to be supplied: those that are still kept.</summary>
    public void OnSupplied(IReadOnlyList<TopicEntry> entries, Outbox<TopicSessionOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(entries);
        ArgumentNullException.ThrowIfNull(outbox);
        var messages = new List<ReadOnlyMemory<byte>>();
        var times = new List<ulong>();
        int bytes = 0;
        int offered = Math.Min(_haves.Count, _offered + _options.FetchMax);
        foreach (TopicEntry entry in entries)
        {
            if (bytes >= _options.BatchBytesMax)
            {
                offered = _haves.IndexOf(entry.Point, _offered); // From there on with the next frame.
                break;
            }

            messages.Add(TopicWire.BodyOf(entry.Message));
            times.Add((ulong)entry.ReceivedMs);
            bytes += entry.Bytes;
        }

        _offered = offered;
        Given += messages.Count;
        if (messages.Count == 0)
        {
            Give(outbox);
            return;
        }

        Send(new(TopicRequestKind.Give, _topic, Messages: messages, Times: times), outbox);
    }

    private void OnHeads(in TopicAnswer answer, Outbox<TopicSessionOutput> outbox)
    {
        Heads = answer.Heads ?? [];
        foreach (TopicRange theirs in answer.Ranges ?? [])
        {
            if (theirs.Kind != TopicRangeKind.Fingerprint || _spaces.Count == 2)
            {
                Fail("its heads are none", outbox);
                return;
            }

            // What either side has let go for its age is not compared.
            TopicPoint low = theirs.Space == TopicSpace.Events && Low > theirs.From ? Low : theirs.From;
            TopicRange here = _indexOf(theirs.Space).Summarize(theirs.Space, low, TopicPoint.Max);
            if (low != theirs.From || here.Fingerprint != theirs.Fingerprint || here.Count != theirs.Count)
            {
                _spaces.Enqueue((theirs.Space, low));
            }
        }

        _phase = Phase.Compare;
        Compare(outbox);
    }

    private void Compare(Outbox<TopicSessionOutput> outbox)
    {
        while (true)
        {
            if (_compare is not null)
            {
                IReadOnlyList<TopicRange> ranges = _compare.Next();
                if (ranges.Count > 0)
                {
                    Send(new(TopicRequestKind.Ranges, _topic, Ranges: [.. ranges]), outbox);
                    return;
                }

                // In the order of their times, so that a relay that was empty keeps them in that order.
                _compare.Needs.Sort();
                _compare.Needs.Where(point => _wants(_space, point)).ToList().ForEach(_needs.Enqueue);
                _haves.AddRange(_gives ? _compare.Haves.Order() : []);
                _compare = null;
            }

            if (!_spaces.TryDequeue(out (TopicSpace Space, TopicPoint Low) next))
            {
                break;
            }

            _space = next.Space;
            _compare = new(_indexOf(_space), _space, _options);
            _compare.Start(next.Low);
        }

        _phase = Phase.Fetch;
        Fetch(outbox);
    }

    private void Fetch(Outbox<TopicSessionOutput> outbox)
    {
        while (_asked.Count < _options.FetchMax && _needs.TryDequeue(out TopicPoint point))
        {
            _asked.Add(point);
            _open.Add(point);
        }

        if (_asked.Count > 0)
        {
            Send(new(TopicRequestKind.Fetch, _topic, Points: [.. _asked]), outbox);
            return;
        }

        _phase = Phase.Give;
        Give(outbox);
    }

    private void OnMessages(in TopicAnswer answer, Outbox<TopicSessionOutput> outbox)
    {
        IReadOnlyList<ReadOnlyMemory<byte>> bodies = answer.Messages ?? [];
        IReadOnlyList<ulong> times = answer.Times ?? [];
        var taken = new List<(TopicPoint Point, GossipMessage Message, double ReceivedMs)>();
        for (int i = 0; i < bodies.Count; i++)
        {
            GossipMessage? message = TopicWire.ReadBody(bodies[i].Span, _topic, _gossip);
            if (message is null || !TopicRecord.TryRead(message.Data.Span, out TopicRecord record))
            {
                Fail("it gave what is no message of the topic", outbox);
                return;
            }

            var point = TopicPoint.Of(
                TopicPoint.StampOf(message, record), TopicLogCore.HashOf(message, _crypto));
            if (!_open.Remove(point))
            {
                Fail("it gave what was not asked for", outbox);
                return;
            }

            if (!GossipSigning.Verify(message, _crypto))
            {
                Fail("it gave what its author did not sign", outbox);
                return;
            }

            taken.Add((point, message, i < times.Count ? times[i] : double.MaxValue));
        }

        foreach ((_, GossipMessage message, double receivedMs) in taken.OrderBy(one => one.Point.Stamp)
            .ThenBy(one => one.Message.From).ThenBy(one => one.Message.Sequence))
        {
            Taken++;
            outbox.Add(new(TopicSessionOutputKind.Take, Message: message, ReceivedMs: receivedMs));
        }

        if (bodies.Count == 0)
        {
            Withheld += _open.Count; // Gone meanwhile, or never there.
            _open.Clear();
        }

        _asked.RemoveAll(point => !_open.Contains(point));
        Fetch(outbox);
    }

    private void Give(Outbox<TopicSessionOutput> outbox)
    {
        if (_offered == _haves.Count)
        {
            _phase = Phase.Ended;
            outbox.Add(new(TopicSessionOutputKind.Done));
            return;
        }

        int count = Math.Min(_options.FetchMax, _haves.Count - _offered);
        outbox.Add(new(TopicSessionOutputKind.Supply, Points: _haves.GetRange(_offered, count)));
    }

    private static void Send(in TopicRequest request, Outbox<TopicSessionOutput> outbox) =>
        outbox.Add(new(TopicSessionOutputKind.Send, request));

    private void Fail(string why, Outbox<TopicSessionOutput> outbox)
    {
        _phase = Phase.Ended;
        outbox.Add(new(TopicSessionOutputKind.Failed, Why: why));
    }
}
