using System.Buffers.Binary;
using System.Security.Cryptography;
using Weft.Crypto;
using Weft.Log.Tree;

namespace Weft.Log;

/// <summary>
/// Encrypts the blocks of one log, so that peers without the key can keep and serve them but not read them. The tree
/// covers the encrypted blocks: it is what tells a changed one.
/// </summary>
/// <remarks>
/// The same block number and fork twice with different text gives the same key stream: a log restored from a backup
/// must
/// learn its highest signed length first. Source: docs/spec/log.md, section 7.
/// </remarks>
internal sealed class BlockCipher : IDisposable
{
    /// <summary>Bytes by which an encrypted block is longer.</summary>
    public const int Padding = 8;

    private readonly byte[] _blockKey;
    private readonly byte[] _blindingKey;

    private BlockCipher(LogHasher hasher, ReadOnlySpan<byte> blockKey)
    {
        _blockKey = blockKey.ToArray();
        _blindingKey = hasher.Plain(blockKey).Span.ToArray();
    }

    /// <summary>The cipher of a log from the secret shared by its readers.</summary>
    public static BlockCipher Create(LogHasher hasher, in Hash32 logKey, ReadOnlySpan<byte> secret, bool isCompat)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(secret.Length, XSalsa20.KeyLength, nameof(secret));
        Span<byte> joined = stackalloc byte[3 * Hash32.Length];
        hasher.EncryptionSpace.Span.CopyTo(joined);
        logKey.Span.CopyTo(joined[Hash32.Length..]);
        secret.CopyTo(joined[(2 * Hash32.Length)..]);
        Hash32 key = isCompat ? hasher.Keyed(logKey.Span, secret) : hasher.Plain(joined);
        CryptographicOperations.ZeroMemory(joined);
        return new BlockCipher(hasher, key.Span);
    }

    /// <summary>The cipher with a block key that was derived elsewhere.</summary>
    public static BlockCipher FromBlockKey(LogHasher hasher, ReadOnlySpan<byte> blockKey) => new(hasher, blockKey);

    /// <summary>Encrypts a block; the result is 8 bytes longer.</summary>
    public byte[] Encrypt(long index, long fork, ReadOnlySpan<byte> plain)
    {
        byte[] block = new byte[Padding + plain.Length];
        Span<byte> nonce = stackalloc byte[XSalsa20.NonceLength];
        nonce.Clear();
        BinaryPrimitives.WriteInt64LittleEndian(nonce, index);
        BinaryPrimitives.WriteInt64LittleEndian(block, fork);
        XSalsa20.Apply(_blindingKey, nonce, block.AsSpan(0, Padding), block.AsSpan(0, Padding));
        block.AsSpan(0, Padding).CopyTo(nonce[sizeof(long)..]);
        XSalsa20.Apply(_blockKey, nonce, plain, block.AsSpan(Padding));
        return block;
    }

    /// <summary>Decrypts a block; null when it is too short to be one.</summary>
    public byte[]? Decrypt(long index, ReadOnlySpan<byte> block)
    {
        if (block.Length < Padding)
        {
            return null;
        }

        Span<byte> nonce = stackalloc byte[XSalsa20.NonceLength];
        nonce.Clear();
        BinaryPrimitives.WriteInt64LittleEndian(nonce, index);
        block[..Padding].CopyTo(nonce[sizeof(long)..]);
        byte[] plain = new byte[block.Length - Padding];
        XSalsa20.Apply(_blockKey, nonce, block[Padding..], plain);
        return plain;
    }

    /// <summary>Clears the keys.</summary>
    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_blockKey);
        CryptographicOperations.ZeroMemory(_blindingKey);
    }

    /// <summary>Not the keys.</summary>
    public override string ToString() => "(block cipher)";

    internal ReadOnlySpan<byte> BlockKey => _blockKey;

    internal ReadOnlySpan<byte> BlindingKey => _blindingKey;
}
