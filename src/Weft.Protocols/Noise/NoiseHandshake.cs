using System.Buffers;
using System.Security.Cryptography;
using Weft.Crypto;

namespace Weft.Protocols.Noise;

/// <summary>Which messages a handshake exchanges.</summary>
public enum NoisePattern
{
    /// <summary>Both keys are sent: e; e, ee, s, es; s, se. What libp2p speaks.</summary>
    XX = 0,

    /// <summary>The responder's key is known: e, es, s, ss; e, ee, se. What Hypercore speaks.</summary>
    IK,
}

/// <summary>
/// One side of a Noise handshake with X25519, ChaCha20-Poly1305 and SHA-256. The caller carries the messages.
/// </summary>
/// <remarks>
/// Pure: the ephemeral secret is handed in. Messages of the other side never throw. Source: The Noise Protocol
/// Framework, revision 34; docs/spec/libp2p.md.
/// </remarks>
public sealed class NoiseHandshake : IDisposable
{
    private const int KeyLength = 32;

    private static readonly string[][] XX = [["e"], ["e", "ee", "s", "es"], ["s", "se"]];
    private static readonly string[][] IK = [["e", "es", "s", "ss"], ["e", "ee", "se"]];

    private readonly ICrypto _crypto;
    private readonly bool _isInitiator;
    private readonly string[][] _messages;
    private readonly byte[] _static;
    private readonly byte[] _staticPublic;
    private readonly byte[] _ephemeral;
    private readonly byte[] _hash;
    private readonly byte[] _chain;
    private readonly byte[] _remoteStatic = new byte[KeyLength];
    private readonly byte[] _remoteEphemeral = new byte[KeyLength];
    private NoiseCipher? _cipher;
    private int _message;
    private bool _isBroken;

