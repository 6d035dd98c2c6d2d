using System.Buffers;
using System.Buffers.Binary;
using System.Numerics;
using System.Security.Cryptography;
using Org.BouncyCastle.Crypto.Engines;
using Org.BouncyCastle.Crypto.Macs;
using Org.BouncyCastle.Crypto.Parameters;
using Weft.Crypto.Providers;

namespace Weft.Crypto;

/// <summary>
/// One direction of libsodium's secretstream (XChaCha20-Poly1305): messages in order, none changed, dropped or
/// repeated.
/// Every message has the tag 0; a peer that asks for a new key by tag is refused.
/// </summary>
/// <remarks>
/// The key stream comes from the provider's ChaCha20-Poly1305 (its tag is dropped), the first block from BouncyCastle's
/// ChaCha20, the authenticator from BouncyCastle's Poly1305; what is done here is the composition, and HChaCha20, which
/// neither offers. Source: docs/spec/log.md, section 8; libsodium documentation, "Encrypted streams and file
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
        byte[] bytes = ArrayPool<byte>.Shared.Rent(BlockLength + length);
        bytes.AsSpan(0, BlockLength).Clear(); // A block with the tag, 0, in front.
        plain.CopyTo(bytes.AsSpan(BlockLength));
        byte[] stream = ArrayPool<byte>.Shared.Rent(BlockLength + length + MacLength);
        Span<byte> result = stream.AsSpan(0, BlockLength + length + MacLength);
        _crypto.SealChaCha20Poly1305(_key, _nonce, bytes.AsSpan(0, BlockLength + length), [], result);
        target[0] = result[0];
        result.Slice(BlockLength, length).CopyTo(target[1..]);
        Span<byte> mac = target.Slice(1 + length, MacLength);
        Authenticate(stream, length, mac);
        Advance(mac);
        ArrayPool<byte>.Shared.Return(bytes, clearArray: true);
        ArrayPool<byte>.Shared.Return(stream);
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
        byte[] sealedBytes = ArrayPool<byte>.Shared.Rent(BlockLength + length);
        byte[] opened = ArrayPool<byte>.Shared.Rent(BlockLength + length + MacLength);
        Span<byte> result = opened.AsSpan(0, BlockLength + length + MacLength);
        sealedBytes.AsSpan(0, BlockLength).Clear();
        sealedBytes[0] = message[0];
        message.Slice(1, length).CopyTo(sealedBytes.AsSpan(BlockLength));

        // The cipher only combines with its key stream, so that sealing also opens; it is used before the check, and
        // nothing of it leaves before the check has passed.
        _crypto.SealChaCha20Poly1305(_key, _nonce, sealedBytes.AsSpan(0, BlockLength + length), [], result);
        byte tag = result[0];

        // What was authenticated is the tag's block encrypted: the first byte as it came, the key stream after it.
        result[..BlockLength].CopyTo(sealedBytes);
        sealedBytes[0] = message[0];
        Span<byte> mac = stackalloc byte[MacLength];
        Authenticate(sealedBytes, length, mac);
        bool isOpened = CryptographicOperations.FixedTimeEquals(mac, message[^MacLength..]) && (tag & 2) == 0;
        if (isOpened)
        {
            result.Slice(BlockLength, length).CopyTo(target);
            Advance(mac);
        }

        ArrayPool<byte>.Shared.Return(sealedBytes);
        ArrayPool<byte>.Shared.Return(opened, clearArray: true);
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

    /// <summary>The authenticator of the encrypted tag block and ciphertext in <paramref name="bytes"/>.</summary>
    private void Authenticate(byte[] bytes, int length, Span<byte> mac)
    {
        byte[] key = new byte[KeyLength];
        var engine = new ChaCha7539Engine();
        engine.Init(true, new ParametersWithIV(new KeyParameter(_key), _nonce));
        engine.ProcessBytes(key, 0, KeyLength, key, 0);
        var poly = new Poly1305();
        poly.Init(new KeyParameter(key));
        poly.BlockUpdate(bytes, 0, BlockLength + length);

        // Padded as libsodium pads, which is not to a multiple of 16: (16 - 64 + length) mod 16 zeros.
        byte[] end = new byte[MacLength + (2 * sizeof(long))];
        int padding = length & 15;
        BinaryPrimitives.WriteInt64LittleEndian(end.AsSpan(padding + sizeof(long)), BlockLength + length);
        poly.BlockUpdate(end, 0, padding + (2 * sizeof(long)));
        byte[] result = new byte[MacLength];
        poly.DoFinal(result, 0);
        result.CopyTo(mac);
        engine.Reset();
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
        byte[] bytes = new byte[KeyLength + sizeof(long)];
        _key.CopyTo(bytes, 0);
        _nonce.AsSpan(4).CopyTo(bytes.AsSpan(KeyLength));
        var engine = new ChaCha7539Engine();
        engine.Init(true, new ParametersWithIV(new KeyParameter(_key), _nonce));
        engine.ProcessBytes(bytes, 0, bytes.Length, bytes, 0);
        bytes.AsSpan(0, KeyLength).CopyTo(_key);
        bytes.AsSpan(KeyLength).CopyTo(_nonce.AsSpan(4));
        BinaryPrimitives.WriteUInt32LittleEndian(_nonce, 1);
        engine.Reset();
        CryptographicOperations.ZeroMemory(bytes);
    }
}
