using System.Buffers;
using System.Text;
using Weft.Primitives;
using Weft.Protocols.Gossip;
using Weft.Protocols.Protobuf;

namespace Weft.Protocols.Topics;

/// <summary>Where a reader of a topic begins.</summary>
public enum TopicStart
{
    /// <summary>With what comes next.</summary>
    Now = 0,

    /// <summary>With the oldest message that is kept.</summary>
    All,

    /// <summary>With the newest so many.</summary>
    Last,

    /// <summary>With the first that came at a time or later.</summary>
    Since,

    /// <summary>Behind a cursor.</summary>
    Cursor,
}

/// <summary>What somebody asks a relay for; <see cref="Kind"/> says which of the others count.</summary>
/// <param name="Kind">The request.</param>
/// <param name="Topic">The topic's name.</param>
/// <param name="Start">Where to begin.</param>
/// <param name="Number">How many messages; or the time in milliseconds since 1970; or the offset of a cursor.</param>
/// <param name="Epoch">The store a cursor is of.</param>
/// <param name="IsLive">Go on with what comes.</param>
/// <param name="Bytes">The message to keep, as in a pubsub RPC; or a key.</param>
/// <param name="Ranges">What is to be compared.</param>
/// <param name="Points">Messages that are wanted.</param>
/// <param name="Messages">Messages to keep, each as in a pubsub RPC.</param>
/// <param name="Times">When each of them came first, in milliseconds since 1970.</param>
public readonly record struct TopicRequest(
    TopicRequestKind Kind, string Topic, TopicStart Start = TopicStart.Now, ulong Number = 0, string Epoch = "",
    bool IsLive = false, ReadOnlyMemory<byte> Bytes = default, IReadOnlyList<TopicRange>? Ranges = null,
    IReadOnlyList<TopicPoint>? Points = null, IReadOnlyList<ReadOnlyMemory<byte>>? Messages = null,
    IReadOnlyList<ulong>? Times = null);

/// <summary>The requests of a relay.</summary>
public enum TopicRequestKind
{
    /// <summary>Nothing that is known.</summary>
    None = 0,

    /// <summary>Send what is kept, and what comes.</summary>
    Subscribe,

    /// <summary>Keep a message, and say when it is durable.</summary>
    Publish,

    /// <summary>Send the last value of a key.</summary>
    Latest,

    /// <summary>Say which topics are kept.</summary>
    Topics,

    /// <summary>Say what is the last of each author, and give a fingerprint of everything.</summary>
    Heads,

    /// <summary>Compare ranges.</summary>
    Ranges,

    /// <summary>Send messages by their points.</summary>
    Fetch,

    /// <summary>Keep messages of others, and say when they are durable.</summary>
    Give,
}

/// <summary>What a relay answers; <see cref="Kind"/> says which of the others count.</summary>
/// <param name="Kind">The answer.</param>
/// <param name="Messages">Messages as in a pubsub RPC, oldest first.</param>
/// <param name="Epoch">The store of this relay.</param>
/// <param name="Offset">Where to go on; of an acknowledgement the place of the message.</param>
/// <param name="Missed">How many offsets of a gap are gone.</param>
/// <param name="Status">What became of a message.</param>
/// <param name="Times">
/// Of messages that were fetched, when each came first, in milliseconds since 1970; of a subscription, the offset behind
/// each.
/// </param>
/// <param name="Ranges">What lies in ranges.</param>
/// <param name="Heads">The last record of each author.</param>
/// <param name="Topics">The names of topics.</param>
public readonly record struct TopicAnswer(
    TopicAnswerKind Kind, IReadOnlyList<ReadOnlyMemory<byte>>? Messages = null, string Epoch = "", long Offset = 0,
    long Missed = 0, TopicAppend Status = TopicAppend.Kept, IReadOnlyList<ulong>? Times = null,
    IReadOnlyList<TopicRange>? Ranges = null, IReadOnlyList<TopicHead>? Heads = null,
    IReadOnlyList<string>? Topics = null);

