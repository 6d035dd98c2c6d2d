using System.Buffers.Binary;
using Weft.Log.Tree;

namespace Weft.Log.Manifests;

/// <summary>Judges and makes the signatures of one log.</summary>
/// <remarks>Source: docs/spec/log.md, section 5.</remarks>
internal sealed class ManifestVerifier
{
    private const int CompatLength = (2 * Hash32.Length) + (2 * sizeof(long));
    private const int SignableLength = CompatLength + Hash32.Length;
    private const int SignatureLength = 64;

    private readonly LogHasher _hasher;
    private readonly Hash32 _key;
    private readonly int _version;
    private readonly int _quorum;
    private readonly bool _allowsPatch;

    private ManifestVerifier(LogHasher hasher, Hash32 key, LogManifest manifest, bool isCompat)
    {
        _hasher = hasher;
        _key = key;
        Manifest = manifest;
        IsCompat = isCompat;
        _version = isCompat ? 0 : manifest.Version;
        _quorum = isCompat ? 1 : manifest.Quorum;
        _allowsPatch = !isCompat && manifest.AllowsPatch;
    }

    public LogManifest Manifest { get; }

    /// <summary>True for a log whose key is the signer's public key: the way before there were manifests.</summary>
    public bool IsCompat { get; }

    /// <summary>A verifier for a log and a manifest someone gave for it; null when it is not this log's.</summary>
    public static ManifestVerifier? Create(LogHasher hasher, in Hash32 key, LogManifest manifest)
    {
        bool isCompat = manifest.Signers.Count == 1 && manifest.Signers[0].PublicKey == key;
        return isCompat || manifest.Key(hasher) == key
            ? new ManifestVerifier(hasher, key, manifest, isCompat)
            : null;
    }

    /// <summary>What is assumed while no manifest is known: that the key is the signer's public key.</summary>
    public static ManifestVerifier Compat(LogHasher hasher, in Hash32 key) =>
        new(hasher, key, LogManifest.OneSigner(hasher.DefaultNamespace, key), isCompat: true);

    /// <summary>Judges the signature of a tree.</summary>
    public bool Verify(MerkleTree tree, long fork, ReadOnlySpan<byte> signature)
    {
        if (_version == 0)
        {
            bool isRaw = IsCompat || (!_allowsPatch && Manifest.Signers.Count == 1);
            return isRaw ? VerifyOne(0, tree, fork, signature) : VerifyMany(tree, fork, signature);
        }

        if (Manifest.Prologue is LogPrologue prologue && tree.Length <= prologue.Length)
        {
            return tree.Length == prologue.Length && tree.Hash() == prologue.Hash;
        }

        return VerifyMany(tree, fork, signature);
    }

    /// <summary>True when the one signer of this log has the public key.</summary>
    public bool CanSign(in Hash32 publicKey) =>
        Manifest.Signers.Count == 1 && Manifest.Signers[0].PublicKey == publicKey && _quorum == 1
        && Manifest.Prologue is null && !_allowsPatch;

    /// <summary>Signs a tree as the one signer.</summary>
    public byte[] Sign(ReadOnlySpan<byte> seed, MerkleTree tree, long fork)
    {
        Span<byte> signable = stackalloc byte[SignableLength];
        signable = Signable(signable, 0, tree, fork);
        byte[] signature = new byte[SignatureLength];
        _hasher.Crypto.SignEd25519(seed, signable, signature);
        return _version == 0 ? signature : MultiSignature.EncodeOne(signature);
    }

    /// <summary>The bytes that a signer signs.</summary>
    internal Span<byte> Signable(Span<byte> target, int signer, MerkleTree tree, long fork)
    {
        Span<byte> rest = target;
        Append(ref rest, _hasher.TreeSpace);
        if (!IsCompat)
        {
            Append(ref rest, _version == 0 ? Manifest.Signers[signer].Namespace : _key);
        }

        Append(ref rest, tree.Hash());
        BinaryPrimitives.WriteInt64LittleEndian(rest, tree.Length);
        BinaryPrimitives.WriteInt64LittleEndian(rest[sizeof(long)..], fork);
        return target[..(IsCompat ? CompatLength : SignableLength)];
    }

    private static void Append(ref Span<byte> rest, in Hash32 value)
    {
        value.Span.CopyTo(rest);
        rest = rest[Hash32.Length..];
    }

    private bool VerifyMany(MerkleTree tree, long fork, ReadOnlySpan<byte> signature)
    {
        MultiSignature? multi = _version == 0 ? MultiSignature.DecodeOld(signature) : MultiSignature.Decode(signature);
        if (multi is null || _quorum == 0 || multi.Proofs.Length < _quorum || _quorum > Manifest.Signers.Count)
        {
            return false;
        }

        if (!_allowsPatch && (multi.Patch.Length > 0 || multi.Proofs.Any(proof => proof.Patch != 0)))
        {
            return false; // The reference ignores these, which gives one signature many forms.
        }

        Span<bool> seen = stackalloc bool[Manifest.Signers.Count]; // At most LogLimits.SignersMax.
        for (int i = 0; i < _quorum; i++)
        {
            SignerProof proof = multi.Proofs[i];
            if (proof.Signer >= seen.Length || seen[(int)proof.Signer])
            {
                return false;
            }

            seen[(int)proof.Signer] = true;
            MerkleTree? signed = proof.Patch == 0 ? tree : Extend(tree, proof.Patch, multi.Patch);
            if (signed is null || !VerifyOne((int)proof.Signer, signed, fork, proof.Signature))
            {
                return false;
            }
        }

        return true;
    }

    private bool VerifyOne(int signer, MerkleTree tree, long fork, ReadOnlySpan<byte> signature)
    {
        Span<byte> signable = stackalloc byte[SignableLength];
        signable = Signable(signable, signer, tree, fork);
        return _hasher.Crypto.VerifyEd25519(Manifest.Signers[signer].PublicKey.Span, signable, signature);
    }

    /// <summary>The longer tree that a signer signed; null when the nodes do not make one.</summary>
    private static MerkleTree? Extend(MerkleTree tree, long blocks, TreeNode[] nodes)
    {
        if (blocks > LogLimits.LengthMax - tree.Length)
        {
            return null;
        }

        MerkleTree longer = tree.Clone();
        long end = tree.Length + blocks;
        var made = new List<TreeNode>();
        while (longer.Length < end)
        {
            long index = FlatTree.NextSubtree(longer.Length, end);
            int at = Array.FindLastIndex(nodes, node => node.Index == index);
            if (at < 0 || !longer.TryAppend(nodes[at], made))
            {
                return null;
            }
        }

        return longer;
    }
}
