using System.Text;
using Weft.Primitives;
using Weft.Protocols.Gossip;
using Weft.Protocols.Topics;
using Weft.Tests.Protocols.Gossip;

namespace Weft.Tests.Protocols.Topics;

/// <summary>Messages and logs of one topic, and sessions between two logs.</summary>
internal static class TopicRig
{
    internal const double Start = 1_767_225_600_000;

    internal static TopicLogCore Log(TopicRetention? retention = null) => new("t", retention ?? new(), GossipRig.Crypto);

    internal static TopicReconcileOptions Options => new() { IndexAgeMs = 0 };

    internal static GossipMessage Event(int author, ulong number, string text, GossipMessageId previous = default) =>
        GossipSigning.Sign(
            GossipRig.Key(author), GossipRig.Crypto, number, "t",
            TopicRecord.Write(
                TopicRecordKind.Event, previous.Span, ((ulong)Start << 16) + number, 0, default,
                Encoding.UTF8.GetBytes(text)));

    internal static GossipMessage Value(int author, ulong number, string key, string text) => GossipSigning.Sign(
        GossipRig.Key(author), GossipRig.Crypto, number, "t",
        TopicRecord.Write(
            TopicRecordKind.Latest, default, ((ulong)Start << 16) + number, 0, Encoding.UTF8.GetBytes(key),
            Encoding.UTF8.GetBytes(text)));

    internal static GossipMessage[] Chain(int author, int count)
    {
        var messages = new GossipMessage[count];
        GossipMessageId previous = default;
        for (int i = 0; i < count; i++)
        {
            messages[i] = Event(author, (ulong)i + 1, $"{author}:{i}", previous);
            previous = HashOf(messages[i]);
        }

        return messages;
    }

    internal static GossipMessageId HashOf(GossipMessage message) => TopicLogCore.HashOf(message, GossipRig.Crypto);

    internal static string Text(GossipMessage message) =>
        TopicRecord.TryRead(message.Data.Span, out TopicRecord record) ? Encoding.UTF8.GetString(record.Payload) : "";

    internal static List<TopicEntry> Read(TopicLogCore log)
    {
        var read = new List<TopicEntry>();
        log.Read(1, log.Next, int.MaxValue, read);
        return read;
    }

    internal static TopicSessionCore Session(TopicLogCore log, bool gives = true) => new(
        "t", space => log.IndexOf(space, log.Next, Start, 0), (space, point) => log.Wants(space, point), gives, Options,
        new(), GossipRig.Crypto)
    {
        Low = log.LowOf(TopicSpace.Events),
    };

    /// <summary>Runs a session over the wire's bytes.</summary>
    /// <returns>Why it failed, or null; how many frames, and their bytes.</returns>
    internal static (string? Why, int Frames, int Bytes) Run(
        TopicSessionCore session, TopicLogCore here, Func<TopicRequest, TopicAnswer> peer, double wallMs = Start)
    {
        var outbox = new Outbox<TopicSessionOutput>();
        var log = new Outbox<TopicLogOutput>();
        (int frames, int bytes) = (0, 0);
        session.Start(outbox);
        while (outbox.Count > 0)
        {
            TopicSessionOutput[] outputs = outbox.Items.ToArray();
            outbox.Clear();
            foreach (TopicSessionOutput output in outputs)
            {
                switch (output.Kind)
                {
                    case TopicSessionOutputKind.Take:
                        here.AppendReplica(output.Message!, wallMs, output.ReceivedMs, log, out _);
                        break;
                    case TopicSessionOutputKind.Supply:
                        session.OnSupplied(
                            [.. output.Points!.Select(point => here.Find(point)).OfType<TopicEntry>()], outbox);
                        break;
                    case TopicSessionOutputKind.Failed:
                        return (output.Why, frames, bytes);
                    case TopicSessionOutputKind.Send:
                        byte[] asked = TopicWire.Write(output.Request);
                        Assert.True(TopicWire.TryRead(Body(asked), out TopicRequest request));
                        byte[] answered = TopicWire.Write(peer(request));
                        Assert.InRange(answered.Length, 1, TopicWire.FrameMax);
                        Assert.True(TopicWire.TryRead(Body(answered), out TopicAnswer answer));
                        frames += 2;
                        bytes += asked.Length + answered.Length;
                        session.OnAnswer(answer, outbox);
                        break;
                }
            }
        }

        return (null, frames, bytes);
    }

    /// <summary>What a relay does with a request of a session.</summary>
    internal static TopicAnswer Serve(TopicLogCore log, TopicRequest request, double wallMs = Start)
    {
        if (request.Kind != TopicRequestKind.Give)
        {
            return TopicResponder.Answer(log, log.Next, request, "e", wallMs, Options);
        }

        var outbox = new Outbox<TopicLogOutput>();
        int kept = 0;
        foreach ((ReadOnlyMemory<byte> body, ulong time) in request.Messages!.Zip(request.Times!))
        {
            GossipMessage message = TopicWire.ReadBody(body.Span, "t", new())!;
            Assert.True(GossipSigning.Verify(message, GossipRig.Crypto));
            kept += log.AppendReplica(message, wallMs, time, outbox, out _) == TopicAppend.Kept ? 1 : 0;
        }

        return new(TopicAnswerKind.Acknowledged, Offset: kept);
    }

    internal static byte[] Body(byte[] frame)
    {
        Uvarint.Read(frame, out _, out int used);
        return frame[used..];
    }
}
