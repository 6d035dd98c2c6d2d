using System.Buffers;
using Weft.Graph;
using Weft.Primitives;
using Weft.Protocols.Sync;

namespace Weft.Tests.Protocols.Sync;

public sealed class SyncCodecTests
{
    private static readonly SyncOptions Options = new();

    [Fact]
    public void Every_message_comes_back_as_it_was()
    {
        foreach (SyncMessage message in Samples())
        {
            byte[] bytes = Bytes(message);
            SyncMessage? read = SyncReader.Read(bytes, Options);

            Assert.NotNull(read);
            Assert.Equal(message.GetType(), read.GetType());
            Assert.Equal(bytes, Bytes(read));
        }
    }

    [Fact]
    public void Proofs_and_expiry_travel()
    {
        var extras = new FieldExtras(Enumerable.Repeat((byte)7, 32).ToArray(), new byte[] { 1, 2, 3 }, 1234.5);
        var message = new SyncChanges(3, [new FieldWrite("s", "f", "text", 1, extras), new FieldWrite("s", "g", 2, 3)]);

        var read = Assert.IsType<SyncChanges>(SyncReader.Read(Bytes(message), Options));

        Assert.Equal(message.Writes, read.Writes);
        Assert.Equal(extras, read.Writes[0].Extras);
    }

    [Fact]
    public void A_message_that_ends_early_or_goes_on_is_none()
    {
        foreach (SyncMessage message in Samples())
        {
            byte[] bytes = Bytes(message);
            for (int length = 0; length < bytes.Length; length++)
            {
                Assert.Null(SyncReader.Read(bytes.AsSpan(0, length), Options));
            }

            Assert.Null(SyncReader.Read([.. bytes, 0], Options));
        }
    }

    [Fact]
    public void Random_bytes_and_changed_messages_never_throw()
    {
        var random = new WeftRandom(11);
        byte[][] samples = [.. Samples().Select(Bytes)];
        for (int i = 0; i < 60_000; i++)
        {
            byte[] bytes = [.. samples[random.Next(samples.Length)]];
            for (int change = 1 + random.Next(4); change > 0; change--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            if (SyncReader.Read(bytes, Options) is { } read)
            {
                Bytes(read);
            }
        }
    }

    [Fact]
    public void More_than_the_ceilings_allow_is_refused()
    {
        var small = new SyncOptions { FieldsMax = 1, PrefixesMax = 1, CompareMax = 1 };

        Assert.Null(SyncReader.Read(
            Bytes(new SyncChanges(1, [SyncRig.Field("s", "f", 1, 1), SyncRig.Field("s", "g", 1, 1)])), small));
        Assert.Null(SyncReader.Read(Bytes(new SyncSubscribe(["a", "b"], 0)), small));
        Assert.Null(SyncReader.Read(Bytes(new SyncWant("", SyncKey.First, SyncKey.End, [1, 2])), small));
        Assert.Null(SyncReader.Read(Bytes(new SyncChanges(1, [SyncRig.Field("s", "_", 1, 1)])), Options));
        Assert.Null(SyncReader.Read(Bytes(new SyncChanges(1, [SyncRig.Field("s", "f", 1, double.NaN)])), Options));
        Assert.Null(SyncReader.Read(
            Bytes(new SyncRanges("", new("b", ""), [new(new("a", ""), Fingerprint: 1)])), Options));
    }

    [Fact]
    public void A_session_survives_whatever_order_of_messages()
    {
        for (ulong seed = 0; seed < 300; seed++)
        {
            var random = new WeftRandom(seed);
            var rig = new SyncRig(seed: seed);
            rig.A.Store.Merge(SyncRig.Field("s", "f", 1, 1), 0);
            rig.Connect();
            rig.Run(3);
            SyncMessage[] samples = [.. Samples()];
            for (int i = 0; i < 40; i++)
            {
                rig.A.Inbox.Enqueue(Bytes(samples[random.Next(samples.Length)]));
                rig.Run(2);
            }

            Assert.InRange(rig.A.Core!.PushesWaiting, 0, Options.PushesMax);
        }
    }

    private static byte[] Bytes(SyncMessage message)
    {
        var bytes = new ArrayBufferWriter<byte>();
        SyncCodec.Write(message, bytes);
        return bytes.WrittenSpan.ToArray();
    }

    private static IEnumerable<SyncMessage> Samples()
    {
        yield return new SyncHello("0123456789abcdef", new byte[32], 12, 1 << 20);
        yield return new SyncSubscribe(["", "room/"], -1);
        yield return new SyncSubscribe(["é"], 7);
        yield return new SyncChanges(9, [SyncRig.Field("s", "f", 1.5, 2.5), SyncRig.Field("s", "g", -1, 3)]);
        yield return new SyncChanges(-1, [new FieldWrite("😀", "x", WeftValue.Null, 1), new FieldWrite("t", "l", WeftValue.Link("s"), 1)]);
        yield return new SyncAck(4, 1_000, 2, WeftError.NotOwner);
        yield return new SyncAsk(1, "soul", null);
        yield return new SyncAsk(2, "soul", "field");
        yield return new SyncAnswer(2, true, [SyncRig.Field("soul", "field", 1, 1)]);
        yield return new SyncRanges("room/", new("room/", ""), [new(new("room/b", "")), new(new("room/c", "f"), UInt128.MaxValue), new(SyncKey.End, Ids: [1, 2, 3])]);
        yield return new SyncWant("", SyncKey.First, SyncKey.End, [UInt128.One]);
        yield return new SyncCompared(true);
        yield return new SyncHello("0123456789abcdef", new byte[32], 12, 1, [new(ulong.MaxValue, 4), new(7, 12)]);
        yield return new SyncProbe(3, -1);
        yield return new SyncProbe(3, -1, new SyncReach("room/", false), 8);
        yield return new SyncProbe(3, -1, new SyncReach("room/1", true), -1);
        yield return new SyncProbe(3, 12);
        yield return new SyncGoodbye(WeftError.TooManyRequests);
    }
}
