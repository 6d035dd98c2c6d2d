using System.Buffers.Binary;
using System.Security.Cryptography;
using Weft.Crypto;

namespace Weft.Protocols.Noise;

/// <summary>One direction of an encrypted connection: a key, and a number that rises with every message.</summary>
/// <remarks>
/// A repeated, dropped or reordered message does not open. Source: The Noise Protocol Framework, 5.1 "CipherState".
/// </remarks>
public sealed class NoiseCipher : IDisposable
{
    /// <summary>Bytes a sealed message is longer than what it holds.</summary>
    public const int TagLength = 16;

    private const int KeyLength = 32;
    private const int NonceLength = 12;

    private readonly ICrypto _crypto;
    private readonly byte[] _key;
    private IAeadKey? _ready; // Made with the first message: a handshake's keys see one or two.
    private bool _hasLooked;
    private ulong _number;

    /// <summary>Begins a direction.</summary>
    /// <param name="crypto">The primitives.</param>
    /// <param name="key">32 bytes; copied.</param>
    public NoiseCipher(ICrypto crypto, ReadOnlySpan<byte> key)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(key.Length, KeyLength);
        _crypto = crypto;
        _key = key.ToArray();
    }

    /// <summary>True when every number is used up: the connection must end.</summary>
    public bool IsUsedUp => _number == ulong.MaxValue;

    /// <summary>Seals the next message.</summary>
    /// <param name="plain">What to seal.</param>
    /// <param name="associated">What is bound to it, not hidden.</param>
    /// <param name="target">Takes the length of <paramref name="plain"/> plus 16.</param>
    public void Seal(ReadOnlySpan<byte> plain, ReadOnlySpan<byte> associated, Span<byte> target)
    {
        ObjectDisposedException.ThrowIf(IsUsedUp, this);
        Span<byte> nonce = stackalloc byte[NonceLength];
        WriteNonce(nonce);
        Span<byte> sealedBytes = target[..(plain.Length + TagLength)];
        if (Ready() is { } ready)
        {
            ready.Seal(nonce, plain, associated, sealedBytes);
        }
        else
        {
            _crypto.SealChaCha20Poly1305(_key, nonce, plain, associated, sealedBytes);
        }

        _number++;
    }

    /// <summary>Opens the next message.</summary>
    /// <returns>False when it is not the next one, or was changed; the connection must end then.</returns>
    public bool TryOpen(ReadOnlySpan<byte> message, ReadOnlySpan<byte> associated, Span<byte> target)
    {
        if (message.Length < TagLength || IsUsedUp)
        {
            return false;
        }

        Span<byte> nonce = stackalloc byte[NonceLength];
        WriteNonce(nonce);
        Span<byte> plain = target[..(message.Length - TagLength)];
        bool isOpened = Ready() is { } ready
            ? ready.Open(nonce, message, associated, plain)
            : _crypto.OpenChaCha20Poly1305(_key, nonce, message, associated, plain);
        _number += isOpened ? 1u : 0u;
        return isOpened;
    }

    /// <summary>Clears the key.</summary>
    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_key);
        _ready?.Dispose();
        _hasLooked = true; // A cleared key is not imported.
        _number = ulong.MaxValue;
    }

    /// <summary>Not the key.</summary>
    public override string ToString() => "(Noise cipher)";

    private IAeadKey? Ready()
    {
        if (!_hasLooked)
        {
            _hasLooked = true;
            _ready = _crypto.ImportChaCha20Poly1305(_key);
        }

        return _ready;
    }

    private void WriteNonce(Span<byte> nonce)
    {
        nonce[..4].Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(nonce[4..], _number);
    }
}
