using System.Security.Cryptography;
using Weft.Crypto;

namespace Weft.Log.Wire;

/// <summary>
/// One side of Hypercore's handshake: Noise XX with Ed25519 keys, ChaCha20-Poly1305 and BLAKE2b-512, without payloads.
/// Three messages: 32 bytes, 96 back, 64. Pure.
/// </summary>
/// <remarks>Source: docs/spec/log.md, section 8; The Noise Protocol Framework, revision 34, with another
/// Diffie-Hellman.</remarks>
internal sealed class SecretHandshake : IDisposable
{
    private const int KeyLength = 32;
    private const int HashLength = 64;
    private const int HashBlock = 128;
    private const int TagLength = 16;
    private const int FirstLength = KeyLength;
    private const int SecondLength = KeyLength + KeyLength + TagLength + TagLength;
    private const int ThirdLength = KeyLength + TagLength + TagLength;

    private readonly ICrypto _crypto;
    private readonly bool _isInitiator;
    private readonly byte[] _static;
    private readonly byte[] _ephemeral;
    private readonly byte[] _hash = new byte[HashLength];
    private readonly byte[] _chain = new byte[HashLength];
    private readonly byte[] _key = new byte[KeyLength];
    private readonly byte[] _remoteStatic = new byte[KeyLength];
    private readonly byte[] _remoteEphemeral = new byte[KeyLength];
    private ulong _nonce;
    private int _message;

    /// <summary>Begins a handshake.</summary>
    /// <param name="crypto">The primitives.</param>
    /// <param name="isInitiator">True for the side that sends first.</param>
    /// <param name="staticSeed">32 bytes, the side's Ed25519 seed; copied and cleared.</param>
    /// <param name="ephemeralSeed">32 random bytes for this handshake alone; copied and cleared.</param>
    public SecretHandshake(
        ICrypto crypto, bool isInitiator, ReadOnlySpan<byte> staticSeed, ReadOnlySpan<byte> ephemeralSeed)
    {
        _crypto = crypto;
        _isInitiator = isInitiator;
        _static = staticSeed.ToArray();
        _ephemeral = ephemeralSeed.ToArray();
        "Noise_XX_Ed25519_ChaChaPoly_BLAKE2b"u8.CopyTo(_hash);
        _hash.CopyTo(_chain, 0);
        MixHash([]);
    }

    /// <summary>True when all three messages were exchanged.</summary>
    public bool IsComplete => _message == 3;

    /// <summary>The length of the message that is expected next; another is refused before it is read.</summary>
    public int NextLength => _message switch { 0 => FirstLength, 1 => SecondLength, _ => ThirdLength };

    /// <summary>The hash of the whole exchange, 64 bytes: what later proofs are bound to.</summary>
    public ReadOnlySpan<byte> Hash => _hash;

    /// <summary>The other's Ed25519 public key, once complete.</summary>
    public Hash32 RemoteKey => new(_remoteStatic);

    /// <summary>Writes the next message; empty when the other's key agrees with nobody.</summary>
    public byte[] Write()
    {
        byte[] message = new byte[NextLength];
        bool isDone = _message switch
        {
            0 => WriteEphemeral(message) && WriteSealed([], message.AsSpan(KeyLength)),
            1 => WriteEphemeral(message) && Agree(_ephemeral, _remoteEphemeral)
                && WriteSealed(PublicKey(_static), message.AsSpan(KeyLength, KeyLength + TagLength))
                && Agree(_static, _remoteEphemeral)
                && WriteSealed([], message.AsSpan((2 * KeyLength) + TagLength)),
            _ => WriteSealed(PublicKey(_static), message.AsSpan(0, KeyLength + TagLength))
                && Agree(_static, _remoteEphemeral)
                && WriteSealed([], message.AsSpan(KeyLength + TagLength)),
        };
        _message++;
        return isDone ? message : [];
    }

    /// <summary>Reads the next message; false when it is not what the handshake expects, and it is over then.</summary>
    public bool TryRead(ReadOnlySpan<byte> message)
    {
        if (IsComplete || message.Length != NextLength)
        {
            return false;
        }

        bool isDone = _message switch
        {
            0 => ReadEphemeral(message) && TryReadSealed(message[KeyLength..], []),
            1 => ReadEphemeral(message) && Agree(_ephemeral, _remoteEphemeral)
                && TryReadSealed(message.Slice(KeyLength, KeyLength + TagLength), _remoteStatic)
                && Agree(_ephemeral, _remoteStatic)
                && TryReadSealed(message[((2 * KeyLength) + TagLength)..], []),
            _ => TryReadSealed(message[..(KeyLength + TagLength)], _remoteStatic)
                && Agree(_ephemeral, _remoteStatic)
                && TryReadSealed(message[(KeyLength + TagLength)..], []),
        };
        _message++;
        return isDone;
    }

