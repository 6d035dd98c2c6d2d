using System.Buffers;
using System.Text;
using System.Text.Unicode;
using Weft.Primitives;
using Weft.Protocols.Peers;
using Weft.Protocols.Protobuf;

namespace Weft.Protocols.Identify;

/// <summary>Reads what may come in several messages, each with its length before it, and puts them together.</summary>
/// <remarks>
/// Lists grow from message to message, single values are replaced. What is beyond a ceiling is left out; what is
/// malformed ends the reading. Source: libp2p specs, identify/README.md; js-libp2p and go-libp2p send parts of at most
/// 8 KiB and 4 KiB, and read ten.
/// </remarks>
public sealed class IdentifyReader
{
    /// <summary>Bytes of one message, its length not counted.</summary>
    public const int MessageBytesMax = 8_192;

    /// <summary>Messages that are put together.</summary>
    public const int MessagesMax = 10;

    /// <summary>Addresses that are kept.</summary>
    public const int AddressesMax = 64;

    /// <summary>Protocols that are kept.</summary>
    public const int ProtocolsMax = 256;

    /// <summary>Bytes of a protocol's name, the program's name, the family's name.</summary>
    public const int TextBytesMax = 256;

    private readonly List<Multiaddr> _addresses = [];
    private readonly List<string> _protocols = [];
    private string? _protocolVersion;
    private string? _agentVersion;
    private PeerPublicKey? _key;
    private Multiaddr? _observed;
    private byte[] _record = [];
    private int _messages;

    /// <summary>Takes what came.</summary>
    /// <param name="bytes">Everything that came and was not taken yet.</param>
    /// <param name="taken">How many bytes were taken.</param>
    /// <returns>False when it is malformed or too much; nothing of it counts then.</returns>
    public bool TryRead(ReadOnlySpan<byte> bytes, out int taken)
    {
        taken = 0;
        while (true)
        {
            OperationStatus status = Uvarint.Read(bytes[taken..], out ulong length, out int prefix);
            if (status == OperationStatus.NeedMoreData)
            {
                return true;
            }

            if (status == OperationStatus.InvalidData || length > MessageBytesMax || _messages == MessagesMax)
            {
                return false;
            }

            if ((ulong)(bytes.Length - taken - prefix) < length)
            {
                return true;
            }

            if (!TryMerge(bytes.Slice(taken + prefix, (int)length)))
            {
                return false;
            }

            _messages++;
            taken += prefix + (int)length;
        }
    }

    /// <summary>What was read so far, as one message; null when nothing came.</summary>
    public IdentifyMessage? Build() => _messages == 0
        ? null
        : new()
        {
            ProtocolVersion = _protocolVersion,
            AgentVersion = _agentVersion,
            Key = _key,
            ListenAddresses = [.. _addresses],
            Protocols = [.. _protocols],
            ObservedAddress = _observed,
            SignedRecord = _record,
        };

    private bool TryMerge(ReadOnlySpan<byte> message)
    {
        var reader = new ProtobufReader(message);
        while (reader.TryRead())
        {
            switch (reader.Field)
            {
                case IdentifyCodec.KeyField:
                    PeerPublicKey.TryDecode(reader.Bytes, out _key);
                    break;
                case IdentifyCodec.AddressesField
                    when _addresses.Count < AddressesMax && Multiaddr.TryRead(reader.Bytes, out Multiaddr? address):
                    _addresses.Add(address);
                    break;
                case IdentifyCodec.ProtocolsField
                    when _protocols.Count < ProtocolsMax && TryText(reader.Bytes) is { } protocol:
                    _protocols.Add(protocol);
                    break;
                case IdentifyCodec.ObservedField:
                    Multiaddr.TryRead(reader.Bytes, out _observed);
                    break;
                case IdentifyCodec.ProtocolVersionField:
                    _protocolVersion = TryText(reader.Bytes);
                    break;
                case IdentifyCodec.AgentVersionField:
                    _agentVersion = TryText(reader.Bytes);
                    break;
                case IdentifyCodec.RecordField:
                    _record = reader.Bytes.ToArray();
                    break;
            }
        }

        return reader.IsWhole;
    }

    private static string? TryText(ReadOnlySpan<byte> bytes) =>
        bytes.Length <= TextBytesMax && Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : null;
}

/// <summary>Writes identify messages.</summary>
public static class IdentifyCodec
{
    internal const int KeyField = 1;
    internal const int AddressesField = 2;
    internal const int ProtocolsField = 3;
    internal const int ObservedField = 4;
    internal const int ProtocolVersionField = 5;
    internal const int AgentVersionField = 6;
    internal const int RecordField = 8;

    private const int PartBytesMax = 4_096; // What the smallest reader in the field takes.

    /// <summary>
    /// Writes the message with its length before it; as several when it is longer than 4 KiB, the signed record last.
    /// </summary>
    public static void Write(IdentifyMessage message, IBufferWriter<byte> target)
    {
        ArgumentNullException.ThrowIfNull(message);
        var part = new ArrayBufferWriter<byte>();
        var writer = new ProtobufWriter(part);
        if (message.Key is { } key)
        {
            writer.Bytes(KeyField, key.Encoded);
        }

        foreach (Multiaddr address in message.ListenAddresses)
        {
            Make(part, address.Bytes.Length, target);
            writer.Bytes(AddressesField, address.Bytes);
        }

        foreach (string protocol in message.Protocols)
        {
            Make(part, protocol.Length * 3, target);
            writer.Text(ProtocolsField, protocol);
        }

        Make(part, Multiaddr.BytesMax, target);
        if (message.ObservedAddress is { } observed)
        {
            writer.Bytes(ObservedField, observed.Bytes);
        }

        Text(writer, ProtocolVersionField, message.ProtocolVersion);
        Text(writer, AgentVersionField, message.AgentVersion);
        if (!message.SignedRecord.IsEmpty)
        {
            Make(part, message.SignedRecord.Length, target);
            writer.Bytes(RecordField, message.SignedRecord.Span);
        }

        Flush(part, target);
    }

    private static void Text(ProtobufWriter writer, int field, string? text)
    {
        if (text is not null)
        {
            writer.Text(field, text);
        }
    }

    /// <summary>Makes room: what was gathered goes out when the next field would make it too long.</summary>
    private static void Make(ArrayBufferWriter<byte> part, int next, IBufferWriter<byte> target)
    {
        if (part.WrittenCount > 0 && part.WrittenCount + next + 8 > PartBytesMax)
        {
            Flush(part, target);
        }
    }

    private static void Flush(ArrayBufferWriter<byte> part, IBufferWriter<byte> target)
    {
        new ProtobufWriter(target).Varint((ulong)part.WrittenCount);
        target.Write(part.WrittenSpan);
        part.ResetWrittenCount();
    }
}
