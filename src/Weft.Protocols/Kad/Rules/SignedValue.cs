using System.Buffers;
using System.Text;
using Weft.Crypto;
using Weft.Primitives;
using Weft.Protocols.Peers;
using Weft.Protocols.Protobuf;

namespace Weft.Protocols.Kad.Rules;

/// <summary>
/// A value that its owner signed: key "/weft/OWNER/name", and in the value the owner's key, a number that rises, and a
/// signature over all of it and the key.
/// </summary>
/// <remarks>
/// Trust comes from the value alone: records of other peers carry no signature. The envelope is Protobuf: key 1,
/// sequence
/// 2, end 3 (milliseconds since 1970, 0 for none), payload 4, signature 5. Source: docs/spec/dht.md, "Signed values".
/// </remarks>
public sealed class SignedValue
{
    /// <summary>The namespace.</summary>
    public const string Namespace = "weft";

    /// <summary>Bytes of the longest name behind the owner.</summary>
    public const int NameBytesMax = 512;

    private const string Domain = "weft-record:1";
    private const int KeyField = 1;
    private const int SequenceField = 2;
    private const int EndField = 3;
    private const int PayloadField = 4;
    private const int SignatureField = 5;

    private SignedValue(PeerId owner, ulong sequence, ulong endMs, byte[] payload) =>
        (Owner, Sequence, EndMs, Payload) = (owner, sequence, endMs, payload);

    /// <summary>Whose value it is.</summary>
    public PeerId Owner { get; }

    /// <summary>Of two values of one key the one with the higher number stands.</summary>
    public ulong Sequence { get; }

    /// <summary>When the value ends, in milliseconds since 1970; 0 when it does not say.</summary>
    public ulong EndMs { get; }

    /// <summary>What the owner wrote.</summary>
    public ReadOnlyMemory<byte> Payload { get; }

    /// <summary>The key of an owner's value: "/weft/OWNER/name".</summary>
    /// <exception cref="ArgumentException">The name is empty or longer than 512 bytes of UTF-8.</exception>
    public static byte[] KeyOf(PeerId owner, string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        byte[] key = Encoding.UTF8.GetBytes($"/{Namespace}/{owner}/{name}");
        return key.Length <= NameBytesMax + 128
            ? key
            : throw new ArgumentException("The name of a record has at most 512 bytes.", nameof(name));
    }

