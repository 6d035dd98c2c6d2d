using System.Buffers;
using Weft.Protocols.Protobuf;

namespace Weft.Protocols.Topics;

/// <summary>Which retention counts for which topic.</summary>
/// <remarks>
/// A pattern is a topic's name, or the beginning of names and a star. The name itself wins over patterns, a longer
/// pattern over a shorter one; without any the default counts. Pure; one caller at a time.
/// </remarks>
public sealed class TopicRetentionBook(TopicRetention defaults)
{
    /// <summary>Patterns that are held.</summary>
    public const int PatternsMax = 256;

    private readonly SortedDictionary<string, TopicRetention> _patterns = new(StringComparer.Ordinal);

    /// <summary>What was set, in the order of the patterns.</summary>
    public IReadOnlyDictionary<string, TopicRetention> Patterns => _patterns;

    /// <summary>What counts where nothing was set.</summary>
    public TopicRetention Default => defaults;

    /// <summary>Sets what counts for a pattern; null for what the rest of them say.</summary>
    /// <returns>False when there are too many.</returns>
    public bool Set(string pattern, TopicRetention? retention)
    {
        ArgumentException.ThrowIfNullOrEmpty(pattern);
        if (retention is null)
        {
            _patterns.Remove(pattern);
            return true;
        }

        if (_patterns.Count >= PatternsMax && !_patterns.ContainsKey(pattern))
        {
            return false;
        }

        _patterns[pattern] = retention;
        return true;
    }

    /// <summary>What counts for a topic, and the pattern that says so; empty for the default.</summary>
    public (TopicRetention Retention, string Pattern) Find(string topic)
    {
        ArgumentNullException.ThrowIfNull(topic);
        if (_patterns.TryGetValue(topic, out TopicRetention? exact))
        {
            return (exact, topic);
        }

        string best = "";
        foreach (string pattern in _patterns.Keys)
        {
            if (pattern.EndsWith('*') && pattern.Length > best.Length
                && topic.AsSpan().StartsWith(pattern.AsSpan(0, pattern.Length - 1), StringComparison.Ordinal))
            {
                best = pattern;
            }
        }

        return best.Length == 0 ? (defaults, "") : (_patterns[best], best);
    }

    /// <summary>Writes a retention as Protobuf.</summary>
    public static byte[] Write(TopicRetention retention)
    {
        ArgumentNullException.ThrowIfNull(retention);
        var buffer = new ArrayBufferWriter<byte>();
        var writer = new ProtobufWriter(buffer);
        writer.Number(1, (ulong)retention.MessagesMax);
        writer.Number(2, (ulong)retention.BytesMax);
        writer.Number(3, (ulong)retention.Age.TotalMilliseconds);
        writer.Number(4, (ulong)retention.AuthorBytesMax);
        writer.Number(5, (ulong)retention.KeysMax);
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Reads what <see cref="Write"/> wrote; null when it is none.</summary>
    public static TopicRetention? TryRead(ReadOnlySpan<byte> bytes)
    {
        var retention = new TopicRetention();
        var reader = new ProtobufReader(bytes);
        while (reader.TryRead())
        {
            switch (reader.Field)
            {
                case 1: retention.MessagesMax = (int)Math.Min(reader.Number, int.MaxValue); break;
                case 2: retention.BytesMax = (long)Math.Min(reader.Number, long.MaxValue); break;
                case 3:
                    retention.Age = TimeSpan.FromMilliseconds(Math.Min(reader.Number, TopicRetention.AgeMaxMs));
                    break;
                case 4: retention.AuthorBytesMax = (long)Math.Min(reader.Number, long.MaxValue); break;
                case 5: retention.KeysMax = (int)Math.Min(reader.Number, int.MaxValue); break;
            }
        }

        return reader.IsWhole && retention.FindFault() is null ? retention : null;
    }
}
