using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Unicode;
using Weft.Protocols.Peers;
using Weft.Protocols.Protobuf;

namespace Weft.Protocols.Rendezvous;

/// <summary>Reads and writes rendezvous messages. On a stream each stands behind its length, a varint.</summary>
/// <remarks>Source: libp2p specs, rendezvous/README.md.</remarks>
public static class RendezvousCodec
{
    /// <summary>The protocol.</summary>
    public const string Protocol = "/rendezvous/1.0.0";

    /// <summary>Bytes of the longest message that is read, its length not counted.</summary>
    public const int MessageBytesMax = 256 * 1024;

    /// <summary>Bytes of the longest question: only answers may be longer.</summary>
    public const int QuestionBytesMax = 32 * 1024;

    /// <summary>Bytes of the longest namespace.</summary>
    public const int NamespaceBytesMax = 255;

    /// <summary>Registrations that are read of one answer.</summary>
    public const int RegistrationsMax = 1_000;

    /// <summary>Bytes of the longest cookie.</summary>
    public const int CookieBytesMax = 512;

    private const int TextBytesMax = 256;
    private const int KindField = 1;
    private const int RegisterField = 2;
    private const int RegisterResponseField = 3;
    private const int UnregisterField = 4;
    private const int DiscoverField = 5;
    private const int DiscoverResponseField = 6;

    /// <summary>Writes a message, without its length.</summary>
    public static void Write(RendezvousMessage message, IBufferWriter<byte> target)
    {
        ArgumentNullException.ThrowIfNull(message);
        var writer = new ProtobufWriter(target);
        writer.Number(KindField, (ulong)message.Kind);
        var inner = new ArrayBufferWriter<byte>();
        var part = new ProtobufWriter(inner);
        int field = (int)message.Kind + RegisterField;
        switch (message.Kind)
        {
            case RendezvousKind.Register:
                WriteRegistration(part, message.Registrations[0]);
                break;
            case RendezvousKind.RegisterResponse:
                part.Number(1, (ulong)message.Status);
                WriteText(part, 2, message.StatusText);
                part.Number(3, (ulong)message.Ttl.TotalSeconds);
                break;
            case RendezvousKind.Unregister:
                part.Text(1, message.Namespace);
                break;
            case RendezvousKind.Discover:
                WriteText(part, 1, message.Namespace);
                WriteNumber(part, 2, (ulong)message.Limit);
                WriteBytes(part, 3, message.Cookie);
                break;
            default:
                WriteFound(part, message);
                break;
        }

        writer.Bytes(field, inner.WrittenSpan);
    }

    /// <summary>Reads a message.</summary>
    /// <returns>False when it is malformed, too long, or lacks the part its kind says.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out RendezvousMessage? message)
    {
        message = null;
        ulong kind = ulong.MaxValue;
        ReadOnlySpan<byte> body = default;
        int bodyField = 0;
        var reader = new ProtobufReader(bytes);
        while (bytes.Length <= MessageBytesMax && reader.TryRead())
        {
            if (reader.Field == KindField && reader.Wire == ProtobufWire.Varint)
            {
                kind = reader.Number;
            }
            else if (reader.Field is >= RegisterField and <= DiscoverResponseField && reader.Wire == ProtobufWire.Bytes
                && (kind == ulong.MaxValue || reader.Field == (int)kind + RegisterField))
            {
                body = reader.Bytes;
                bodyField = reader.Field;
            }
        }

        if (!reader.IsWhole || kind > (ulong)RendezvousKind.DiscoverResponse || bodyField != (int)kind + RegisterField)
        {
            return false;
        }

        message = bodyField switch
        {
            RegisterField => TryRegistration(body, out RendezvousRegistration? one)
                ? new(RendezvousKind.Register) { Registrations = [one] }
                : null,
            RegisterResponseField => ReadRegisterResponse(body),
            UnregisterField or DiscoverField => ReadQuestion((RendezvousKind)kind, body),
            _ => ReadFound(body),
        };
        return message is not null;
    }

    /// <summary>True when a namespace may be registered.</summary>
    public static bool IsNamespace(string name) =>
        !string.IsNullOrEmpty(name) && Encoding.UTF8.GetByteCount(name) <= NamespaceBytesMax;

    private static void WriteRegistration(ProtobufWriter writer, RendezvousRegistration registration)
    {
        writer.Text(1, registration.Namespace);
        writer.Bytes(2, registration.SignedRecord.Span);
        WriteNumber(writer, 3, (ulong)registration.Ttl.TotalSeconds);
    }

