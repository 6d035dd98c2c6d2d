using System.Buffers;
using System.Buffers.Binary;
using Weft.Node.Commits;
using Weft.Primitives;
using Weft.Storage.Memory;

namespace Weft.Storage.Tier;

/// <summary>
/// A block: sorted fields of one node in one row of the disk tier. <c>version | flags | crc u32 | count | fields</c>, each
/// field <c>name, state, sequence, extras length, value length, extras, value</c>.
/// </summary>
/// <remarks>
/// The checksum covers soul, first field and content, so a block that turns up under another key does not fit either.
/// Source: docs/spec/storage.md.
/// </remarks>
internal static class BlockCodec
{
    /// <summary>Bytes at which a block is split.</summary>
    public const int BytesMax = 16 << 10;

    /// <summary>Later blocks of the node may follow.</summary>
    public const byte MayHaveNext = 1;

    /// <summary>A damaged block stood here before: a field that is not found may have been in it.</summary>
    public const byte HasLost = 2;

    private const byte Version = 1;
    private const int HeaderBytes = 6;

    public static int Size(in PackedField field) =>
        Uvarint.Length((ulong)field.Name.Length) + field.Name.Length + sizeof(double)
        + Uvarint.Length((ulong)field.Sequence)
        + Uvarint.Length((ulong)field.Extras.Length) + Uvarint.Length((ulong)field.Json.Length)
        + field.Extras.Length + field.Json.Length;

    public static void Write(
        ArrayBufferWriter<byte> writer, ReadOnlySpan<byte> soul, ReadOnlySpan<byte> first, byte flags,
        ReadOnlySpan<PackedField> fields)
    {
        writer.ResetWrittenCount();
        Span<byte> head = writer.GetSpan(HeaderBytes);
        head[0] = Version;
        head[1] = flags;
        writer.Advance(HeaderBytes);
        PutNumber(writer, (ulong)fields.Length);
        foreach (ref readonly PackedField field in fields)
        {
            PutNumber(writer, (ulong)field.Name.Length);
            writer.Write(field.Name.Span);
            BinaryPrimitives.WriteDoubleLittleEndian(writer.GetSpan(sizeof(double)), field.State);
            writer.Advance(sizeof(double));
            PutNumber(writer, (ulong)field.Sequence);
            PutNumber(writer, (ulong)field.Extras.Length);
            PutNumber(writer, (ulong)field.Json.Length);
            writer.Write(field.Extras.Span);
            writer.Write(field.Json.Span);
        }

        Span<byte> block = System.Runtime.InteropServices.MemoryMarshal.AsMemory(writer.WrittenMemory).Span;
        BinaryPrimitives.WriteUInt32LittleEndian(block[2..], Crc(soul, first, block));
    }

    /// <summary>True when the checksum fits the key and the content.</summary>
    public static bool IsGood(ReadOnlySpan<byte> soul, ReadOnlySpan<byte> first, ReadOnlySpan<byte> block) =>
        block.Length > HeaderBytes && block[0] == Version
        && BinaryPrimitives.ReadUInt32LittleEndian(block[2..]) == Crc(soul, first, block);

    public static byte Flags(ReadOnlySpan<byte> block) => block[1];

    public static BlockReader Read(ReadOnlyMemory<byte> block) => new(block[HeaderBytes..]);

    private static uint Crc(ReadOnlySpan<byte> soul, ReadOnlySpan<byte> first, ReadOnlySpan<byte> block)
    {
        uint crc = Crc32C.Compute((ulong)soul.Length, 0);
        crc = Crc32C.Compute(soul, crc);
        crc = Crc32C.Compute((ulong)first.Length, crc);
        crc = Crc32C.Compute(first, crc);
        crc = Crc32C.Compute(block[..2], crc);
        return Crc32C.Compute(block[HeaderBytes..], crc);
    }

    private static void PutNumber(ArrayBufferWriter<byte> writer, ulong number) =>
        writer.Advance(Uvarint.Write(writer.GetSpan(Uvarint.BytesMax), number));
}

/// <summary>Walks the fields of a block whose checksum was good.</summary>
internal struct BlockReader
{
    private ReadOnlyMemory<byte> _rest;
    private long _left;

    public BlockReader(ReadOnlyMemory<byte> body)
    {
        _rest = body;
        _left = (long)TakeNumber();
    }

    public readonly long Left => _left;

    public bool TryRead(out PackedField field)
    {
        if (_left == 0)
        {
            field = default;
            return false;
        }

        _left--;
        ReadOnlyMemory<byte> name = Take((int)TakeNumber());
        double state = BinaryPrimitives.ReadDoubleLittleEndian(_rest.Span);
        _rest = _rest[sizeof(double)..];
        long sequence = (long)TakeNumber();
        int extras = (int)TakeNumber();
        int json = (int)TakeNumber();
        ReadOnlyMemory<byte> extrasBytes = Take(extras);
        field = new PackedField(name, state, sequence, Take(json), extrasBytes);
        return true;
    }

    /// <summary>Finds one field.</summary>
    public bool TryFind(ReadOnlySpan<byte> name, out PackedField field)
    {
        while (TryRead(out field))
        {
            int order = field.Name.Span.SequenceCompareTo(name);
            if (order == 0)
            {
                return true;
            }

            if (order > 0)
            {
                break;
            }
        }

        field = default;
        return false;
    }

    private ulong TakeNumber()
    {
        Uvarint.Read(_rest.Span, out ulong number, out int used);
        _rest = _rest[used..];
        return number;
    }

    private ReadOnlyMemory<byte> Take(int length)
    {
        ReadOnlyMemory<byte> taken = _rest[..length];
        _rest = _rest[length..];
        return taken;
    }
}
