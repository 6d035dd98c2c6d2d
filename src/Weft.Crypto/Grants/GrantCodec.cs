using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;
using Weft.Primitives;

namespace Weft.Crypto;

/// <summary>Blocks of grants as bytes, in one form only: what is read and written again is the same.</summary>
/// <remarks>Source: docs/spec/grants.md, section 2.</remarks>
internal static class GrantCodec
{
    public const byte Version = 1;
    public const int BlocksMax = 4;
    public const int ChainBytesMax = 3_000;
    public const int PrefixesMax = 8;
    public const int PrefixBytesMax = 1_024;
    public const int FieldsMax = 8;
    public const int FieldBytesMax = 256;
    public const int NetworkLength = 32;
    public const int NonceLength = 16;
    public const int IdLength = 32;
    public const int SignatureLength = 64;
    public const long TimeMsMax = 8_640_000_000_000_000; // The last day that JavaScript knows.

    /// <summary>Stands before a block when it is signed, so that no other signature can pass for one.</summary>
    public static ReadOnlySpan<byte> Domain => "weft/grant/1\0"u8;

    /// <summary>Says what is wrong with the terms, or null.</summary>
    public static string? Check(GrantTerms terms)
    {
        if (terms.Network.Length != NetworkLength || terms.Nonce.Length != NonceLength)
        {
            return "A network id has 32 bytes and a nonce 16.";
        }

        if (terms.Rights == GrantRights.None || (terms.Rights & ~GrantRights.All) != 0)
        {
            return "A grant gives at least one right, and only those there are.";
        }

        if (terms.NotBeforeMs < 0 || terms.ExpiresMs < terms.NotBeforeMs || terms.ExpiresMs > TimeMsMax)
        {
            return "A grant ends after it begins, both from 1970 on and before the year 275760.";
        }

        if (terms.Delegations is < 0 or > BlocksMax - 1)
        {
            return "A grant can be handed on 0 to 3 times.";
        }

        return !AreNames(terms.Prefixes, 1, PrefixesMax, 0, PrefixBytesMax)
            ? "A grant names 1 to 8 different prefixes of at most 1,024 bytes of well-formed text."
            : !AreNames(terms.Fields, 0, FieldsMax, 1, FieldBytesMax)
            ? "A grant names 0 to 8 different patterns of fields of 1 to 256 bytes of well-formed text."
            : null;
    }

    /// <summary>A block without its signature. The terms have been checked.</summary>
    public static byte[] Write(GrantTerms terms, in Ed25519PublicKey issuer, ReadOnlySpan<byte> parent)
    {
        var into = new ArrayBufferWriter<byte>(512);
        into.Write([Version]);
        into.Write(terms.Network.Span);
        into.Write(issuer.Span);
        into.Write(terms.Audience.Span);
        into.Write([(byte)terms.Rights]);
        WriteNames(into, terms.Prefixes);
        WriteNames(into, terms.Fields);
        BinaryPrimitives.WriteInt64BigEndian(into.GetSpan(sizeof(long)), terms.NotBeforeMs);
        into.Advance(sizeof(long));
        BinaryPrimitives.WriteInt64BigEndian(into.GetSpan(sizeof(long)), terms.ExpiresMs);
        into.Advance(sizeof(long));
        into.Write(terms.Nonce.Span);
        into.Write([(byte)terms.Delegations]);
        into.Write(parent);
        return into.WrittenSpan.ToArray();
    }

    /// <summary>Reads one block from the start of <paramref name="chain"/>[start..].</summary>
    /// <returns>Null when it is not one in the one canonical form.</returns>
    public static GrantBlock? Read(ReadOnlySpan<byte> chain, int start, ICrypto crypto)
    {
        var rest = new Rest(chain[start..]);
        ReadOnlySpan<byte> version = rest.Take(1);
        ReadOnlySpan<byte> network = rest.Take(NetworkLength);
        ReadOnlySpan<byte> issuer = rest.Take(Ed25519PublicKey.Length);
        ReadOnlySpan<byte> audience = rest.Take(Ed25519PublicKey.Length);
        ReadOnlySpan<byte> rights = rest.Take(1);
        List<string>? prefixes = ReadNames(ref rest, PrefixesMax, PrefixBytesMax);
        List<string>? fields = ReadNames(ref rest, FieldsMax, FieldBytesMax);
        ReadOnlySpan<byte> times = rest.Take(2 * sizeof(long));
        ReadOnlySpan<byte> nonce = rest.Take(NonceLength);
        ReadOnlySpan<byte> delegations = rest.Take(1);
        ReadOnlySpan<byte> parent = rest.Take(IdLength);
        rest.Take(SignatureLength);
        if (!rest.IsWhole || prefixes is null || fields is null || version[0] != Version)
        {
            return null;
        }

        var terms = new GrantTerms
        {
            Network = network.ToArray(),
            Audience = new(audience),
            Rights = (GrantRights)rights[0],
            Prefixes = prefixes,
            Fields = fields,
            NotBeforeMs = BinaryPrimitives.ReadInt64BigEndian(times),
            ExpiresMs = BinaryPrimitives.ReadInt64BigEndian(times[sizeof(long)..]),
            Nonce = nonce.ToArray(),
            Delegations = delegations[0],
        };
        if (Check(terms) is not null || !IsRising(prefixes) || !IsRising(fields))
        {
            return null;
        }

        var id = new byte[IdLength];
        crypto.Sha256(chain.Slice(start, rest.Used), id);
        return new GrantBlock(terms, new(issuer), parent.ToArray(), start, rest.Used, id);
    }

