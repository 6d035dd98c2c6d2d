using System.Buffers.Binary;
using System.Runtime.Versioning;
using System.Security.Cryptography;

namespace Weft.Crypto.Providers;

/// <summary>
/// AES-256-GCM with nonces of any length but 12, which the .NET library does not offer: AES by the library, counter
/// mode and GHASH here. SEA's nonces have 15 bytes.
/// </summary>
/// <remarks>
/// GHASH multiplies bit by bit under masks: neither branches nor table look-ups depend on the key. That is slow, a
/// few MiB/s, and enough for values of a graph. Source: NIST SP 800-38D, sections 6 and 7.
/// </remarks>
[UnsupportedOSPlatform("browser")]
internal static class PlatformGcm
{
    private const int Block = 16;
    private const int ChunkLength = 1_024;

    internal static void Seal(
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> plain, ReadOnlySpan<byte> associated,
        Span<byte> sealedBytes)
    {
        using Aes aes = Start(key, nonce, out UInt128 hashKey, out UInt128 counter);
        Span<byte> cipher = sealedBytes[..plain.Length];
        ApplyKeyStream(aes, counter, plain, cipher);
        Tag(aes, hashKey, counter, associated, cipher, sealedBytes[plain.Length..]);
    }

    internal static bool Open(
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> sealedBytes, ReadOnlySpan<byte> associated,
        Span<byte> plain)
    {
        using Aes aes = Start(key, nonce, out UInt128 hashKey, out UInt128 counter);
        ReadOnlySpan<byte> cipher = sealedBytes[..plain.Length];
        Span<byte> tag = stackalloc byte[Block];
        Tag(aes, hashKey, counter, associated, cipher, tag);
        if (!CryptographicOperations.FixedTimeEquals(tag, sealedBytes[plain.Length..]))
        {
            plain.Clear();
            return false;
        }

        ApplyKeyStream(aes, counter, cipher, plain);
        return true;
    }

    private static Aes Start(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, out UInt128 hashKey, out UInt128 counter)
    {
        Aes aes = Aes.Create();
        aes.SetKey(key);
        Span<byte> block = stackalloc byte[Block];
        block.Clear();
        aes.EncryptEcb(block, block, PaddingMode.None);
        hashKey = BinaryPrimitives.ReadUInt128BigEndian(block);
        CryptographicOperations.ZeroMemory(block);
        counter = Multiply(Absorb(0, hashKey, nonce) ^ (UInt128)((ulong)nonce.Length * 8), hashKey);
        return aes;
    }

    private static void Tag(
        Aes aes, UInt128 hashKey, UInt128 counter, ReadOnlySpan<byte> associated, ReadOnlySpan<byte> cipher,
        Span<byte> tag)
    {
        UInt128 hash = Absorb(Absorb(0, hashKey, associated), hashKey, cipher);
        var lengths = new UInt128((ulong)associated.Length * 8, (ulong)cipher.Length * 8);
        hash = Multiply(hash ^ lengths, hashKey);
        Span<byte> mask = stackalloc byte[Block];
        BinaryPrimitives.WriteUInt128BigEndian(mask, counter);
        aes.EncryptEcb(mask, mask, PaddingMode.None);
        BinaryPrimitives.WriteUInt128BigEndian(tag, hash ^ BinaryPrimitives.ReadUInt128BigEndian(mask));
    }

    private static void ApplyKeyStream(Aes aes, UInt128 counter, ReadOnlySpan<byte> source, Span<byte> target)
    {
        Span<byte> stream = stackalloc byte[ChunkLength];
        while (!source.IsEmpty)
        {
            int length = Math.Min(ChunkLength, source.Length);
            int padded = (length + Block - 1) / Block * Block;
            for (int at = 0; at < padded; at += Block)
            {
                counter = Next(counter);
                BinaryPrimitives.WriteUInt128BigEndian(stream[at..], counter);
            }

            aes.EncryptEcb(stream[..padded], stream[..padded], PaddingMode.None);
            for (int i = 0; i < length; i++)
            {
                target[i] = (byte)(source[i] ^ stream[i]);
            }

            source = source[length..];
            target = target[length..];
        }

        CryptographicOperations.ZeroMemory(stream);
    }

    // Only the last 32 bits count on, and they wrap.
    private static UInt128 Next(UInt128 counter) =>
        (counter & ~(UInt128)uint.MaxValue) | unchecked((uint)counter + 1);

    private static UInt128 Absorb(UInt128 hash, UInt128 hashKey, ReadOnlySpan<byte> data)
    {
        while (data.Length >= Block)
        {
            hash = Multiply(hash ^ BinaryPrimitives.ReadUInt128BigEndian(data), hashKey);
            data = data[Block..];
        }

        if (!data.IsEmpty)
        {
            Span<byte> last = stackalloc byte[Block];
            last.Clear();
            data.CopyTo(last);
            hash = Multiply(hash ^ BinaryPrimitives.ReadUInt128BigEndian(last), hashKey);
        }

        return hash;
    }

    // In the field of 2^128 elements; bit 0 is the highest bit of the first byte.
    private static UInt128 Multiply(UInt128 left, UInt128 right)
    {
        UInt128 reduction = (UInt128)0xe1 << 120;
        UInt128 product = 0;
        for (int bit = 127; bit >= 0; bit--)
        {
            product ^= right & (0 - ((left >> bit) & 1));
            right = (right >> 1) ^ (reduction & (0 - (right & 1)));
        }

        return product;
    }
}