    /// <summary>Signs a value.</summary>
    /// <param name="owner">The owner's key pair.</param>
    /// <param name="crypto">The primitives.</param>
    /// <param name="key">The record's key: the owner's own.</param>
    /// <param name="sequence">Higher than that of the value it replaces.</param>
    /// <param name="payload">What to write.</param>
    /// <param name="endMs">When it ends; 0 to leave that to the DHT.</param>
    public static byte[] Seal(
        Ed25519KeyPair owner,
        ICrypto crypto,
        ReadOnlySpan<byte> key,
        ulong sequence,
        ReadOnlySpan<byte> payload,
        ulong endMs = 0)
    {
        ArgumentNullException.ThrowIfNull(owner);
        PeerPublicKey publicKey = PeerPublicKey.FromEd25519(owner.PublicKey);
        Span<byte> signature = stackalloc byte[64];
        owner.Sign(crypto, Signed(publicKey, key, sequence, endMs, payload), signature);
        var buffer = new ArrayBufferWriter<byte>(payload.Length + 128);
        var writer = new ProtobufWriter(buffer);
        WriteBody(writer, publicKey, sequence, endMs, payload);
        writer.Bytes(SignatureField, signature);
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Opens a value: the signature is the owner's, and the key names that owner.</summary>
    public static bool TryOpen(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, ICrypto crypto, out SignedValue? opened)
    {
        ArgumentNullException.ThrowIfNull(crypto);
        opened = null;
        if (!TryRead(value, out PeerPublicKey? publicKey, out SignedValue? read, out ReadOnlySpan<byte> signature)
            || !IsOwnersKey(key, publicKey!.ToPeerId(crypto))
            || !publicKey.Verify(
                crypto, Signed(publicKey, key, read!.Sequence, read.EndMs, read.Payload.Span), signature)
            || !IsShortestForm(value, publicKey, read, signature))
        {
            return false;
        }

        opened = new(publicKey.ToPeerId(crypto), read.Sequence, read.EndMs, read.Payload.ToArray());
        return true;
    }

    /// <summary>The number of a value, its signature not verified; 0 when it is malformed.</summary>
    internal static ulong SequenceOf(ReadOnlySpan<byte> value) =>
        TryRead(value, out _, out SignedValue? read, out _) ? read!.Sequence : 0;

    /// <summary>The owner that a key names; the default when it names none.</summary>
    internal static PeerId OwnerOf(ReadOnlySpan<byte> key)
    {
        ReadOnlySpan<byte> prefix = "/weft/"u8;
        if (!key.StartsWith(prefix) || key[prefix.Length..].IndexOf((byte)'/') is not (> 0 and <= PeerId.TextMax and int end))
        {
            return default;
        }

        Span<char> text = stackalloc char[PeerId.TextMax];
        Encoding.Latin1.GetChars(key.Slice(prefix.Length, end), text);
        return PeerId.TryParse(text[..end], out PeerId owner) && key.Length > prefix.Length + end + 1 ? owner : default;
    }

    private static bool IsOwnersKey(ReadOnlySpan<byte> key, PeerId owner)
    {
        // One form of the id only, or one owner had several keys for one name.
        string text = owner.ToString();
        return OwnerOf(key) == owner && Encoding.Latin1.GetString(key.Slice("/weft/".Length, text.Length)) == text;
    }

    /// <summary>One value has one form: whoever hands it on cannot make two of it.</summary>
    private static bool IsShortestForm(
        ReadOnlySpan<byte> value, PeerPublicKey key, SignedValue read, ReadOnlySpan<byte> signature)
    {
        var buffer = new ArrayBufferWriter<byte>(value.Length);
        var writer = new ProtobufWriter(buffer);
        WriteBody(writer, key, read.Sequence, read.EndMs, read.Payload.Span);
        writer.Bytes(SignatureField, signature);
        return buffer.WrittenSpan.SequenceEqual(value);
    }

    private static bool TryRead(
        ReadOnlySpan<byte> value, out PeerPublicKey? key, out SignedValue? read, out ReadOnlySpan<byte> signature)
    {
        key = null;
        read = null;
        signature = default;
        ulong sequence = 0;
        ulong end = 0;
        ReadOnlySpan<byte> payload = default;
        var reader = new ProtobufReader(value);
        while (reader.TryRead())
        {
            switch (reader.Field)
            {
                case KeyField:
                    PeerPublicKey.TryDecode(reader.Bytes, out key);
                    break;
                case SequenceField:
                    sequence = reader.Number;
                    break;
                case EndField:
                    end = reader.Number;
                    break;
                case PayloadField:
                    payload = reader.Bytes;
                    break;
                case SignatureField:
                    signature = reader.Bytes;
                    break;
                default:
                    return false; // What is not signed must not stand in it.
            }
        }

        if (!reader.IsWhole || key is null)
        {
            return false;
        }

        read = new(default, sequence, end, payload.ToArray());
        return true;
    }

    private static byte[] Signed(
        PeerPublicKey publicKey, ReadOnlySpan<byte> key, ulong sequence, ulong endMs, ReadOnlySpan<byte> payload)
    {
        var buffer = new ArrayBufferWriter<byte>(payload.Length + key.Length + 160);
        var writer = new ProtobufWriter(buffer);
        writer.Varint((ulong)Domain.Length);
        buffer.Write(Encoding.ASCII.GetBytes(Domain));
        writer.Varint((ulong)key.Length);
        buffer.Write(key);
        WriteBody(writer, publicKey, sequence, endMs, payload);
        return buffer.WrittenSpan.ToArray();
    }

    private static void WriteBody(
        ProtobufWriter writer, PeerPublicKey publicKey, ulong sequence, ulong endMs, ReadOnlySpan<byte> payload)
    {
        writer.Bytes(KeyField, publicKey.Encoded);
        writer.Number(SequenceField, sequence);
        writer.Number(EndField, endMs);
        writer.Bytes(PayloadField, payload);
    }
}

/// <summary>The rule of "/weft/": the owner alone writes, and the higher number stands.</summary>
/// <param name="crypto">The primitives.</param>
internal sealed class SignedValueRule(ICrypto crypto) : IRecordRule
{
    public bool IsValid(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, double nowMs) =>
        SignedValue.TryOpen(key, value, crypto, out SignedValue? opened) && (opened!.EndMs == 0 || opened.EndMs > nowMs);

    public ReadOnlyMemory<byte> Merge(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> held, ReadOnlyMemory<byte> offered)
    {
        int order = SignedValue.SequenceOf(held.Span).CompareTo(SignedValue.SequenceOf(offered.Span));
        order = order != 0 ? order : held.Span.SequenceCompareTo(offered.Span); // The same everywhere.
        return order >= 0 ? held : offered;
    }

    public PeerId PublisherOf(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => SignedValue.OwnerOf(key);
}