    /// <summary>Begins a handshake.</summary>
    /// <param name="crypto">The primitives.</param>
    /// <param name="pattern">The pattern.</param>
    /// <param name="isInitiator">True for the side that sends first.</param>
    /// <param name="staticSecret">32 bytes, this side's lasting X25519 secret; copied, and cleared on dispose.</param>
    /// <param name="ephemeralSecret">32 random bytes for this handshake alone; copied, and cleared.</param>
    /// <param name="prologue">What both sides must know already; libp2p has none.</param>
    /// <param name="remoteStatic">IK, initiator: the responder's public key.</param>
    /// <param name="staticPublic">
    /// The public key of <paramref name="staticSecret"/>, where it is known; saves finding it.
    /// </param>
    public NoiseHandshake(
        ICrypto crypto,
        NoisePattern pattern,
        bool isInitiator,
        ReadOnlySpan<byte> staticSecret,
        ReadOnlySpan<byte> ephemeralSecret,
        ReadOnlySpan<byte> prologue = default,
        ReadOnlySpan<byte> remoteStatic = default,
        ReadOnlySpan<byte> staticPublic = default)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(staticSecret.Length, KeyLength);
        ArgumentOutOfRangeException.ThrowIfNotEqual(ephemeralSecret.Length, KeyLength);
        _crypto = crypto;
        _isInitiator = isInitiator;
        _messages = pattern == NoisePattern.XX ? XX : IK;
        _static = staticSecret.ToArray();
        _staticPublic = staticPublic.ToArray();
        _ephemeral = ephemeralSecret.ToArray();
        _hash = new byte[KeyLength];
        ReadOnlySpan<byte> name = pattern == NoisePattern.XX
            ? "Noise_XX_25519_ChaChaPoly_SHA256"u8
            : "Noise_IK_25519_ChaChaPoly_SHA256"u8;
        name.CopyTo(_hash); // Exactly 32 bytes, so it is its own hash.
        _chain = [.. _hash];
        MixHash(prologue);
        if (pattern == NoisePattern.IK)
        {
            MixKnownResponder(remoteStatic);
        }
    }

    /// <summary>True when all messages were exchanged: <see cref="Split"/> may be called.</summary>
    public bool IsComplete => !_isBroken && _message == _messages.Length;

    /// <summary>True when it is this side's turn to send.</summary>
    public bool IsMyTurn => !_isBroken && _message < _messages.Length && (_message % 2 == 0) == _isInitiator;

    /// <summary>The other side's lasting public key, once it is known; else zeros.</summary>
    public ReadOnlySpan<byte> RemoteStatic => _remoteStatic;

    /// <summary>The hash of everything exchanged; binds what comes later to this handshake.</summary>
    public ReadOnlySpan<byte> Hash => _hash;

    /// <summary>Writes the next message.</summary>
    /// <param name="payload">What it carries; in clear in the first message of XX.</param>
    /// <param name="target">Takes the message.</param>
    /// <returns>False when the other side's key is of small order: the handshake is over.</returns>
    /// <exception cref="InvalidOperationException">It is not this side's turn.</exception>
    public bool TryWrite(ReadOnlySpan<byte> payload, IBufferWriter<byte> target)
    {
        if (!IsMyTurn)
        {
            throw new InvalidOperationException("It is the other side's turn.");
        }

        Span<byte> key = stackalloc byte[KeyLength];
        foreach (string token in _messages[_message])
        {
            switch (token)
            {
                case "e":
                    _crypto.PublicKeyX25519(_ephemeral, key);
                    target.Write(key);
                    MixHash(key);
                    break;
                case "s":
                    FindStaticPublic(key);
                    SealAndHash(key, target);
                    break;
                default:
                    if (!Agree(token))
                    {
                        return Break();
                    }

                    break;
            }
        }

        SealAndHash(payload, target);
        _message++;
        return true;
    }

    /// <summary>Reads the next message.</summary>
    /// <param name="message">The whole message.</param>
    /// <param name="payload">Takes what it carries.</param>
    /// <returns>False when it is not what the handshake expects; it is over then.</returns>
    public bool TryRead(ReadOnlySpan<byte> message, IBufferWriter<byte> payload)
    {
        if (_isBroken || IsMyTurn || IsComplete)
        {
            return Break();
        }

        foreach (string token in _messages[_message])
        {
            bool isRead = token switch
            {
                "e" => TryTakeEphemeral(ref message),
                "s" => TryTakeStatic(ref message),
                _ => Agree(token),
            };
            if (!isRead)
            {
                return Break();
            }
        }

        Span<byte> target = payload.GetSpan(Math.Max(1, message.Length));
        if (!TryOpenAndHash(message, target, out int length))
        {
            return Break();
        }

        payload.Advance(length);
        _message++;
        return true;
    }

    /// <summary>
    /// The two directions, once complete. The keys of the handshake are of no use afterwards: dispose it.
    /// </summary>
    public (NoiseCipher Send, NoiseCipher Receive) Split()
    {
        if (!IsComplete)
        {
            throw new InvalidOperationException("The handshake is not complete.");
        }

        Span<byte> keys = stackalloc byte[KeyLength * 2];
        _crypto.HkdfSha256([], _chain, [], keys);
        var first = new NoiseCipher(_crypto, keys[..KeyLength]);
        var second = new NoiseCipher(_crypto, keys[KeyLength..]);
        CryptographicOperations.ZeroMemory(keys);
        return _isInitiator ? (first, second) : (second, first);
    }

    /// <summary>Clears every secret.</summary>
    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_static);
        CryptographicOperations.ZeroMemory(_ephemeral);
        CryptographicOperations.ZeroMemory(_chain);
        _cipher?.Dispose();
        _isBroken = true;
    }

    /// <summary>Not the keys.</summary>
    public override string ToString() => "(Noise handshake)";

    private void MixKnownResponder(ReadOnlySpan<byte> remoteStatic)
    {
        if (_isInitiator)
        {
            ArgumentOutOfRangeException.ThrowIfNotEqual(remoteStatic.Length, KeyLength);
            remoteStatic.CopyTo(_remoteStatic);
            MixHash(_remoteStatic);
            return;
        }

        Span<byte> own = stackalloc byte[KeyLength];
        FindStaticPublic(own);
        MixHash(own);
    }

    private void FindStaticPublic(Span<byte> key)
    {
        if (_staticPublic.Length == KeyLength)
        {
            _staticPublic.CopyTo(key);
        }
        else
        {
            _crypto.PublicKeyX25519(_static, key);
        }
    }

    private bool TryTakeEphemeral(ref ReadOnlySpan<byte> message)
    {
        if (message.Length < KeyLength)
        {
            return false;
        }

        message[..KeyLength].CopyTo(_remoteEphemeral);
        MixHash(_remoteEphemeral);
        message = message[KeyLength..];
        return true;
    }

    private bool TryTakeStatic(ref ReadOnlySpan<byte> message)
    {
        int length = _cipher is null ? KeyLength : KeyLength + NoiseCipher.TagLength;
        if (message.Length < length || !TryOpenAndHash(message[..length], _remoteStatic, out _))
        {
            return false;
        }

        message = message[length..];
        return true;
    }

    /// <summary>ee, es, se, ss: the first letter names the initiator's key, the second the responder's.</summary>
    private bool Agree(string token)
    {
        char own = _isInitiator ? token[0] : token[1];
        char other = _isInitiator ? token[1] : token[0];
        Span<byte> shared = stackalloc byte[KeyLength];
        bool isAgreed = _crypto.AgreeX25519(
            own == 'e' ? _ephemeral : _static, other == 'e' ? _remoteEphemeral : _remoteStatic, shared);
        if (isAgreed)
        {
            Span<byte> keys = stackalloc byte[KeyLength * 2];
            _crypto.HkdfSha256(shared, _chain, [], keys);
            keys[..KeyLength].CopyTo(_chain);
            _cipher?.Dispose();
            _cipher = new NoiseCipher(_crypto, keys[KeyLength..]);
            CryptographicOperations.ZeroMemory(keys);
        }

        CryptographicOperations.ZeroMemory(shared);
        return isAgreed;
    }

    private void SealAndHash(ReadOnlySpan<byte> plain, IBufferWriter<byte> target)
    {
        int length = plain.Length + (_cipher is null ? 0 : NoiseCipher.TagLength);
        Span<byte> bytes = target.GetSpan(Math.Max(1, length))[..length];
        if (_cipher is null)
        {
            plain.CopyTo(bytes);
        }
        else
        {
            _cipher.Seal(plain, _hash, bytes);
        }

        MixHash(bytes);
        target.Advance(length);
    }

    private bool TryOpenAndHash(ReadOnlySpan<byte> bytes, Span<byte> plain, out int length)
    {
        length = bytes.Length - (_cipher is null ? 0 : NoiseCipher.TagLength);
        if (_cipher is null)
        {
            bytes.CopyTo(plain);
        }
        else if (length < 0 || !_cipher.TryOpen(bytes, _hash, plain))
        {
            return false;
        }

        MixHash(bytes);
        return true;
    }

    private void MixHash(ReadOnlySpan<byte> data)
    {
        byte[] joined = ArrayPool<byte>.Shared.Rent(KeyLength + data.Length);
        _hash.CopyTo(joined, 0);
        data.CopyTo(joined.AsSpan(KeyLength));
        _crypto.Sha256(joined.AsSpan(0, KeyLength + data.Length), _hash);
        ArrayPool<byte>.Shared.Return(joined);
    }

    private bool Break()
    {
        _isBroken = true;
        return false;
    }
}
