using System.Buffers;
using System.Buffers.Binary;
using Weft.Crypto;

namespace Weft.Log.Tree;

/// <summary>The hashes of a log: leaves, parents, whole trees, and the keys derived from names.</summary>
/// <remarks>Source: docs/spec/log.md, sections 2 and 3. All are BLAKE2b with 32 bytes of output.</remarks>
internal sealed class LogHasher
{
    private const int SmallBlock = 1_024;
    private const int HeadLength = 1 + sizeof(ulong);
    private const int RootLength = Hash32.Length + (2 * sizeof(ulong));

    public LogHasher(ICrypto crypto)
    {
        Crypto = crypto;
        TreeSpace = Namespace("hypercore"u8, 0);
        InitiatorSpace = Namespace("hypercore"u8, 1);
        ResponderSpace = Namespace("hypercore"u8, 2);
        ManifestSpace = Namespace("hypercore"u8, 3);
        DefaultNamespace = Namespace("hypercore"u8, 4);
        EncryptionSpace = Namespace("hypercore"u8, 5);
    }

    public ICrypto Crypto { get; }

    public Hash32 TreeSpace { get; }

    public Hash32 InitiatorSpace { get; }

    public Hash32 ResponderSpace { get; }

    public Hash32 ManifestSpace { get; }

    public Hash32 DefaultNamespace { get; }

    public Hash32 EncryptionSpace { get; }

    /// <summary>H(H(name), number).</summary>
    public Hash32 Namespace(ReadOnlySpan<byte> name, byte number)
    {
        Span<byte> joined = stackalloc byte[Hash32.Length + 1];
        Crypto.Blake2b([], name, joined[..Hash32.Length]);
        joined[Hash32.Length] = number;
        return Plain(joined);
    }

    public Hash32 Plain(ReadOnlySpan<byte> data) => Keyed([], data);

    public Hash32 Keyed(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data)
    {
        Span<byte> digest = stackalloc byte[Hash32.Length];
        Crypto.Blake2b(key, data, digest);
        return new(digest);
    }

    /// <summary>What peers look a log up by: it does not give the key away.</summary>
    public Hash32 DiscoveryKey(in Hash32 key) => Keyed(key.Span, "hypercore"u8);

    public Hash32 Leaf(ReadOnlySpan<byte> block)
    {
        if (block.Length <= SmallBlock)
        {
            Span<byte> small = stackalloc byte[HeadLength + block.Length];
            return Leaf(block, small);
        }

        byte[] rented = ArrayPool<byte>.Shared.Rent(HeadLength + block.Length);
        Hash32 hash = Leaf(block, rented.AsSpan(0, HeadLength + block.Length));
        ArrayPool<byte>.Shared.Return(rented, clearArray: true);
        return hash;
    }

    public TreeNode Parent(in TreeNode left, in TreeNode right)
    {
        Span<byte> joined = stackalloc byte[HeadLength + (2 * Hash32.Length)];
        long size = left.Size + right.Size;
        joined[0] = 1;
        BinaryPrimitives.WriteInt64LittleEndian(joined[1..], size);
        left.Hash.Span.CopyTo(joined[HeadLength..]);
        right.Hash.Span.CopyTo(joined[(HeadLength + Hash32.Length)..]);
        return new(FlatTree.Parent(left.Index), size, Plain(joined));
    }

    /// <summary>The hash that a signature covers: all roots with their places and sizes.</summary>
    public Hash32 Tree(ReadOnlySpan<TreeNode> roots)
    {
        Span<byte> joined = stackalloc byte[1 + (FlatTree.RootsMax * RootLength)];
        joined[0] = 2;
        int at = 1;
        foreach (ref readonly TreeNode root in roots)
        {
            root.Hash.Span.CopyTo(joined[at..]);
            BinaryPrimitives.WriteInt64LittleEndian(joined[(at + Hash32.Length)..], root.Index);
            BinaryPrimitives.WriteInt64LittleEndian(joined[(at + Hash32.Length + sizeof(long))..], root.Size);
            at += RootLength;
        }

        return Plain(joined[..at]);
    }

    private Hash32 Leaf(ReadOnlySpan<byte> block, Span<byte> joined)
    {
        joined[0] = 0;
        BinaryPrimitives.WriteInt64LittleEndian(joined[1..], block.Length);
        block.CopyTo(joined[HeadLength..]);
        return Plain(joined);
    }
}
