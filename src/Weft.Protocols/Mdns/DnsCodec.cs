using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Weft.Protocols.Mdns;

/// <summary>Reads and writes what multicast DNS needs of DNS: PTR and TXT; other records are stepped over.</summary>
/// <remarks>
/// A compressed name points back, each time further than before: so it ends, whatever the bytes are. Counts are bounded
/// besides by the length of the message. Source: RFC 1035, section 4; RFC 6762, section 18.
/// </remarks>
public static class DnsCodec
{
    /// <summary>Bytes of the longest message that is read: RFC 6762, section 17.</summary>
    public const int MessageBytesMax = 9_000;

    /// <summary>Questions and records of one message.</summary>
    public const int EntriesMax = 128;

    /// <summary>Texts of one record.</summary>
    public const int TextsMax = 64;

    private const int HeaderLength = 12;
    private const int NameBytesMax = 255;
    private const int LabelBytesMax = 63;
    private const ushort AnswerFlags = 0x8400; // An answer, with authority.
    private const ushort InternetClass = 1;

    /// <summary>Writes a message, without compression.</summary>
    /// <exception cref="ArgumentException">A label or text is empty or too long.</exception>
    public static void Write(DnsMessage message, IBufferWriter<byte> target)
    {
        ArgumentNullException.ThrowIfNull(message);
        Span<byte> header = target.GetSpan(HeaderLength)[..HeaderLength];
        header.Clear();
        BinaryPrimitives.WriteUInt16BigEndian(header[2..], message.IsAnswer ? AnswerFlags : (ushort)0);
        BinaryPrimitives.WriteUInt16BigEndian(header[4..], (ushort)message.Questions.Count);
        BinaryPrimitives.WriteUInt16BigEndian(header[6..], (ushort)message.Answers.Count);
        BinaryPrimitives.WriteUInt16BigEndian(header[10..], (ushort)message.Additional.Count);
        target.Advance(HeaderLength);
        foreach (DnsQuestion question in message.Questions)
        {
            WriteName(question.Name, target);
            WriteUInt16((ushort)question.Type, target);
            WriteUInt16(InternetClass, target);
        }

        foreach (DnsRecord record in message.Answers.Concat(message.Additional))
        {
            WriteRecord(record, target);
        }
    }

    /// <summary>Reads a message.</summary>
    /// <returns>False when it is malformed, too long, or holds more than the ceilings allow.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out DnsMessage? message)
    {
        message = null;
        if (bytes.Length is < HeaderLength or > MessageBytesMax)
        {
            return false;
        }

        int questions = BinaryPrimitives.ReadUInt16BigEndian(bytes[4..]);
        int answers = BinaryPrimitives.ReadUInt16BigEndian(bytes[6..]);
        int authorities = BinaryPrimitives.ReadUInt16BigEndian(bytes[8..]);
        int additional = BinaryPrimitives.ReadUInt16BigEndian(bytes[10..]);
        if (questions + answers + authorities + additional > EntriesMax)
        {
            return false;
        }

        int at = HeaderLength;
        var asked = new List<DnsQuestion>();
        for (int i = 0; i < questions; i++)
        {
            if (!TryName(bytes, ref at, out string name) || !TryUInt16(bytes, ref at, out int type)
                || !TryUInt16(bytes, ref at, out _))
            {
                return false;
            }

            asked.Add(new(name, type));
        }

        var first = new List<DnsRecord>();
        var second = new List<DnsRecord>();
        if (!TryRecords(bytes, ref at, answers, first) || !TryRecords(bytes, ref at, authorities, null)
            || !TryRecords(bytes, ref at, additional, second))
        {
            return false;
        }

        message = new((bytes[2] & 0x80) != 0, asked, first, second);
        return true;
    }

    /// <summary>True when both name the same: DNS does not tell the cases of ASCII letters apart.</summary>
    public static bool IsSame(string left, string right) =>
        string.Equals(left, right, StringComparison.OrdinalIgnoreCase);

    private static void WriteRecord(DnsRecord record, IBufferWriter<byte> target)
    {
        WriteName(record.Name, target);
        WriteUInt16((ushort)record.Type, target);
        WriteUInt16(InternetClass, target);
        Span<byte> ttl = target.GetSpan(sizeof(uint));
        BinaryPrimitives.WriteUInt32BigEndian(ttl, record.TtlSeconds);
        target.Advance(sizeof(uint));
        var data = new ArrayBufferWriter<byte>();
        if (record.Type == (int)DnsType.Ptr)
        {
            WriteName(record.Target, data);
        }
        else
        {
            foreach (ReadOnlyMemory<byte> text in record.Texts)
            {
                ArgumentOutOfRangeException.ThrowIfGreaterThan(text.Length, byte.MaxValue, nameof(record));
                data.Write([(byte)text.Length]);
                data.Write(text.Span);
            }
        }

        WriteUInt16((ushort)data.WrittenCount, target);
        target.Write(data.WrittenSpan);
    }

