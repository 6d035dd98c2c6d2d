using Weft.Crypto;

namespace Weft.Graph.Access;

/// <summary>Signs a message with an Ed25519 key that stays where it is.</summary>
/// <param name="message">What is signed.</param>
/// <param name="signature">Takes 64 bytes.</param>
public delegate void SignMessage(ReadOnlySpan<byte> message, Span<byte> signature);

/// <summary>Gives writes the proof that one key made them: up to 16 share a signature.</summary>
/// <remarks>Keeps nothing between calls. Source: docs/spec/ownership.md, section 2.</remarks>
public sealed class DeltaSigner(
    ICrypto crypto, ReadOnlyMemory<byte> network, Ed25519PublicKey author, SignMessage sign)
{
    private readonly byte[] _author = author.Span.ToArray();

    /// <summary>The key that signs.</summary>
    public Ed25519PublicKey Author { get; } = author;

    /// <summary>How many sequence numbers a delta takes.</summary>
    public static int BatchesOf(int writes) => (writes + WriteProof.BatchMax - 1) / WriteProof.BatchMax;

    /// <summary>Signs writes in place; their expiry stays, an earlier proof is replaced.</summary>
    /// <param name="writes">1 and up, with finite states.</param>
    /// <param name="bases">For each write the state of the version its writer saw; 0 for none.</param>
    /// <param name="sequence">
    /// The author's number of the first batch; the next ones follow it. Above all numbers this author used before.
    /// </param>
    /// <param name="grant">The chain of grants that lets the author write; empty for none.</param>
    public void Sign(
        Span<FieldWrite> writes, ReadOnlySpan<double> bases, ulong sequence, ReadOnlySpan<byte> grant = default)
    {
        for (int start = 0; start < writes.Length; start += WriteProof.BatchMax)
        {
            int count = Math.Min(WriteProof.BatchMax, writes.Length - start);
            SignBatch(writes.Slice(start, count), bases.Slice(start, count), sequence++, grant);
        }
    }

    private void SignBatch(
        Span<FieldWrite> writes, ReadOnlySpan<double> bases, ulong sequence, ReadOnlySpan<byte> grant)
    {
        const int HashLength = WriteProof.HashLength;
        Span<byte> leaves = stackalloc byte[WriteProof.BatchMax * HashLength];
        leaves = leaves[..(writes.Length * HashLength)];
        for (int i = 0; i < writes.Length; i++)
        {
            WriteHash.Leaf(crypto, network.Span, writes[i], bases[i], leaves.Slice(i * HashLength, HashLength));
        }

        Span<byte> root = stackalloc byte[HashLength];
        Span<byte> message = stackalloc byte[WriteHash.MessageLength];
        Span<byte> signature = stackalloc byte[WriteProof.SignatureLength];
        const int PathBytes = MerkleTree.PathLengthMax * HashLength;
        Span<byte> paths = stackalloc byte[WriteProof.BatchMax * PathBytes];
        paths = paths[..(writes.Length * PathBytes)];
        MerkleTree.Paths(crypto, leaves, root, paths);
        WriteHash.Message(network.Span, _author, sequence, writes.Length, root, message);
        sign(message, signature);
        for (int i = 0; i < writes.Length; i++)
        {
            Span<byte> own = paths.Slice(i * PathBytes, MerkleTree.PathLength(i, writes.Length) * HashLength);
            var proof = new WriteProof
            {
                Sequence = sequence,
                Count = writes.Length,
                Index = i,
                Basis = bases[i],
                Signature = signature,
                Path = own,
                Grant = grant,
            };
            FieldExtras extras = writes[i].Extras ?? new FieldExtras();
            writes[i] = writes[i] with { Extras = extras with { Author = _author, Signature = proof.ToArray() } };
        }
    }
}
