using System.Buffers;
using System.Buffers.Text;
using System.Text;
using Weft.Crypto;
using Weft.Graph;
using Weft.Graph.Policy;
using Weft.Primitives;
using Weft.Protocols.Sync;

namespace Weft.Protocols.Replication;

/// <summary>
/// One record of the state of a soul, as responsible peers keep it: the fields of one page, with their proofs.
/// </summary>
/// <remarks>
/// A state that fits into one record is page 0 at depth 0. A larger one is cut by the hashes of field names: at depth d
/// there are 2^d pages, and page 0 of depth 0 says which depths are in use. There is one form of every value. Source:
/// docs/spec/replication.md, section 3.
/// </remarks>
public sealed class GraphRecord
{
    /// <summary>What keys begin with.</summary>
    public const string KeyStart = "/weft/graph/";

    /// <summary>Bytes of a page beyond which a state is cut further; what is merged may have up to 48 KiB.</summary>
    public const int PageBytesMax = 36 << 10;

    /// <summary>The deepest cut: 64 pages, about 2 MiB.</summary>
    public const int DepthMax = 6;

    private const byte Version = 1;
    private const int HashChars = 43;
    private const int HeadBytes = 3;

    private static readonly SyncOptions Limits = new() { FieldsMax = 8_192 };

    /// <summary>Makes one.</summary>
    /// <param name="copies">Responsible peers, as the writer knows the policy: 1 to 20.</param>
    /// <param name="depths">Bit d is set where pages of depth d are in use.</param>
    /// <param name="fields">The fields of one soul, at least one, in order of their names.</param>
    public GraphRecord(int copies, int depths, IReadOnlyList<FieldWrite> fields)
    {
        ArgumentNullException.ThrowIfNull(fields);
        (Copies, Depths, Fields) = (copies, depths, fields);
    }

    /// <summary>Responsible peers, as the writer knew the policy.</summary>
    public int Copies { get; }

    /// <summary>Bit d is set where pages of depth d are in use.</summary>
    public int Depths { get; }

    /// <summary>The fields, in order of their names.</summary>
    public IReadOnlyList<FieldWrite> Fields { get; }

    /// <summary>The soul.</summary>
    public string Soul => Fields[0].Soul;