    private static void WriteFound(ProtobufWriter writer, RendezvousMessage message)
    {
        var inner = new ArrayBufferWriter<byte>();
        foreach (RendezvousRegistration one in message.Registrations)
        {
            inner.ResetWrittenCount();
            WriteRegistration(new(inner), one);
            writer.Bytes(1, inner.WrittenSpan);
        }

        WriteBytes(writer, 2, message.Cookie);
        writer.Number(3, (ulong)message.Status);
        WriteText(writer, 4, message.StatusText);
    }

    private static void WriteText(ProtobufWriter writer, int field, string text)
    {
        if (text.Length > 0)
        {
            writer.Text(field, text);
        }
    }

    private static void WriteNumber(ProtobufWriter writer, int field, ulong number)
    {
        if (number > 0)
        {
            writer.Number(field, number);
        }
    }

    private static void WriteBytes(ProtobufWriter writer, int field, ReadOnlyMemory<byte> bytes)
    {
        if (!bytes.IsEmpty)
        {
            writer.Bytes(field, bytes.Span);
        }
    }

    private static bool TryRegistration(
        ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out RendezvousRegistration? registration)
    {
        registration = null;
        string? name = "";
        byte[] record = [];
        ulong ttl = 0;
        var reader = new ProtobufReader(bytes);
        while (reader.TryRead())
        {
            switch (reader.Field)
            {
                case 1:
                    name = TryText(reader.Bytes, SignedEnvelope.BytesMax); // Too long a name is answered, not dropped.
                    break;
                case 2 when reader.Bytes.Length <= SignedEnvelope.BytesMax:
                    record = reader.Bytes.ToArray();
                    break;
                case 3:
                    ttl = reader.Number;
                    break;
            }
        }

        if (!reader.IsWhole || name is null)
        {
            return false;
        }

        registration = new(name, record, Seconds(ttl));
        return true;
    }

    private static RendezvousMessage? ReadRegisterResponse(ReadOnlySpan<byte> bytes)
    {
        ulong status = 0;
        ulong ttl = 0;
        string text = "";
        var reader = new ProtobufReader(bytes);
        while (reader.TryRead())
        {
            switch (reader.Field)
            {
                case 1:
                    status = reader.Number;
                    break;
                case 2:
                    text = TryText(reader.Bytes, TextBytesMax) ?? "";
                    break;
                case 3:
                    ttl = reader.Number;
                    break;
            }
        }

        return reader.IsWhole && status <= int.MaxValue
            ? new(RendezvousKind.RegisterResponse)
            {
                Status = (RendezvousStatus)status,
                StatusText = text,
                Ttl = Seconds(ttl),
            }
            : null;
    }

    private static RendezvousMessage? ReadQuestion(RendezvousKind kind, ReadOnlySpan<byte> bytes)
    {
        string? name = "";
        ulong limit = 0;
        byte[] cookie = [];
        bool isCookieRead = true;
        var reader = new ProtobufReader(bytes);
        while (reader.TryRead())
        {
            switch (reader.Field)
            {
                case 1:
                    name = TryText(reader.Bytes, SignedEnvelope.BytesMax);
                    break;
                case 2 when kind == RendezvousKind.Discover:
                    limit = reader.Number;
                    break;
                case 3 when kind == RendezvousKind.Discover:
                    isCookieRead = reader.Bytes.Length <= CookieBytesMax;
                    cookie = isCookieRead ? reader.Bytes.ToArray() : [];
                    break;
            }
        }

        return reader.IsWhole && name is not null && isCookieRead
            ? new(kind) { Namespace = name, Limit = (int)Math.Min(limit, int.MaxValue), Cookie = cookie }
            : null;
    }

    private static RendezvousMessage? ReadFound(ReadOnlySpan<byte> bytes)
    {
        var found = new List<RendezvousRegistration>();
        byte[] cookie = [];
        ulong status = 0;
        string text = "";
        var reader = new ProtobufReader(bytes);
        while (reader.TryRead())
        {
            switch (reader.Field)
            {
                case 1 when found.Count < RegistrationsMax
                    && TryRegistration(reader.Bytes, out RendezvousRegistration? one):
                    found.Add(one);
                    break;
                case 2 when reader.Bytes.Length <= CookieBytesMax:
                    cookie = reader.Bytes.ToArray();
                    break;
                case 3:
                    status = reader.Number;
                    break;
                case 4:
                    text = TryText(reader.Bytes, TextBytesMax) ?? "";
                    break;
            }
        }

        return reader.IsWhole && status <= int.MaxValue
            ? new(RendezvousKind.DiscoverResponse)
            {
                Registrations = found,
                Cookie = cookie,
                Status = (RendezvousStatus)status,
                StatusText = text,
            }
            : null;
    }

    private static TimeSpan Seconds(ulong seconds) => TimeSpan.FromSeconds(Math.Min(seconds, uint.MaxValue));

    private static string? TryText(ReadOnlySpan<byte> bytes, int bytesMax) =>
        bytes.Length <= bytesMax && Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : null;
}
