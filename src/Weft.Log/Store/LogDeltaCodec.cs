using System.Buffers;
using Weft.Log.Encoding;

namespace Weft.Log;

/// <summary>The bytes of a <see cref="LogDelta"/>, for the commit log and the disk tier of a store.</summary>
/// <remarks>
/// Flags, key, then what the flags name. Leaves whose blocks are in the same change are left out: whoever reads them
/// computes them from the blocks. Source: docs/spec/log.md, section 9.
/// </remarks>
public static class LogDeltaCodec
{
    private const int HeadFlag = 1;
    private const int ManifestFlag = 2;
    private const int EvidenceFlag = 4;
    private const int RecoveringFlag = 8;
    private const int RecoveredFlag = 16;
    private const int MetaFlag = 32;
    private const int TruncateFlag = 64;
    private const int ClearedFlag = 128;
    private const int ItemsMax = 1 << 26;
    private const int BytesMax = 1 << 30;
    private const int EvidenceBytesMax = 64 << 20;

    /// <summary>Writes a change.</summary>
    public static void Write(IBufferWriter<byte> target, LogDelta delta)
    {
        ArgumentNullException.ThrowIfNull(delta);
        target.WriteUint(Flags(delta));
        target.WriteFixed32(delta.Key);
        if (delta.Head is LogHead head)
        {
            target.WriteUint(head.Fork);
            target.WriteUint(head.Length);
            target.WriteUint(head.ByteLength);
            target.WriteNodes(head.Roots.ToArray());
            target.WriteBuffer(head.Signature.Span);
        }

        if (delta.Manifest is ReadOnlyMemory<byte> manifest)
        {
            target.WriteBuffer(manifest.Span);
        }

        if (delta.Evidence is LogEvidence evidence)
        {
            target.WriteBuffer(evidence.Own.Span);
            target.WriteBuffer(evidence.Other.Span);
        }

        if (delta.Meta is ReadOnlyMemory<byte> meta)
        {
            target.WriteBuffer(meta.Span);
        }

        if (delta.TruncateTo is long length)
        {
            target.WriteUint(length);
        }

        if (delta.Cleared is LogBitRange cleared)
        {
            target.WriteUint(cleared.Start);
            target.WriteUint(cleared.Length);
        }

        WriteItems(target, delta);
    }

    /// <summary>Reads a change.</summary>
    /// <param name="rest">The bytes; takes what is behind the change.</param>
    /// <param name="delta">The change; null when it cannot be read.</param>
    /// <returns>False for other bytes.</returns>
    public static bool TryRead(ref ReadOnlySpan<byte> rest, out LogDelta? delta)
    {
        var reader = new CompactReader(rest);
        long flags = reader.Uint(255);
        Hash32 key = reader.Fixed32();
        LogHead? head = (flags & HeadFlag) != 0 ? ReadHead(ref reader) : null;
        ReadOnlyMemory<byte>? manifest = Optional(ref reader, flags & ManifestFlag, LogLimits.ManifestBytesMax);
        LogEvidence? evidence = (flags & EvidenceFlag) != 0
            ? new LogEvidence(
                reader.Buffer(EvidenceBytesMax).ToArray(), reader.Buffer(EvidenceBytesMax).ToArray())
            : null;
        ReadOnlyMemory<byte>? meta = Optional(ref reader, flags & MetaFlag, LogLimits.ManifestBytesMax);
        long? truncateTo = (flags & TruncateFlag) != 0 ? reader.Uint() : null;
        LogBitRange? cleared = (flags & ClearedFlag) != 0
            ? new LogBitRange(reader.Uint(), reader.Uint(), false)
            : null;
        TreeNode[] nodes = reader.Nodes(ItemsMax);
        KeyValuePair<long, ReadOnlyMemory<byte>>[] blocks = ReadBlocks(ref reader);
        LogBitRange[] bits = ReadBits(ref reader);
        bool isRead = !reader.IsBroken;
        delta = !isRead ? null : new LogDelta
        {
            Key = key,
            Head = head,
            Manifest = manifest,
            Evidence = evidence,
            IsRecovering = (flags & (RecoveringFlag | RecoveredFlag)) == 0 ? null : (flags & RecoveringFlag) != 0,
            Meta = meta,
            TruncateTo = truncateTo,
            Cleared = cleared,
            Nodes = nodes,
            Blocks = blocks,
            Bits = bits,
        };
        rest = isRead ? rest[^reader.Left..] : rest;
        return isRead;
    }

