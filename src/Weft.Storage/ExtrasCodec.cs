using System.Buffers;
using System.Buffers.Binary;
using Weft.Graph;
using Weft.Primitives;

namespace Weft.Storage;

/// <summary>Author, signature, expiry and policy of a field as bytes; a field without them takes none.</summary>
internal static class ExtrasCodec
{
    private const int AuthorBytes = 32;
    private const int AuthorSlots = 1_024;

    // Few authors write many fields: each key is made once. An entry is replaced whole, so readers need no lock.
    private static readonly byte[]?[] Authors = new byte[]?[AuthorSlots];

    public static int Size(FieldExtras? extras) => extras is null
        ? 0
        : Uvarint.Length((ulong)extras.Author.Length) + extras.Author.Length
            + Uvarint.Length((ulong)extras.Signature.Length) + extras.Signature.Length
            + sizeof(double) + Uvarint.Length(extras.Policy);

    public static void Write(FieldExtras extras, Span<byte> target)
    {
        int at = Put(extras.Author.Span, target);
        at += Put(extras.Signature.Span, target[at..]);
        BinaryPrimitives.WriteDoubleLittleEndian(target[at..], extras.ExpiresAtMs);
        Uvarint.Write(target[(at + sizeof(double))..], extras.Policy);
    }

    public static FieldExtras? Read(ReadOnlySpan<byte> source)
    {
        if (source.IsEmpty)
        {
            return null;
        }

        byte[] author = ReadAuthor(Take(ref source));
        byte[] signature = Take(ref source).ToArray();
        double expiresAtMs = ReadExpiry(source);
        Uvarint.Read(source[sizeof(double)..], out ulong policy, out _);
        return new FieldExtras(author, signature, expiresAtMs, (uint)policy);
    }

    /// <summary>The expiry alone, without an allocation; 0 for never.</summary>
    public static double ExpiresAtMs(ReadOnlySpan<byte> source)
    {
        if (source.IsEmpty)
        {
            return 0;
        }

        for (int part = 0; part < 2; part++)
        {
            OperationStatus status = Uvarint.Read(source, out ulong length, out int used);
            if (status != OperationStatus.Done || (ulong)(source.Length - used) < length)
            {
                return 0;
            }

            source = source[(used + (int)length)..];
        }

        return ReadExpiry(source);
    }

    private static double ReadExpiry(ReadOnlySpan<byte> source) => BinaryPrimitives.ReadDoubleLittleEndian(source);

    private static int Put(ReadOnlySpan<byte> bytes, Span<byte> target)
    {
        int at = Uvarint.Write(target, (ulong)bytes.Length);
        bytes.CopyTo(target[at..]);
        return at + bytes.Length;
    }

    private static byte[] ReadAuthor(ReadOnlySpan<byte> author)
    {
        if (author.Length != AuthorBytes)
        {
            return author.ToArray();
        }

        ref byte[]? slot = ref Authors[BinaryPrimitives.ReadUInt32LittleEndian(author) % AuthorSlots];
        byte[]? known = Volatile.Read(ref slot);
        if (known is not null && author.SequenceEqual(known))
        {
            return known;
        }

        known = author.ToArray();
        Volatile.Write(ref slot, known);
        return known;
    }

    private static ReadOnlySpan<byte> Take(ref ReadOnlySpan<byte> source)
    {
        Uvarint.Read(source, out ulong length, out int used);
        ReadOnlySpan<byte> taken = source.Slice(used, (int)length);
        source = source[(used + (int)length)..];
        return taken;
    }
}
