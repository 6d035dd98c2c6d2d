using System.Buffers;
using Weft.Log.Manifests;
using Weft.Log.Tree;
using Weft.Log.Wire;

namespace Weft.Log;

/// <content>What a log shows to peers, and what it believes of them.</content>
public sealed partial class LogCore
{
    /// <summary>Answers a peer's request from what is durable.</summary>
    /// <returns>Null when it is about another fork, cannot be proven, or the block is not here.</returns>
    internal LogProof? Prove(LogRequest request)
    {
        if (request.Fork != Published.Fork || Fork != Published.Fork)
        {
            return null;
        }

        var tree = new MerkleTree(_hasher, Published.Roots.Span);
        ReadOnlyMemory<byte> value = default;
        bool asksTree = request.Block is not null || request.Hash is not null || request.Seek is not null
            || request.Upgrade is not null;
        if (request.Block is NodeRequest block
            && (block.Index >= tree.Length || !_bits[block.Index] || !_store.TryReadBlock(block.Index, out value)))
        {
            return null;
        }

        LogProof? proof = asksTree
            ? ProofBuilder.Build(_nodes, tree, Published.Signature, Published.Fork, request)
            : new LogProof { Request = request.Id, Fork = Published.Fork };
        return proof is null ? null : proof with
        {
            Block = proof.Block is null ? null : proof.Block with { Value = value },
            Manifest = request.Manifest && !IsCompat ? Manifest : null,
        };
    }

    /// <summary>
    /// True when a request that could not be answered was an honest one: about another fork, or a block not here.
    /// </summary>
    internal bool Lacks(LogRequest request) =>
        request.Fork != Published.Fork || Fork != Published.Fork
        || (request.Block is NodeRequest block && block.Index < Published.Length && !_bits[block.Index]);

    /// <summary>True when the roots of a tree of that length are stored, so that its growth can be shown.</summary>
    internal bool CanShow(long length) => MerkleTree.At(length, _hasher, _nodes) is not null;

    /// <summary>True for a node inside of the tree that is not stored.</summary>
    internal bool LacksNode(long index) => FlatTree.RightSpan(index) < 2 * Length && !_nodes.TryReadNode(index, out _);

    /// <summary>How many nodes above a tree index are not stored: what a request has to ask for.</summary>
    internal long MissingNodes(long index)
    {
        long count = 0; // 0 beyond the known tree: the upgrade that goes with it says how far to climb.
        for (long at = index; LacksNode(at); at = FlatTree.Parent(at))
        {
            count++;
        }

        return count;
    }

    /// <summary>Verifies an answer and keeps what it proves.</summary>
    /// <returns>Accepted, Stopped, Stale, Malformed, Unproven, WrongHash, WrongSignature, WrongManifest.</returns>
    internal LogVerdict Accept(LogProof proof)
    {
        if (Evidence is not null)
        {
            return LogVerdict.Stopped;
        }

        if (proof.Fork != Fork || (proof.Upgrade is UpgradeProof { Start: var start } && start != Length))
        {
            return LogVerdict.Stale;
        }

        if (!TryVerifier(proof.Manifest, out ManifestVerifier verifier))
        {
            return LogVerdict.WrongManifest;
        }

        var check = new ProofCheck(_hasher);
        if (!check.TryFold(proof))
        {
            return LogVerdict.Malformed;
        }

        MerkleTree tree = _tree;
        LogHead head = Head;
        if (proof.Upgrade is UpgradeProof upgrade)
        {
            tree = _tree.Clone();
            if (!check.TryUpgrade(upgrade, tree))
            {
                return LogVerdict.Malformed;
            }

            head = HeadOf(tree, Fork, upgrade.Signature);
        }

        LogVerdict verdict = Judge(proof, check, tree, verifier);
        if (verdict == LogVerdict.Accepted)
        {
            Keep(proof, check, tree, head, verifier);
        }

        return verdict;
    }

    /// <summary>
    /// Looks whether a tree that is signed for this fork contradicts the own one; if so, stops the log for good.
    /// </summary>
    /// <param name="proof">An upgrade from 0 to a length that is not above the own one.</param>
    /// <returns>Conflict; Accepted when both agree; Stale, Malformed, WrongSignature, WrongManifest,
    /// Unproven.</returns>
    internal LogVerdict CheckConflict(LogProof proof)
    {
        if (Evidence is not null)
        {
            return LogVerdict.Stopped;
        }

        if (proof.Fork != Fork || proof.Upgrade is not UpgradeProof { Start: 0 } upgrade || upgrade.Length > Length)
        {
            return LogVerdict.Stale;
        }

        if (!TryVerifier(proof.Manifest, out ManifestVerifier verifier))
        {
            return LogVerdict.WrongManifest;
        }

        LogVerdict verdict = EvidenceCheck.TryPrefix(_hasher, verifier, proof, out Hash32 theirs);
        if (verdict != LogVerdict.Accepted)
        {
            return verdict;
        }

        var request = new LogRequest { Upgrade = new UpgradeRequest(0, upgrade.Length) };
        MerkleTree? own = MerkleTree.At(upgrade.Length, _hasher, _nodes);
        LogProof? ownProof = ProofBuilder.Build(_nodes, _tree, Head.Signature, Fork, request);
        if (own is null || ownProof is null)
        {
            return LogVerdict.Unproven; // A sparse copy may lack the roots of a shorter length.
        }

        if (own.Hash() == theirs)
        {
            return LogVerdict.Accepted;
        }

        LogManifest? manifest = verifier.IsCompat ? null : verifier.Manifest;
        var evidence = new LogEvidence(
            Encode(ownProof with { Manifest = manifest }), Encode(proof with { Block = null, Manifest = manifest }));
        Commit(_tree, new LogCommit { State = _state with { Evidence = evidence } });
        return LogVerdict.Conflict;
    }

