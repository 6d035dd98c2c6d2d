using System.Text;
using Weft.Primitives;
using Weft.Protocols.Gossip;
using Weft.Protocols.Topics;
using Weft.Tests.Protocols.Gossip;

namespace Weft.Tests.Protocols.Topics;

public sealed class TopicLogCoreTests
{
    private const double Start = 1_700_000_000_000;

    private readonly TopicRetention _retention = new();
    private readonly Outbox<TopicLogOutput> _outbox = new();
    private ulong _sequence = 1;
    private TopicLogCore? _log;

    private TopicLogCore Log => _log ??= new("t", _retention, GossipRig.Crypto);

    [Fact]
    public void Messages_are_read_in_the_order_they_came_from_any_offset()
    {
        for (int i = 1; i <= 10; i++)
        {
            Assert.Equal(TopicAppend.Kept, Log.Append(Plain($"m{i}"), Start, _outbox, out TopicEntry? entry));
            Assert.Equal(i, entry!.Offset);
        }

        var read = new List<TopicEntry>();
        Assert.Equal(11, Log.Read(4, Log.Next, int.MaxValue, read));
        Assert.Equal(["m4", "m5", "m6", "m7", "m8", "m9", "m10"], read.Select(Text));
        read.Clear();
        Assert.Equal(2, Log.Read(1, Log.Next, 1, read)); // In pieces.
        Assert.Single(read);
        Assert.Equal(8, Log.OffsetOfLast(3));
        Assert.Equal(1, Log.OffsetOfLast(99));
    }

    [Fact]
    public void The_same_message_is_kept_once()
    {
        GossipMessage message = Plain("m");
        Log.Append(message, Start, _outbox, out _);

        Assert.Equal(TopicAppend.Known, Log.Append(message, Start, _outbox, out TopicEntry? known));
        Assert.Equal(1, known!.Offset);
        Assert.Equal(1, Log.Count);
    }

    [Theory]
    [InlineData(5, long.MaxValue, 100)] // By number.
    [InlineData(100, 5 * 150, 100)]     // By bytes: five messages of less than 150 bytes.
    [InlineData(100, long.MaxValue, 5)] // By age, one a second.
    public void Too_much_ends_the_oldest_and_the_loss_is_known(int messages, long bytes, int seconds)
    {
        (_retention.MessagesMax, _retention.BytesMax) = (messages, bytes);
        _retention.Age = TimeSpan.FromSeconds(seconds);
        for (int i = 1; i <= 20; i++)
        {
            Log.Append(Plain($"m{i}"), Start + (i * 1_000), _outbox, out _);
        }

        Assert.InRange(Log.Count, 5, 6);
        Assert.Equal(20 - Log.Count, Log.LostThrough);
        Assert.Equal(20 - Log.Count, Of(TopicLogOutputKind.Drop).Count);
        var read = new List<TopicEntry>();
        Log.Read(1, Log.Next, int.MaxValue, read);
        Assert.Equal(Log.LostThrough + 1, read[0].Offset);
    }

    [Fact]
    public void One_author_cannot_push_out_the_others()
    {
        _retention.AuthorBytesMax = 1_000;
        Log.Append(Plain("quiet", author: 2), Start, _outbox, out _);
        for (int i = 0; i < 50; i++)
        {
            Log.Append(Plain($"loud {i}", author: 1), Start, _outbox, out _);
        }

        var read = new List<TopicEntry>();
        Log.Read(1, Log.Next, int.MaxValue, read);
        Assert.Contains(read, entry => Text(entry) == "quiet");
        Assert.InRange(read.Count, 5, 8);
        Assert.InRange(Log.Bytes, 1, 1_400);
    }

    [Fact]
    public void The_last_value_of_a_key_survives_number_and_age_and_replaces_the_one_before_without_a_loss()
    {
        (_retention.MessagesMax, _retention.Age) = (2, TimeSpan.FromSeconds(10));
        Log.Append(Keyed("ada", "v1", ms: 1), Start, _outbox, out _);
        Log.Append(Keyed("ada", "v2", ms: 2), Start, _outbox, out _);
        Assert.Equal(TopicAppend.Superseded, Log.Append(Keyed("ada", "late", ms: 1), Start, _outbox, out _));
        Assert.Equal(0, Log.LostThrough);
        for (int i = 0; i < 5; i++)
        {
            Log.Append(Plain($"m{i}"), Start + 60_000, _outbox, out _);
        }

        Log.Expire(Start + 3_600_000, _outbox);

        Assert.Equal("v2", Payload(Log.Latest("ada"u8)!));
        Assert.Equal(1, Log.Count);
        Assert.Null(Log.Latest("bob"u8));
    }

