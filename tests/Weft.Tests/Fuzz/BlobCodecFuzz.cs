using System.Buffers;
using Weft.Fuzz;
using Weft.Primitives;
using Weft.Protocols.Blobs;

namespace Weft.Tests.Fuzz;

/// <summary>Frames of blobs: what is read is within every bound, and reads the same after being written again.</summary>
internal sealed class BlobCodecFuzz : FuzzTarget
{
    private readonly ArrayBufferWriter<byte> _again = new(256);

    public override string Name => "blob-frames";

    public override IEnumerable<byte[]> Seeds
    {
        get
        {
            var target = new ArrayBufferWriter<byte>();
            BlobCodec.WriteAsk(target, new BlobId(new byte[32]), 3, 16);
            BlobCodec.WriteHead(target, 200_000, new byte[32]);
            BlobCodec.WriteAbsent(target);
            BlobCodec.WriteBusy(target, TimeSpan.FromSeconds(1));
            yield return target.WrittenSpan.ToArray();
            target.ResetWrittenCount();
            var walk = new BlobWalk(4, 1, 3);
            BlobCodec.TryWriteChunk(target, new BlobTree(200_000), ref walk, new byte[40]);
            yield return target.WrittenSpan.ToArray();
            yield return [0];
        }
    }

    public override ulong Run(ReadOnlyMemory<byte> input)
    {
        ReadOnlySpan<byte> rest = input.Span;
        ulong kind = 0;
        while (true)
        {
            OperationStatus status = BlobCodec.ReadFrame(
                rest, BlobLimits.FrameBytesMax, out int start, out int length);
            kind = ((kind << 5) + (ulong)status) & 0xFFFFF;
            if (status != OperationStatus.Done)
            {
                return kind;
            }

            ReadOnlySpan<byte> bytes = rest.Slice(start, length);
            if (BlobCodec.TryRead(bytes, out BlobMessage message))
            {
                kind += (ulong)message.Kind;
                Check(message, bytes);
            }

            rest = rest[(start + length)..];
        }
    }

    private void Check(in BlobMessage message, ReadOnlySpan<byte> bytes)
    {
        ArrayBufferWriter<byte> again = _again;
        again.ResetWrittenCount();
        switch (message.Kind)
        {
            case BlobMessageKind.Ask:
                FuzzFailure.Unless(message.Count <= BlobLimits.AskChunksMax && message.From >= 0, "asks are bounded");
                BlobCodec.WriteAsk(again, message.Id, message.From, message.Count);
                break;
            case BlobMessageKind.Head:
                FuzzFailure.Unless(message.Size is >= 0 and <= BlobLimits.BytesMax, "sizes are bounded");
                BlobCodec.WriteHead(again, message.Size, message.Root);
                break;
            case BlobMessageKind.Absent:
                BlobCodec.WriteAbsent(again);
                break;
            case BlobMessageKind.Busy:
                BlobCodec.WriteBusy(again, message.RetryAfter);
                break;
            default:
                FuzzFailure.Unless(
                    message.DataLength is >= 0 and <= BlobLimits.ChunkBytes && message.Parents.Length % 64 == 0
                    && 2 + message.Parents.Length + message.DataLength == bytes.Length, "chunks are bounded");
                return;
        }

        Uvarint.Read(again.WrittenSpan, out _, out int head);
        FuzzFailure.Unless(again.WrittenSpan[head..].SequenceEqual(bytes), "a message has one form");
    }
}
