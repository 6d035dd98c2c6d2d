using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Weft.Crypto;
using Weft.Primitives;
using Weft.Protocols.Peers;
using Weft.Protocols.Protobuf;

namespace Weft.Protocols.Noise;

/// <summary>How a libp2p handshake stands.</summary>
public enum NoiseSessionState
{
    /// <summary>More bytes of the other side are needed.</summary>
    Running = 0,

    /// <summary>Both sides have proved who they are.</summary>
    Complete,

    /// <summary>It has failed; the connection must be closed.</summary>
    Failed,
}

/// <summary>Why a handshake failed.</summary>
public enum NoiseFailure
{
    /// <summary>It has not.</summary>
    None = 0,

    /// <summary>A message that is too long, or does not open.</summary>
    Handshake,

    /// <summary>A payload that is malformed, or shows a key Weft does not read.</summary>
    Payload,

    /// <summary>The identity's signature over the Noise key does not verify.</summary>
    Signature,

    /// <summary>It is another peer than the one that was dialled.</summary>
    WrongPeer,

    /// <summary>It is this peer itself.</summary>
    Self,

    /// <summary>Both sides named muxers, and none in common.</summary>
    Muxer,
}

/// <summary>
/// One side of the libp2p handshake over Noise XX: frames with a length of two bytes, the payload with the peer's
/// identity, and the early choice of a muxer.
/// </summary>
/// <remarks>
/// Pure; one caller at a time; the ephemeral secret is handed in. Only the handshake is done here: what follows is
/// sealed by the ciphers of <see cref="Split"/>, in the same frames. Source: libp2p specs, noise/README.md;
/// connections/inlined-muxer-negotiation.md.
/// </remarks>
public sealed class NoiseSessionCore : IDisposable
{
    /// <summary>Bytes of the length in front of every Noise message: unsigned, big-endian.</summary>
    public const int PrefixLength = 2;

    /// <summary>Bytes of the longest message after the handshake.</summary>
    public const int MessageMax = ushort.MaxValue;

    /// <summary>Bytes a message after the handshake may carry.</summary>
    public const int PlainMax = MessageMax - NoiseCipher.TagLength;

    /// <summary>Bytes of the longest message of the handshake that is taken: an RSA identity needs 2 KiB.</summary>
    public const int HandshakeMessageMax = 4_096;

    private const int MuxersMax = 16;

    private readonly ICrypto _crypto;
    private readonly NoiseIdentity _identity;
    private readonly NoiseHandshake _handshake;
    private readonly PeerId _self;
    private readonly PeerId _expected;
    private readonly bool _isDialler;

    /// <summary>Begins a handshake.</summary>
    /// <param name="crypto">The primitives.</param>
    /// <param name="identity">What this peer shows.</param>
    /// <param name="self">This peer's id; a handshake with it fails.</param>
    /// <param name="isDialler">True for the side that sends first.</param>
    /// <param name="ephemeralSecret">32 random bytes for this handshake alone.</param>
    /// <param name="expected">The peer that was dialled; empty takes anyone.</param>
    public NoiseSessionCore(
        ICrypto crypto,
        NoiseIdentity identity,
        PeerId self,
        bool isDialler,
        ReadOnlySpan<byte> ephemeralSecret,
        PeerId expected = default)
    {
        ArgumentNullException.ThrowIfNull(identity);
        _crypto = crypto;
        _identity = identity;
        _self = self;
        _isDialler = isDialler;
        _expected = expected;
        _handshake = new(
            crypto, NoisePattern.XX, isDialler, identity.StaticSecret, ephemeralSecret, staticPublic: identity.StaticPublic);
    }

    /// <summary>How it stands.</summary>
    public NoiseSessionState State { get; private set; }

    /// <summary>Why it failed.</summary>
    public NoiseFailure Failure { get; private set; }

    /// <summary>The other side's key; null before it is verified.</summary>
    public PeerPublicKey? RemoteKey { get; private set; }

    /// <summary>The other side; empty before it is verified.</summary>
    public PeerId RemotePeer { get; private set; }

    /// <summary>The muxer both agreed on within the handshake; null: negotiate it as before.</summary>
    public string? Muxer { get; private set; }

    /// <summary>Begins to talk: the dialler writes its first message, the listener nothing.</summary>
    public void Start(IBufferWriter<byte> output)
    {
        if (_isDialler)
        {
            WriteMessage([], output);
        }
    }

