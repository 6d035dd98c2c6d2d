using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Weft.Crypto;
using Weft.Graph;
using Weft.Graph.Access;
using Weft.Primitives;

namespace Weft.Protocols.Sync;

/// <summary>Reads messages of <c>/weft/sync/1</c>. It trusts nothing, throws nothing, and takes only what it is given.</summary>
public ref struct SyncReader
{
    private const int StoreIdMax = 64;

    private readonly SyncOptions _options;
    private ReadOnlySpan<byte> _rest;
    private bool _isBroken;

    private SyncReader(ReadOnlySpan<byte> bytes, SyncOptions options)
    {
        _rest = bytes;
        _options = options;
    }

    /// <summary>Reads one message.</summary>
    /// <param name="bytes">From anywhere.</param>
    /// <param name="options">The ceilings.</param>
    /// <returns>
    /// Null for every form but those <see cref="SyncCodec"/> writes. Fields whose value or name breaks a rule of the graph
    /// make the message unreadable: no peer that keeps the rules sends them.
    /// </returns>
    public static SyncMessage? Read(ReadOnlySpan<byte> bytes, SyncOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var reader = new SyncReader(bytes, options);
        SyncMessage? message = reader.ReadMessage();
        return reader._isBroken || !reader._rest.IsEmpty ? null : message;
    }

    private SyncMessage? ReadMessage() => (SyncMessageKind)Byte() switch
    {
        SyncMessageKind.Hello => ReadHello(),
        SyncMessageKind.Subscribe => ReadSubscribe(),
        SyncMessageKind.Changes => new SyncChanges(Signed(), ReadWrites()),
        SyncMessageKind.Ack => new SyncAck(Signed(), Number(), (int)Number(int.MaxValue), (WeftError)Number(65_535)),
        SyncMessageKind.Ask => ReadAsk(),
        SyncMessageKind.Answer => new SyncAnswer(Number(), Flag(), ReadWrites()),
        SyncMessageKind.Ranges => ReadRanges(),
        SyncMessageKind.Want => new SyncWant(Text(FieldRules.SoulBytesMax), Key(), Key(), Ids()),
        SyncMessageKind.Compared => new SyncCompared(Flag()),
        SyncMessageKind.Probe => ReadProbe(),
        SyncMessageKind.Goodbye => new SyncGoodbye((WeftError)Number(65_535)),
        _ => null,
    };

    private SyncHello ReadHello()
    {
        string store = Text(StoreIdMax);
        byte[] network = Bytes(32).ToArray();
        long sequence = Number();
        long window = Number();
        int count = (int)Number(SyncHello.RunsMax);
        var runs = new List<SyncRun>(count);
        for (int i = 0; i < count && !_isBroken; i++)
        {
            if (_rest.Length < sizeof(ulong))
            {
                _isBroken = true;
                break;
            }

            runs.Add(new(BinaryPrimitives.ReadUInt64BigEndian(Take(sizeof(ulong))), Number()));
        }

        return new SyncHello(store, network, sequence, window, runs);
    }

    private SyncProbe ReadProbe()
    {
        long id = Number();
        long sequence = Signed();
        if (sequence >= 0)
        {
            return new SyncProbe(id, sequence);
        }

        bool isSoul = Flag();
        string text = Text(FieldRules.SoulBytesMax);
        SyncReach scope = !isSoul && text.Length == 0 ? default : new SyncReach(text, isSoul);
        return new SyncProbe(id, sequence, scope, Signed());
    }

    private SyncSubscribe ReadSubscribe()
    {
        long after = Signed();
        int count = (int)Number(_options.PrefixesMax);
        var prefixes = new List<string>(Math.Min(count, _rest.Length));
        for (int i = 0; i < count && !_isBroken; i++)
        {
            prefixes.Add(Text(FieldRules.SoulBytesMax));
        }

        return new SyncSubscribe(prefixes, after);
    }

    private SyncAsk ReadAsk()
    {
        long id = Number();
        string soul = Text(FieldRules.SoulBytesMax);
        bool hasField = Flag();
        string field = Text(FieldRules.FieldBytesMax);
        _isBroken |= FieldRules.CheckSoul(soul) != WeftError.None;
        return new SyncAsk(id, soul, hasField ? field : null);
    }

    private SyncRanges ReadRanges()
    {
        string prefix = Text(FieldRules.SoulBytesMax);
        SyncKey at = Key();
        SyncKey from = at;
        int count = (int)Number(_rest.Length); // A range takes two bytes at the least.
        var ranges = new List<SyncRange>(Math.Min(count, 64));
        for (int i = 0; i < count && !_isBroken; i++)
        {
            SyncKey to = Key();
            _isBroken |= to <= at;
            at = to;
            switch (Byte())
            {
                case 0:
                    ranges.Add(new(to));
                    break;
                case 1:
                    ranges.Add(new(to, Fingerprint: Id()));
                    break;
                case 2:
                    ranges.Add(new(to, Ids: Ids()));
                    break;
                default:
                    _isBroken = true;
                    break;
            }
        }

        return new SyncRanges(prefix, from, ranges);
    }

    private List<FieldWrite> ReadWrites()
    {
        int count = (int)Number(_options.FieldsMax);
        var writes = new List<FieldWrite>(Math.Min(count, 64));
        string? soul = null;
        for (int i = 0; i < count && !_isBroken; i++)
        {
            byte flags = Byte();
            _isBroken |= flags > (SyncCodec.SameSoul | SyncCodec.HasProof);
            soul = (flags & SyncCodec.SameSoul) == 0 ? Text(FieldRules.SoulBytesMax) : soul;
            string field = Text(FieldRules.FieldBytesMax);
            WeftValue value = Value();
            double state = Double();
            FieldExtras? extras = (flags & SyncCodec.HasProof) == 0 ? null : Proof();
            if (soul is null || _isBroken)
            {
                _isBroken = true;
                break;
            }

            var write = new FieldWrite(soul, field, value, state, extras);
            _isBroken |= FieldRules.Check(write) != WeftError.None;
            writes.Add(write);
        }

        return writes;
    }

    private WeftValue Value()
    {
        ReadOnlySpan<byte> json = Bytes(_options.MessageBytesMax);
        if (json.IsEmpty || !Utf8.IsValid(json))
        {
            _isBroken = true;
            return default;
        }

        try
        {
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 4 });
            if (!reader.Read() || WeftValueReader.Read(ref reader, out WeftValue value) != WeftError.None || reader.Read())
            {
                _isBroken = true;
                return default;
            }

            return value;
        }
        catch (JsonException)
        {
            _isBroken = true;
            return default;
        }
    }

    // A claim: admission verifies it, whoever sent it.
    private FieldExtras? Proof()
    {
        ReadOnlySpan<byte> bytes = Bytes(SyncCodec.ProofHead + WriteProof.BytesMax);
        if (bytes.Length <= SyncCodec.ProofHead)
        {
            _isBroken = true;
            return null;
        }

        return new FieldExtras(
            bytes[..Ed25519PublicKey.Length].ToArray(),
            bytes[SyncCodec.ProofHead..].ToArray(),
            BinaryPrimitives.ReadDoubleBigEndian(bytes[Ed25519PublicKey.Length..]));
    }

    private SyncKey Key()
    {
        if (!Flag())
        {
            return SyncKey.End;
        }

        return new SyncKey(Text(FieldRules.SoulBytesMax), Text(FieldRules.FieldBytesMax));
    }

    private UInt128 Id() => _rest.Length >= 16 ? BinaryPrimitives.ReadUInt128BigEndian(Take(16)) : Broken();

    private UInt128 Broken()
    {
        _isBroken = true;
        return 0;
    }

    private UInt128[] Ids()
    {
        int count = (int)Number(_options.CompareMax);
        if (count > _rest.Length / 16)
        {
            _isBroken = true;
            return [];
        }

        var ids = new UInt128[count];
        for (int i = 0; i < count; i++)
        {
            ids[i] = BinaryPrimitives.ReadUInt128BigEndian(Take(16));
        }

        return ids;
    }

    private byte Byte()
    {
        if (_rest.IsEmpty)
        {
            _isBroken = true;
            return 0;
        }

        return Take(1)[0];
    }

    private bool Flag()
    {
        byte value = Byte();
        _isBroken |= value > 1;
        return value == 1;
    }

    private long Signed() => Number() - 1;

    private long Number(long max = long.MaxValue - 1)
    {
        if (_isBroken || Uvarint.Read(_rest, out ulong value, out int length) != OperationStatus.Done || value > (ulong)max)
        {
            _isBroken = true;
            return 0;
        }

        _rest = _rest[length..];
        return (long)value;
    }

    private double Double()
    {
        if (_rest.Length < sizeof(double))
        {
            _isBroken = true;
            return 0;
        }

        return BinaryPrimitives.ReadDoubleBigEndian(Take(sizeof(double)));
    }

    private ReadOnlySpan<byte> Bytes(int max)
    {
        long length = Number(max);
        if (length > _rest.Length)
        {
            _isBroken = true;
            return default;
        }

        return Take((int)length);
    }

    private string Text(int max)
    {
        ReadOnlySpan<byte> bytes = Bytes(max);
        if (!Utf8.IsValid(bytes))
        {
            _isBroken = true;
            return "";
        }

        return Encoding.UTF8.GetString(bytes);
    }

    private ReadOnlySpan<byte> Take(int length)
    {
        ReadOnlySpan<byte> taken = _rest[..length];
        _rest = _rest[length..];
        return taken;
    }
}
