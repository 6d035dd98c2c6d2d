using System.Buffers.Binary;
using Weft.Node.Commits;
using Weft.Protocols.Blobs;

namespace Weft.Storage.Blobs;

/// <summary>What the head of a blob's file says.</summary>
/// <param name="Id">The blob.</param>
/// <param name="Size">Bytes of its content.</param>
/// <param name="IsWhole">Every chunk was flushed before this was written.</param>
/// <param name="IsPinned">It stays.</param>
/// <param name="IsDamaged">It was whole once.</param>
/// <param name="Salt">Drawn when the file was made; sealed pieces are bound to it.</param>
/// <param name="Generation">Counts the heads of a file; of two, the newer counts.</param>
internal sealed record BlobHead(
    BlobId Id, long Size, bool IsWhole, bool IsPinned, bool IsDamaged, UInt128 Salt, ulong Generation)
{
    /// <summary>Bytes of a head, not sealed.</summary>
    public const int Bytes = 128;

    /// <summary>Where the second of the two places for a head begins.</summary>
    public const int SlotBytes = 2_048;

    /// <summary>Where the content begins.</summary>
    public const int End = 2 * SlotBytes;

    private const uint Version = 1;
    private const uint WholeFlag = 1;
    private const uint PinnedFlag = 2;
    private const uint DamagedFlag = 4;
    private const int CrcAt = Bytes - sizeof(uint);

    private static ReadOnlySpan<byte> Magic => "WEFTBLOB"u8;

    /// <summary>Reads a head.</summary>
    /// <returns>Null for bytes that are none.</returns>
    public static BlobHead? Read(ReadOnlySpan<byte> bytes)
    {
        if (!bytes.StartsWith(Magic) || BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]) != Version
            || BinaryPrimitives.ReadUInt32LittleEndian(bytes[CrcAt..]) != Crc32C.Compute(bytes[..CrcAt]))
        {
            return null;
        }

        uint flags = BinaryPrimitives.ReadUInt32LittleEndian(bytes[12..]);
        long size = BinaryPrimitives.ReadInt64LittleEndian(bytes[24..]);
        return size is < 0 or > BlobLimits.BytesMax ? null : new BlobHead(
            new BlobId(bytes.Slice(48, BlobId.Length)), size, (flags & WholeFlag) != 0, (flags & PinnedFlag) != 0,
            (flags & DamagedFlag) != 0, BinaryPrimitives.ReadUInt128LittleEndian(bytes[32..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]));
    }

    /// <summary>Writes the head.</summary>
    /// <param name="target">Takes <see cref="Bytes"/>.</param>
    public void Write(Span<byte> target)
    {
        target.Clear();
        Magic.CopyTo(target);
        BinaryPrimitives.WriteUInt32LittleEndian(target[8..], Version);
        BinaryPrimitives.WriteUInt32LittleEndian(
            target[12..], (IsWhole ? WholeFlag : 0) | (IsPinned ? PinnedFlag : 0) | (IsDamaged ? DamagedFlag : 0));
        BinaryPrimitives.WriteUInt64LittleEndian(target[16..], Generation);
        BinaryPrimitives.WriteInt64LittleEndian(target[24..], Size);
        BinaryPrimitives.WriteUInt128LittleEndian(target[32..], Salt);
        Id.Span.CopyTo(target[48..]);
        BinaryPrimitives.WriteUInt32LittleEndian(target[CrcAt..], Crc32C.Compute(target[..CrcAt]));
    }
}