    private static void WriteName(string name, IBufferWriter<byte> target)
    {
        foreach (string label in name.Split('.'))
        {
            int length = Encoding.UTF8.GetByteCount(label);
            ArgumentOutOfRangeException.ThrowIfZero(length, nameof(name));
            ArgumentOutOfRangeException.ThrowIfGreaterThan(length, LabelBytesMax, nameof(name));
            target.Write([(byte)length]);
            Encoding.UTF8.GetBytes(label, target);
        }

        target.Write<byte>([0]);
    }

    private static void WriteUInt16(ushort value, IBufferWriter<byte> target)
    {
        BinaryPrimitives.WriteUInt16BigEndian(target.GetSpan(sizeof(ushort)), value);
        target.Advance(sizeof(ushort));
    }

    private static bool TryUInt16(ReadOnlySpan<byte> bytes, ref int at, out int value)
    {
        bool has = bytes.Length - at >= sizeof(ushort);
        value = has ? BinaryPrimitives.ReadUInt16BigEndian(bytes[at..]) : 0;
        at += has ? sizeof(ushort) : 0;
        return has;
    }

    private static bool TryRecords(ReadOnlySpan<byte> bytes, ref int at, int count, List<DnsRecord>? records)
    {
        for (int i = 0; i < count; i++)
        {
            if (!TryName(bytes, ref at, out string name) || !TryUInt16(bytes, ref at, out int type)
                || !TryUInt16(bytes, ref at, out _) || bytes.Length - at < sizeof(uint))
            {
                return false;
            }

            uint ttl = BinaryPrimitives.ReadUInt32BigEndian(bytes[at..]);
            at += sizeof(uint);
            if (!TryUInt16(bytes, ref at, out int length) || bytes.Length - at < length)
            {
                return false;
            }

            string target = "";
            List<ReadOnlyMemory<byte>> texts = [];
            int end = at + length;
            if ((type == (int)DnsType.Ptr && !TryTarget(bytes[..end], at, out target))
                || (type == (int)DnsType.Txt && !TryTexts(bytes[at..end], texts)))
            {
                return false;
            }

            records?.Add(new(name, type, ttl, target, texts));
            at = end;
        }

        return true;
    }

    private static bool TryTarget(ReadOnlySpan<byte> bytes, int at, out string target) =>
        TryName(bytes, ref at, out target) && at == bytes.Length;

    private static bool TryTexts(ReadOnlySpan<byte> bytes, List<ReadOnlyMemory<byte>> texts)
    {
        while (!bytes.IsEmpty)
        {
            int length = bytes[0];
            if (length >= bytes.Length || texts.Count == TextsMax)
            {
                return false;
            }

            texts.Add(bytes.Slice(1, length).ToArray());
            bytes = bytes[(1 + length)..];
        }

        return true;
    }

    private static bool TryName(ReadOnlySpan<byte> bytes, ref int at, out string name)
    {
        name = "";
        var text = new StringBuilder();
        int start = at;  // Of the piece that is being read: a pointer leads to before it.
        int cursor = at;
        int total = 0;
        bool hasJumped = false;
        while (true)
        {
            if (cursor >= bytes.Length)
            {
                return false;
            }

            int length = bytes[cursor];
            if (length == 0)
            {
                at = hasJumped ? at : cursor + 1;
                name = text.ToString();
                return true;
            }

            if ((length & 0xC0) == 0xC0)
            {
                if (cursor + 1 >= bytes.Length)
                {
                    return false;
                }

                int pointer = ((length & 0x3F) << 8) | bytes[cursor + 1];
                if (pointer >= start || pointer < HeaderLength)
                {
                    return false;
                }

                at = hasJumped ? at : cursor + 2;
                hasJumped = true;
                start = cursor = pointer;
                continue;
            }

            total += length + 1;
            if (length > LabelBytesMax || total > NameBytesMax || cursor + 1 + length > bytes.Length)
            {
                return false;
            }

            // A dot within a label must not look like one between labels.
            text.Append(text.Length > 0 ? "." : "")
                .Append(Encoding.UTF8.GetString(bytes.Slice(cursor + 1, length)).Replace('.', '\uFFFD'));
            cursor += 1 + length;
        }
    }
}
