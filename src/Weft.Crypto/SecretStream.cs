using System.Buffers;
using System.Buffers.Binary;
using System.Numerics;
using System.Security.Cryptography;
using Weft.Crypto.Providers;

namespace Weft.Crypto;

/// <summary>
/// One direction of libsodium's secretstream (XChaCha20-Poly1305): messages in order, none changed, dropped or
/// repeated.
/// Every message has the tag 0; a peer that asks for a new key by tag is refused.
/// </summary>
/// <remarks>
/// ChaCha20 and Poly1305 are the provider's; what is done here is the composition, and HChaCha20, which it does not offer.
/// Source: docs/spec/log.md, section 8; libsodium documentation, "Encrypted streams and file
/// encryption".
/// </remarks>
public sealed class SecretStream : IDisposable
{
    /// <summary>Bytes of a key.</summary>
    public const int KeyLength = 32;

    /// <summary>Bytes of the header that the sender chooses at random, once.</summary>
    public const int HeaderLength = 24;

    /// <summary>Bytes a sealed message is longer than what it holds.</summary>
    public const int Overhead = 17;

    private const int BlockLength = 64;
    private const int NonceLength = 12;
    private const int MacLength = 16;
    private const int HashedLength = 16;
    private const int TailMax = 15 + (2 * sizeof(long));
    private const int LongMessage = 4_096;

    private readonly ICrypto _crypto;
    private readonly byte[] _key = new byte[KeyLength];
    private readonly byte[] _nonce = new byte[NonceLength];

    /// <summary>Begins a direction.</summary>
    /// <param name="crypto">The primitives.</param>
    /// <param name="key">32 bytes; copied, and cleared on dispose.</param>
    /// <param name="header">24 bytes: the sender's, random.</param>
    public SecretStream(ICrypto crypto, ReadOnlySpan<byte> key, ReadOnlySpan<byte> header)
    {
        CryptoGuard.Exactly(key, KeyLength, nameof(key));
        CryptoGuard.Exactly(header, HeaderLength, nameof(header));
        _crypto = crypto;
        HChaCha20(key, header[..HashedLength], _key);
        _nonce[0] = 1;
        header[HashedLength..].CopyTo(_nonce.AsSpan(4));
    }

    /// <summary>Seals the next message.</summary>
    /// <param name="plain">What to seal.</param>
    /// <param name="target">Takes the length of <paramref name="plain"/> plus 17.</param>
    public void Seal(ReadOnlySpan<byte> plain, Span<byte> target)
    {
        int length = plain.Length;
        byte[] bytes = ArrayPool<byte>.Shared.Rent(BlockLength + length + TailMax);
        bytes.AsSpan(0, BlockLength).Clear(); // A block with the tag, 0, in front.
        plain.CopyTo(bytes.AsSpan(BlockLength));
        Combine(bytes.AsSpan(0, BlockLength + length));
        target[0] = bytes[0];
        bytes.AsSpan(BlockLength, length).CopyTo(target[1..]);
        Span<byte> mac = target.Slice(1 + length, MacLength);
        Authenticate(bytes, length, mac);
        Advance(mac);
        ArrayPool<byte>.Shared.Return(bytes);
    }

    /// <summary>Opens the next message.</summary>
    /// <param name="message">At least 17 bytes; fewer are false.</param>
    /// <param name="target">Takes 17 bytes fewer.</param>
    /// <returns>False when it is not the next one, was changed, or asks for a new key: the connection must end
    /// then.</returns>
    public bool TryOpen(ReadOnlySpan<byte> message, Span<byte> target)
    {
        if (message.Length < Overhead)
        {
            return false;
        }

        int length = message.Length - Overhead;
        byte[] bytes = ArrayPool<byte>.Shared.Rent(BlockLength + length + TailMax);
        Span<byte> block = bytes.AsSpan(0, BlockLength);
        message.Slice(1, length).CopyTo(bytes.AsSpan(BlockLength));

        // What was authenticated is the tag's block encrypted: the first byte as it came, the key stream after it.
        block.Clear();
        _crypto.ChaCha20(_key, _nonce, 1, block);
        byte tag = (byte)(block[0] ^ message[0]);
        block[0] = message[0];
        Span<byte> mac = stackalloc byte[MacLength];
        Authenticate(bytes, length, mac);
        bool isOpened = CryptographicOperations.FixedTimeEquals(mac, message[^MacLength..]) && (tag & 2) == 0;
        if (isOpened)
        {
            Combine(bytes.AsSpan(0, BlockLength + length));
            bytes.AsSpan(BlockLength, length).CopyTo(target);
            Advance(mac);
        }

        ArrayPool<byte>.Shared.Return(bytes, clearArray: true);
        return isOpened;
    }

    /// <summary>Clears the key.</summary>
    public void Dispose() => CryptographicOperations.ZeroMemory(_key);