    private static int Flags(LogDelta delta) =>
        (delta.Head is null ? 0 : HeadFlag)
        | (delta.Manifest is null ? 0 : ManifestFlag)
        | (delta.Evidence is null ? 0 : EvidenceFlag)
        | (delta.IsRecovering is bool recovering ? recovering ? RecoveringFlag : RecoveredFlag : 0)
        | (delta.Meta is null ? 0 : MetaFlag)
        | (delta.TruncateTo is null ? 0 : TruncateFlag)
        | (delta.Cleared is null ? 0 : ClearedFlag);

    private static void WriteItems(IBufferWriter<byte> target, LogDelta delta)
    {
        long first = delta.Blocks.Count == 0 ? 0 : delta.Blocks[0].Key;
        bool isRun = delta.Blocks.Count > 0 && delta.Blocks[^1].Key - first == delta.Blocks.Count - 1;
        int kept = 0;
        for (int i = 0; i < delta.Nodes.Count; i++)
        {
            kept += IsLeft(delta.Nodes[i].Index) ? 0 : 1;
        }

        target.WriteUint(kept);
        for (int i = 0; i < delta.Nodes.Count; i++)
        {
            TreeNode node = delta.Nodes[i];
            if (!IsLeft(node.Index))
            {
                target.WriteUint(node.Index);
                target.WriteUint(node.Size);
                target.WriteFixed32(node.Hash);
            }
        }

        target.WriteUint(delta.Blocks.Count);
        for (int i = 0; i < delta.Blocks.Count; i++)
        {
            target.WriteUint(delta.Blocks[i].Key);
            target.WriteBuffer(delta.Blocks[i].Value.Span);
        }

        target.WriteUint(delta.Bits.Count);
        for (int i = 0; i < delta.Bits.Count; i++)
        {
            target.WriteUint(delta.Bits[i].Start);
            target.WriteUint(delta.Bits[i].Length);
            target.WriteUint(delta.Bits[i].IsSet ? 1 : 0);
        }

        bool IsLeft(long index) =>
            isRun && (index & 1) == 0 && index / 2 >= first && index / 2 < first + delta.Blocks.Count;
    }

    private static ReadOnlyMemory<byte>? Optional(ref CompactReader reader, long flag, int max) =>
        flag == 0 ? null : (ReadOnlyMemory<byte>?)reader.Buffer(max).ToArray();

    private static LogHead ReadHead(ref CompactReader reader) => new(
        reader.Uint(), reader.Uint(), reader.Uint(), reader.Nodes(LogLimits.ProofNodesMax),
        reader.Buffer(LogLimits.SignatureBytesMax).ToArray());

    private static KeyValuePair<long, ReadOnlyMemory<byte>>[] ReadBlocks(ref CompactReader reader)
    {
        int count = reader.Count(ItemsMax, 2);
        var blocks = new KeyValuePair<long, ReadOnlyMemory<byte>>[count];
        for (int i = 0; i < count; i++)
        {
            blocks[i] = new(reader.Uint(), reader.Buffer(BytesMax).ToArray());
        }

        return reader.IsBroken ? [] : blocks;
    }

    private static LogBitRange[] ReadBits(ref CompactReader reader)
    {
        int count = reader.Count(ItemsMax, 3);
        var bits = new LogBitRange[count];
        for (int i = 0; i < count; i++)
        {
            bits[i] = new LogBitRange(reader.Uint(), reader.Uint(), reader.Uint(1) == 1);
        }

        return reader.IsBroken ? [] : bits;
    }
}
