namespace Weft.Protocols.Topics;

/// <summary>Answers what relays and readers ask of a log to compare it with theirs. It keeps nothing between requests.</summary>
/// <remarks>Pure; whoever holds the log is its one caller.</remarks>
public static class TopicResponder
{
    /// <summary>Answers a request for heads, ranges, or messages by their points.</summary>
    /// <param name="log">What is kept.</param>
    /// <param name="durable">The first offset that is not durable: nothing from there on is named.</param>
    /// <param name="request">Its kind is one of those three.</param>
    /// <param name="epoch">Names the store.</param>
    /// <param name="wallMs">Milliseconds since 1970.</param>
    /// <param name="options">Ceilings.</param>
    public static TopicAnswer Answer(
        TopicLogCore log, long durable, in TopicRequest request, string epoch, double wallMs,
        TopicReconcileOptions options)
    {
        ArgumentNullException.ThrowIfNull(log);
        ArgumentNullException.ThrowIfNull(options);
        return request.Kind switch
        {
            TopicRequestKind.Heads => Heads(log, durable, epoch, wallMs, options),
            TopicRequestKind.Ranges => Ranges(log, durable, request, epoch, wallMs, options),
            _ => Fetch(log, durable, request, epoch, options),
        };
    }

    private static TopicAnswer Heads(
        TopicLogCore log, long durable, string epoch, double wallMs, TopicReconcileOptions options)
    {
        List<TopicRange> ranges = [];
        foreach (TopicSpace space in (TopicSpace[])[TopicSpace.Events, TopicSpace.Values])
        {
            ranges.Add(log.IndexOf(space, durable, wallMs, options.IndexAgeMs)
                .Summarize(space, log.LowOf(space), TopicPoint.Max));
        }

        return new(
            TopicAnswerKind.Heads, Epoch: epoch, Offset: durable, Ranges: ranges,
            Heads: [.. log.Heads(options.HeadsMax, durable)]);
    }

    private static TopicAnswer Ranges(
        TopicLogCore log, long durable, in TopicRequest request, string epoch, double wallMs,
        TopicReconcileOptions options)
    {
        var answer = new List<TopicRange>();
        foreach (IGrouping<TopicSpace, TopicRange> asked in (request.Ranges ?? []).GroupBy(range => range.Space))
        {
            TopicIndex index = log.IndexOf(asked.Key, durable, wallMs, options.IndexAgeMs);
            answer.AddRange(TopicReconcileCore.Answer(index, asked, options));
        }

        return new(TopicAnswerKind.Ranges, Epoch: epoch, Offset: durable, Ranges: answer);
    }

    private static TopicAnswer Fetch(
        TopicLogCore log, long durable, in TopicRequest request, string epoch, TopicReconcileOptions options)
    {
        var messages = new List<ReadOnlyMemory<byte>>();
        var times = new List<ulong>();
        int bytes = 0;
        foreach (TopicPoint point in (request.Points ?? []).Take(options.FetchMax))
        {
            if (bytes < options.BatchBytesMax && log.Find(point) is { } entry && entry.Offset < durable)
            {
                messages.Add(TopicWire.BodyOf(entry.Message));
                times.Add((ulong)entry.ReceivedMs);
                bytes += entry.Bytes;
            }
        }

        return new(TopicAnswerKind.Batch, messages, epoch, durable, Times: times);
    }
}
