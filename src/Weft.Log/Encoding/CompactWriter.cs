using System.Buffers;
using System.Buffers.Binary;

namespace Weft.Log.Encoding;

/// <summary>Writes compact-encoding: every number in its shortest form.</summary>
/// <remarks>Source: docs/spec/log.md, section 1.</remarks>
internal static class CompactWriter
{
    /// <summary>Bytes that <see cref="WriteUint"/> takes.</summary>
    public static int UintLength(long value) => value switch
    {
        <= 0xfc => 1,
        <= ushort.MaxValue => 3,
        <= uint.MaxValue => 5,
        _ => 9,
    };

    public static void WriteUint(this IBufferWriter<byte> target, long value) =>
        target.Advance(PutUint(target.GetSpan(9), value));

    /// <summary>Writes a number to the start of a span; gives how many bytes it took.</summary>
    public static int PutUint(Span<byte> bytes, long value)
    {
        int length = UintLength(value);
        switch (length)
        {
            case 1:
                bytes[0] = (byte)value;
                break;
            case 3:
                bytes[0] = 0xfd;
                BinaryPrimitives.WriteUInt16LittleEndian(bytes[1..], (ushort)value);
                break;
            case 5:
                bytes[0] = 0xfe;
                BinaryPrimitives.WriteUInt32LittleEndian(bytes[1..], (uint)value);
                break;
            default:
                bytes[0] = 0xff;
                BinaryPrimitives.WriteUInt64LittleEndian(bytes[1..], (ulong)value);
                break;
        }

        return length;
    }

    public static void WriteFixed32(this IBufferWriter<byte> target, in Hash32 value) => target.Write(value.Span);

    public static void WriteBuffer(this IBufferWriter<byte> target, ReadOnlySpan<byte> value)
    {
        target.WriteUint(value.Length);
        target.Write(value);
    }

    public static void WriteNodes(this IBufferWriter<byte> target, IReadOnlyList<TreeNode> nodes)
    {
        target.WriteUint(nodes.Count);
        for (int i = 0; i < nodes.Count; i++)
        {
            TreeNode node = nodes[i];
            target.WriteUint(node.Index);
            target.WriteUint(node.Size);
            target.WriteFixed32(node.Hash);
        }
    }

    /// <summary>Reads what <see cref="WriteNodes"/> writes.</summary>
    public static TreeNode[] Nodes(this ref CompactReader reader, int max)
    {
        int count = reader.Count(max, 2 + Hash32.Length);
        var nodes = new TreeNode[count];
        for (int i = 0; i < count; i++)
        {
            long index = reader.Uint();
            long size = reader.Uint();
            nodes[i] = new TreeNode(index, size, reader.Fixed32());
        }

        return reader.IsBroken ? [] : nodes;
    }
}
