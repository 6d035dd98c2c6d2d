using System.Buffers;
using System.Buffers.Binary;
using Weft.Log.Encoding;

namespace Weft.Log.Wire;

/// <summary>
/// The messages of the hypercore channel, to bytes and back. What does not fit gives null or false, never more.
/// </summary>
/// <remarks>
/// Unknown flags and bytes after a message are ignored, as the reference does. Source: docs/spec/log.md, section 8.
/// </remarks>
internal static class LogCodec
{
    private const int FlagBlock = 1;
    private const int FlagHash = 2;
    private const int FlagSeek = 4;
    private const int FlagUpgrade = 8;
    private const int FlagManifest = 16;
    private const int FlagPriority = 32;

    public static void Write(IBufferWriter<byte> target, in SyncMessage sync)
    {
        target.WriteUint((sync.CanUpgrade ? 1 : 0) | (sync.Uploading ? 2 : 0) | (sync.Downloading ? 4 : 0)
            | (sync.HasManifest ? 8 : 0) | (sync.AllowPush ? 16 : 0));
        target.WriteUint(sync.Fork);
        target.WriteUint(sync.Length);
        target.WriteUint(sync.RemoteLength);
    }

    public static bool TryRead(ReadOnlySpan<byte> bytes, out SyncMessage sync)
    {
        var reader = new CompactReader(bytes);
        long flags = reader.Uint();
        long fork = reader.Uint();
        long length = reader.Uint(LogLimits.LengthMax);
        long remoteLength = reader.Uint(LogLimits.LengthMax);
        sync = reader.IsBroken
            ? default
            : new SyncMessage(
                fork, length, remoteLength, (flags & 1) != 0, (flags & 2) != 0, (flags & 4) != 0, (flags & 8) != 0,
                (flags & 16) != 0);
        return !reader.IsBroken;
    }

    public static void Write(IBufferWriter<byte> target, LogRequest request)
    {
        target.WriteUint((request.Block is null ? 0 : FlagBlock) | (request.Hash is null ? 0 : FlagHash)
            | (request.Seek is null ? 0 : FlagSeek) | (request.Upgrade is null ? 0 : FlagUpgrade)
            | (request.Manifest ? FlagManifest : 0) | (request.Priority == 0 ? 0 : FlagPriority));
        target.WriteUint(request.Id);
        target.WriteUint(request.Fork);
        WritePair(target, request.Block?.Index, request.Block?.Nodes);
        WritePair(target, request.Hash?.Index, request.Hash?.Nodes);
        WritePair(target, request.Seek?.Bytes, request.Seek?.Padding);
        WritePair(target, request.Upgrade?.Start, request.Upgrade?.Length);
        if (request.Priority != 0)
        {
            target.WriteUint(request.Priority);
        }
    }

    public static LogRequest? ReadRequest(ReadOnlySpan<byte> bytes)
    {
        var reader = new CompactReader(bytes);
        long flags = reader.Uint();
        var request = new LogRequest
        {
            Id = reader.Uint(),
            Fork = reader.Uint(),
            Block = (flags & FlagBlock) == 0 ? null : new(reader.Uint(LogLimits.LengthMax), reader.Uint()),
            Hash = (flags & FlagHash) == 0 ? null : new(reader.Uint(), reader.Uint()),
            Seek = (flags & FlagSeek) == 0 ? null : new(reader.Uint(), reader.Uint()),
            Upgrade = (flags & FlagUpgrade) == 0
                ? null
                : new(reader.Uint(LogLimits.LengthMax), reader.Uint(LogLimits.LengthMax)),
            Manifest = (flags & FlagManifest) != 0,
            Priority = (flags & FlagPriority) == 0 ? 0 : reader.Uint(),
        };
        return reader.IsBroken ? null : request;
    }

    public static void Write(IBufferWriter<byte> target, LogProof proof)
    {
        target.WriteUint((proof.Block is null ? 0 : FlagBlock) | (proof.Hash is null ? 0 : FlagHash)
            | (proof.Seek is null ? 0 : FlagSeek) | (proof.Upgrade is null ? 0 : FlagUpgrade)
            | (proof.Manifest is null ? 0 : FlagManifest));
        target.WriteUint(proof.Request);
        target.WriteUint(proof.Fork);
        if (proof.Block is BlockProof block)
        {
            target.WriteUint(block.Index);
            target.WriteBuffer(block.Value.Span);
            target.WriteNodes(block.Nodes);
        }

        if (proof.Hash is HashProof hash)
        {
            target.WriteUint(hash.Index);
            target.WriteNodes(hash.Nodes);
        }

        if (proof.Seek is SeekProof seek)
        {
            target.WriteUint(seek.Bytes);
            target.WriteNodes(seek.Nodes);
        }

        if (proof.Upgrade is UpgradeProof upgrade)
        {
            target.WriteUint(upgrade.Start);
            target.WriteUint(upgrade.Length);
            target.WriteNodes(upgrade.Nodes);
            target.WriteNodes(upgrade.Additional);
            target.WriteBuffer(upgrade.Signature.Span);
        }

        proof.Manifest?.Encode(target);
    }

