using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using Weft.Crypto;
using Weft.Primitives;
using Weft.Protocols.Protobuf;

namespace Weft.Protocols.Peers;

/// <summary>The kinds of keys a libp2p peer may have.</summary>
public enum PeerKeyType
{
    /// <summary>RSA, 2,048 to 8,192 bits; PKCS#1 v1.5 with SHA-256; SubjectPublicKeyInfo in DER.</summary>
    Rsa = 0,

    /// <summary>Ed25519: 32 bytes. What Weft peers have.</summary>
    Ed25519 = 1,

    /// <summary>ECDSA on secp256k1 with SHA-256: 33 bytes, compressed.</summary>
    Secp256k1 = 2,

    /// <summary>ECDSA on P-256 with SHA-256: SubjectPublicKeyInfo in DER.</summary>
    Ecdsa = 3,
}

/// <summary>
/// The public key of a libp2p peer: its type, its bytes, and the one encoding its peer id is made from.
/// </summary>
/// <remarks>Source: libp2p specs, peer-ids/peer-ids.md, "Keys".</remarks>
public sealed class PeerPublicKey : IEquatable<PeerPublicKey>
{
    /// <summary>Bytes of the longest encoded key: RSA of 8,192 bits, with room.</summary>
    public const int EncodedBytesMax = 1_200;

    private const int TypeField = 1;
    private const int DataField = 2;

    private readonly byte[] _encoded;
    private readonly int _dataStart;

    private PeerPublicKey(PeerKeyType type, byte[] encoded, int dataLength)
    {
        Type = type;
        _encoded = encoded;
        _dataStart = encoded.Length - dataLength;
    }

    /// <summary>The kind of key.</summary>
    public PeerKeyType Type { get; }

    /// <summary>The key, in the form its type says.</summary>
    public ReadOnlySpan<byte> Data => _encoded.AsSpan(_dataStart);

    /// <summary>The Protobuf message: type, then data, shortest varints.</summary>
    public ReadOnlySpan<byte> Encoded => _encoded;

    /// <summary>Wraps an Ed25519 key.</summary>
    public static PeerPublicKey FromEd25519(in Ed25519PublicKey key) => Make(PeerKeyType.Ed25519, key.Span);

    /// <summary>
    /// Reads a key. Only the one deterministic encoding is taken: otherwise one key could have many peer ids.
    /// </summary>
    /// <param name="encoded">The Protobuf message.</param>
    /// <param name="key">The key, or null.</param>
    /// <returns>False when it is malformed, of an unknown type, or of a length its type does not have.</returns>
    public static bool TryDecode(ReadOnlySpan<byte> encoded, [NotNullWhen(true)] out PeerPublicKey? key)
    {
        key = null;
        if (!TryFields(encoded, out ulong type, out ReadOnlySpan<byte> data) || !FitsType(type, data.Length))
        {
            return false;
        }

        PeerPublicKey made = Make((PeerKeyType)type, data);
        if (!made.Encoded.SequenceEqual(encoded))
        {
            return false;
        }

        key = made;
        return true;
    }

    /// <summary>The key that stands in a peer id: of every Ed25519 and secp256k1 peer.</summary>
    /// <returns>False when the id is only a hash, or holds no key.</returns>
    public static bool TryFrom(PeerId peer, [NotNullWhen(true)] out PeerPublicKey? key)
    {
        key = null;
        return peer.Span is [0, _, ..] && TryDecode(peer.Span[2..], out key);
    }

    /// <summary>The peer id: the encoded key itself when it has at most 42 bytes, else its SHA-256.</summary>
    /// <param name="crypto">The primitives.</param>
    public PeerId ToPeerId(ICrypto crypto)
    {
        ArgumentNullException.ThrowIfNull(crypto);
        Span<byte> multihash = stackalloc byte[PeerId.LengthMax];
        int length = _encoded.Length;
        if (length <= PeerId.LengthMax - 2)
        {
            multihash[0] = 0; // Identity.
            _encoded.CopyTo(multihash[2..]);
        }
        else
        {
            length = 32;
            multihash[0] = 0x12; // SHA-256.
            crypto.Sha256(_encoded, multihash.Slice(2, length));
        }

        multihash[1] = (byte)length;
        PeerId.TryRead(multihash[..(length + 2)], out PeerId peer);
        return peer;
    }

    /// <summary>Verifies a signature of this key's owner, by the rule of the key's type.</summary>
    /// <param name="crypto">The primitives.</param>
    /// <param name="message">What was signed.</param>
    /// <param name="signature">Any bytes: wrong ones give false.</param>
    public bool Verify(ICrypto crypto, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature) => Type switch
    {
        PeerKeyType.Ed25519 => crypto.VerifyEd25519(Data, message, signature),
        PeerKeyType.Rsa => crypto.VerifyRsaSha256(Data, message, signature),
        PeerKeyType.Secp256k1 => crypto.VerifySecp256k1(Data, message, signature),
        _ => crypto.VerifyEcdsaP256(Data, message, signature),
    };

    /// <summary>The Ed25519 key; false when it is another kind.</summary>
    public bool TryEd25519(out Ed25519PublicKey key)
    {
        bool isOne = Type == PeerKeyType.Ed25519;
        key = isOne ? new(Data) : default;
        return isOne;
    }

    /// <inheritdoc/>
    public bool Equals(PeerPublicKey? other) => other is not null && Encoded.SequenceEqual(other.Encoded);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as PeerPublicKey);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.AddBytes(Encoded);
        return hash.ToHashCode();
    }

    private static bool TryFields(ReadOnlySpan<byte> encoded, out ulong type, out ReadOnlySpan<byte> data)
    {
        type = ulong.MaxValue;
        data = default;
        if (encoded.Length > EncodedBytesMax)
        {
            return false;
        }

        var reader = new ProtobufReader(encoded);
        while (reader.TryRead())
        {
            switch (reader.Field)
            {
                case TypeField when reader.Wire == ProtobufWire.Varint:
                    type = reader.Number;
                    break;
                case DataField when reader.Wire == ProtobufWire.Bytes:
                    data = reader.Bytes;
                    break;
                default:
                    return false;
            }
        }

        return reader.IsWhole;
    }

    private static bool FitsType(ulong type, int length) => type switch
    {
        (ulong)PeerKeyType.Ed25519 => length == 32,
        (ulong)PeerKeyType.Secp256k1 => length == 33,
        (ulong)PeerKeyType.Rsa => length is > 256 and < EncodedBytesMax - 10, // Bounded before any arithmetic.
        (ulong)PeerKeyType.Ecdsa => length == 91,
        _ => false,
    };

    private static PeerPublicKey Make(PeerKeyType type, ReadOnlySpan<byte> data)
    {
        var buffer = new ArrayBufferWriter<byte>(data.Length + 8);
        var writer = new ProtobufWriter(buffer);
        writer.Number(TypeField, (ulong)type);
        writer.Bytes(DataField, data);
        return new PeerPublicKey(type, buffer.WrittenSpan.ToArray(), data.Length);
    }
}
