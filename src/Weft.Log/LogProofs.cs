using System.Buffers;
using Weft.Crypto;
using Weft.Log.Manifests;
using Weft.Log.Tree;
using Weft.Log.Wire;

namespace Weft.Log;

/// <summary>
/// Proofs that travel by themselves: one block with everything that shows it is part of what the log's key signed.
/// </summary>
public static class LogProofs
{
    /// <summary>Bytes of a proof, at most: a block of the largest size and its hashes.</summary>
    public const int BytesMax = LogLimits.BlockBytesMax + (1 << 20);

    /// <summary>Writes the proof of a block, from what is durable.</summary>
    /// <returns>Null when the block is not here.</returns>
    public static byte[]? Write(LogCore log, long index)
    {
        ArgumentNullException.ThrowIfNull(log);
        LogProof? proof = index < 0 || index >= log.Published.Length ? null : log.Prove(new LogRequest
        {
            Fork = log.Published.Fork,
            Block = new NodeRequest(index, 0),
            Upgrade = new UpgradeRequest(0, log.Published.Length),
            Manifest = true,
        });
        if (proof is null)
        {
            return null;
        }

        var target = new ArrayBufferWriter<byte>();
        LogCodec.Write(target, proof);
        return target.WrittenSpan.ToArray();
    }

    /// <summary>Verifies a proof with nothing but the log's key.</summary>
    /// <param name="crypto">The primitives.</param>
    /// <param name="key">The log's key.</param>
    /// <param name="bytes">What <see cref="Write"/> gave.</param>
    /// <param name="proven">Takes what is proven; null unless Accepted.</param>
    /// <returns>Accepted, Malformed, WrongManifest, WrongSignature.</returns>
    public static LogVerdict Verify(ICrypto crypto, Hash32 key, ReadOnlySpan<byte> bytes, out ProvenBlock? proven)
    {
        proven = null;
        LogProof? proof = bytes.Length > BytesMax ? null : LogCodec.ReadProof(bytes);
        if (proof is not { Hash: null, Seek: null }
            || proof is not { Block: BlockProof block, Upgrade: UpgradeProof { Start: 0 } upgrade })
        {
            return LogVerdict.Malformed;
        }

        var hasher = new LogHasher(crypto);
        ManifestVerifier? verifier = proof.Manifest is null
            ? ManifestVerifier.Compat(hasher, key)
            : ManifestVerifier.Create(hasher, key, proof.Manifest);
        if (verifier is null)
        {
            return LogVerdict.WrongManifest;
        }

        var check = new ProofCheck(hasher);
        var tree = new MerkleTree(hasher);
        if (!check.TryFold(proof) || !check.TryUpgrade(upgrade, tree) || check.Root is not null
            || block.Index >= tree.Length)
        {
            return LogVerdict.Malformed;
        }

        if (!verifier.Verify(tree, proof.Fork, upgrade.Signature.Span))
        {
            return LogVerdict.WrongSignature;
        }

        proven = new ProvenBlock(block.Index, block.Value, tree.Length, proof.Fork, tree.Hash());
        return LogVerdict.Accepted;
    }
}

/// <summary>What a proof proves.</summary>
/// <param name="Index">The block's number.</param>
/// <param name="Block">The block as it is stored: encrypted when the log is.</param>
/// <param name="Length">The log's length when it was signed.</param>
/// <param name="Fork">Its fork.</param>
/// <param name="TreeHash">The hash that was signed.</param>
public sealed record ProvenBlock(long Index, ReadOnlyMemory<byte> Block, long Length, long Fork, Hash32 TreeHash);