    [Fact]
    public void A_tombstone_ends_a_key_and_goes_when_it_is_old()
    {
        _retention.Age = TimeSpan.FromSeconds(10);
        Log.Append(Keyed("ada", "v1", ms: 1), Start, _outbox, out _);
        Log.Append(Record(TopicRecordKind.Tombstone, 2, "ada", "", default), Start, _outbox, out _);
        Assert.Equal(TopicRecordKind.Tombstone, Log.Latest("ada"u8)!.Kind);

        Log.Expire(Start + 11_000, _outbox);
        Assert.Null(Log.Latest("ada"u8));
        Assert.Equal(0, Log.Count);
        Assert.Equal(0, Log.Bytes);
    }

    [Fact]
    public void A_missing_record_and_a_forked_author_are_seen()
    {
        TopicEntry first = Chain("1", default);
        GossipMessage second = Record(TopicRecordKind.Event, 0, "", "2", first.Hash);
        TopicEntry third = Chain("3", TopicLogCore.HashOf(second, GossipRig.Crypto));
        Assert.Same(third, Assert.Single(Of(TopicLogOutputKind.Gap)).Entry);
        _outbox.Clear();
        Log.Append(second, Start, _outbox, out _); // It only came late.
        Assert.Empty(Of(TopicLogOutputKind.Gap));

        GossipMessage other = Record(TopicRecordKind.Event, 0, "", "2'", first.Hash);
        Log.Append(other, Start, _outbox, out _);
        TopicLogOutput fork = Assert.Single(Of(TopicLogOutputKind.Fork));
        Assert.Equal(["2'", "2"], [Payload(fork.Entry), Payload(fork.Other!)]);
        Assert.Single(Log.Heads());
    }

    [Fact]
    public void What_was_kept_comes_back_after_a_restart_with_its_offsets()
    {
        for (int i = 1; i <= 6; i++)
        {
            Log.Append(i == 2 ? Keyed("k", "v", ms: 9) : Plain($"m{i}"), Start, _outbox, out _);
        }

        TopicEntry[] kept = [.. Of(TopicLogOutputKind.Keep).Select(output => output.Entry).Skip(1)];
        var again = new TopicLogCore("t", _retention, GossipRig.Crypto);
        foreach (TopicEntry entry in kept)
        {
            Assert.True(again.Restore(entry.Offset, entry.Message, entry.ReceivedMs, _outbox));
        }

        Assert.Equal((7, 1), (again.Next, again.LostThrough));
        Assert.Equal("v", Payload(again.Latest("k"u8)!));
        Assert.Equal(Log.Heads(), again.Heads());
        Assert.False(again.Restore(3, kept[0].Message, Start, _outbox));
        Assert.Equal(TopicAppend.Known, again.Append(kept[0].Message, Start, _outbox, out _));
    }

    [Fact]
    public void Bounds_refuse_what_is_too_large_too_new_or_too_many()
    {
        (_retention.MessageBytesMax, _retention.KeysMax, _retention.AuthorsMax) = (400, 2, 2);
        Assert.Equal(TopicAppend.TooLarge, Log.Append(Plain(new string('x', 400)), Start, _outbox, out _));
        Assert.Equal(
            TopicAppend.Future, Log.Append(Keyed("a", "v", ms: Start + 700_000), Start, _outbox, out _));
        Assert.Equal(TopicAppend.Kept, Log.Append(Keyed("a", "v", ms: Start + 500_000), Start, _outbox, out _));
        Assert.Equal(TopicAppend.Kept, Log.Append(Keyed("b", "v", ms: 1), Start, _outbox, out _));
        Assert.Equal(TopicAppend.Quota, Log.Append(Keyed("c", "v", ms: 1), Start, _outbox, out _));
        Assert.Equal(TopicAppend.Kept, Log.Append(Plain("m", author: 2), Start, _outbox, out _));
        Assert.Equal(TopicAppend.Quota, Log.Append(Plain("m", author: 3), Start, _outbox, out _));
        Assert.Equal(
            TopicAppend.Malformed, Log.Append(Message([0, (byte)'w', (byte)'r', 1, 9], 1), Start, _outbox, out _));
    }

    [Fact]
    public void A_key_that_begins_with_a_peer_is_that_peers_alone()
    {
        string owner = GossipRig.Key(1).PublicKey.ToPeerId().ToString();
        string stranger = GossipRig.Key(2).PublicKey.ToPeerId().ToString();
        Assert.Equal(TopicAppend.Kept, Log.Append(Keyed(owner + "/ada", "mine", ms: 1), Start, _outbox, out _));
        Assert.Equal(TopicAppend.Foreign, Log.Append(Keyed(stranger + "/ada", "his", ms: 2), Start, _outbox, out _));
        Assert.Equal(TopicAppend.Kept, Log.Append(Keyed("ada/" + stranger, "all's", ms: 3), Start, _outbox, out _));
        Assert.Equal(TopicAppend.Kept, Log.Append(Keyed(new string('é', 50) + "/", "x", 4), Start, _outbox, out _));
        Assert.Equal("mine", Payload(Log.Latest(Encoding.UTF8.GetBytes(owner + "/ada"))!));
    }

