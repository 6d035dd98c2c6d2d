using System.Buffers;
using System.Buffers.Binary;
using System.Numerics;
using Weft.Primitives;

namespace Weft.Storage.Logs;

/// <summary>A row of up to 64 blocks: which are there (8 bytes), a number for each, then their bytes.</summary>
/// <remarks>The number is twice the length, and one more when the block has a row of its own.</remarks>
internal sealed class BlockRow
{
    private readonly ReadOnlyMemory<byte>[] _blocks = new ReadOnlyMemory<byte>[LogRowKind.BlocksPerRow];
    private ulong _there;
    private ulong _large;

    public bool IsEmpty => _there == 0;

    /// <summary>Reads one block out of a row.</summary>
    /// <returns>False when it is not there.</returns>
    public static bool TryFind(ReadOnlyMemory<byte> row, int slot, out ReadOnlyMemory<byte> block, out bool isLarge)
    {
        block = default;
        isLarge = false;
        ReadOnlySpan<byte> bytes = row.Span;
        if (bytes.Length < sizeof(ulong))
        {
            return false;
        }

        ulong there = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        if ((there >> slot & 1) == 0)
        {
            return false;
        }

        int before = BitOperations.PopCount(there & ((1UL << slot) - 1));
        int count = BitOperations.PopCount(there);
        int at = sizeof(ulong);
        long start = 0;
        long length = 0;
        for (int i = 0; i < count; i++)
        {
            if (Uvarint.Read(bytes[at..], out ulong number, out int used) != OperationStatus.Done)
            {
                return false;
            }

            at += used;
            if (i < before)
            {
                start += (number & 1) == 0 ? (long)(number >> 1) : 0;
            }
            else if (i == before)
            {
                isLarge = (number & 1) != 0;
                length = isLarge ? 0 : (long)(number >> 1);
            }
        }

        if (at + start + length > bytes.Length)
        {
            return false;
        }

        block = row.Slice(at + (int)start, (int)length);
        return true;
    }

    /// <summary>Takes in a whole row.</summary>
    public void Read(ReadOnlyMemory<byte> row)
    {
        for (int slot = 0; slot < LogRowKind.BlocksPerRow; slot++)
        {
            if (TryFind(row, slot, out ReadOnlyMemory<byte> block, out bool isLarge))
            {
                Put(slot, block, isLarge);
            }
        }
    }

    public void Put(int slot, ReadOnlyMemory<byte> block, bool isLarge)
    {
        ulong bit = 1UL << slot;
        _there |= bit;
        _large = isLarge ? _large | bit : _large & ~bit;
        _blocks[slot] = isLarge ? default : block;
    }

    public void Remove(int slot)
    {
        _there &= ~(1UL << slot);
        _large &= ~(1UL << slot);
        _blocks[slot] = default;
    }

    public void Write(IBufferWriter<byte> target)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(target.GetSpan(sizeof(ulong)), _there);
        target.Advance(sizeof(ulong));
        for (int slot = 0; slot < LogRowKind.BlocksPerRow; slot++)
        {
            if ((_there >> slot & 1) != 0)
            {
                ulong number = ((ulong)_blocks[slot].Length << 1) | (_large >> slot & 1);
                target.Advance(Uvarint.Write(target.GetSpan(Uvarint.BytesMax), number));
            }
        }

        for (int slot = 0; slot < LogRowKind.BlocksPerRow; slot++)
        {
            target.Write(_blocks[slot].Span);
        }
    }
}