    /// <summary>The order in which names stand in a block: by UTF-16 units, each once.</summary>
    public static IReadOnlyList<string> Sorted(IReadOnlyList<string> names)
    {
        string[] sorted = [.. names];
        Array.Sort(sorted, StringComparer.Ordinal);
        return sorted;
    }

    private static bool IsRising(List<string> names)
    {
        for (int i = 1; i < names.Count; i++)
        {
            if (string.CompareOrdinal(names[i - 1], names[i]) >= 0)
            {
                return false;
            }
        }

        return true;
    }

    private static bool AreNames(IReadOnlyList<string> names, int countMin, int countMax, int bytesMin, int bytesMax)
    {
        if (names.Count < countMin || names.Count > countMax)
        {
            return false;
        }

        for (int i = 0; i < names.Count; i++)
        {
            if (names[i].Length > bytesMax || !IsText(names[i], bytesMin, bytesMax) || names.Take(i).Contains(names[i]))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Well-formed text: a lone surrogate has no UTF-8, and would come back as another text.</summary>
    private static bool IsText(string name, int bytesMin, int bytesMax)
    {
        int bytes = Encoding.UTF8.GetByteCount(name);
        Span<byte> utf8 = stackalloc byte[PrefixBytesMax];
        return bytes >= bytesMin && bytes <= bytesMax
            && Utf8.FromUtf16(name, utf8, out _, out _, replaceInvalidSequences: false) == OperationStatus.Done;
    }

    private static void WriteNames(ArrayBufferWriter<byte> into, IReadOnlyList<string> names)
    {
        into.Write([(byte)names.Count]);
        foreach (string name in names)
        {
            int bytes = Encoding.UTF8.GetByteCount(name);
            into.Advance(Uvarint.Write(into.GetSpan(Uvarint.BytesMax), (ulong)bytes));
            into.Advance(Encoding.UTF8.GetBytes(name, into.GetSpan(bytes)));
        }
    }

    private static List<string>? ReadNames(ref Rest rest, int countMax, int bytesMax)
    {
        ReadOnlySpan<byte> count = rest.Take(1);
        if (!rest.IsWhole || count[0] > countMax)
        {
            return null;
        }

        var names = new List<string>(count[0]);
        for (int i = 0; i < count[0]; i++)
        {
            ReadOnlySpan<byte> name = rest.TakeCounted(bytesMax);
            if (!rest.IsWhole || !Utf8.IsValid(name))
            {
                return null;
            }

            names.Add(Encoding.UTF8.GetString(name));
        }

        return names;
    }

    /// <summary>What is left to read. After the first thing that is not there, everything is empty.</summary>
    private ref struct Rest(ReadOnlySpan<byte> bytes)
    {
        private readonly ReadOnlySpan<byte> _bytes = bytes;

        public bool IsWhole { get; private set; } = true;

        public int Used { get; private set; }

        public ReadOnlySpan<byte> Take(int length)
        {
            if (!IsWhole || _bytes.Length - Used < length)
            {
                IsWhole = false;
                return default;
            }

            Used += length;
            return _bytes.Slice(Used - length, length);
        }

        public ReadOnlySpan<byte> TakeCounted(int lengthMax)
        {
            if (!IsWhole || Uvarint.Read(_bytes[Used..], out ulong length, out int used) != OperationStatus.Done
                || length > (ulong)lengthMax)
            {
                IsWhole = false;
                return default;
            }

            Used += used;
            return Take((int)length);
        }
    }
}
