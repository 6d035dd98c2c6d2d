using System.Buffers;
using System.Buffers.Binary;
using System.Numerics;
using Weft.Log;
using Weft.Primitives;

namespace Weft.Storage.Logs;

/// <summary>A row of up to 127 nodes: which are there (16 bytes), then size and hash of each.</summary>
internal sealed class NodeRow
{
    private const int MaskBytes = 16;
    private const int Slots = 127;

    private readonly TreeNode[] _nodes = new TreeNode[Slots];
    private UInt128 _there;

    public bool IsEmpty => _there == 0;

    /// <summary>Reads one node out of a row.</summary>
    /// <returns>False when it is not there.</returns>
    public static bool TryFind(ReadOnlySpan<byte> row, int slot, long index, out TreeNode node)
    {
        node = default;
        if (row.Length < MaskBytes)
        {
            return false;
        }

        UInt128 there = BinaryPrimitives.ReadUInt128LittleEndian(row);
        if ((there >> slot & 1) == 0)
        {
            return false;
        }

        UInt128 below = there & ((UInt128.One << slot) - 1);
        int before = BitOperations.PopCount((ulong)below) + BitOperations.PopCount((ulong)(below >> 64));
        ReadOnlySpan<byte> rest = row[MaskBytes..];
        for (int i = 0; ; i++)
        {
            if (Uvarint.Read(rest, out ulong size, out int used) != OperationStatus.Done
                || rest.Length < used + Hash32.Length)
            {
                return false;
            }

            if (i == before)
            {
                node = new TreeNode(index, (long)size, new Hash32(rest.Slice(used, Hash32.Length)));
                return true;
            }

            rest = rest[(used + Hash32.Length)..];
        }
    }

    /// <summary>Takes in a whole row.</summary>
    public void Read(ReadOnlySpan<byte> row)
    {
        for (int slot = 0; slot < Slots; slot++)
        {
            if (TryFind(row, slot, 0, out TreeNode node))
            {
                Put(slot, node);
            }
        }
    }

    public bool Has(int slot) => (_there >> slot & 1) != 0;

    public void Put(int slot, in TreeNode node)
    {
        _there |= UInt128.One << slot;
        _nodes[slot] = node;
    }

    public void Remove(int slot) => _there &= ~(UInt128.One << slot);

    public void Write(IBufferWriter<byte> target)
    {
        BinaryPrimitives.WriteUInt128LittleEndian(target.GetSpan(MaskBytes), _there);
        target.Advance(MaskBytes);
        for (int slot = 0; slot < Slots; slot++)
        {
            if (Has(slot))
            {
                target.Advance(Uvarint.Write(target.GetSpan(Uvarint.BytesMax), (ulong)_nodes[slot].Size));
                target.Write(_nodes[slot].Hash.Span);
            }
        }
    }
}
