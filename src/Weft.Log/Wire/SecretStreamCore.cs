using System.Security.Cryptography;
using Weft.Crypto;
using Weft.Log.Tree;
using Weft.Primitives;

namespace Weft.Log.Wire;

/// <summary>The kinds of <see cref="SecretStreamOutput"/>.</summary>
internal enum SecretStreamOutputKind
{
    /// <summary>Send bytes.</summary>
    Send = 0,

    /// <summary>The other side is known, and messages may be sent.</summary>
    Established,

    /// <summary>A message came.</summary>
    Message,

    /// <summary>The connection must end.</summary>
    Broken,
}

/// <summary>What an encrypted connection asks its caller to do.</summary>
internal readonly record struct SecretStreamOutput(
    SecretStreamOutputKind Kind, ReadOnlyMemory<byte> Bytes = default, string Reason = "");

/// <summary>
/// A byte stream with Hypercore's handshake and encrypted messages: frames of 3 bytes of length and a payload. Pure.
/// </summary>
/// <remarks>
/// A frame may be as long as the peer sends it, up to <see cref="FrameBytesMax"/>; memory grows with what has come, not
/// with what was announced. Source: docs/spec/log.md, section 8.
/// </remarks>
internal sealed class SecretStreamCore : IDisposable
{
    /// <summary>Bytes of a frame's payload: 2^24 - 1, all that its length can say.</summary>
    public const int FrameBytesMax = (1 << 24) - 1;

    private const int PrefixLength = 3;
    private const int IdLength = 32;

    private readonly ICrypto _crypto;
    private readonly LogHasher _hasher;
    private readonly bool _isInitiator;
    private readonly byte[] _header;
    private readonly Outbox<SecretStreamOutput> _outbox;
    private readonly SecretHandshake _handshake;
    private byte[] _frame = new byte[256];
    private int _frameLength;
    private SecretStream? _send;
    private SecretStream? _receive;
    private byte[]? _receiveKey;
    private bool _isBroken;

    /// <summary>Begins a connection; <see cref="Start"/> sends.</summary>
    /// <param name="crypto">The primitives.</param>
    /// <param name="isInitiator">True for the side that connected.</param>
    /// <param name="staticSeed">32 bytes: the Ed25519 seed of this peer.</param>
    /// <param name="random">56 random bytes for this connection alone.</param>
    /// <param name="outbox">Takes what to do.</param>
    public SecretStreamCore(
        ICrypto crypto, bool isInitiator, ReadOnlySpan<byte> staticSeed, ReadOnlySpan<byte> random,
        Outbox<SecretStreamOutput> outbox)
    {
        _crypto = crypto;
        _hasher = new LogHasher(crypto);
        _isInitiator = isInitiator;
        _handshake = new SecretHandshake(crypto, isInitiator, staticSeed, random[..32]);
        _header = random.Slice(32, SecretStream.HeaderLength).ToArray();
        _outbox = outbox;
    }

    public bool IsInitiator => _isInitiator;

    /// <summary>64 bytes that bind proofs to this connection; of use once established.</summary>
    public ReadOnlySpan<byte> HandshakeHash => _handshake.Hash;

    /// <summary>The peer's public key, once established.</summary>
    public Hash32 RemoteKey => _handshake.RemoteKey;

    /// <summary>Sends what this side sends first.</summary>
    public void Start()
    {
        if (_isInitiator)
        {
            SendPlain(_handshake.Write());
        }
    }

