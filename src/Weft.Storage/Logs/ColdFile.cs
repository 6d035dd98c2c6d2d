using System.Buffers.Binary;
using System.IO.Compression;
using System.Security.Cryptography;
using Weft.Log;
using Weft.Storage.Sealing;

namespace Weft.Storage.Logs;

/// <summary>Blocks of a log in a file of the archive: compressed, sealed when the store is, checksummed.</summary>
/// <remarks>
/// <c>"WEFTCOLD" | version u32 | flags u32 | log key 32 | fork i64 | start i64 | count u32 | bytes u32 | body |
/// SHA-256</c>;
/// the body is Brotli over each block's length (u32) and bytes. Source: docs/spec/log.md, section 11.
/// </remarks>
internal sealed record ColdFile(Hash32 Key, long Fork, long Start, int Count, int Bytes)
{
    /// <summary>Blocks in one file.</summary>
    public const int BlocksMax = 4_096;

    /// <summary>Bytes of blocks after which a file is full; a single larger block makes one of its own.</summary>
    public const int BytesMax = 4 << 20;

    public const string Ending = ".cold";

    private const uint Version = 1;
    private const uint SealedFlag = 1;
    private const int HeaderBytes = 72;
    private const int HashBytes = 32;
    private const int RawMax = 64 << 20;
    private const int Quality = 5;

    private static ReadOnlySpan<byte> Magic => "WEFTCOLD"u8;

    public long End => Start + Count;

    /// <summary>What the file is called; it says what is in it.</summary>
    public string Name => $"{Key}-{Start:d15}-{Count}-{Fork}{Ending}";

    /// <summary>Makes a file.</summary>
    public static (ColdFile File, byte[] Content) Write(
        Hash32 key, long fork, long start, IReadOnlyList<ReadOnlyMemory<byte>> blocks, Sealer? sealer)
    {
        int raw = blocks.Sum(block => sizeof(uint) + block.Length);
        var file = new ColdFile(key, fork, start, blocks.Count, raw);
        using var packed = new MemoryStream();
        var options = new BrotliCompressionOptions { Quality = Quality };
        using (var brotli = new BrotliStream(packed, options, leaveOpen: true))
        {
            Span<byte> length = stackalloc byte[sizeof(uint)];
            foreach (ReadOnlyMemory<byte> block in blocks)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(length, (uint)block.Length);
                brotli.Write(length);
                brotli.Write(block.Span);
            }
        }

        ReadOnlySpan<byte> body = packed.GetBuffer().AsSpan(0, (int)packed.Length);
        int bodyBytes = body.Length + (sealer is null ? 0 : Sealer.Overhead);
        byte[] content = new byte[HeaderBytes + bodyBytes + HashBytes];
        file.WriteHeader(content, sealer is not null);
        Span<byte> target = content.AsSpan(HeaderBytes, bodyBytes);
        if (sealer is null)
        {
            body.CopyTo(target);
        }
        else
        {
            sealer.Seal(SealKind.Cold, body, content.AsSpan(0, HeaderBytes), target);
        }

        SHA256.HashData(content.AsSpan(0, HeaderBytes + bodyBytes), content.AsSpan(HeaderBytes + bodyBytes));
        return (file, content);
    }

    /// <summary>Reads what a file's name says; null when it is none of this archive.</summary>
    public static ColdFile? OfName(string name)
    {
        string[] parts = name.EndsWith(Ending, StringComparison.Ordinal) ? name[..^Ending.Length].Split('-') : [];
        return parts.Length == 4 && Hash32.TryParse(parts[0], out Hash32 key) && long.TryParse(parts[1], out long start)
            && int.TryParse(parts[2], out int count) && long.TryParse(parts[3], out long fork)
            && start >= 0 && count is > 0 and <= BlocksMax
            ? new ColdFile(key, fork, start, count, 0)
            : null;
    }

    /// <summary>True when the bytes are those that were written; the blocks are not looked at.</summary>
    public static bool IsWhole(ReadOnlySpan<byte> content)
    {
        if (content.Length < HeaderBytes + HashBytes || !content.StartsWith(Magic))
        {
            return false;
        }

        Span<byte> hash = stackalloc byte[HashBytes];
        SHA256.HashData(content[..^HashBytes], hash);
        return hash.SequenceEqual(content[^HashBytes..]);
    }

    /// <summary>Reads the blocks of a file.</summary>
    /// <returns>Null when it is damaged, or holds something else than its name says.</returns>
    public ReadOnlyMemory<byte>[]? Read(ReadOnlySpan<byte> content, Sealer? sealer)
    {
        if (!IsWhole(content))
        {
            return null;
        }

        ReadOnlySpan<byte> header = content[..HeaderBytes];
        int raw = BinaryPrimitives.ReadInt32LittleEndian(header[68..]);
        uint flags = BinaryPrimitives.ReadUInt32LittleEndian(header[12..]);
        bool isMine = BinaryPrimitives.ReadUInt32LittleEndian(header[8..]) == Version
            && header.Slice(16, Hash32.Length).SequenceEqual(Key.Span)
            && BinaryPrimitives.ReadInt64LittleEndian(header[48..]) == Fork
            && BinaryPrimitives.ReadInt64LittleEndian(header[56..]) == Start
            && BinaryPrimitives.ReadInt32LittleEndian(header[64..]) == Count
            && raw is > 0 and <= RawMax;
        ReadOnlySpan<byte> body = content[HeaderBytes..^HashBytes];
        if (!isMine || (flags & SealedFlag) != 0 != sealer is not null
            || (sealer is not null && body.Length < Sealer.Overhead))
        {
            return null;
        }

        if (sealer is not null)
        {
            byte[] opened = new byte[body.Length - Sealer.Overhead];
            if (!sealer.TryOpen(SealKind.Cold, body, header, opened))
            {
                return null;
            }

            body = opened;
        }

        byte[] plain = new byte[raw];
        return BrotliDecoder.TryDecompress(body, plain, out int written) && written == raw ? Split(plain) : null;
    }

    private ReadOnlyMemory<byte>[]? Split(byte[] plain)
    {
        var blocks = new ReadOnlyMemory<byte>[Count];
        int at = 0;
        for (int i = 0; i < Count; i++)
        {
            if (plain.Length - at < sizeof(uint))
            {
                return null;
            }

            uint length = BinaryPrimitives.ReadUInt32LittleEndian(plain.AsSpan(at));
            at += sizeof(uint);
            if (length > (uint)(plain.Length - at))
            {
                return null;
            }

            blocks[i] = plain.AsMemory(at, (int)length);
            at += (int)length;
        }

        return at == plain.Length ? blocks : null;
    }

    private void WriteHeader(Span<byte> target, bool isSealed)
    {
        Magic.CopyTo(target);
        BinaryPrimitives.WriteUInt32LittleEndian(target[8..], Version);
        BinaryPrimitives.WriteUInt32LittleEndian(target[12..], isSealed ? SealedFlag : 0);
        Key.Span.CopyTo(target[16..]);
        BinaryPrimitives.WriteInt64LittleEndian(target[48..], Fork);
        BinaryPrimitives.WriteInt64LittleEndian(target[56..], Start);
        BinaryPrimitives.WriteInt32LittleEndian(target[64..], Count);
        BinaryPrimitives.WriteInt32LittleEndian(target[68..], Bytes);
    }
}
