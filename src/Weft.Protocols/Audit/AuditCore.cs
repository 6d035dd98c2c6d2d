using Weft.Crypto;
using Weft.Primitives;
using Weft.Protocols.Sync;

namespace Weft.Protocols.Audit;

/// <summary>
/// Finds what differs between this store and a peer's without changing either: sums of ranges first, cut into parts where
/// they are unequal, and lists of fields where they are small.
/// </summary>
/// <remarks>
/// Pure: no clock, no socket, no task; one caller at a time. The other side only answers, and keeps nothing. Whatever it
/// says, the tables keep their ceilings and the audit ends. Source: docs/spec/sync.md, section 8.
/// </remarks>
public sealed class AuditCore
{
    private const int HealRangesMax = 64;
    private const int HealIdsMax = 2_048;

    private readonly AuditOptions _options;
    private readonly ICrypto _crypto;
    private readonly AuditPlan _plan;
    private readonly WeftRandom _random;
    private readonly Stack<Work> _work = new();
    private readonly List<Work> _asked = [];
    private AuditAnswer? _answer; // Being compared, range by range.
    private int _at;
    private int _item;            // Of the list being compared.
    private SyncKey _low;         // Up to here it is compared.
    private long _number;
    private long _ticket;
    private bool _isOut;          // A question or a lookup is out.
    private readonly List<UInt128> _give = [];
    private readonly List<UInt128> _take = [];
    private SyncKey _healFrom;
    private SyncKey _healTo;
    private int _healed;          // Ranges in the two lists.