/// <summary>The last record that a relay knows of an author.</summary>
/// <param name="Author">Who.</param>
/// <param name="Sequence">The author's number of it.</param>
/// <param name="Hash">Its hash.</param>
public readonly record struct TopicHead(PeerId Author, ulong Sequence, GossipMessageId Hash);

/// <summary>The answers of a relay.</summary>
public enum TopicAnswerKind
{
    /// <summary>Nothing that is known.</summary>
    None = 0,

    /// <summary>Messages.</summary>
    Batch,

    /// <summary>Everything that was kept has been sent; what follows is live.</summary>
    CaughtUp,

    /// <summary>Messages that were asked for are not kept any more.</summary>
    Gap,

    /// <summary>What became of a message that was to be kept; when it is kept, it is durable.</summary>
    Acknowledged,

    /// <summary>The names of the topics that are kept.</summary>
    Topics,

    /// <summary>The last of each author, and a fingerprint of each space.</summary>
    Heads,

    /// <summary>What lies in ranges; a range that is not named is the same on both sides.</summary>
    Ranges,
}

/// <summary>Reads and writes the frames of <c>/weft/topics/1</c>: Protobuf with a length in front.</summary>
public static partial class TopicWire
{
    /// <summary>The protocol.</summary>
    public const string Protocol = "/weft/topics/1";

    /// <summary>Bytes of the longest frame.</summary>
    public const int FrameMax = 2 * 1024 * 1024;

    private const int KindField = 1;
    private const int TopicField = 2;
    private const int StartField = 3;
    private const int NumberField = 4;
    private const int EpochField = 5;
    private const int LiveField = 6;
    private const int BytesField = 7;
    private const int MissedField = 8;
    private const int StatusField = 9;
    private const int MessagesMax = 4_096;

    /// <summary>Writes a request, with its length in front.</summary>
    public static byte[] Write(in TopicRequest request)
    {
        var buffer = new ArrayBufferWriter<byte>();
        var writer = new ProtobufWriter(buffer);
        writer.Number(KindField, (ulong)request.Kind);
        writer.Text(TopicField, request.Topic);
        writer.Number(StartField, (ulong)request.Start);
        writer.Number(NumberField, request.Number);
        writer.Text(EpochField, request.Epoch);
        writer.Number(LiveField, request.IsLive ? 1u : 0u);
        writer.Bytes(BytesField, request.Bytes.Span);
        Write(writer, request.Ranges, request.Points, request.Times);
        foreach (ReadOnlyMemory<byte> message in request.Messages ?? [])
        {
            writer.Bytes(MessageField, message.Span);
        }

        return Framed(buffer.WrittenSpan);
    }

    /// <summary>Reads a request, without its length.</summary>
    public static bool TryRead(ReadOnlySpan<byte> frame, out TopicRequest request)
    {
        request = new(TopicRequestKind.None, "");
        var lists = new Lists();
        var reader = new ProtobufReader(frame);
        while (reader.TryRead())
        {
            switch (reader.Field)
            {
                case KindField: request = request with { Kind = (TopicRequestKind)Math.Min(reader.Number, 99) }; break;
                case TopicField when TryText(reader.Bytes, 256, out string topic):
                    request = request with { Topic = topic };
                    break;
                case StartField: request = request with { Start = (TopicStart)Math.Min(reader.Number, 99) }; break;
                case NumberField: request = request with { Number = reader.Number }; break;
                case EpochField when TryText(reader.Bytes, 64, out string epoch):
                    request = request with { Epoch = epoch };
                    break;
                case LiveField: request = request with { IsLive = reader.Number != 0 }; break;
                case BytesField: request = request with { Bytes = reader.Bytes.ToArray() }; break;
                default: lists.Take(reader.Field, reader.Bytes); break;
            }
        }

        request = request with
        {
            Ranges = lists.Ranges, Points = lists.Points, Messages = lists.Messages, Times = lists.Times,
        };
        return reader.IsWhole && lists.IsWhole
            && (request.Topic.Length > 0 || request.Kind == TopicRequestKind.Topics) && Enum.IsDefined(request.Start)
            && request.Kind != TopicRequestKind.None && Enum.IsDefined(request.Kind);
    }

