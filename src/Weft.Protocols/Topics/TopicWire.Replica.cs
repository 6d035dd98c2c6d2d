using System.Buffers;
using System.Buffers.Binary;
using Weft.Primitives;
using Weft.Protocols.Gossip;
using Weft.Protocols.Protobuf;

namespace Weft.Protocols.Topics;

/// <content>What relays say among each other: ranges, points, times and heads.</content>
public static partial class TopicWire
{
    private const int RangeField = 10;
    private const int PointsField = 11;
    private const int TimesField = 12;
    private const int MessageField = 13;
    private const int HeadField = 14;
    private const int NameField = 15;

    private const int RangeHead = 2 + (2 * TopicPoint.Length);
    private const int FingerprintLength = 16;
    private const int RangesMax = 1_024;
    private const int PointsMax = 32_768;
    private const int HeadsMax = 4_096;
    private const int NamesMax = 1_024;

    private static void Write(
        in ProtobufWriter writer, IReadOnlyList<TopicRange>? ranges, IReadOnlyList<TopicPoint>? points,
        IReadOnlyList<ulong>? times)
    {
        foreach (TopicRange range in ranges ?? [])
        {
            WriteRange(writer, range);
        }

        if (points is { Count: > 0 })
        {
            byte[] bytes = new byte[points.Count * TopicPoint.Length];
            WritePoints(bytes, points);
            writer.Bytes(PointsField, bytes);
        }

        if (times is { Count: > 0 })
        {
            byte[] bytes = new byte[times.Count * sizeof(ulong)];
            for (int i = 0; i < times.Count; i++)
            {
                BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(i * sizeof(ulong)), times[i]);
            }

            writer.Bytes(TimesField, bytes);
        }
    }

    private static void Write(
        in ProtobufWriter writer, IReadOnlyList<TopicHead>? heads, IReadOnlyList<string>? topics)
    {
        foreach (TopicHead head in heads ?? [])
        {
            byte[] bytes = new byte[sizeof(ulong) + TopicRecord.HashLength + head.Author.Span.Length];
            BinaryPrimitives.WriteUInt64BigEndian(bytes, head.Sequence);
            head.Hash.Span.CopyTo(bytes.AsSpan(sizeof(ulong)));
            head.Author.Span.CopyTo(bytes.AsSpan(sizeof(ulong) + TopicRecord.HashLength));
            writer.Bytes(HeadField, bytes);
        }

        foreach (string topic in topics ?? [])
        {
            writer.Text(NameField, topic);
        }
    }

    private static void WriteRange(in ProtobufWriter writer, in TopicRange range)
    {
        IReadOnlyList<TopicPoint> points = range.Kind == TopicRangeKind.Points ? range.Points ?? [] : [];
        int tail = range.Kind switch
        {
            TopicRangeKind.Fingerprint => FingerprintLength + sizeof(uint),
            TopicRangeKind.Points => points.Count * TopicPoint.Length,
            _ => 0,
        };
        byte[] bytes = new byte[RangeHead + tail];
        bytes[0] = (byte)range.Space;
        bytes[1] = (byte)range.Kind;
        range.From.Write(bytes.AsSpan(2));
        range.Until.Write(bytes.AsSpan(2 + TopicPoint.Length));
        if (range.Kind == TopicRangeKind.Fingerprint)
        {
            BinaryPrimitives.WriteUInt128BigEndian(bytes.AsSpan(RangeHead), range.Fingerprint);
            BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(RangeHead + FingerprintLength), (uint)range.Count);
        }
        else
        {
            WritePoints(bytes.AsSpan(RangeHead), points);
        }

        writer.Bytes(RangeField, bytes);
    }

    private static void WritePoints(Span<byte> target, IReadOnlyList<TopicPoint> points)
    {
        for (int i = 0; i < points.Count; i++)
        {
            points[i].Write(target[(i * TopicPoint.Length)..]);
        }
    }

    private static bool TryRange(ReadOnlySpan<byte> bytes, out TopicRange range)
    {
        range = default;
        if (bytes.Length < RangeHead || bytes[0] > (byte)TopicSpace.Values || bytes[1] > (byte)TopicRangeKind.List)
        {
            return false;
        }

        var kind = (TopicRangeKind)bytes[1];
        range = new(
            (TopicSpace)bytes[0], kind, TopicPoint.Read(bytes[2..]), TopicPoint.Read(bytes[(2 + TopicPoint.Length)..]));
        ReadOnlySpan<byte> rest = bytes[RangeHead..];
        switch (kind)
        {
            case TopicRangeKind.Fingerprint when rest.Length == FingerprintLength + sizeof(uint):
                range = range with
                {
                    Fingerprint = BinaryPrimitives.ReadUInt128BigEndian(rest),
                    Count = (int)Math.Min(
                        BinaryPrimitives.ReadUInt32BigEndian(rest[FingerprintLength..]), int.MaxValue),
                };
                return range.From <= range.Until;
            case TopicRangeKind.Points when rest.Length % TopicPoint.Length == 0:
                var points = new List<TopicPoint>(rest.Length / TopicPoint.Length);
                ReadPoints(rest, points);
                range = range with { Points = points, Count = points.Count };
                return range.From <= range.Until;
            default:
                return kind == TopicRangeKind.List && rest.IsEmpty && range.From <= range.Until;
        }
    }

    private static void ReadPoints(ReadOnlySpan<byte> bytes, List<TopicPoint> target)
    {
        for (; !bytes.IsEmpty; bytes = bytes[TopicPoint.Length..])
        {
            target.Add(TopicPoint.Read(bytes));
        }
    }

    /// <summary>The lists of a frame, each with a ceiling; what lies beyond it breaks the frame.</summary>
    private struct Lists()
    {
        private int _pointCount;

        internal List<TopicRange>? Ranges { get; private set; }

        internal List<TopicPoint>? Points { get; private set; }

        internal List<ulong>? Times { get; private set; }

        internal List<ReadOnlyMemory<byte>>? Messages { get; private set; }

        internal List<TopicHead>? Heads { get; private set; }

        internal List<string>? Topics { get; private set; }

        internal bool IsWhole { get; private set; } = true;

        internal void Take(int field, ReadOnlySpan<byte> bytes)
        {
            if (!IsWhole)
            {
                return;
            }

            switch (field)
            {
                case RangeField:
                    IsWhole &= TryRange(bytes, out TopicRange range) && (Ranges ??= []).Count < RangesMax
                        && (_pointCount += range.Points?.Count ?? 0) <= PointsMax;
                    Ranges?.Add(range);
                    break;
                case PointsField:
                    IsWhole &= bytes.Length % TopicPoint.Length == 0 && Points is null
                        && (_pointCount += bytes.Length / TopicPoint.Length) <= PointsMax;
                    if (IsWhole)
                    {
                        ReadPoints(bytes, Points = []);
                    }

                    break;
                case TimesField:
                    IsWhole &= bytes.Length % sizeof(ulong) == 0 && bytes.Length <= MessagesMax * sizeof(ulong);
                    Times = [];
                    for (; IsWhole && !bytes.IsEmpty; bytes = bytes[sizeof(ulong)..])
                    {
                        Times.Add(BinaryPrimitives.ReadUInt64BigEndian(bytes));
                    }

                    break;
                case MessageField:
                    IsWhole &= (Messages ??= []).Count < MessagesMax;
                    Messages.Add(bytes.ToArray());
                    break;
                case HeadField:
                    IsWhole &= (Heads ??= []).Count < HeadsMax && TryHead(bytes, out TopicHead _);
                    TryHead(bytes, out TopicHead head);
                    Heads.Add(head);
                    break;
                case NameField:
                    IsWhole &= TryText(bytes, 256, out string topic) && topic.Length > 0
                        && (Topics ??= []).Count < NamesMax;
                    Topics?.Add(topic);
                    break;
            }
        }

        private static bool TryHead(ReadOnlySpan<byte> bytes, out TopicHead head)
        {
            head = default;
            const int Fixed = sizeof(ulong) + TopicRecord.HashLength;
            if (bytes.Length <= Fixed || !PeerId.TryRead(bytes[Fixed..], out PeerId author))
            {
                return false;
            }

            GossipMessageId.TryRead(bytes[sizeof(ulong)..Fixed], out GossipMessageId hash);
            head = new(author, BinaryPrimitives.ReadUInt64BigEndian(bytes), hash);
            return true;
        }
    }
}
