using System.Globalization;
using Weft.Protocols.Topics;

namespace Weft.Node.Topics;

/// <summary>Where a subscription begins: with what comes, or with what a relay has kept.</summary>
public readonly record struct Replay
{
    private Replay(TopicStart start, ulong number = 0, string epoch = "", TimeSpan age = default) =>
        (Start, Number, Epoch, Age) = (start, number, epoch, age);

    /// <summary>With what comes from now on: the default.</summary>
    public static Replay None => default;

    /// <summary>With the oldest message that is kept.</summary>
    public static Replay All => new(TopicStart.All);

    internal TopicStart Start { get; }

    internal ulong Number { get; }

    internal string Epoch { get; }

    internal TimeSpan Age { get; }

    internal bool IsAsked => Start != TopicStart.Now;

    /// <summary>With the newest so many.</summary>
    /// <param name="count">1 and up.</param>
    public static Replay Last(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        return new(TopicStart.Last, (ulong)count);
    }

    /// <summary>With those that came within this time, by the relay's clock.</summary>
    /// <param name="age">More than 0.</param>
    public static Replay Last(TimeSpan age)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(age, TimeSpan.Zero);
        return new(TopicStart.Since, age: age);
    }

    /// <summary>Behind a <see cref="TopicMessage.Cursor"/>; at another relay with everything it keeps.</summary>
    /// <exception cref="ArgumentException">It is no cursor.</exception>
    public static Replay From(string cursor)
    {
        ArgumentNullException.ThrowIfNull(cursor);
        int dot = cursor.LastIndexOf('.');
        return dot > 0 && cursor.Length <= 64
            && ulong.TryParse(cursor.AsSpan(dot + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ulong offset)
            ? new(TopicStart.Cursor, offset, cursor[..dot])
            : throw new ArgumentException("That is no cursor of a topic.", nameof(cursor));
    }

    internal TopicRequest RequestFor(string topic, DateTimeOffset now) => new(
        TopicRequestKind.Subscribe, topic, Start,
        Start == TopicStart.Since
            ? (ulong)Math.Max(0, (now - Age - DateTimeOffset.UnixEpoch).TotalMilliseconds)
            : Number,
        Epoch ?? "", IsLive: true);
}
