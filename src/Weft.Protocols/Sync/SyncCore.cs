using Weft.Crypto;
using Weft.Graph;
using Weft.Primitives;
using Weft.Protocols.Replication;

namespace Weft.Protocols.Sync;

/// <summary>
/// One side of one session of <c>/weft/sync/1</c>: changes pushed both ways with cursors and credit, questions, and the
/// comparison of ranges that finds what differs.
/// </summary>
/// <remarks>
/// Pure: no clock, no socket, no task; one caller at a time. Whatever the peer sends, the tables keep their ceilings, and
/// a peer that breaks the rules is closed on. Source: docs/spec/sync.md.
/// </remarks>
public sealed partial class SyncCore
{
    private readonly SyncOptions _options;
    private readonly ICrypto _crypto;
    private readonly SyncSelf _self;
    private readonly WeftRandom _random;
    private readonly Queue<Incoming> _incoming = new();
    private SyncHello? _peer;
    private IReadOnlyList<string>? _theirPrefixes;
    private bool _hasResumed;      // What this side asked for continues where it was.
    private bool _peerResumed;     // What the other side asked for does.
    private int _sending;          // Messages with changes on their way into the stream.
    private bool _isReading;       // Changes are being read.
    private bool _hasNews;         // There may be changes that were not read.
    private bool _isPushTurn;      // Changes were read last.
    private bool _isUrgent;        // Somebody waits for the cursor.
    private long _credit;
    private long _received;        // Bytes of changes taken and not yet granted again.
    private long _sentCursor = -1; // As the peer was told.
    private long _readCursor = -1; // As far as changes were read.
    private int _unreported;       // Fields refused since the last ack.
    private WeftError _lastRefusal;
    private long _ticket;
    private WeftInstant _cursorDue = WeftInstant.Never;

    /// <summary>Makes one side of a session.</summary>
    /// <param name="options">Ceilings and waits.</param>
    /// <param name="crypto">Hashes.</param>
    /// <param name="self">What this side is.</param>
    /// <param name="random">Draws jitter.</param>
    public SyncCore(SyncOptions options, ICrypto crypto, SyncSelf self, WeftRandom random)
    {
        _options = options;
        _crypto = crypto;
        _self = self;
        _random = random;
    }

    /// <summary>The peer's store; null before its hello.</summary>
    public string? PeerStore => _peer?.StoreId;

    /// <summary>The present run of the peer's store; 0 when it names none.</summary>
    public ulong PeerRun => _peer?.Runs is [.., var run] ? run.Id : 0;

    /// <summary>This side has everything the peer committed up to here; -1 for nothing yet.</summary>
    public long ReceivedCursor { get; private set; } = -1;

    /// <summary>The peer has everything this side committed up to here; -1 for nothing yet.</summary>
    public long AckedCursor { get; private set; } = -1;

    /// <summary>
    /// Where the next session may go on: <see cref="ReceivedCursor"/>, once what lay before it has come, too; else -1.
    /// </summary>
    public long ResumeCursor => HasTheirs ? ReceivedCursor : -1;

    /// <summary>True once each side has what the other had at the start.</summary>
    public bool IsCaughtUp => HasOurs && HasTheirs;

    /// <summary>Fields of the peer merged, or found to be known.</summary>
    public long FieldsIn { get; private set; }

    /// <summary>Fields sent.</summary>
    public long FieldsOut { get; private set; }

    /// <summary>Fields of the peer that were refused here.</summary>
    public long RefusedHere { get; private set; }

    /// <summary>Fields of this side that the peer refused.</summary>
    public long RefusedThere { get; private set; }

    /// <summary>True when the session is over.</summary>
    public bool IsClosed { get; private set; }

    /// <summary>Begins: says hello.</summary>
    /// <param name="sequence">The newest commit.</param>
    /// <param name="now">Time.</param>
    /// <param name="outbox">Takes what is to be done.</param>
    public void Start(long sequence, WeftInstant now, Outbox<SyncOutput> outbox)
    {
        SyncRun[] runs = [.. _self.Runs ?? []];
        if (runs.Length > 0)
        {
            runs[^1] = runs[^1] with { End = sequence };
        }

        Send(new SyncHello(_self.StoreId, _self.NetworkId, sequence, _options.WindowBytes, runs), outbox);
        StartCompareTimer(now, outbox);
    }