    /// <summary>
    /// The two keys: what this side sends with, and what it receives with. Take them once, then dispose.
    /// </summary>
    public void Split(Span<byte> send, Span<byte> receive)
    {
        Span<byte> first = stackalloc byte[HashLength];
        Span<byte> second = stackalloc byte[HashLength];
        Expand([], first, second);
        (_isInitiator ? first : second)[..KeyLength].CopyTo(send);
        (_isInitiator ? second : first)[..KeyLength].CopyTo(receive);
        CryptographicOperations.ZeroMemory(first);
        CryptographicOperations.ZeroMemory(second);
    }

    /// <summary>Clears every secret.</summary>
    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_static);
        CryptographicOperations.ZeroMemory(_ephemeral);
        CryptographicOperations.ZeroMemory(_chain);
        CryptographicOperations.ZeroMemory(_key);
    }

    /// <summary>Not the keys.</summary>
    public override string ToString() => "(hypercore handshake)";

    private byte[] PublicKey(ReadOnlySpan<byte> seed)
    {
        byte[] key = new byte[KeyLength];
        _crypto.PublicKeyEd25519(seed, key);
        return key;
    }

    private bool WriteEphemeral(Span<byte> message)
    {
        PublicKey(_ephemeral).CopyTo(message);
        MixHash(message[..KeyLength]);
        return true;
    }

    private bool ReadEphemeral(ReadOnlySpan<byte> message)
    {
        message[..KeyLength].CopyTo(_remoteEphemeral);
        MixHash(_remoteEphemeral);
        return true;
    }

    private bool WriteSealed(ReadOnlySpan<byte> plain, Span<byte> target)
    {
        if (_message > 0) // The first message has no key yet, and nothing in it but the ephemeral key.
        {
            Span<byte> nonce = stackalloc byte[12];
            Nonce(nonce);
            _crypto.SealChaCha20Poly1305(_key, nonce, plain, _hash, target);
        }

        MixHash(target);
        return true;
    }

    private bool TryReadSealed(ReadOnlySpan<byte> bytes, Span<byte> plain)
    {
        if (_message > 0)
        {
            Span<byte> nonce = stackalloc byte[12];
            Nonce(nonce);
            if (!_crypto.OpenChaCha20Poly1305(_key, nonce, bytes, _hash, plain))
            {
                return false;
            }
        }

        MixHash(bytes);
        return true;
    }

    private void Nonce(Span<byte> nonce)
    {
        nonce.Clear();
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(nonce[4..], _nonce++);
    }

    private bool Agree(ReadOnlySpan<byte> seed, ReadOnlySpan<byte> publicKey)
    {
        Span<byte> shared = stackalloc byte[KeyLength];
        bool isAgreed = Ed25519Agreement.TryAgree(_crypto, seed, publicKey, shared);
        Span<byte> key = stackalloc byte[HashLength];
        Span<byte> chain = stackalloc byte[HashLength];
        Expand(shared, chain, key);
        chain.CopyTo(_chain);
        key[..KeyLength].CopyTo(_key);
        _nonce = 0;
        CryptographicOperations.ZeroMemory(shared);
        CryptographicOperations.ZeroMemory(key);
        CryptographicOperations.ZeroMemory(chain);
        return isAgreed;
    }

    private void MixHash(ReadOnlySpan<byte> data)
    {
        Span<byte> joined = stackalloc byte[HashLength + SecondLength];
        _hash.CopyTo(joined);
        data.CopyTo(joined[HashLength..]);
        _crypto.Blake2b([], joined[..(HashLength + data.Length)], _hash);
    }

    /// <summary>HKDF of Noise with HMAC-BLAKE2b-512: two outputs from the chaining key.</summary>
    private void Expand(ReadOnlySpan<byte> input, Span<byte> first, Span<byte> second)
    {
        Span<byte> key = stackalloc byte[HashLength];
        Span<byte> block = stackalloc byte[HashLength + 1];
        Hmac(_chain, input, key);
        Hmac(key, [1], first);
        first.CopyTo(block);
        block[HashLength] = 2;
        Hmac(key, block, second);
        CryptographicOperations.ZeroMemory(key);
        CryptographicOperations.ZeroMemory(block);
    }

    /// <summary>HMAC (RFC 2104) over BLAKE2b-512, for keys of at most one block and short data.</summary>
    private void Hmac(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> mac)
    {
        Span<byte> inner = stackalloc byte[HashBlock + HashLength + 1];
        Span<byte> outer = stackalloc byte[HashBlock + HashLength];
        inner[..HashBlock].Fill(0x36);
        outer[..HashBlock].Fill(0x5c);
        for (int i = 0; i < key.Length; i++)
        {
            inner[i] ^= key[i];
            outer[i] ^= key[i];
        }

        data.CopyTo(inner[HashBlock..]);
        _crypto.Blake2b([], inner[..(HashBlock + data.Length)], outer[HashBlock..]);
        _crypto.Blake2b([], outer, mac);
        CryptographicOperations.ZeroMemory(inner);
        CryptographicOperations.ZeroMemory(outer);
    }
}
