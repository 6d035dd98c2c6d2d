using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;
using Weft.Graph;
using Weft.Primitives;
using Weft.Protocols.Sync;

namespace Weft.Protocols.Audit;

/// <summary>Writes and reads messages of <c>/weft/audit/1</c>: a byte for the kind, then its members in order.</summary>
/// <remarks>Source: docs/spec/sync.md, section 8. Reading trusts nothing and throws nothing.</remarks>
public static class AuditCodec
{
    /// <summary>The protocol.</summary>
    public const string Protocol = "/weft/audit/1";

    private const int PartsMax = 64;

    /// <summary>Writes one message.</summary>
    public static void Write(AuditMessage message, IBufferWriter<byte> target)
    {
        ArgumentNullException.ThrowIfNull(message);
        ArgumentNullException.ThrowIfNull(target);
        Byte(target, (byte)message.Kind);
        switch (message)
        {
            case AuditAsk ask:
                Number(target, ask.Number);
                Text(target, ask.Prefix);
                Number(target, ask.Ranges.Count);
                foreach (AuditRange range in ask.Ranges)
                {
                    Key(target, range.From);
                    Key(target, range.To);
                    Number(target, range.Parts);
                }

                break;
            case AuditAnswer answer:
                Number(target, answer.Number);
                Number(target, answer.Findings.Count);
                foreach (AuditFinding finding in answer.Findings)
                {
                    Write(target, finding);
                }

                break;
            case AuditGoodbye goodbye:
                Number(target, (long)goodbye.Error);
                break;
        }
    }

    /// <summary>Reads one message.</summary>
    /// <param name="bytes">From anywhere.</param>
    /// <param name="options">The ceilings.</param>
    /// <returns>Null for every form but those <see cref="Write(AuditMessage, IBufferWriter{byte})"/> writes.</returns>
    public static AuditMessage? Read(ReadOnlySpan<byte> bytes, AuditOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var reader = new Reader(bytes);
        AuditMessage? message = (AuditMessageKind)reader.Byte() switch
        {
            AuditMessageKind.Ask => ReadAsk(ref reader, options),
            AuditMessageKind.Answer => ReadAnswer(ref reader, options),
            AuditMessageKind.Goodbye => new AuditGoodbye((WeftError)reader.Number(65_535)),
            _ => null,
        };
        return reader.IsGood ? message : null;
    }

    private static void Write(IBufferWriter<byte> target, AuditFinding finding)
    {
        if (finding.Parts is { } parts)
        {
            Number(target, parts.Count);
            foreach (AuditPart part in parts)
            {
                Key(target, part.To);
                Id(target, part.Fingerprint);
                Number(target, part.Count);
            }

            return;
        }

        IReadOnlyList<AuditItem> items = finding.Items ?? [];
        Number(target, 0); // No parts: a list.
        Number(target, items.Count);
        string? soul = null;
        foreach (AuditItem item in items)
        {
            bool isSame = item.Key.Soul == soul;
            Byte(target, isSame ? (byte)1 : (byte)0);
            if (!isSame)
            {
                soul = item.Key.Soul!;
                Text(target, soul);
            }

            Text(target, item.Key.Field);
            BinaryPrimitives.WriteDoubleBigEndian(target.GetSpan(sizeof(double)), item.State);
            target.Advance(sizeof(double));
            Id(target, item.Id);
        }

        Byte(target, finding.Next is null ? (byte)0 : (byte)1);
        if (finding.Next is { } next)
        {
            Key(target, next);
        }
    }

    private static AuditAsk ReadAsk(ref Reader reader, AuditOptions options)
    {
        long number = reader.Number(long.MaxValue);
        string prefix = reader.Text(FieldRules.SoulBytesMax);
        int count = (int)reader.Number(options.RangesMax);
        var ranges = new List<AuditRange>(count);
        for (int i = 0; i < count && !reader.IsBroken; i++)
        {
            var range = new AuditRange(reader.Key(), reader.Key(), (int)reader.Number(PartsMax));
            reader.IsBroken |= range.From >= range.To;
            ranges.Add(range);
        }

        reader.IsBroken |= count == 0;
        return new AuditAsk(number, prefix, ranges);
    }

