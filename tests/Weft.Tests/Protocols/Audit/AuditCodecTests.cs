using System.Buffers;
using Weft.Primitives;
using Weft.Protocols.Audit;
using Weft.Protocols.Sync;

namespace Weft.Tests.Protocols.Audit;

public sealed class AuditCodecTests
{
    private static readonly AuditOptions Options = new();

    [Fact]
    public void Every_message_comes_back_as_it_was_and_no_other_length_is_one()
    {
        foreach (AuditMessage message in Samples())
        {
            byte[] bytes = Bytes(message);
            AuditMessage? read = AuditCodec.Read(bytes, Options);
            Assert.NotNull(read);
            Assert.Equal(message.GetType(), read.GetType());
            Assert.Equal(bytes, Bytes(read));
            for (int length = 0; length < bytes.Length; length++)
            {
                Assert.Null(AuditCodec.Read(bytes.AsSpan(0, length), Options));
            }

            Assert.Null(AuditCodec.Read([.. bytes, 0], Options));
        }
    }

    [Fact]
    public void Changed_messages_never_throw_and_never_pass_the_ceilings()
    {
        var random = new WeftRandom(5);
        byte[][] samples = [.. Samples().Select(Bytes)];
        for (int i = 0; i < 60_000; i++)
        {
            byte[] bytes = [.. samples[random.Next(samples.Length)]];
            for (int flips = random.Next(1, 4); flips > 0; flips--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            switch (AuditCodec.Read(bytes, Options))
            {
                case AuditAsk ask:
                    Assert.InRange(ask.Ranges.Count, 1, Options.RangesMax);
                    Assert.All(ask.Ranges, range => Assert.True(range.From < range.To));
                    break;
                case AuditAnswer answer:
                    Assert.InRange(answer.Findings.Count, 1, Options.RangesMax);
                    Assert.All(answer.Findings, finding => Assert.InRange(finding.Items?.Count ?? 0, 0, Options.ItemsMax));
                    break;
            }
        }
    }

    private static byte[] Bytes(AuditMessage message)
    {
        var bytes = new ArrayBufferWriter<byte>();
        AuditCodec.Write(message, bytes);
        return bytes.WrittenSpan.ToArray();
    }

    private static IEnumerable<AuditMessage> Samples()
    {
        yield return new AuditAsk(1, "", [new(SyncKey.First, SyncKey.End, 1)]);
        yield return new AuditAsk(2, "room/", [new(new("room/", ""), new("room/b", "f"), 16), new(new("x", "y"), SyncKey.End, 0)]);
        yield return new AuditAnswer(3, [new([new(new("b", ""), UInt128.MaxValue, 12), new(SyncKey.End, 0, 0)])]);
        yield return new AuditAnswer(
            4, [new(null, [new(new("s", "f"), 1.5, 7), new(new("s", "g"), -2, 8), new(new("😀", "é"), 3, 9)], new("😀", "f")),
                new(null, [])]);
        yield return new AuditGoodbye(WeftError.NodeUnavailable);
    }
}