    /// <summary>Sends a message; only once established.</summary>
    public void Send(ReadOnlySpan<byte> message)
    {
        if (_send is null || _isBroken)
        {
            return;
        }

        int length = message.Length + SecretStream.Overhead;
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, FrameBytesMax, nameof(message));
        byte[] frame = new byte[PrefixLength + length];
        WriteLength(frame, length);
        _send.Seal(message, frame.AsSpan(PrefixLength));
        _outbox.Add(new SecretStreamOutput(SecretStreamOutputKind.Send, frame));
    }

    /// <summary>Takes bytes as they come.</summary>
    public void OnBytes(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty && !_isBroken)
        {
            int needed = _frameLength < PrefixLength ? PrefixLength : PrefixLength + LengthOf(_frame);
            int count = Math.Min(bytes.Length, needed - _frameLength);
            if (_frameLength + count > _frame.Length)
            {
                Array.Resize(ref _frame, Math.Max(_frameLength + count, Math.Min(needed, 2 * _frame.Length)));
            }

            bytes[..count].CopyTo(_frame.AsSpan(_frameLength));
            bytes = bytes[count..];
            _frameLength += count;
            if (_frameLength == PrefixLength)
            {
                CheckLength(LengthOf(_frame));
                needed = PrefixLength + LengthOf(_frame);
            }

            if (_frameLength >= PrefixLength && _frameLength == needed && !_isBroken)
            {
                _frameLength = 0;
                OnFrame(_frame.AsSpan(PrefixLength, needed - PrefixLength));
            }
        }
    }

    /// <summary>Clears the keys.</summary>
    public void Dispose()
    {
        _handshake.Dispose();
        _send?.Dispose();
        _receive?.Dispose();
        CryptographicOperations.ZeroMemory(_receiveKey);
        CryptographicOperations.ZeroMemory(_frame);
        _isBroken = true;
    }

    /// <summary>Not the keys.</summary>
    public override string ToString() => "(hypercore connection)";

    private static int LengthOf(ReadOnlySpan<byte> prefix) => prefix[0] | (prefix[1] << 8) | (prefix[2] << 16);

    private static void WriteLength(Span<byte> target, int length)
    {
        target[0] = (byte)length;
        target[1] = (byte)(length >> 8);
        target[2] = (byte)(length >> 16);
    }

    /// <summary>Before the other side is known, a frame has exactly the length it must have.</summary>
    private void CheckLength(int length)
    {
        bool isRight = !_handshake.IsComplete ? length == _handshake.NextLength
            : _receive is null ? length == IdLength + SecretStream.HeaderLength
            : length >= SecretStream.Overhead;
        if (!isRight)
        {
            Break("a frame of a wrong length");
        }
    }

    private void OnFrame(ReadOnlySpan<byte> payload)
    {
        if (!_handshake.IsComplete)
        {
            OnHandshake(payload);
        }
        else if (_receive is null)
        {
            OnHeader(payload);
        }
        else
        {
            byte[] message = new byte[payload.Length - SecretStream.Overhead];
            if (!_receive.TryOpen(payload, message))
            {
                Break("a message that does not open");
            }
            else if (message.Length > 0) // An empty one only keeps the connection alive.
            {
                _outbox.Add(new SecretStreamOutput(SecretStreamOutputKind.Message, message));
            }
        }
    }

    private void OnHandshake(ReadOnlySpan<byte> payload)
    {
        if (!_handshake.TryRead(payload))
        {
            Break("a handshake that does not hold");
            return;
        }

        if (!_handshake.IsComplete)
        {
            byte[] answer = _handshake.Write();
            if (answer.Length == 0)
            {
                Break("a key that agrees with nobody");
                return;
            }

            SendPlain(answer);
        }

        if (_handshake.IsComplete)
        {
            Establish();
        }
    }

    private void Establish()
    {
        Span<byte> key = stackalloc byte[SecretStream.KeyLength];
        _receiveKey = new byte[SecretStream.KeyLength];
        _handshake.Split(key, _receiveKey);
        _send = new SecretStream(_crypto, key, _header);
        CryptographicOperations.ZeroMemory(key);
        SendPlain([.. StreamId(_isInitiator).Span, .. _header]);
        _outbox.Add(new SecretStreamOutput(SecretStreamOutputKind.Established));
    }

    private void OnHeader(ReadOnlySpan<byte> payload)
    {
        if (!CryptographicOperations.FixedTimeEquals(payload[..IdLength], StreamId(!_isInitiator).Span))
        {
            Break("another connection's name");
            return;
        }

        _receive = new SecretStream(_crypto, _receiveKey, payload[IdLength..]);
        CryptographicOperations.ZeroMemory(_receiveKey);
    }

    private Hash32 StreamId(bool isInitiator) => _hasher.Keyed(
        _handshake.Hash, _hasher.Namespace("hyperswarm/secret-stream"u8, (byte)(isInitiator ? 0 : 1)).Span);

    private void SendPlain(ReadOnlySpan<byte> payload)
    {
        byte[] frame = new byte[PrefixLength + payload.Length];
        WriteLength(frame, payload.Length);
        payload.CopyTo(frame.AsSpan(PrefixLength));
        _outbox.Add(new SecretStreamOutput(SecretStreamOutputKind.Send, frame));
    }

    private void Break(string reason)
    {
        if (!_isBroken)
        {
            _isBroken = true;
            _outbox.Add(new SecretStreamOutput(SecretStreamOutputKind.Broken, Reason: reason));
        }
    }
}
