using System.Buffers;
using System.Buffers.Binary;
using Weft.Primitives;

namespace Weft.Graph.Access;

/// <summary>
/// The proof that a key made a write: what <see cref="FieldExtras.Signature"/> holds beside the author. One signature
/// covers up to <see cref="BatchMax"/> writes; each carries its own path to the signed root.
/// </summary>
/// <remarks>
/// Views into the bytes it was read from. Source: docs/spec/ownership.md, section 2; the tree is that of RFC 6962.
/// </remarks>
public readonly ref struct WriteProof
{
    /// <summary>The form this version writes and reads.</summary>
    public const byte Version = 1;

    /// <summary>Writes that may share one signature.</summary>
    public const int BatchMax = 16;

    /// <summary>Bytes of the longest proof; a longer one is refused unread.</summary>
    public const int BytesMax = 4_096;

    /// <summary>Bytes of the longest grant in it.</summary>
    public const int GrantBytesMax = 3_072;

    /// <summary>Bytes of a signature.</summary>
    public const int SignatureLength = 64;

    /// <summary>Bytes of a hash.</summary>
    public const int HashLength = 32;

    /// <summary>The author's sequence number: rises from batch to batch.</summary>
    public ulong Sequence { get; init; }

    /// <summary>Writes under the signature: 1 to <see cref="BatchMax"/>.</summary>
    public int Count { get; init; }

    /// <summary>Which of them this is: 0 and up.</summary>
    public int Index { get; init; }

    /// <summary>The state of the version the writer saw when writing; 0 for none.</summary>
    public double Basis { get; init; }

    /// <summary>64 bytes.</summary>
    public ReadOnlySpan<byte> Signature { get; init; }

    /// <summary>The sibling hashes from the leaf up, 32 bytes each.</summary>
    public ReadOnlySpan<byte> Path { get; init; }

    /// <summary>The chain of grants that lets the author write; empty when none is needed.</summary>
    public ReadOnlySpan<byte> Grant { get; init; }

    /// <summary>Bytes of the proof.</summary>
    public int Length => 1 + Uvarint.Length(Sequence) + Uvarint.Length((ulong)Count) + Uvarint.Length((ulong)Index)
        + sizeof(double) + SignatureLength + Path.Length + Uvarint.Length((ulong)Grant.Length) + Grant.Length;

    /// <summary>Reads a proof.</summary>
    /// <param name="blob">Bytes from anywhere.</param>
    /// <param name="proof">The parts; default unless true.</param>
    /// <returns>False for every form but the one this type writes.</returns>
    public static bool TryRead(ReadOnlySpan<byte> blob, out WriteProof proof)
    {
        proof = default;
        if (blob.Length > BytesMax || blob.IsEmpty || blob[0] != Version)
        {
            return false;
        }

        ReadOnlySpan<byte> rest = blob[1..];
        if (!Take(ref rest, out ulong sequence) || !Take(ref rest, out ulong count) || !Take(ref rest, out ulong index)
            || count is 0 or > BatchMax || index >= count || rest.Length < sizeof(double) + SignatureLength)
        {
            return false;
        }

        double basis = BinaryPrimitives.ReadDoubleBigEndian(rest);
        ReadOnlySpan<byte> signature = rest.Slice(sizeof(double), SignatureLength);
        rest = rest[(sizeof(double) + SignatureLength)..];
        int pathBytes = MerkleTree.PathLength((int)index, (int)count) * HashLength;
        if (!double.IsFinite(basis) || (basis == 0 && double.IsNegative(basis)) || rest.Length < pathBytes)
        {
            return false;
        }

        ReadOnlySpan<byte> path = rest[..pathBytes];
        rest = rest[pathBytes..];
        if (!Take(ref rest, out ulong grantBytes) || grantBytes > GrantBytesMax || (int)grantBytes != rest.Length)
        {
            return false;
        }

        proof = new WriteProof
        {
            Sequence = sequence,
            Count = (int)count,
            Index = (int)index,
            Basis = basis,
            Signature = signature,
            Path = path,
            Grant = rest,
        };
        return true;
    }

    /// <summary>Writes the proof.</summary>
    /// <returns><see cref="Length"/> bytes.</returns>
    public byte[] ToArray()
    {
        byte[] blob = new byte[Length];
        Span<byte> rest = blob;
        rest[0] = Version;
        rest = rest[1..];
        rest = rest[Uvarint.Write(rest, Sequence)..];
        rest = rest[Uvarint.Write(rest, (ulong)Count)..];
        rest = rest[Uvarint.Write(rest, (ulong)Index)..];
        BinaryPrimitives.WriteDoubleBigEndian(rest, Basis);
        rest = rest[sizeof(double)..];
        Signature.CopyTo(rest);
        rest = rest[SignatureLength..];
        Path.CopyTo(rest);
        rest = rest[Path.Length..];
        rest = rest[Uvarint.Write(rest, (ulong)Grant.Length)..];
        Grant.CopyTo(rest);
        return blob;
    }

    private static bool Take(ref ReadOnlySpan<byte> rest, out ulong value)
    {
        bool done = Uvarint.Read(rest, out value, out int read) == OperationStatus.Done;
        rest = rest[read..];
        return done;
    }
}