    /// <summary>Makes one audit.</summary>
    /// <param name="options">Ceilings.</param>
    /// <param name="crypto">Hashes.</param>
    /// <param name="plan">What it is about.</param>
    /// <param name="random">Draws samples.</param>
    public AuditCore(AuditOptions options, ICrypto crypto, AuditPlan plan, WeftRandom random)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(plan);
        _options = options;
        _crypto = crypto;
        _plan = plan;
        _random = random;
    }

    /// <summary>What was found so far.</summary>
    public AuditTally Tally { get; } = new();

    /// <summary>True when it has ended.</summary>
    public bool IsOver { get; private set; }

    /// <summary>Ranges that wait.</summary>
    public int WorkWaiting => _work.Count;

    /// <summary>Begins.</summary>
    public void Start(Outbox<AuditOutput> outbox)
    {
        _work.Push(new(_plan.From, _plan.To, WorkKind.First, Math.Min(_plan.Samples, _options.SamplesMax)));
        Ask(outbox);
    }

    /// <summary>A message has come.</summary>
    /// <param name="message">As the codec read it; null for one that is none.</param>
    /// <param name="outbox">Takes what is to be done.</param>
    public void OnMessage(AuditMessage? message, Outbox<AuditOutput> outbox)
    {
        if (IsOver)
        {
            return;
        }

        if (message is AuditGoodbye goodbye)
        {
            End(goodbye.Error == WeftError.None ? WeftError.NodeUnavailable : goodbye.Error, outbox);
            return;
        }

        if (message is not AuditAnswer answer || answer.Number != _number || _answer is not null
            || answer.Findings.Count > _asked.Count)
        {
            End(WeftError.RequestMalformed, outbox);
            return;
        }

        for (int i = _asked.Count - 1; i >= answer.Findings.Count; i--)
        {
            _work.Push(_asked[i]); // It had no room for these.
        }

        _answer = answer;
        _at = -1;
        Next(outbox);
    }

    /// <summary>The stream has ended, or something here failed.</summary>
    public void Fail(WeftError error, Outbox<AuditOutput> outbox) => End(error, outbox);

    /// <summary>Answers <see cref="AuditOutputKind.ReadSums"/>.</summary>
    /// <param name="ticket">Which.</param>
    /// <param name="sums">One for each bound.</param>
    /// <param name="outbox">Takes what is to be done.</param>
    public void OnSums(long ticket, IReadOnlyList<RangeSum> sums, Outbox<AuditOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(sums);
        if (!Takes(ticket))
        {
            return;
        }

        Work work = _asked[_at];
        IReadOnlyList<AuditPart> parts = _answer!.Findings[_at].Parts!;
        if (work.Kind == WorkKind.First)
        {
            Tally.FieldsHere = sums.Sum(sum => sum.Count);
            Tally.FieldsThere = parts.Sum(part => part.Count);
        }

        int[]? samples = work.Samples > 0 ? Draw(work.Samples, parts, sums) : null;
        for (int i = parts.Count - 1; i >= 0; i--)
        {
            SyncKey from = i == 0 ? work.From : parts[i - 1].To;
            if (samples is not null)
            {
                if (samples[i] > 0)
                {
                    Push(new(from, parts[i].To, KindOf(work, parts, i), samples[i]));
                }
            }
            else if (parts[i].Fingerprint != sums[i].Fingerprint(_crypto))
            {
                LookInto(work, parts, i, from, sums[i]);
            }
        }

        Next(outbox);
    }

    /// <summary>Answers <see cref="AuditOutputKind.ReadItems"/>.</summary>
    /// <param name="ticket">Which.</param>
    /// <param name="items">The fields from there on, in order.</param>
    /// <param name="next">Where to go on; null when the range has been read to its end.</param>
    /// <param name="outbox">Takes what is to be done.</param>
    public void OnItems(long ticket, IReadOnlyList<AuditItem> items, SyncKey? next, Outbox<AuditOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(items);
        if (!Takes(ticket))
        {
            return;
        }

        Work work = _asked[_at];
        AuditFinding finding = _answer!.Findings[_at];
        SyncKey end = next ?? finding.Next ?? work.To;
        var give = new List<UInt128>();
        var take = new List<UInt128>();
        foreach (AuditItem here in items)
        {
            while (_item < finding.Items!.Count && finding.Items[_item].Key < here.Key)
            {
                Compare(null, finding.Items[_item++], work, give, take);
            }

            bool isBoth = _item < finding.Items.Count && finding.Items[_item].Key == here.Key;
            Compare(here, isBoth ? finding.Items[_item++] : null, work, give, take);
        }

        while (_item < finding.Items!.Count && finding.Items[_item].Key < end)
        {
            Compare(null, finding.Items[_item++], work, give, take);
        }

        if (_plan.Heals && give.Count + take.Count > 0)
        {
            Collect(end, give, take, outbox);
        }

        _low = end;
        if (next is not null)
        {
            ReadItems(finding.Next ?? work.To, outbox);
            return;
        }

        if (finding.Next is { } rest && (work.Kind != WorkKind.Example || !IsFull))
        {
            Push(work with { From = rest });
        }

        Next(outbox);
    }

    // What differs in neighbouring ranges travels as one wish: the other side's list of them has a ceiling.
    private void Collect(SyncKey end, List<UInt128> give, List<UInt128> take, Outbox<AuditOutput> outbox)
    {
        if (_give.Count + _take.Count == 0)
        {
            (_healFrom, _healTo) = (_low, end);
        }

        _healFrom = _low < _healFrom ? _low : _healFrom;
        _healTo = end > _healTo ? end : _healTo;
        _give.AddRange(give);
        _take.AddRange(take);
        _healed++;
        if (_healed >= HealRangesMax || _give.Count + _take.Count >= HealIdsMax)
        {
            Exchange(outbox);
        }
    }

    private void Exchange(Outbox<AuditOutput> outbox)
    {
        if (_give.Count + _take.Count > 0)
        {
            outbox.Add(new(
                AuditOutputKind.Exchange, From: _healFrom, To: _healTo, Give: [.. _give], Take: [.. _take]));
            _give.Clear();
            _take.Clear();
            _healed = 0;
        }
    }

    private bool IsFull => Tally.Differences.Count >= _options.DifferencesMax;

    private void Ask(Outbox<AuditOutput> outbox)
    {
        if (_work.Count == 0)
        {
            End(WeftError.None, outbox);
            return;
        }

        if (Tally.Asks >= _options.AsksMax)
        {
            Tally.IsCut = true;
            End(WeftError.None, outbox);
            return;
        }

        _asked.Clear();
        var ranges = new List<AuditRange>();
        while (ranges.Count < _options.RangesMax && _work.TryPop(out Work work))
        {
            _asked.Add(work);
            ranges.Add(new(work.From, work.To, work.IsList ? 0 : work.Kind == WorkKind.First ? 1 : _options.Parts));
        }

        Tally.Asks++;
        _isOut = true;
        outbox.Add(new(AuditOutputKind.Send, new AuditAsk(++_number, _plan.Prefix, ranges)));
    }

    private void Next(Outbox<AuditOutput> outbox)
    {
        _at++;
        if (_at == _answer!.Findings.Count)
        {
            _answer = null;
            Ask(outbox);
            return;
        }

        Work work = _asked[_at];
        AuditFinding finding = _answer.Findings[_at];
        if (!Fits(work, finding))
        {
            End(WeftError.RequestMalformed, outbox);
            return;
        }

        _low = work.From;
        _item = 0;
        if (finding.Parts is { } parts)
        {
            _ticket++;
            _isOut = true;
            outbox.Add(new(
                AuditOutputKind.ReadSums, Ticket: _ticket, From: work.From, To: work.To,
                Bounds: [.. parts.Select(part => part.To)]));
            return;
        }

        ReadItems(finding.Next ?? work.To, outbox);
    }

    private void ReadItems(SyncKey to, Outbox<AuditOutput> outbox)
    {
        _ticket++;
        _isOut = true;
        outbox.Add(new(AuditOutputKind.ReadItems, Ticket: _ticket, From: _low, To: to));
    }

    // What was asked for, within the range that was asked about: a list goes on beyond what it has, so that it ends.
    private static bool Fits(in Work work, AuditFinding finding)
    {
        if (work.IsList)
        {
            SyncKey from = work.From;
            SyncKey to = work.To;
            return finding.Items is { } items
                && items.All(item => item.Key >= from && item.Key < to)
                && (finding.Next is not { } next || (items.Count > 0 && next > items[^1].Key && next < to));
        }

        return finding.Parts is [.., var last] parts && last.To == work.To && parts[0].To > work.From;
    }

    private WorkKind KindOf(in Work work, IReadOnlyList<AuditPart> parts, int part) =>
        parts[part].Count <= _options.ItemsMax || (parts.Count == 1 && work.Kind != WorkKind.First)
            ? WorkKind.List // One part for all of it would be cut for ever.
            : WorkKind.Split;

    private void LookInto(in Work work, IReadOnlyList<AuditPart> parts, int part, SyncKey from, in RangeSum here)
    {
        if (here.Count > 0 || _plan.Heals)
        {
            Push(new(from, parts[part].To, KindOf(work, parts, part)));
            return;
        }

        Tally.CountOnlyThere(parts[part].Count); // Known without a list; some of them are named.
        if (!IsFull)
        {
            Push(new(from, parts[part].To, WorkKind.Example));
        }
    }

    private void Push(in Work work)
    {
        if (_work.Count >= _options.WorkMax)
        {
            Tally.IsCut = true;
            return;
        }

        _work.Push(work);
    }

    // A place is drawn as often as its share of the fields of either side.
    private int[] Draw(int samples, IReadOnlyList<AuditPart> parts, IReadOnlyList<RangeSum> sums)
    {
        double[] ends = new double[parts.Count];
        double total = 0;
        for (int i = 0; i < ends.Length; i++)
        {
            total += Math.Max(parts[i].Count, sums[i].Count);
            ends[i] = total;
        }

        int[] drawn = new int[ends.Length];
        for (int i = 0; i < samples && total > 0; i++)
        {
            double at = _random.NextDouble() * total;
            drawn[Math.Max(0, Array.FindIndex(ends, end => at < end))]++;
        }

        return drawn;
    }

    private void Compare(AuditItem? here, AuditItem? there, in Work work, List<UInt128> give, List<UInt128> take)
    {
        Tally.Compared++;
        if (here?.Id == there?.Id)
        {
            return;
        }

        AuditDifferenceKind kind = (here, there) switch
        {
            ({ } _, null) => AuditDifferenceKind.OnlyHere,
            (null, { } _) => AuditDifferenceKind.OnlyThere,
            ({ } ours, { } theirs) when ours.State > theirs.State => AuditDifferenceKind.NewerHere,
            ({ } ours, { } theirs) when ours.State < theirs.State => AuditDifferenceKind.NewerThere,
            _ => AuditDifferenceKind.Tied,
        };
        if (kind is not (AuditDifferenceKind.OnlyThere or AuditDifferenceKind.NewerThere))
        {
            give.Add(here!.Value.Id);
        }

        if (kind is not (AuditDifferenceKind.OnlyHere or AuditDifferenceKind.NewerHere))
        {
            take.Add(there!.Value.Id);
        }

        Tally.Add(
            new(here?.Key ?? there!.Value.Key, kind, here?.State ?? double.NaN, there?.State ?? double.NaN),
            isCounted: work.Kind != WorkKind.Example, _options.DifferencesMax);
    }

    private void End(WeftError error, Outbox<AuditOutput> outbox)
    {
        if (!IsOver)
        {
            Exchange(outbox);
            IsOver = true;
            Tally.Error = error;
            outbox.Add(new(AuditOutputKind.Done));
        }
    }

    private bool Takes(long ticket)
    {
        if (IsOver || !_isOut || ticket != _ticket || _answer is null)
        {
            return false;
        }

        _isOut = false;
        return true;
    }

    private enum WorkKind
    {
        First = 0,
        Split,
        List,
        Example, // A list of what is counted already.
    }

    private readonly record struct Work(SyncKey From, SyncKey To, WorkKind Kind, int Samples = 0)
    {
        public bool IsList => Kind is WorkKind.List or WorkKind.Example;
    }
}