    /// <summary>A message has come.</summary>
    /// <param name="message">As the codec read it.</param>
    /// <param name="now">Time.</param>
    /// <param name="resumeAfter">
    /// For a hello: the commit of the peer's store up to which this side has everything; -1 for none.
    /// </param>
    /// <param name="outbox">Takes what is to be done.</param>
    public void OnMessage(
        SyncMessage message, WeftInstant now, long resumeAfter, Outbox<SyncOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(message);
        if (IsClosed)
        {
            return;
        }

        if (_compareDeadline != WeftInstant.Never)
        {
            _compareDeadline = now + _options.CompareTimeout; // It is alive, and busy with what it was sent.
        }

        if (_peer is null != message is SyncHello)
        {
            Close(WeftError.RequestMalformed, outbox); // Hello comes first, and once.
            return;
        }

        switch (message)
        {
            case SyncHello hello:
                OnHello(hello, resumeAfter, outbox);
                break;
            case SyncSubscribe subscribe:
                OnSubscribe(subscribe, now, outbox);
                break;
            case SyncChanges changes:
                OnIncoming(changes, outbox);
                break;
            case SyncAck ack:
                OnAck(ack, outbox);
                break;
            case SyncAsk ask:
                OnAsk(ask, outbox);
                break;
            case SyncAnswer answer:
                OnAnswer(answer, outbox);
                break;
            case SyncRanges ranges:
                OnRanges(ranges, now, outbox);
                break;
            case SyncWant want:
                OnWant(want, outbox);
                break;
            case SyncCompared compared:
                OnCompared(compared, now, outbox);
                break;
            case SyncProbe { Sequence: < 0 } question:
                outbox.Add(new(
                    SyncOutputKind.ReadSequence, Ticket: question.Id, Number: question.After, Reach: question.Scope));
                break;
            case SyncProbe answer:
                outbox.Add(new(SyncOutputKind.ProbeEnded, Ticket: answer.Id, Number: answer.Sequence));
                break;
            case SyncGoodbye:
                IsClosed = true;
                outbox.Add(new(SyncOutputKind.Close));
                break;
        }
    }

    /// <summary>A message has come that is none.</summary>
    public void OnMalformed(Outbox<SyncOutput> outbox) => Close(WeftError.RequestMalformed, outbox);

    /// <summary>There may be changes to read.</summary>
    public void OnNews(Outbox<SyncOutput> outbox)
    {
        _hasNews = true;
        Pump(outbox);
    }

    /// <summary>Answers <see cref="SyncOutputKind.ReadChanges"/>.</summary>
    /// <param name="changes">What was read, in any order within the cursor.</param>
    /// <param name="cursor">Everything up to this commit has been read; not less than before.</param>
    /// <param name="hasMore">True when there is more to read now.</param>
    /// <param name="now">Time.</param>
    /// <param name="outbox">Takes what is to be done.</param>
    public void OnChanges(
        IReadOnlyList<SyncChange> changes, long cursor, bool hasMore, WeftInstant now, Outbox<SyncOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(changes);
        _isReading = false;
        _hasNews |= hasMore;
        if (IsClosed)
        {
            return;
        }

        var writes = new List<FieldWrite>();
        foreach (SyncChange change in changes)
        {
            if (change.Origin != _self.Origin && IsWanted(change.Write.Soul) && !IsKnown(change.Write))
            {
                writes.Add(change.Write);
            }
        }

        _readCursor = Math.Max(_readCursor, cursor);
        if (writes.Count > 0)
        {
            SendChanges(_readCursor, writes, outbox);
        }
        else if (_readCursor > _sentCursor && _sending == 0)
        {
            if (_isUrgent || now >= _cursorDue)
            {
                SendCursor(outbox);
            }
            else if (_cursorDue == WeftInstant.Never)
            {
                _cursorDue = now + _options.CursorDelay;
                outbox.Add(new(SyncOutputKind.StartTimer, Due: _cursorDue));
            }
        }

        Pump(outbox);
    }

    /// <summary>The stream has taken the changes that were sent last.</summary>
    public void OnSent(Outbox<SyncOutput> outbox)
    {
        _sending = Math.Max(0, _sending - 1);
        Pump(outbox);
    }

    /// <summary>Answers <see cref="SyncOutputKind.Write"/>.</summary>
    /// <param name="ticket">Which.</param>
    /// <param name="error">None when they are durable, else why not.</param>
    /// <param name="refused">How many of them were refused one by one.</param>
    /// <param name="refusal">Why the last of those was.</param>
    /// <param name="outbox">Takes what is to be done.</param>
    public void OnWritten(
        long ticket, WeftError error, int refused, WeftError refusal, Outbox<SyncOutput> outbox)
    {
        if (IsClosed || EndAnswer(ticket, outbox))
        {
            return;
        }

        WeftError reason = error != WeftError.None ? error : refused > 0 ? refusal : WeftError.None;
        if (reason != WeftError.None && ErrorCatalogue.Find(reason).IsTransient)
        {
            Close(reason, outbox); // The cursor stays where it is: the same changes come again with the next session.
            return;
        }

        foreach (Incoming one in _incoming)
        {
            if (one.Ticket == ticket)
            {
                one.IsDone = true;
                int lost = error != WeftError.None ? one.Count : refused;
                WeftError why = error != WeftError.None ? error : refusal;
                _unreported += lost;
                RefusedHere += lost;
                _lastRefusal = lost > 0 ? why : _lastRefusal;
                FieldsIn += one.Count - lost;
            }
        }

        Acknowledge(outbox);
    }

