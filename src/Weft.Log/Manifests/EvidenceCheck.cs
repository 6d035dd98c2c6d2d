using Weft.Crypto;
using Weft.Log.Tree;
using Weft.Log.Wire;

namespace Weft.Log.Manifests;

/// <summary>Judges what is said to prove that a log contradicts itself.</summary>
/// <remarks>Source: docs/spec/log.md, section 6.</remarks>
internal static class EvidenceCheck
{
    /// <summary>The tree hash at the length up to which a proof from 0 goes, if its head is signed.</summary>
    public static LogVerdict TryPrefix(LogHasher hasher, ManifestVerifier verifier, LogProof proof, out Hash32 prefix)
    {
        prefix = default;
        if (proof.Upgrade is not UpgradeProof { Start: 0 } upgrade)
        {
            return LogVerdict.Malformed;
        }

        var check = new ProofCheck(hasher);
        var tree = new MerkleTree(hasher);
        UpgradeProof begin = upgrade with { Additional = [] };
        if (!check.TryFold(proof with { Block = null, Hash = null, Seek = null }) || !check.TryUpgrade(begin, tree))
        {
            return LogVerdict.Malformed;
        }

        prefix = tree.Hash();
        foreach (TreeNode node in upgrade.Additional)
        {
            if (!tree.TryAppend(node, check.Made))
            {
                return LogVerdict.Malformed;
            }
        }

        return verifier.Verify(tree, proof.Fork, upgrade.Signature.Span)
            ? LogVerdict.Accepted
            : LogVerdict.WrongSignature;
    }

    /// <summary>True when both halves are signed for one fork and contradict each other at one length.</summary>
    public static bool Holds(ICrypto crypto, Hash32 key, LogEvidence evidence)
    {
        var hasher = new LogHasher(crypto);
        LogProof? own = LogCodec.ReadProof(evidence.Own.Span);
        LogProof? other = LogCodec.ReadProof(evidence.Other.Span);
        if (own?.Upgrade is null || other?.Upgrade is null || own.Fork != other.Fork
            || own.Upgrade.Length != other.Upgrade.Length)
        {
            return false;
        }

        ManifestVerifier? verifier = own.Manifest is null
            ? ManifestVerifier.Compat(hasher, key)
            : ManifestVerifier.Create(hasher, key, own.Manifest);
        return verifier is not null
            && TryPrefix(hasher, verifier, own, out Hash32 first) == LogVerdict.Accepted
            && TryPrefix(hasher, verifier, other, out Hash32 second) == LogVerdict.Accepted
            && first != second;
    }
}
