using Weft.Crypto;
using Weft.Primitives;

namespace Weft.Graph.Access;

/// <summary>One Ed25519 signature over a batch of writes, to be verified. Writes of one batch share it.</summary>
public sealed class BatchSignature : SignatureCheck
{
    private readonly byte[] _message;
    private readonly byte[] _signature;

    private BatchSignature(Ed25519PublicKey author, ulong sequence, byte[] message, byte[] signature) =>
        (Author, Sequence, _message, _signature) = (author, sequence, message, signature);

    /// <summary>The key that must have signed.</summary>
    public Ed25519PublicKey Author { get; }

    /// <summary>The author's number of the batch.</summary>
    public ulong Sequence { get; }

    /// <summary>Reads the proof of a write and works out what must be signed.</summary>
    /// <param name="crypto">Hashes.</param>
    /// <param name="network">32 bytes.</param>
    /// <param name="write">With author and proof in its extras.</param>
    /// <param name="batch">Null unless None is returned.</param>
    /// <returns>None, or ProofMalformed when author or proof have another form.</returns>
    public static WeftError Read(
        ICrypto crypto, ReadOnlySpan<byte> network, in FieldWrite write, out BatchSignature? batch)
    {
        batch = null;
        if (write.Extras is not FieldExtras extras
            || extras.Author.Length != Ed25519PublicKey.Length
            || !double.IsFinite(extras.ExpiresAtMs)
            || double.IsNegative(extras.ExpiresAtMs)
            || !WriteProof.TryRead(extras.Signature.Span, out WriteProof proof))
        {
            return WeftError.ProofMalformed;
        }

        Span<byte> leaf = stackalloc byte[WriteProof.HashLength];
        Span<byte> root = stackalloc byte[WriteProof.HashLength];
        WriteHash.Leaf(crypto, network, write, proof.Basis, leaf);
        MerkleTree.Climb(crypto, leaf, proof.Index, proof.Count, proof.Path, root);
        byte[] message = new byte[WriteHash.MessageLength];
        WriteHash.Message(network, extras.Author.Span, proof.Sequence, proof.Count, root, message);
        batch = new(new(extras.Author.Span), proof.Sequence, message, proof.Signature.ToArray());
        return WeftError.None;
    }

    /// <inheritdoc/>
    public override bool Verify(ICrypto crypto, ISeaKeys keys) => Verify(crypto);

    /// <summary>Verifies it.</summary>
    public bool Verify(ICrypto crypto) => crypto.VerifyEd25519(Author.Span, _message, _signature);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is BatchSignature other
        && _signature.AsSpan().SequenceEqual(other._signature) && _message.AsSpan().SequenceEqual(other._message);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode(); // Seeded per process: a peer cannot choose signatures that collide.
        hash.AddBytes(_signature);
        return hash.ToHashCode();
    }
}