    /// <summary>Begins to follow the log to a higher fork.</summary>
    /// <param name="proof">An upgrade from 0 to the head of the fork.</param>
    /// <param name="reorg">Takes what is to be asked next; null unless Accepted.</param>
    /// <returns>Accepted, Stopped, Stale, Malformed, WrongSignature, WrongManifest.</returns>
    internal LogVerdict BeginReorg(LogProof proof, out LogReorg? reorg)
    {
        reorg = null;
        if (Evidence is not null)
        {
            return LogVerdict.Stopped;
        }

        if (proof.Fork <= Fork || proof.Upgrade is not UpgradeProof { Start: 0 } upgrade)
        {
            return LogVerdict.Stale;
        }

        if (!TryVerifier(proof.Manifest, out ManifestVerifier verifier))
        {
            return LogVerdict.WrongManifest;
        }

        var check = new ProofCheck(_hasher);
        var tree = new MerkleTree(_hasher);
        if (!check.TryFold(proof) || !check.TryUpgrade(upgrade, tree) || check.Root is not null)
        {
            return LogVerdict.Malformed;
        }

        if (!verifier.Verify(tree, proof.Fork, upgrade.Signature.Span))
        {
            return LogVerdict.WrongSignature;
        }

        Learn(verifier, proof.Manifest);
        reorg = new LogReorg(_hasher, _nodes, Length, HeadOf(tree, proof.Fork, upgrade.Signature), check.Made);
        return LogVerdict.Accepted;
    }

    /// <summary>
    /// Follows to a higher fork, once the common beginning is known: drops what differs, and takes the new head.
    /// </summary>
    /// <returns>Accepted, Stopped, Stale.</returns>
    internal LogVerdict CommitReorg(LogReorg reorg)
    {
        if (Evidence is not null)
        {
            return LogVerdict.Stopped;
        }

        if (!reorg.IsFound || reorg.Head.Fork <= Fork)
        {
            return LogVerdict.Stale;
        }

        long ancestors = Math.Min(reorg.Ancestors, Length);
        Commit(new MerkleTree(_hasher, reorg.Head.Roots.Span), new LogCommit
        {
            State = _state with { Head = reorg.Head },
            TruncateTo = ancestors,
            Nodes = reorg.Nodes,
            Bits = ancestors < Length ? [new LogBitRange(ancestors, Length - ancestors, false)] : [],
        });
        return LogVerdict.Accepted;
    }

    internal ProofCheck NewCheck() => new(_hasher);

    /// <summary>True when a head is what the log's signers signed.</summary>
    internal bool Holds(LogHead head) => IsSigned(_hasher, _state with { Head = head }, _verifier);

    private static byte[] Encode(LogProof proof)
    {
        var target = new ArrayBufferWriter<byte>();
        LogCodec.Write(target, proof);
        return target.WrittenSpan.ToArray();
    }

    private bool TryVerifier(LogManifest? manifest, out ManifestVerifier verifier)
    {
        verifier = _verifier;
        if (manifest is null || Manifest is not null)
        {
            return true; // A known manifest cannot change, so that a second one is not even looked at.
        }

        ManifestVerifier? created = ManifestVerifier.Create(_hasher, Key, manifest);
        verifier = created ?? _verifier;
        return created is not null;
    }

    private LogVerdict Judge(LogProof proof, ProofCheck check, MerkleTree tree, ManifestVerifier verifier)
    {
        if (check.Root is TreeNode root)
        {
            if (!_nodes.TryReadNode(root.Index, out TreeNode stored))
            {
                return LogVerdict.Unproven;
            }

            // A computed hash covers its size; of a node that came as it is, the size is a claim.
            bool isClaim = proof.Block is null && check.Made.Count == 1;
            if (stored.Hash != root.Hash || (isClaim && stored.Size != root.Size))
            {
                return LogVerdict.WrongHash;
            }
        }
        else if (proof.Upgrade is null && proof.Manifest is null)
        {
            return LogVerdict.Malformed;
        }

        if (proof.Block is BlockProof block && block.Index >= tree.Length)
        {
            return LogVerdict.Malformed;
        }

        return proof.Upgrade is null || verifier.Verify(tree, proof.Fork, proof.Upgrade.Signature.Span)
            ? LogVerdict.Accepted
            : LogVerdict.WrongSignature;
    }

    private void Keep(LogProof proof, ProofCheck check, MerkleTree tree, LogHead head, ManifestVerifier verifier)
    {
        ReadOnlyMemory<byte> manifest = proof.Manifest is not null && Manifest is null
            ? verifier.Manifest.Encode()
            : _state.Manifest;
        Commit(tree, new LogCommit
        {
            State = _state with { Head = head, Manifest = manifest },
            Nodes = check.Made,
            Blocks = proof.Block is BlockProof block ? [new(block.Index, block.Value)] : [],
            Bits = proof.Block is BlockProof got ? [new LogBitRange(got.Index, 1, true)] : [],
        });
        Use(verifier);
    }

    private void Use(ManifestVerifier verifier)
    {
        if (!ReferenceEquals(_verifier, verifier))
        {
            _verifier = verifier;
            DeriveCipher();
        }
    }

    private void Learn(ManifestVerifier verifier, LogManifest? manifest)
    {
        if (manifest is not null && Manifest is null)
        {
            Commit(_tree, new LogCommit { State = _state with { Manifest = manifest.Encode() } });
            Use(verifier);
        }
    }
}