    /// <summary>Writes an answer, with its length in front.</summary>
    public static byte[] Write(in TopicAnswer answer)
    {
        var buffer = new ArrayBufferWriter<byte>();
        var writer = new ProtobufWriter(buffer);
        writer.Number(KindField, (ulong)answer.Kind);
        writer.Number(NumberField, (ulong)answer.Offset);
        writer.Text(EpochField, answer.Epoch);
        writer.Number(MissedField, (ulong)answer.Missed);
        writer.Number(StatusField, (ulong)answer.Status);
        foreach (ReadOnlyMemory<byte> message in answer.Messages ?? [])
        {
            writer.Bytes(BytesField, message.Span);
        }

        Write(writer, answer.Ranges, null, answer.Times);
        Write(writer, answer.Heads, answer.Topics);
        return Framed(buffer.WrittenSpan);
    }

    /// <summary>Reads an answer, without its length.</summary>
    public static bool TryRead(ReadOnlySpan<byte> frame, out TopicAnswer answer)
    {
        var messages = new List<ReadOnlyMemory<byte>>();
        answer = default;
        var lists = new Lists();
        var reader = new ProtobufReader(frame);
        while (reader.TryRead())
        {
            switch (reader.Field)
            {
                case KindField: answer = answer with { Kind = (TopicAnswerKind)Math.Min(reader.Number, 99) }; break;
                case NumberField: answer = answer with { Offset = (long)Math.Min(reader.Number, long.MaxValue) }; break;
                case EpochField when TryText(reader.Bytes, 64, out string epoch):
                    answer = answer with { Epoch = epoch };
                    break;
                case MissedField: answer = answer with { Missed = (long)Math.Min(reader.Number, long.MaxValue) }; break;
                case StatusField: answer = answer with { Status = (TopicAppend)Math.Min(reader.Number, 99) }; break;
                case BytesField when messages.Count < MessagesMax: messages.Add(reader.Bytes.ToArray()); break;
                default: lists.Take(reader.Field, reader.Bytes); break;
            }
        }

        answer = answer with
        {
            Messages = messages, Times = lists.Times, Ranges = lists.Ranges, Heads = lists.Heads, Topics = lists.Topics,
        };
        return reader.IsWhole && lists.IsWhole && answer.Kind != TopicAnswerKind.None && Enum.IsDefined(answer.Kind)
            && Enum.IsDefined(answer.Status);
    }

    /// <summary>The message as it stands in a pubsub RPC: what is kept, sent and signed.</summary>
    public static ReadOnlyMemory<byte> BodyOf(GossipMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        return message.Body;
    }

    /// <summary>Reads such a message; its signature is still to be verified.</summary>
    /// <returns>Null when it is none, or is of another topic.</returns>
    public static GossipMessage? ReadBody(ReadOnlySpan<byte> body, string topic, GossipOptions options)
    {
        ArgumentNullException.ThrowIfNull(topic);
        ArgumentNullException.ThrowIfNull(options);
        return GossipCodec.TryRead(body, options, out GossipMessageView view)
            && Encoding.UTF8.GetByteCount(topic) == view.Topic.Length
            && view.Topic.SequenceEqual(Encoding.UTF8.GetBytes(topic)) ? GossipCodec.Store(view, topic) : null;
    }

    private static bool TryText(ReadOnlySpan<byte> bytes, int max, out string text)
    {
        bool fits = bytes.Length <= max && System.Text.Unicode.Utf8.IsValid(bytes);
        text = fits ? Encoding.UTF8.GetString(bytes) : "";
        return fits;
    }

    private static byte[] Framed(ReadOnlySpan<byte> body)
    {
        byte[] frame = new byte[Primitives.Uvarint.Length((ulong)body.Length) + body.Length];
        body.CopyTo(frame.AsSpan(Primitives.Uvarint.Write(frame, (ulong)body.Length)));
        return frame;
    }
}