    [Fact]
    public void Records_are_read_back_and_garbage_is_refused()
    {
        byte[] data = TopicRecord.Write(TopicRecordKind.Latest, new byte[32], 77 << 16, 60, "key"u8, "value"u8);
        Assert.True(TopicRecord.TryRead(data, out TopicRecord record));
        Assert.Equal("key"u8.ToArray(), record.Key.ToArray());
        Assert.Equal("value"u8.ToArray(), record.Payload.ToArray());
        Assert.Equal((77.0, 60UL, false), (record.TimeMs, record.TtlSeconds, record.HasPrevious));
        Assert.True(TopicRecord.TryRead("plain"u8, out TopicRecord plain));
        Assert.Equal("plain"u8.ToArray(), plain.Payload.ToArray());
        for (int length = 4; length < data.Length - 5; length++)
        {
            Assert.False(TopicRecord.TryRead(data.AsSpan(0, length), out _), $"length {length}");
        }
    }

    [Fact]
    public void Frames_of_the_protocol_come_back_and_garbage_never_throws()
    {
        var request = new TopicRequest(TopicRequestKind.Subscribe, "t", TopicStart.Cursor, 42, "abcd", IsLive: true);
        Assert.True(TopicWire.TryRead(Body(TopicWire.Write(request)), out TopicRequest read));
        Assert.Equal(request, read with { Bytes = default });
        GossipMessage message = Plain("m");
        var answer = new TopicAnswer(
            TopicAnswerKind.Batch, [TopicWire.BodyOf(message)], "abcd", 7, 3, TopicAppend.Known);
        Assert.True(TopicWire.TryRead(Body(TopicWire.Write(answer)), out TopicAnswer back));
        Assert.Equal((7, 3, "abcd", TopicAppend.Known), (back.Offset, back.Missed, back.Epoch, back.Status));
        Assert.Equal(message.Frame.ToArray(), TopicWire.ReadBody(back.Messages![0].Span, "t", new())!.Frame.ToArray());
        Assert.Null(TopicWire.ReadBody(back.Messages[0].Span, "u", new()));

        var random = new WeftRandom(seed: 3);
        byte[][] seeds = [Body(TopicWire.Write(request)), Body(TopicWire.Write(answer))];
        for (int round = 0; round < 20_000; round++)
        {
            byte[] changed = [.. seeds[round % 2]];
            changed[random.Next(changed.Length)] = (byte)random.Next(256);
            TopicWire.TryRead(changed.AsSpan(0, random.Next(changed.Length + 1)), out TopicRequest _);
            TopicWire.TryRead(changed, out TopicAnswer _);
        }
    }

    private static byte[] Body(byte[] frame)
    {
        Uvarint.Read(frame, out ulong length, out int used);
        Assert.Equal(frame.Length - used, (int)length);
        return frame[used..];
    }

    private TopicEntry Chain(string payload, GossipMessageId previous)
    {
        Log.Append(Record(TopicRecordKind.Event, 0, "", payload, previous), Start, _outbox, out TopicEntry? entry);
        return entry!;
    }

    private GossipMessage Plain(string text, int author = 1) => Message(Encoding.UTF8.GetBytes(text), author);

    private GossipMessage Keyed(string key, string value, double ms) =>
        Record(TopicRecordKind.Latest, ms, key, value, default);

    private GossipMessage Record(TopicRecordKind kind, double ms, string key, string value, GossipMessageId previous) =>
        Message(
            TopicRecord.Write(
                kind, previous.Span, (ulong)ms << 16, 0, Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(value)),
            author: 1);

    private GossipMessage Message(byte[] data, int author) =>
        GossipSigning.Sign(GossipRig.Key(author), GossipRig.Crypto, _sequence++, "t", data);

    private List<TopicLogOutput> Of(TopicLogOutputKind kind) =>
        [.. _outbox.Items.ToArray().Where(output => output.Kind == kind)];

    private static string Text(TopicEntry entry) => Encoding.UTF8.GetString(entry.Message.Data.Span);

    private static string Payload(TopicEntry entry) =>
        TopicRecord.TryRead(entry.Message.Data.Span, out TopicRecord record)
            ? Encoding.UTF8.GetString(record.Payload)
            : "";
}
