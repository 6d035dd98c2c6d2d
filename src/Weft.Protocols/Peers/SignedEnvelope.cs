using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using Weft.Crypto;
using Weft.Protocols.Protobuf;

namespace Weft.Protocols.Peers;

/// <summary>A payload that a peer has signed for one purpose, with the key that verifies it.</summary>
/// <remarks>
/// The purpose (domain) is part of what is signed and not of the envelope: a signature for one purpose is worth nothing
/// for another. Source: libp2p specs, RFC/0002-signed-envelopes.md.
/// </remarks>
public sealed class SignedEnvelope
{
    /// <summary>Bytes of the longest envelope that is read.</summary>
    public const int BytesMax = 16_384;

    private const int KeyField = 1;
    private const int TypeField = 2;
    private const int PayloadField = 3;
    private const int SignatureField = 5;

    private readonly byte[] _payloadType;
    private readonly byte[] _payload;

    private SignedEnvelope(PeerPublicKey key, byte[] payloadType, byte[] payload) =>
        (Key, _payloadType, _payload) = (key, payloadType, payload);

    /// <summary>Whose signature it carries.</summary>
    public PeerPublicKey Key { get; }

    /// <summary>What kind of payload it is.</summary>
    public ReadOnlySpan<byte> PayloadType => _payloadType;

    /// <summary>What was signed.</summary>
    public ReadOnlySpan<byte> Payload => _payload;

    /// <summary>Opens an envelope: reads it, and verifies its signature for this purpose and kind of payload.</summary>
    /// <returns>False when it is malformed, of another kind, or not signed by the key in it.</returns>
    public static bool TryOpen(
        ReadOnlySpan<byte> bytes,
        string domain,
        ReadOnlySpan<byte> payloadType,
        ICrypto crypto,
        [NotNullWhen(true)] out SignedEnvelope? envelope)
    {
        ArgumentNullException.ThrowIfNull(crypto);
        envelope = null;
        if (bytes.Length > BytesMax)
        {
            return false;
        }

        ReadOnlySpan<byte> key = default;
        ReadOnlySpan<byte> type = default;
        ReadOnlySpan<byte> payload = default;
        ReadOnlySpan<byte> signature = default;
        var reader = new ProtobufReader(bytes);
        while (reader.TryRead())
        {
            switch (reader.Field)
            {
                case KeyField:
                    key = reader.Bytes;
                    break;
                case TypeField:
                    type = reader.Bytes;
                    break;
                case PayloadField:
                    payload = reader.Bytes;
                    break;
                case SignatureField:
                    signature = reader.Bytes;
                    break;
            }
        }

        if (!reader.IsWhole || !type.SequenceEqual(payloadType) || !PeerPublicKey.TryDecode(key, out PeerPublicKey? signer)
            || !signer.Verify(crypto, BytesToSign(domain, type, payload), signature))
        {
            return false;
        }

        envelope = new(signer, type.ToArray(), payload.ToArray());
        return true;
    }

    /// <summary>Signs a payload.</summary>
    /// <param name="key">Signs.</param>
    /// <param name="crypto">The primitives.</param>
    /// <param name="domain">The purpose.</param>
    /// <param name="payloadType">What kind of payload it is.</param>
    /// <param name="payload">What is signed.</param>
    public static byte[] Seal(
        Ed25519KeyPair key, ICrypto crypto, string domain, ReadOnlySpan<byte> payloadType, ReadOnlySpan<byte> payload)
    {
        ArgumentNullException.ThrowIfNull(key);
        Span<byte> signature = stackalloc byte[Ed25519KeyPair.SignatureLength];
        key.Sign(crypto, BytesToSign(domain, payloadType, payload), signature);
        var buffer = new ArrayBufferWriter<byte>();
        var writer = new ProtobufWriter(buffer);
        writer.Bytes(KeyField, PeerPublicKey.FromEd25519(key.PublicKey).Encoded);
        writer.Bytes(TypeField, payloadType);
        writer.Bytes(PayloadField, payload);
        writer.Bytes(SignatureField, signature);
        return buffer.WrittenSpan.ToArray();
    }

    private static ReadOnlySpan<byte> BytesToSign(
        string domain, ReadOnlySpan<byte> payloadType, ReadOnlySpan<byte> payload)
    {
        var buffer = new ArrayBufferWriter<byte>(domain.Length + payloadType.Length + payload.Length + 12);
        var writer = new ProtobufWriter(buffer);
        writer.Varint((ulong)Encoding.UTF8.GetByteCount(domain));
        Encoding.UTF8.GetBytes(domain, buffer);
        writer.Varint((ulong)payloadType.Length);
        buffer.Write(payloadType);
        writer.Varint((ulong)payload.Length);
        buffer.Write(payload);
        return buffer.WrittenSpan;
    }
}