    private static AuditAnswer ReadAnswer(ref Reader reader, AuditOptions options)
    {
        long number = reader.Number(long.MaxValue);
        int count = (int)reader.Number(options.RangesMax);
        var findings = new List<AuditFinding>(count);
        for (int i = 0; i < count && !reader.IsBroken; i++)
        {
            int parts = (int)reader.Number(PartsMax);
            findings.Add(parts > 0 ? ReadParts(ref reader, parts) : ReadItems(ref reader, options));
        }

        reader.IsBroken |= count == 0;
        return new AuditAnswer(number, findings);
    }

    private static AuditFinding ReadParts(ref Reader reader, int count)
    {
        var parts = new List<AuditPart>(count);
        for (int i = 0; i < count && !reader.IsBroken; i++)
        {
            var part = new AuditPart(reader.Key(), reader.Id(), reader.Number(1L << 48));
            reader.IsBroken |= i > 0 && part.To <= parts[^1].To;
            parts.Add(part);
        }

        return new AuditFinding(parts);
    }

    private static AuditFinding ReadItems(ref Reader reader, AuditOptions options)
    {
        int count = (int)reader.Number(options.ItemsMax);
        var items = new List<AuditItem>(Math.Min(count, 64));
        string? soul = null;
        for (int i = 0; i < count && !reader.IsBroken; i++)
        {
            soul = reader.Flag() ? soul : reader.Text(FieldRules.SoulBytesMax);
            reader.IsBroken |= soul is null;
            var item = new AuditItem(
                new SyncKey(soul ?? "", reader.Text(FieldRules.FieldBytesMax)), reader.Double(), reader.Id());
            reader.IsBroken |= double.IsNaN(item.State) || (i > 0 && item.Key <= items[^1].Key);
            items.Add(item);
        }

        SyncKey? next = reader.Flag() ? reader.Key() : null;
        return new AuditFinding(null, items, next);
    }

    private static void Byte(IBufferWriter<byte> target, byte value)
    {
        target.GetSpan(1)[0] = value;
        target.Advance(1);
    }

    private static void Number(IBufferWriter<byte> target, long value) =>
        target.Advance(Uvarint.Write(target.GetSpan(Uvarint.BytesMax), (ulong)value));

    private static void Text(IBufferWriter<byte> target, string value)
    {
        Number(target, Encoding.UTF8.GetByteCount(value));
        Encoding.UTF8.GetBytes(value, target);
    }

    private static void Key(IBufferWriter<byte> target, SyncKey key)
    {
        Byte(target, key.IsEnd ? (byte)0 : (byte)1);
        if (!key.IsEnd)
        {
            Text(target, key.Soul!);
            Text(target, key.Field);
        }
    }

    private static void Id(IBufferWriter<byte> target, UInt128 id)
    {
        BinaryPrimitives.WriteUInt128BigEndian(target.GetSpan(16), id);
        target.Advance(16);
    }

    private ref struct Reader(ReadOnlySpan<byte> bytes)
    {
        private ReadOnlySpan<byte> _rest = bytes;

        public bool IsBroken { get; set; }

        public readonly bool IsGood => !IsBroken && _rest.IsEmpty;

        public byte Byte() => Take(1) is [var value] ? value : (byte)0;

        public bool Flag()
        {
            byte value = Byte();
            IsBroken |= value > 1;
            return value == 1;
        }

        public long Number(long max)
        {
            if (IsBroken || Uvarint.Read(_rest, out ulong value, out int length) != OperationStatus.Done
                || value > (ulong)max)
            {
                IsBroken = true;
                return 0;
            }

            _rest = _rest[length..];
            return (long)value;
        }

        public string Text(int bytesMax)
        {
            ReadOnlySpan<byte> text = Take((int)Number(bytesMax));
            if (!Utf8.IsValid(text))
            {
                IsBroken = true;
                return "";
            }

            return Encoding.UTF8.GetString(text);
        }

        public SyncKey Key() => Flag()
            ? new SyncKey(Text(FieldRules.SoulBytesMax), Text(FieldRules.FieldBytesMax))
            : SyncKey.End;

        public UInt128 Id() => Take(16) is { Length: 16 } id ? BinaryPrimitives.ReadUInt128BigEndian(id) : 0;

        public double Double() =>
            Take(sizeof(double)) is { Length: sizeof(double) } value ? BinaryPrimitives.ReadDoubleBigEndian(value) : 0;

        private ReadOnlySpan<byte> Take(int count)
        {
            if (IsBroken || count > _rest.Length)
            {
                IsBroken = true;
                return default;
            }

            ReadOnlySpan<byte> taken = _rest[..count];
            _rest = _rest[count..];
            return taken;
        }
    }
}