    /// <summary>Answers <see cref="SyncOutputKind.ReadSequence"/>.</summary>
    public void OnSequence(long ticket, long sequence, WeftInstant now, Outbox<SyncOutput> outbox)
    {
        if (IsClosed)
        {
            return;
        }

        Send(new SyncProbe(ticket, sequence), outbox);
        _isUrgent = _sentCursor < sequence;
        if (_isUrgent)
        {
            _hasNews = true;
            Pump(outbox);
        }
    }

    /// <summary>Asks how far the peer's commits go; <see cref="SyncOutputKind.ProbeEnded"/> tells.</summary>
    /// <param name="ticket">Which.</param>
    /// <param name="scope">What it is about.</param>
    /// <param name="outbox">Takes what is to be done.</param>
    public void Probe(long ticket, SyncReach scope, Outbox<SyncOutput> outbox)
    {
        if (!IsClosed && _peer is not null)
        {
            Send(new SyncProbe(ticket, -1, scope, ReceivedCursor), outbox);
        }
    }

    /// <summary>A timer has rung; late and double calls are harmless.</summary>
    public void OnTimer(WeftInstant now, Outbox<SyncOutput> outbox)
    {
        if (IsClosed)
        {
            return;
        }

        if (now >= _cursorDue)
        {
            _cursorDue = WeftInstant.Never;
            if (_readCursor > _sentCursor && _sending == 0)
            {
                SendCursor(outbox);
            }
        }

        OnCompareTimer(now, outbox);
        WeftInstant next = Earlier(_cursorDue, Earlier(_compareDue, _compareDeadline));
        if (!IsClosed && next != WeftInstant.Never)
        {
            outbox.Add(new(SyncOutputKind.StartTimer, Due: next)); // A driver may know of the earliest one only.
        }
    }

    /// <summary>Ends the session from here.</summary>
    public void Close(WeftError error, Outbox<SyncOutput> outbox)
    {
        if (!IsClosed)
        {
            IsClosed = true;
            outbox.Add(new(SyncOutputKind.Send, new SyncGoodbye(error)));
            outbox.Add(new(SyncOutputKind.Close, Error: error));
        }
    }

    private static void Send(SyncMessage message, Outbox<SyncOutput> outbox) =>
        outbox.Add(new(SyncOutputKind.Send, message));

    private static WeftInstant Earlier(WeftInstant one, WeftInstant other) => one < other ? one : other;

    private static bool Covers(IReadOnlyList<string> prefixes, string soul, int lengthMin)
    {
        for (int i = 0; i < prefixes.Count; i++)
        {
            if (prefixes[i].Length >= lengthMin && soul.StartsWith(prefixes[i], StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>True when changes of the soul go to the peer. Safe to ask at any time.</summary>
    /// <remarks>
    /// Who wants everything has not asked for what is kept by responsible peers alone: an empty prefix names nothing.
    /// </remarks>
    public bool IsWanted(string soul) => _theirPrefixes is { } prefixes && _self.ReachOf(soul) switch
    {
        ReplicaReach.Everywhere => Covers(prefixes, soul, lengthMin: 0),
        ReplicaReach.Asked => Covers(prefixes, soul, lengthMin: 1),
        _ => false,
    };

    private void OnHello(SyncHello hello, long resumeAfter, Outbox<SyncOutput> outbox)
    {
        if (!hello.NetworkId.Span.SequenceEqual(_self.NetworkId.Span))
        {
            Close(WeftError.PeerWrong, outbox); // Signatures of one network mean nothing in another.
            return;
        }

        if (hello.StoreId == _self.StoreId)
        {
            Close(WeftError.RequestMalformed, outbox); // A copy of this very store: their commits have the same numbers.
            return;
        }

        _peer = hello;
        _credit = Math.Min(hello.Window, 1L << 30);
        _hasResumed = resumeAfter >= 0 && resumeAfter <= hello.Sequence;
        ReceivedCursor = _hasResumed ? resumeAfter : -1;
        Send(new SyncSubscribe(_self.Prefixes, ReceivedCursor), outbox);
    }

    private void OnSubscribe(SyncSubscribe subscribe, WeftInstant now, Outbox<SyncOutput> outbox)
    {
        if (_theirPrefixes is not null)
        {
            Close(WeftError.RequestMalformed, outbox); // Once a session: another wish is another session.
            return;
        }

        _theirPrefixes = subscribe.Prefixes;
        _peerResumed = subscribe.After >= 0;
        AckedCursor = subscribe.After;
        _sentCursor = subscribe.After;
        _readCursor = subscribe.After;
        outbox.Add(new(SyncOutputKind.Follow, Prefixes: subscribe.Prefixes, Number: subscribe.After));
        StartComparing(now, outbox);
        _hasNews = true;
        Pump(outbox);
    }

    private sealed class Incoming(long ticket, long cursor, int bytes, int count)
    {
        public long Ticket { get; } = ticket;

        public long Cursor { get; } = cursor;

        public int Bytes { get; } = bytes;

        public int Count { get; } = count;

        public bool IsDone { get; set; }
    }
}