    /// <summary>Reads an answer; the block is copied, so that the bytes may be reused.</summary>
    public static LogProof? ReadProof(ReadOnlySpan<byte> bytes)
    {
        var reader = new CompactReader(bytes);
        long flags = reader.Uint();
        var proof = new LogProof
        {
            Request = reader.Uint(),
            Fork = reader.Uint(),
            Block = (flags & FlagBlock) == 0
                ? null
                : new BlockProof(
                    reader.Uint(LogLimits.LengthMax), reader.Buffer(LogLimits.BlockBytesMax).ToArray(),
                    Nodes(ref reader)),
            Hash = (flags & FlagHash) == 0 ? null : new HashProof(reader.Uint(), Nodes(ref reader)),
            Seek = (flags & FlagSeek) == 0 ? null : new SeekProof(reader.Uint(), Nodes(ref reader)),
            Upgrade = (flags & FlagUpgrade) == 0
                ? null
                : new UpgradeProof(
                    reader.Uint(LogLimits.LengthMax), reader.Uint(LogLimits.LengthMax), Nodes(ref reader),
                    Nodes(ref reader), reader.Buffer(LogLimits.SignatureBytesMax).ToArray()),
            Manifest = (flags & FlagManifest) == 0 ? null : LogManifest.Decode(ref reader),
        };
        return reader.IsBroken ? null : proof;
    }

    public static void Write(IBufferWriter<byte> target, in NoDataMessage message)
    {
        target.WriteUint(message.Request);
        target.WriteUint(message.Reason == NoDataReason.Unsaid ? 0 : 1);
        if (message.Reason != NoDataReason.Unsaid)
        {
            target.WriteUint((int)message.Reason);
        }
    }

    public static bool TryRead(ReadOnlySpan<byte> bytes, out NoDataMessage message)
    {
        var reader = new CompactReader(bytes);
        long request = reader.Uint();
        long flags = reader.Left == 0 ? 0 : reader.Uint(); // Older peers send the number alone.
        long reason = (flags & 1) == 0 ? 0 : reader.Uint(byte.MaxValue);
        message = reader.IsBroken ? default : new NoDataMessage(request, (NoDataReason)reason);
        return !reader.IsBroken;
    }

    public static void WriteCancel(IBufferWriter<byte> target, long request) => target.WriteUint(request);

    public static bool TryReadCancel(ReadOnlySpan<byte> bytes, out long request)
    {
        var reader = new CompactReader(bytes);
        request = reader.Uint();
        return !reader.IsBroken;
    }

    public static void Write(IBufferWriter<byte> target, in WantMessage want)
    {
        target.WriteUint(want.Start);
        target.WriteUint(want.Length);
        if (want.Any)
        {
            target.WriteUint(1);
        }
    }

    public static bool TryRead(ReadOnlySpan<byte> bytes, out WantMessage want)
    {
        var reader = new CompactReader(bytes);
        long start = reader.Uint(LogLimits.LengthMax);
        long length = reader.Uint(LogLimits.LengthMax);
        bool isAny = reader.Left > 0 && (reader.Uint() & 1) != 0;
        want = reader.IsBroken ? default : new WantMessage(start, length, isAny);
        return !reader.IsBroken;
    }

    public static void Write(IBufferWriter<byte> target, in RangeMessage range)
    {
        target.WriteUint((range.Drop ? 1 : 0) | (range.Length == 1 ? 2 : 0));
        target.WriteUint(range.Start);
        if (range.Length != 1)
        {
            target.WriteUint(range.Length);
        }
    }

    public static bool TryRead(ReadOnlySpan<byte> bytes, out RangeMessage range)
    {
        var reader = new CompactReader(bytes);
        long flags = reader.Uint();
        long start = reader.Uint(LogLimits.LengthMax);
        long length = (flags & 2) != 0 ? 1 : reader.Uint(LogLimits.LengthMax);
        range = reader.IsBroken ? default : new RangeMessage((flags & 1) != 0, start, length);
        return !reader.IsBroken;
    }

    public static void WriteBitfield(IBufferWriter<byte> target, long start, ReadOnlySpan<uint> words)
    {
        target.WriteUint(start);
        target.WriteUint(words.Length);
        Span<byte> bytes = target.GetSpan(Math.Max(1, words.Length * sizeof(uint)));
        for (int i = 0; i < words.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes[(i * sizeof(uint))..], words[i]);
        }

        target.Advance(words.Length * sizeof(uint));
    }

    /// <summary>Reads a bitfield message; the words are a slice of the input, little-endian, 4 bytes each.</summary>
    public static bool TryReadBitfield(ReadOnlySpan<byte> bytes, out long start, out ReadOnlySpan<byte> words)
    {
        var reader = new CompactReader(bytes);
        start = reader.Uint(LogLimits.LengthMax);
        words = reader.Bytes(reader.Count(LogLimits.ArrayItemsMax, sizeof(uint)) * sizeof(uint));
        return !reader.IsBroken;
    }

    private static void WritePair(IBufferWriter<byte> target, long? first, long? second)
    {
        if (first is long one && second is long two)
        {
            target.WriteUint(one);
            target.WriteUint(two);
        }
    }

    private static TreeNode[] Nodes(ref CompactReader reader) => reader.Nodes(LogLimits.ProofNodesMax);
}
