using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Weft.Primitives;

namespace Weft.Protocols.Peers;

/// <summary>The values of a multiaddr's parts, between text and bytes.</summary>
internal static class MultiaddrText
{
    private const int NameBytesMax = 253;
    private const int MultibaseBytesMax = 128;

    /// <summary>Writes one part from its text.</summary>
    /// <returns>False when the text is no value of this protocol.</returns>
    internal static bool TryWrite(in MultiaddrProtocol protocol, ReadOnlySpan<char> text, IBufferWriter<byte> target)
    {
        Span<byte> value = stackalloc byte[NameBytesMax];
        if (!TryValue(protocol, text, value, out int length) || !IsValue(protocol, value[..length]))
        {
            return false;
        }

        Varint((ulong)protocol.Code, target);
        if (protocol.Size < 0)
        {
            Varint((ulong)length, target);
        }

        target.Write(value[..length]);
        return true;
    }

    /// <summary>
    /// True when the bytes are a value of this protocol: what is taken can be written as text and read again.
    /// </summary>
    internal static bool IsValue(in MultiaddrProtocol protocol, ReadOnlySpan<byte> value) => protocol.Value switch
    {
        MultiaddrValue.Name => value.Length is > 0 and <= NameBytesMax && IsName(value),
        MultiaddrValue.Peer => PeerId.TryRead(value, out _),
        MultiaddrValue.Multibase => value.Length is > 0 and <= MultibaseBytesMax,
        _ => value.Length == protocol.Size,
    };

    /// <summary>Appends "/name" or "/name/value".</summary>
    internal static void Append(in MultiaddrPart part, StringBuilder text)
    {
        MultiaddrProtocol.TryFind((ulong)part.Code, out MultiaddrProtocol protocol);
        text.Append('/').Append(protocol.Name);
        if (protocol.Value != MultiaddrValue.None)
        {
            text.Append('/').Append(Format(protocol, part.Value.Span));
        }
    }

    private static bool TryValue(
        in MultiaddrProtocol protocol, ReadOnlySpan<char> text, Span<byte> value, out int length)
    {
        length = Math.Max(0, protocol.Size);
        switch (protocol.Value)
        {
            case MultiaddrValue.None:
                return true;
            case MultiaddrValue.Ip4:
                return IpText.TryParse4(text, value);
            case MultiaddrValue.Ip6:
                return IpText.TryParse6(text, value[..16]);
            case MultiaddrValue.Port:
                bool isPort = ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ushort port);
                BinaryPrimitives.WriteUInt16BigEndian(value, port);
                return isPort;
            case MultiaddrValue.Number:
                bool isNumber = ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number);
                BinaryPrimitives.WriteUInt64BigEndian(value, number);
                return isNumber;
            case MultiaddrValue.Name:
                return Ascii.FromUtf16(text, value, out length) == OperationStatus.Done;
            case MultiaddrValue.Peer:
                bool isPeer = PeerId.TryParse(text, out PeerId peer);
                peer.Span.CopyTo(value);
                length = peer.Span.Length;
                return isPeer;
            default:
                return TryMultibase(text, value, out length);
        }
    }

    private static string Format(in MultiaddrProtocol protocol, ReadOnlySpan<byte> value)
    {
        switch (protocol.Value)
        {
            case MultiaddrValue.Ip4:
                return IpText.Format4(value);
            case MultiaddrValue.Ip6:
                return IpText.Format6(value);
            case MultiaddrValue.Port:
                return BinaryPrimitives.ReadUInt16BigEndian(value).ToString(CultureInfo.InvariantCulture);
            case MultiaddrValue.Number:
                return BinaryPrimitives.ReadUInt64BigEndian(value).ToString(CultureInfo.InvariantCulture);
            case MultiaddrValue.Name:
                return Encoding.ASCII.GetString(value);
            case MultiaddrValue.Peer:
                PeerId.TryRead(value, out PeerId peer);
                return peer.ToString();
            default:
                return "u" + Base64Url.EncodeToString(value);
        }
    }

    /// <summary>Names of hosts and zones: printable ASCII without a slash.</summary>
    private static bool IsName(ReadOnlySpan<byte> value)
    {
        foreach (byte one in value)
        {
            if (one is <= (byte)' ' or >= 0x7F or (byte)'/')
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Base64url, the multibase "u": the form in which hashes of certificates are written.</summary>
    private static bool TryMultibase(ReadOnlySpan<char> text, Span<byte> value, out int length)
    {
        length = 0;
        return text.Length is > 1 and < NameBytesMax && text[0] == 'u' && Base64Url.IsValid(text[1..])
            && Base64Url.TryDecodeFromChars(text[1..], value, out length);
    }

    private static void Varint(ulong value, IBufferWriter<byte> target)
    {
        Span<byte> bytes = stackalloc byte[Uvarint.BytesMax];
        target.Write(bytes[..Uvarint.Write(bytes, value)]);
    }
}