    /// <summary>Takes what came.</summary>
    /// <param name="bytes">Everything that came and was not taken yet.</param>
    /// <param name="output">Takes what is to be sent.</param>
    /// <returns>How many bytes were taken. Once complete, the rest are messages for the ciphers.</returns>
    public int OnBytes(ReadOnlySpan<byte> bytes, IBufferWriter<byte> output)
    {
        int taken = 0;
        while (State == NoiseSessionState.Running && bytes.Length - taken >= PrefixLength)
        {
            int length = BinaryPrimitives.ReadUInt16BigEndian(bytes[taken..]);
            if (length > HandshakeMessageMax)
            {
                Fail(NoiseFailure.Handshake); // Refused on the length: nothing is waited for.
                break;
            }

            if (bytes.Length - taken - PrefixLength < length)
            {
                break;
            }

            OnMessage(bytes.Slice(taken + PrefixLength, length), output);
            taken += PrefixLength + length;
        }

        return taken;
    }

    /// <summary>The two directions, once complete.</summary>
    public (NoiseCipher Send, NoiseCipher Receive) Split() => _handshake.Split();

    /// <summary>Clears every secret of the handshake.</summary>
    public void Dispose() => _handshake.Dispose();

    private void OnMessage(ReadOnlySpan<byte> message, IBufferWriter<byte> output)
    {
        var payload = new ArrayBufferWriter<byte>(256);
        if (!_handshake.TryRead(message, payload))
        {
            Fail(NoiseFailure.Handshake);
            return;
        }

        // The first message of XX is in clear and carries nothing; the responder answers it with its identity.
        bool isFirst = !_isDialler && !_handshake.IsComplete;
        if (!isFirst && !TryTakeIdentity(payload.WrittenSpan))
        {
            return;
        }

        if (_handshake.IsMyTurn && !WriteMessage(_identity.Payload, output))
        {
            return;
        }

        if (_handshake.IsComplete)
        {
            State = NoiseSessionState.Complete;
        }
    }

    private bool TryTakeIdentity(ReadOnlySpan<byte> payload)
    {
        ReadOnlySpan<byte> signature = default;
        ReadOnlySpan<byte> extensions = default;
        PeerPublicKey? key = null;
        var reader = new ProtobufReader(payload);
        while (reader.TryRead())
        {
            switch (reader.Field)
            {
                case NoiseIdentity.KeyField:
                    PeerPublicKey.TryDecode(reader.Bytes, out key);
                    break;
                case NoiseIdentity.SignatureField:
                    signature = reader.Bytes;
                    break;
                case NoiseIdentity.ExtensionsField:
                    extensions = reader.Bytes;
                    break;
            }
        }

        if (!reader.IsWhole || key is null)
        {
            return Fail(NoiseFailure.Payload);
        }

        PeerId peer = key.ToPeerId(_crypto);
        if (!_expected.IsEmpty && peer != _expected)
        {
            return Fail(NoiseFailure.WrongPeer); // Before the signature: it is cheaper, and the answer is no either way.
        }

        if (peer == _self)
        {
            return Fail(NoiseFailure.Self);
        }

        if (!key.Verify(_crypto, NoiseIdentity.BytesToSign(_handshake.RemoteStatic), signature))
        {
            return Fail(NoiseFailure.Signature);
        }

        if (!TryChooseMuxer(extensions))
        {
            return false;
        }

        RemoteKey = key;
        RemotePeer = peer;
        return true;
    }

    /// <summary>The first of the initiator's list that both have; a side that names none wants it as before.</summary>
    private bool TryChooseMuxer(ReadOnlySpan<byte> extensions)
    {
        var theirs = new List<string>();
        var reader = new ProtobufReader(extensions);
        while (reader.TryRead())
        {
            if (reader.Field == NoiseIdentity.MuxersField)
            {
                if (theirs.Count == MuxersMax)
                {
                    return Fail(NoiseFailure.Payload);
                }

                theirs.Add(Encoding.UTF8.GetString(reader.Bytes));
            }
        }

        if (!reader.IsWhole)
        {
            return Fail(NoiseFailure.Payload);
        }

        if (theirs.Count == 0 || _identity.Muxers.Count == 0)
        {
            return true;
        }

        IReadOnlyList<string> initiators = _isDialler ? _identity.Muxers : theirs;
        IReadOnlyList<string> responders = _isDialler ? theirs : _identity.Muxers;
        Muxer = initiators.FirstOrDefault(responders.Contains);
        return Muxer is not null || Fail(NoiseFailure.Muxer);
    }

    private bool WriteMessage(ReadOnlySpan<byte> payload, IBufferWriter<byte> output)
    {
        var message = new ArrayBufferWriter<byte>(256);
        if (!_handshake.TryWrite(payload, message))
        {
            return Fail(NoiseFailure.Handshake);
        }

        Span<byte> prefix = stackalloc byte[PrefixLength];
        BinaryPrimitives.WriteUInt16BigEndian(prefix, (ushort)message.WrittenCount);
        output.Write(prefix);
        output.Write(message.WrittenSpan);
        return true;
    }

    private bool Fail(NoiseFailure failure)
    {
        State = NoiseSessionState.Failed;
        Failure = failure;
        return false;
    }
}