    /// <summary>The key of a page: the hash of network and soul; behind it ".d.p" for page p of depth d above 0.</summary>
    public static byte[] KeyOf(ICrypto crypto, ReadOnlySpan<byte> network, string soul, int depth = 0, int page = 0)
    {
        ArgumentNullException.ThrowIfNull(crypto);
        Span<byte> hash = stackalloc byte[32];
        crypto.Sha256([.. "weft/graph-record/1\0"u8, .. network, .. Encoding.UTF8.GetBytes(soul)], hash);
        string name = KeyStart + Base64Url.EncodeToString(hash);
        return Encoding.ASCII.GetBytes(depth == 0
            ? name
            : string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{name}.{depth}.{page}"));
    }

    /// <summary>True when a key may be one of a state; cheap.</summary>
    public static bool IsKey(ReadOnlySpan<byte> key) => key.StartsWith("/weft/graph/"u8);

    /// <summary>The page a field lies in.</summary>
    public static int PageOf(ICrypto crypto, string field, int depth)
    {
        ArgumentNullException.ThrowIfNull(crypto);
        if (depth == 0)
        {
            return 0;
        }

        Span<byte> hash = stackalloc byte[32];
        crypto.Sha256(Encoding.UTF8.GetBytes(field), hash);
        return hash[0] >> (8 - depth);
    }

    /// <summary>Cuts a state into records.</summary>
    /// <param name="crypto">Hashes.</param>
    /// <param name="network">32 bytes.</param>
    /// <param name="fields">All fields of the soul, at least one, in order of their names.</param>
    /// <param name="copies">Responsible peers.</param>
    /// <returns>Keys and values, the page that names the others last; null when it is too large.</returns>
    public static IReadOnlyList<KeyValuePair<byte[], byte[]>>? Cut(
        ICrypto crypto, ReadOnlySpan<byte> network, IReadOnlyList<FieldWrite> fields, int copies)
    {
        ArgumentNullException.ThrowIfNull(fields);
        string soul = fields[0].Soul;
        for (int depth = 0; depth <= DepthMax; depth++)
        {
            var pages = new List<FieldWrite>[1 << depth];
            bool fits = true;
            foreach (FieldWrite write in fields)
            {
                int page = PageOf(crypto, write.Field, depth);
                (pages[page] ??= []).Add(write);
            }

            foreach (List<FieldWrite>? page in pages)
            {
                fits &= page is null || SizeOf(page) <= PageBytesMax;
            }

            if (!fits)
            {
                continue;
            }

            var records = new List<KeyValuePair<byte[], byte[]>>();
            for (int page = 0; page < pages.Length; page++)
            {
                if (pages[page] is { } held)
                {
                    records.Add(new(
                        KeyOf(crypto, network, soul, depth, page), new GraphRecord(copies, 1 << depth, held).Write()));
                }
            }

            if (depth > 0)
            {
                // The one that everybody looks for first says how deep to go on; a field is its proof.
                FieldWrite least = fields.MinBy(write => SyncCodec.SizeOf(write));
                records.Add(new(
                    KeyOf(crypto, network, soul), new GraphRecord(copies, 1 | (1 << depth), [least]).Write()));
            }

            return records;
        }

        return null;
    }

    /// <summary>The value of the record.</summary>
    public byte[] Write()
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        Span<byte> head = buffer.GetSpan(HeadBytes);
        (head[0], head[1], head[2]) = (Version, (byte)Copies, (byte)Depths);
        buffer.Advance(HeadBytes);
        SyncCodec.Write(new SyncChanges(-1, Fields), buffer);
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Reads a value. Never throws; judges its form and that it belongs under the key, not who wrote it.</summary>
    /// <param name="crypto">Hashes.</param>
    /// <param name="network">32 bytes.</param>
    /// <param name="key">The record's key.</param>
    /// <param name="value">From anywhere.</param>
    /// <returns>Null for every form but the one <see cref="Write"/> gives.</returns>
    public static GraphRecord? Read(
        ICrypto crypto, ReadOnlySpan<byte> network, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (!TryReadPlace(key, out int depth, out int page) || value.Length < HeadBytes || value[0] != Version
            || value[1] is 0 or > ReplicationWords.CopiesMax || value[2] >= 1 << (DepthMax + 1)
            || (value[2] & (1 << depth)) == 0
            || SyncReader.Read(value[HeadBytes..], Limits) is not SyncChanges { Cursor: -1, Writes.Count: > 0 } changes)
        {
            return null;
        }

        IReadOnlyList<FieldWrite> fields = changes.Writes;
        for (int i = 0; i < fields.Count; i++)
        {
            bool isInOrder = i == 0 || (fields[i].Soul == fields[0].Soul
                && string.CompareOrdinal(fields[i - 1].Field, fields[i].Field) < 0);
            if (!isInOrder || PageOf(crypto, fields[i].Field, depth) != page)
            {
                return null;
            }
        }

        var record = new GraphRecord(value[1], value[2], fields);
        return KeyOf(crypto, network, record.Soul, depth, page).AsSpan().SequenceEqual(key)
            && record.Write().AsSpan().SequenceEqual(value)
            ? record
            : null;
    }

    /// <summary>The responsible peers a value speaks of, without a look at the rest; 0 when it is none.</summary>
    public static int CopiesOf(ReadOnlySpan<byte> value) =>
        value.Length > HeadBytes && value[0] == Version && value[1] <= ReplicationWords.CopiesMax ? value[1] : 0;

    /// <summary>Both states as one: field by field the version that wins.</summary>
    /// <param name="book">Says how versions of a field are ordered where a policy says so.</param>
    /// <param name="other">A record of the same page.</param>
    public GraphRecord Merge(PolicyBook book, GraphRecord other)
    {
        ArgumentNullException.ThrowIfNull(book);
        ArgumentNullException.ThrowIfNull(other);
        var fields = new List<FieldWrite>(Math.Max(Fields.Count, other.Fields.Count));
        int left = 0;
        int right = 0;
        while (left < Fields.Count || right < other.Fields.Count)
        {
            int order = left == Fields.Count ? 1
                : right == other.Fields.Count ? -1
                : string.CompareOrdinal(Fields[left].Field, other.Fields[right].Field);
            fields.Add(order < 0 ? Fields[left]
                : order > 0 ? other.Fields[right]
                : Better(book, Fields[left], other.Fields[right]));
            left += order <= 0 ? 1 : 0;
            right += order >= 0 ? 1 : 0;
        }

        return new(Math.Max(Copies, other.Copies), Depths | other.Depths, fields);
    }

    private static FieldWrite Better(PolicyBook book, in FieldWrite known, in FieldWrite incoming)
    {
        var held = new StoredField(known.Field, known.Value, known.State, 0, known.Extras);
        HamVerdict verdict = book.Orders(incoming.Soul)
            ? book.Judge(incoming, held)
            : Ham.Judge(incoming.Value, incoming.State, known.Value, known.State, double.PositiveInfinity);
        if (verdict != HamVerdict.Equal)
        {
            return verdict == HamVerdict.Incoming ? incoming : known;
        }

        // The same value in the same state with two proofs: both good, and everybody keeps the same one.
        ReadOnlySpan<byte> here = known.Extras is { } one ? one.Signature.Span : default;
        ReadOnlySpan<byte> there = incoming.Extras is { } two ? two.Signature.Span : default;
        return there.SequenceCompareTo(here) > 0 ? incoming : known;
    }

    private static int SizeOf(List<FieldWrite> fields)
    {
        int bytes = HeadBytes + 16 + (3 * fields[0].Soul.Length);
        foreach (FieldWrite write in fields)
        {
            bytes += 32 + (3 * write.Field.Length) + write.Value.Json.Length
                + (write.Extras is { } extras ? 48 + extras.Signature.Length : 0);
        }

        return bytes;
    }

    private static bool TryReadPlace(ReadOnlySpan<byte> key, out int depth, out int page)
    {
        (depth, page) = (0, 0);
        int hash = KeyStart.Length + HashChars;
        if (!IsKey(key) || key.Length < hash)
        {
            return false;
        }

        ReadOnlySpan<byte> rest = key[hash..];
        if (rest.IsEmpty)
        {
            return true;
        }

        // ".d.p": one digit, and one or two. A wrong form gives another key, which the caller compares.
        return rest.Length is 4 or 5 && rest[0] == '.' && rest[2] == '.' && rest[1] is >= (byte)'1' and <= (byte)'6'
            && (depth = rest[1] - '0') > 0
            && Utf8Parser.TryParse(rest[3..], out page, out int read) && read == rest.Length - 3
            && page >= 0 && page < 1 << depth;
    }
}
