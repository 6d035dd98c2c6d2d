namespace Weft.Protocols.Topics;

/// <summary>
/// Finds what of one space differs between here and a peer: ranges with equal fingerprints are the same, others are
/// split until they are short enough to be listed. It asks; the peer only answers, and remembers nothing.
/// </summary>
/// <remarks>
/// Pure; one caller at a time. What a peer answers must lie within what was asked; frames and differences have a
/// ceiling, so a hostile peer gains neither memory nor time. Source: docs/spec/topics.md, "Relays among each other".
/// </remarks>
public sealed class TopicReconcileCore(TopicIndex mine, TopicSpace space, TopicReconcileOptions options)
{
    private readonly Queue<TopicRange> _waiting = [];
    private readonly List<TopicRange> _asked = [];
    private int _rounds;

    /// <summary>What the peer has and is missing here.</summary>
    public List<TopicPoint> Needs { get; } = [];

    /// <summary>What is here and the peer lacks.</summary>
    public List<TopicPoint> Haves { get; } = [];

    /// <summary>Begins.</summary>
    /// <param name="from">What lies before is not compared.</param>
    public void Start(in TopicPoint from) => _waiting.Enqueue(mine.Summarize(space, from, TopicPoint.Max));

    /// <summary>What to ask next; empty when everything is known.</summary>
    public IReadOnlyList<TopicRange> Next()
    {
        _asked.Clear();
        while (_asked.Count < options.RangesMax && _waiting.TryDequeue(out TopicRange range))
        {
            _asked.Add(range);
        }

        return _asked;
    }

    /// <summary>Takes the answer to what was asked last.</summary>
    /// <returns>False when it is none: the peer is not to be trusted.</returns>
    public bool OnAnswer(IReadOnlyList<TopicRange> ranges)
    {
        ArgumentNullException.ThrowIfNull(ranges);
        if (++_rounds > options.RoundsMax)
        {
            return false;
        }

        foreach (TopicRange range in ranges)
        {
            if (range.Kind == TopicRangeKind.List || !_asked.Exists(asked => range.IsWithin(asked)) || !Take(range))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Answers what a peer asks. Needs no memory of what it asked before.</summary>
    /// <param name="index">What is here.</param>
    /// <param name="asked">What is asked, all of the space of the index.</param>
    /// <param name="options">Ceilings.</param>
    public static IReadOnlyList<TopicRange> Answer(
        TopicIndex index, IEnumerable<TopicRange> asked, TopicReconcileOptions options)
    {
        ArgumentNullException.ThrowIfNull(index);
        ArgumentNullException.ThrowIfNull(asked);
        ArgumentNullException.ThrowIfNull(options);
        var answer = new List<TopicRange>();
        int room = options.PointsMax;
        foreach (TopicRange range in asked.Take(options.RangesMax))
        {
            TopicRange here = index.Summarize(range.Space, range.From, range.Until);
            bool isAsked = range.Kind == TopicRangeKind.List;
            if (!isAsked && here.Fingerprint == range.Fingerprint && here.Count == range.Count)
            {
                continue;
            }

            if (here.Count <= options.ListMax || isAsked)
            {
                room -= AddPoints(index, here, room, answer);
            }
            else
            {
                index.Split(range.Space, range.From, range.Until, options.Split, answer);
            }
        }

        return answer;
    }

    /// <summary>Lists as much of a range as there is room for; of the rest the fingerprint.</summary>
    private static int AddPoints(TopicIndex index, in TopicRange here, int room, List<TopicRange> answer)
    {
        TopicPoint[] points = index.List(here.From, here.Until);
        int count = Math.Min(points.Length, Math.Max(0, room));
        TopicPoint until = count == points.Length ? here.Until : points[count];
        if (count == points.Length || count > 0)
        {
            answer.Add(new(here.Space, TopicRangeKind.Points, here.From, until, Points: points[..count]));
        }

        if (count < points.Length)
        {
            answer.Add(index.Summarize(here.Space, count == 0 ? here.From : until, here.Until));
        }

        return count;
    }

    private bool Take(in TopicRange range)
    {
        if (range.Kind == TopicRangeKind.Points)
        {
            return Compare(range);
        }

        TopicRange here = mine.Summarize(space, range.From, range.Until);
        if (here.Fingerprint == range.Fingerprint && here.Count == range.Count)
        {
            return true;
        }

        if (range.Count <= 0)
        {
            Add(Haves, mine.List(range.From, range.Until));
        }
        else if (here.Count <= options.ListMax || range.Count <= options.ListMax)
        {
            _waiting.Enqueue(here with { Kind = TopicRangeKind.List });
        }
        else
        {
            var parts = new List<TopicRange>();
            mine.Split(space, range.From, range.Until, options.Split, parts);
            parts.ForEach(_waiting.Enqueue);
        }

        return _waiting.Count <= options.RangesMax * options.RoundsMax;
    }

    private bool Compare(in TopicRange range)
    {
        IReadOnlyList<TopicPoint> theirs = range.Points ?? [];
        for (int i = 0; i < theirs.Count; i++)
        {
            if (theirs[i] < range.From || theirs[i] >= range.Until || (i > 0 && theirs[i] <= theirs[i - 1]))
            {
                return false;
            }

            if (!mine.Contains(theirs[i]) && Needs.Count < options.DifferencesMax)
            {
                Needs.Add(theirs[i]);
            }
        }

        var known = theirs.ToHashSet();
        Add(Haves, mine.List(range.From, range.Until).Where(point => !known.Contains(point)));
        return true;
    }

    private void Add(List<TopicPoint> target, IEnumerable<TopicPoint> points) =>
        target.AddRange(points.Take(options.DifferencesMax - target.Count));
}
