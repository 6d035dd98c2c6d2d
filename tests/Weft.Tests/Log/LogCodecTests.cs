using System.Buffers;
using System.Buffers.Binary;
using System.Text.Json;
using Weft.Log;
using Weft.Log.Wire;
using Weft.Primitives;

namespace Weft.Tests.Log;

/// <summary>The messages of the hypercore channel against npm's hypercore, and against noise.</summary>
public sealed class LogCodecTests
{
    [Fact]
    public void Every_message_is_written_and_read_as_the_reference_does()
    {
        int seen = 0;
        foreach (JsonElement item in LogVectors.List("wire", "messages"))
        {
            if (item.Text("name") is "handshake" or "extension")
            {
                continue; // The channel's own, tested with it.
            }

            byte[] bytes = item.Bytes("hex");
            var target = new ArrayBufferWriter<byte>();
            Assert.True(Rewrite((LogMessageKind)item.Number("type"), bytes, target), item.GetRawText());
            Assert.Equal(item.Text("hex"), LogVectors.Hex(target.WrittenSpan));
            CheckValue(item.GetProperty("value"), (LogMessageKind)item.Number("type"), bytes);
            seen++;
        }

        Assert.Equal(19, seen);
    }

    [Fact]
    public void A_bitfield_is_written_as_the_reference_does()
    {
        JsonElement vector = LogVectors.At("bitfield");
        var bits = new LogBitfield();
        foreach (JsonElement bit in vector.GetProperty("set").EnumerateArray())
        {
            bits.Apply(new LogBitRange(bit.GetInt64(), 1, true));
        }

        uint[] words = new uint[4];
        bits.CopyWords(0, words);
        var target = new ArrayBufferWriter<byte>();
        LogCodec.WriteBitfield(target, 0, words);

        Assert.Equal(vector.GetProperty("words").EnumerateArray().Select(word => word.GetUInt32()), words);
        Assert.Equal(vector.Text("message"), LogVectors.Hex(target.WrittenSpan));
    }

    [Fact]
    public void Noise_and_damaged_messages_never_throw_and_never_grow_memory()
    {
        var random = new WeftRandom(7);
        byte[][] honest =
        [
            .. LogVectors.List("wire", "messages").Select(item => item.Bytes("hex")),
            .. LogVectors.List("proofs", "list").Select(item => item.Bytes("wireData")),
        ];
        var target = new ArrayBufferWriter<byte>();
        int read = 0;
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 60_000; i++)
        {
            byte[] bytes = [.. honest[random.Next(honest.Length)]];
            for (int change = random.Next(4); change >= 0 && bytes.Length > 0; change--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            target.ResetWrittenCount();
            Span<byte> cut = bytes.AsSpan(0, random.Next(bytes.Length + 1));
            read += Rewrite((LogMessageKind)random.Next(10), cut, target) ? 1 : 0;
        }

        Assert.InRange(read, 1, 59_999);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 60_000L * 20_000);
    }

    [Fact]
    public void A_count_without_its_items_allocates_nothing()
    {
        // A data message whose block claims 2^20 nodes, and one whose block claims 15 MiB.
        byte[] nodes = [1, 1, 0, 5, 0, 0xfe, 0, 0, 0x10, 0];
        byte[] block = [1, 1, 0, 5, 0xfe, 0, 0, 0xf0, 0];
        long before = GC.GetAllocatedBytesForCurrentThread();

        Assert.Null(LogCodec.ReadProof(nodes));
        Assert.Null(LogCodec.ReadProof(block));

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4_096);
    }

    private static void CheckValue(JsonElement value, LogMessageKind kind, byte[] bytes)
    {
        switch (kind)
        {
            case LogMessageKind.Sync:
                Assert.True(LogCodec.TryRead(bytes, out SyncMessage sync));
                Assert.Equal(
                    new SyncMessage(
                        value.Number("fork"), value.Number("length"), value.Number("remoteLength"), Flag("canUpgrade"),
                        Flag("uploading"), Flag("downloading"), Flag("hasManifest"), Flag("allowPush")),
                    sync);
                break;
            case LogMessageKind.Request:
                Assert.Equal(LogVectors.Request(value, value.Number("id")), LogCodec.ReadRequest(bytes));
                break;
            case LogMessageKind.NoData:
                Assert.True(LogCodec.TryRead(bytes, out NoDataMessage none));
                Assert.Equal((value.Number("request"), value.Number("reason")), (none.Request, (long)none.Reason));
                break;
            case LogMessageKind.Want or LogMessageKind.Unwant:
                Assert.True(LogCodec.TryRead(bytes, out WantMessage want));
                Assert.Equal(new WantMessage(value.Number("start"), value.Number("length"), Flag("any")), want);
                break;
            case LogMessageKind.Range:
                Assert.True(LogCodec.TryRead(bytes, out RangeMessage range));
                Assert.Equal(new RangeMessage(Flag("drop"), value.Number("start"), value.Number("length")), range);
                break;
            case LogMessageKind.Data:
                LogProof proof = LogCodec.ReadProof(bytes)!;
                Assert.Equal((value.Number("request"), value.Number("fork")), (proof.Request, proof.Fork));
                Assert.Equal(
                    [Has("block"), Has("hash"), Has("seek"), Has("upgrade")],
                    Parts(proof).Select(one => one is not null));
                break;
        }

        object?[] Parts(LogProof proof) => [proof.Block, proof.Hash, proof.Seek, proof.Upgrade];
        bool Has(string name) => value.Has(name, out _);
        bool Flag(string name) => value.GetProperty(name).GetBoolean();
    }

    /// <summary>Reads a message and writes what was read; false when it cannot be read.</summary>
    private static bool Rewrite(LogMessageKind kind, ReadOnlySpan<byte> bytes, ArrayBufferWriter<byte> target)
    {
        switch (kind)
        {
            case LogMessageKind.Sync when LogCodec.TryRead(bytes, out SyncMessage sync):
                LogCodec.Write(target, sync);
                return true;
            case LogMessageKind.Request when LogCodec.ReadRequest(bytes) is LogRequest request:
                LogCodec.Write(target, request);
                return true;
            case LogMessageKind.Cancel when LogCodec.TryReadCancel(bytes, out long id):
                LogCodec.WriteCancel(target, id);
                return true;
            case LogMessageKind.Data when LogCodec.ReadProof(bytes) is LogProof proof:
                LogCodec.Write(target, proof);
                return true;
            case LogMessageKind.NoData when LogCodec.TryRead(bytes, out NoDataMessage none):
                LogCodec.Write(target, none);
                return true;
            case LogMessageKind.Want or LogMessageKind.Unwant when LogCodec.TryRead(bytes, out WantMessage want):
                LogCodec.Write(target, want);
                return true;
            case LogMessageKind.Range when LogCodec.TryRead(bytes, out RangeMessage range):
                LogCodec.Write(target, range);
                return true;
            case LogMessageKind.Bitfield
                when LogCodec.TryReadBitfield(bytes, out long start, out ReadOnlySpan<byte> words):
                uint[] numbers = new uint[words.Length / sizeof(uint)];
                for (int i = 0; i < numbers.Length; i++)
                {
                    numbers[i] = BinaryPrimitives.ReadUInt32LittleEndian(words[(i * sizeof(uint))..]);
                }

                LogCodec.WriteBitfield(target, start, numbers);
                return true;
            default:
                return false;
        }
    }
}
