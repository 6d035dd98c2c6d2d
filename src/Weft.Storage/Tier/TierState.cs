using System.Buffers;
using System.Buffers.Binary;
using Weft.Graph;
using Weft.Node.Commits;
using Weft.Node.Storage;

namespace Weft.Storage.Tier;

/// <summary>What the disk tier knows about itself; one row, written with every flush.</summary>
internal sealed record TierState(
    ulong StoreId,
    ulong FilterSeed,
    long Flushed,
    double ClockHigh,
    long Nodes,
    long Fields,
    long[] FilterCounts)
{
    public const string Key = "state";
    public const string DeferredKey = "deferred";
    public const string JournalKey = "journal";

    private const int LossBytes = 18; // Numbers of a loss before it had an author.

    private const int FixedBytes = 56;

    public byte[] Write()
    {
        byte[] bytes = new byte[FixedBytes + (FilterCounts.Length * sizeof(long))];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(8), StoreId);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(16), FilterSeed);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(24), Flushed);
        BinaryPrimitives.WriteDoubleLittleEndian(bytes.AsSpan(32), ClockHigh);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(40), Nodes);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(48), Fields);
        for (int i = 0; i < FilterCounts.Length; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(FixedBytes + (i * sizeof(long))), FilterCounts[i]);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Crc32C.Compute(bytes.AsSpan(4)));
        return bytes;
    }

    public static TierState? Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < FixedBytes || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Crc32C.Compute(bytes[4..]))
        {
            return null;
        }

        long[] counts = new long[(bytes.Length - FixedBytes) / sizeof(long)];
        for (int i = 0; i < counts.Length; i++)
        {
            counts[i] = BinaryPrimitives.ReadInt64LittleEndian(bytes[(FixedBytes + (i * sizeof(long)))..]);
        }

        return new TierState(
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[24..]),
            BinaryPrimitives.ReadDoubleLittleEndian(bytes[32..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[40..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[48..]),
            counts);
    }

    /// <summary>Held writes as a row, with a checksum in front.</summary>
    public static byte[] WriteDeferred(IReadOnlyList<FieldWrite> writes)
    {
        var writer = new ArrayBufferWriter<byte>();
        writer.Advance(Reserve(writer));
        CommitRecordCodec.EncodePayload(new CommitBatch([], writes, [], 0), writer);
        return Seal(writer);
    }

    public static IReadOnlyList<FieldWrite>? ReadDeferred(ReadOnlySpan<byte> bytes) =>
        IsSealed(bytes) && CommitRecordCodec.TryDecodePayload(bytes[4..], out CommitBatch batch) ? batch.Deferred : null;

    /// <summary>
    /// The journal as a row: each loss is a held write whose extras carry the rest, so that it needs no format of its own.
    /// </summary>
    public static byte[] WriteJournal(IReadOnlyList<Loss> losses)
    {
        var writes = new FieldWrite[losses.Count];
        for (int i = 0; i < writes.Length; i++)
        {
            Loss loss = losses[i];
            byte[] author = System.Text.Encoding.UTF8.GetBytes(loss.Author ?? "");
            byte[] numbers = new byte[LossBytes + 1 + sizeof(ulong) + author.Length];
            BinaryPrimitives.WriteInt64LittleEndian(numbers, loss.Number);
            BinaryPrimitives.WriteDoubleLittleEndian(numbers.AsSpan(8), loss.WinnerState);
            numbers[16] = (byte)loss.Reason;
            numbers[17] = loss.ValueCut ? (byte)1 : (byte)0;
            numbers[LossBytes] = (byte)loss.Kind;
            BinaryPrimitives.WriteUInt64LittleEndian(numbers.AsSpan(LossBytes + 1), loss.AuthorSequence);
            author.CopyTo(numbers, LossBytes + 1 + sizeof(ulong));
            writes[i] = new FieldWrite(loss.Soul, loss.Field, loss.Value, loss.State,
                new FieldExtras(System.Text.Encoding.UTF8.GetBytes(loss.From), numbers, loss.AtMs));
        }

        return WriteDeferred(writes);
    }

    public static IReadOnlyList<Loss>? ReadJournal(ReadOnlySpan<byte> bytes)
    {
        IReadOnlyList<FieldWrite>? writes = ReadDeferred(bytes);
        if (writes is null)
        {
            return null;
        }

        var losses = new List<Loss>(writes.Count);
        foreach (FieldWrite write in writes)
        {
            if (write.Extras is not { Signature.Length: >= LossBytes } extras)
            {
                return null;
            }

            ReadOnlySpan<byte> numbers = extras.Signature.Span;
            losses.Add(WithAuthor(numbers[LossBytes..], new Loss(
                BinaryPrimitives.ReadInt64LittleEndian(numbers), write.Soul, write.Field, write.Value, write.State,
                BinaryPrimitives.ReadDoubleLittleEndian(numbers[8..]), (HamVerdict)numbers[16],
                System.Text.Encoding.UTF8.GetString(extras.Author.Span), extras.ExpiresAtMs, numbers[17] == 1)));
        }

        return losses;
    }

    /// <summary>Author, number and kind; an entry of an earlier version has none of them.</summary>
    private static Loss WithAuthor(ReadOnlySpan<byte> rest, Loss loss) => rest.Length < 1 + sizeof(ulong)
        ? loss
        : loss with
        {
            Kind = (LossKind)rest[0],
            AuthorSequence = BinaryPrimitives.ReadUInt64LittleEndian(rest[1..]),
            Author = rest.Length == 1 + sizeof(ulong)
                ? null
                : System.Text.Encoding.UTF8.GetString(rest[(1 + sizeof(ulong))..]),
        };

    private static int Reserve(ArrayBufferWriter<byte> writer)
    {
        writer.GetSpan(sizeof(uint));
        return sizeof(uint);
    }

    private static byte[] Seal(ArrayBufferWriter<byte> writer)
    {
        byte[] bytes = writer.WrittenSpan.ToArray();
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Crc32C.Compute(bytes.AsSpan(4)));
        return bytes;
    }

    private static bool IsSealed(ReadOnlySpan<byte> bytes) =>
        bytes.Length > 4 && BinaryPrimitives.ReadUInt32LittleEndian(bytes) == Crc32C.Compute(bytes[4..]);
}
