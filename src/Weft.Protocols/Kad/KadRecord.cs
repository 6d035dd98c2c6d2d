using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using Weft.Primitives;
using Weft.Protocols.Protobuf;

namespace Weft.Protocols.Kad;

/// <summary>
/// A record of the DHT in the form it has on the wire: one array, in which key, value and publisher stand. Handing it
/// on
/// copies nothing.
/// </summary>
/// <remarks>
/// Source: libp2p specs, kad-dht/README.md, "RPC messages": key 1, value 2, timeReceived 5 (not kept: each receiver has
/// its own). Publisher 666 and remaining time 777 are rust-libp2p's; other peers skip them.
/// </remarks>
public readonly struct KadRecord : IEquatable<KadRecord>
{
    internal const int KeyField = 1;
    internal const int ValueField = 2;
    internal const int PublisherField = 666;
    internal const int TtlField = 777;

    private readonly byte[]? _encoded;
    private readonly int _keyStart;
    private readonly int _keyLength;
    private readonly int _valueStart;
    private readonly int _valueLength;
    private readonly int _publisherStart; // 0 when none is named.

    private KadRecord(byte[] encoded, int keyStart, int keyLength, int valueStart, int valueLength, int publisherStart)
    {
        _encoded = encoded;
        (_keyStart, _keyLength) = (keyStart, keyLength);
        (_valueStart, _valueLength) = (valueStart, valueLength);
        _publisherStart = publisherStart;
    }

    /// <summary>True for the default value, which is no record.</summary>
    public bool IsEmpty => _encoded is null;

    /// <summary>The Protobuf message without times.</summary>
    public ReadOnlyMemory<byte> Encoded => _encoded;

    /// <summary>The key.</summary>
    public ReadOnlyMemory<byte> Key => _encoded.AsMemory(_keyStart, _keyLength);

    /// <summary>The value.</summary>
    public ReadOnlyMemory<byte> Value => _encoded.AsMemory(_valueStart, _valueLength);

    /// <summary>The peer that says it published the record first; the default when none is named.</summary>
    public PeerId Publisher =>
        _publisherStart > 0 && PeerId.TryRead(_encoded.AsSpan(_publisherStart), out PeerId peer) ? peer : default;

    internal byte[]? Array => _encoded;

    internal ReadOnlySpan<byte> PublisherSpan => _publisherStart > 0 ? _encoded.AsSpan(_publisherStart) : default;

    /// <summary>Makes a record.</summary>
    /// <param name="key">The key.</param>
    /// <param name="value">The value.</param>
    /// <param name="publisher">Who publishes it; the default names nobody.</param>
    public static KadRecord Make(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, PeerId publisher = default)
    {
        int keyHead = 1 + Uvarint.Length((ulong)key.Length);
        int valueHead = 1 + Uvarint.Length((ulong)value.Length);
        int publisherHead = publisher.IsEmpty ? 0 : 2 + Uvarint.Length((ulong)publisher.Span.Length);
        var encoded = new byte[keyHead + key.Length + valueHead + value.Length + publisherHead + publisher.Span.Length];
        encoded[0] = (KeyField << 3) | (int)ProtobufWire.Bytes;
        Uvarint.Write(encoded.AsSpan(1), (ulong)key.Length);
        key.CopyTo(encoded.AsSpan(keyHead));
        int at = keyHead + key.Length;
        encoded[at] = (ValueField << 3) | (int)ProtobufWire.Bytes;
        Uvarint.Write(encoded.AsSpan(at + 1), (ulong)value.Length);
        int valueStart = at + valueHead;
        value.CopyTo(encoded.AsSpan(valueStart));
        at = valueStart + value.Length;
        if (publisherHead > 0)
        {
            at += Uvarint.Write(encoded.AsSpan(at), (PublisherField << 3) | (int)ProtobufWire.Bytes);
            at += Uvarint.Write(encoded.AsSpan(at), (ulong)publisher.Span.Length);
            publisher.Span.CopyTo(encoded.AsSpan(at));
        }

        return new(encoded, keyHead, key.Length, valueStart, value.Length, publisherHead > 0 ? at : 0);
    }

    /// <summary>Reads a record as a peer sent it.</summary>
    /// <param name="bytes">The Protobuf message.</param>
    /// <param name="record">The record, its times left out.</param>
    /// <param name="ttlSeconds">How long it still lives, as the sender says; 0 when it says nothing.</param>
    /// <returns>False when it is malformed. A missing value is an empty one.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out KadRecord record, out uint ttlSeconds)
    {
        record = default;
        ttlSeconds = 0;
        ReadOnlySpan<byte> key = default;
        ReadOnlySpan<byte> value = default;
        PeerId publisher = default;
        var reader = new ProtobufReader(bytes);
        while (reader.TryRead())
        {
            switch (reader.Field)
            {
                case KeyField when reader.Wire == ProtobufWire.Bytes:
                    key = reader.Bytes;
                    break;
                case ValueField when reader.Wire == ProtobufWire.Bytes:
                    value = reader.Bytes;
                    break;
                case PublisherField when reader.Wire == ProtobufWire.Bytes:
                    PeerId.TryRead(reader.Bytes, out publisher);
                    break;
                case TtlField when reader.Wire == ProtobufWire.Varint:
                    ttlSeconds = (uint)Math.Min(reader.Number, uint.MaxValue);
                    break;
            }
        }

        if (!reader.IsWhole || key.IsEmpty)
        {
            return false;
        }

        record = Make(key, value, publisher);
        return true;
    }

    /// <summary>The same record under another publisher's name; the default names nobody.</summary>
    public KadRecord WithPublisher(PeerId publisher) =>
        PublisherSpan.SequenceEqual(publisher.Span) ? this : Make(Key.Span, Value.Span, publisher);

    /// <inheritdoc/>
    public bool Equals(KadRecord other) => Encoded.Span.SequenceEqual(other.Encoded.Span);

    /// <inheritdoc/>
    public override bool Equals([NotNullWhen(true)] object? obj) => obj is KadRecord other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        hash.AddBytes(Encoded.Span);
        return hash.ToHashCode();
    }

    /// <summary>True when both have the same bytes.</summary>
    public static bool operator ==(KadRecord left, KadRecord right) => left.Equals(right);

    /// <summary>True when their bytes differ.</summary>
    public static bool operator !=(KadRecord left, KadRecord right) => !left.Equals(right);

    /// <summary>Finds the parts of an array that <see cref="Make"/> wrote.</summary>
    internal static KadRecord Of(byte[] encoded)
    {
        Uvarint.Read(encoded.AsSpan(1), out ulong keyLength, out int keyHead);
        int valueAt = 1 + keyHead + (int)keyLength;
        Uvarint.Read(encoded.AsSpan(valueAt + 1), out ulong valueLength, out int valueHead);
        int valueStart = valueAt + 1 + valueHead;
        int end = valueStart + (int)valueLength;
        int publisher = end == encoded.Length ? 0 : end + 3; // Two bytes of tag, one of length: a peer id is short.
        return new(encoded, 1 + keyHead, (int)keyLength, valueStart, (int)valueLength, publisher);
    }
}