    /// <summary>Not the key.</summary>
    public override string ToString() => "(secret stream)";

    /// <summary>A key for ChaCha20 from a key and 16 bytes: its rounds without the last addition.</summary>
    /// <remarks>Source: draft-irtf-cfrg-xchacha-03, 2.2.</remarks>
    internal static void HChaCha20(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, Span<byte> result)
    {
        Span<uint> state = stackalloc uint[16];
        state[0] = 0x61707865;
        state[1] = 0x3320646e;
        state[2] = 0x79622d32;
        state[3] = 0x6b206574;
        for (int i = 0; i < 8; i++)
        {
            state[4 + i] = BinaryPrimitives.ReadUInt32LittleEndian(key[(4 * i)..]);
        }

        for (int i = 0; i < 4; i++)
        {
            state[12 + i] = BinaryPrimitives.ReadUInt32LittleEndian(nonce[(4 * i)..]);
        }

        for (int round = 0; round < 10; round++)
        {
            for (int column = 0; column < 4; column++)
            {
                Quarter(state, column, column + 4, column + 8, column + 12);
            }

            for (int column = 0; column < 4; column++)
            {
                Quarter(state, column, 4 + ((column + 1) % 4), 8 + ((column + 2) % 4), 12 + ((column + 3) % 4));
            }
        }

        for (int i = 0; i < 4; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(result[(4 * i)..], state[i]);
            BinaryPrimitives.WriteUInt32LittleEndian(result[(16 + (4 * i))..], state[12 + i]);
        }

        state.Clear();
    }

    private static void Quarter(Span<uint> state, int a, int b, int c, int d)
    {
        state[a] += state[b];
        state[d] = BitOperations.RotateLeft(state[d] ^ state[a], 16);
        state[c] += state[d];
        state[b] = BitOperations.RotateLeft(state[b] ^ state[c], 12);
        state[a] += state[b];
        state[d] = BitOperations.RotateLeft(state[d] ^ state[a], 8);
        state[c] += state[d];
        state[b] = BitOperations.RotateLeft(state[b] ^ state[c], 7);
    }

    /// <summary>The key stream from block 1 on. Long messages go through the quicker of the provider's ciphers.</summary>
    private void Combine(Span<byte> bytes)
    {
        if (bytes.Length < LongMessage)
        {
            _crypto.ChaCha20(_key, _nonce, 1, bytes);
            return;
        }

        // Its tag, over other bytes than this construction's, is dropped.
        byte[] combined = ArrayPool<byte>.Shared.Rent(bytes.Length + MacLength);
        _crypto.SealChaCha20Poly1305(_key, _nonce, bytes, [], combined.AsSpan(0, bytes.Length + MacLength));
        combined.AsSpan(0, bytes.Length).CopyTo(bytes);
        ArrayPool<byte>.Shared.Return(combined, clearArray: true);
    }

    /// <summary>
    /// The authenticator of the encrypted tag block and ciphertext in <paramref name="bytes"/>, which have room behind
    /// them.
    /// </summary>
    private void Authenticate(byte[] bytes, int length, Span<byte> mac)
    {
        Span<byte> key = stackalloc byte[KeyLength];
        key.Clear();
        _crypto.ChaCha20(_key, _nonce, 0, key);

        // Padded as libsodium pads, which is not to a multiple of 16: (16 - 64 + length) mod 16 zeros.
        Span<byte> end = bytes.AsSpan(BlockLength + length, (length & 15) + (2 * sizeof(long)));
        end.Clear();
        BinaryPrimitives.WriteInt64LittleEndian(end[^sizeof(long)..], BlockLength + length);
        _crypto.Poly1305(key, bytes.AsSpan(0, BlockLength + length + end.Length), mac);
        CryptographicOperations.ZeroMemory(key);
    }

    private void Advance(ReadOnlySpan<byte> mac)
    {
        for (int i = 0; i < sizeof(long); i++)
        {
            _nonce[4 + i] ^= mac[i];
        }

        uint counter = BinaryPrimitives.ReadUInt32LittleEndian(_nonce) + 1;
        BinaryPrimitives.WriteUInt32LittleEndian(_nonce, counter);
        if (counter == 0)
        {
            Rekey();
        }
    }

    /// <summary>After 2^32 messages: a new key from the old key stream, as the reference does by itself.</summary>
    private void Rekey()
    {
        Span<byte> bytes = stackalloc byte[KeyLength + sizeof(long)];
        _key.CopyTo(bytes);
        _nonce.AsSpan(4).CopyTo(bytes[KeyLength..]);
        _crypto.ChaCha20(_key, _nonce, 0, bytes);
        bytes[..KeyLength].CopyTo(_key);
        bytes[KeyLength..].CopyTo(_nonce.AsSpan(4));
        BinaryPrimitives.WriteUInt32LittleEndian(_nonce, 1);
        CryptographicOperations.ZeroMemory(bytes);
    }
}
