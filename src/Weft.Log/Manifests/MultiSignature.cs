using System.Buffers;
using Weft.Log.Encoding;

namespace Weft.Log.Manifests;

/// <summary>What one signer signed.</summary>
/// <param name="Signer">Its place in the manifest.</param>
/// <param name="Signature">64 bytes.</param>
/// <param name="Patch">Blocks by which the tree it signed was longer; 0 when it was this one.</param>
internal readonly record struct SignerProof(long Signer, byte[] Signature, long Patch);

/// <summary>
/// The signatures of a head, and the nodes that extend its tree to longer ones that some signers signed.
/// </summary>
/// <remarks>Source: docs/spec/log.md, section 5.</remarks>
internal sealed class MultiSignature
{
    private const int SignatureLength = 64;

    private MultiSignature(SignerProof[] proofs, TreeNode[] patch)
    {
        Proofs = proofs;
        Patch = patch;
    }

    public SignerProof[] Proofs { get; }

    public TreeNode[] Patch { get; }

    /// <summary>The form of one signer who signed this very tree: 68 bytes.</summary>
    public static byte[] EncodeOne(ReadOnlySpan<byte> signature)
    {
        var target = new ArrayBufferWriter<byte>(SignatureLength + 4);
        target.WriteUint(1);
        target.WriteUint(0);
        target.Write(signature);
        target.WriteUint(0);
        target.WriteNodes([]);
        return target.WrittenSpan.ToArray();
    }

    /// <summary>Reads the form of manifests of version 1 and up; null when malformed.</summary>
    public static MultiSignature? Decode(ReadOnlySpan<byte> bytes)
    {
        var reader = new CompactReader(bytes);
        var proofs = new SignerProof[reader.Count(LogLimits.SignersMax, 2 + SignatureLength)];
        for (int i = 0; i < proofs.Length; i++)
        {
            long signer = reader.Uint();
            byte[] signature = reader.Bytes(SignatureLength).ToArray();
            proofs[i] = new SignerProof(signer, signature, reader.Uint());
        }

        TreeNode[] patch = reader.Nodes(LogLimits.ArrayItemsMax);
        return reader.IsBroken || reader.Left > 0 ? null : new MultiSignature(proofs, patch);
    }

    /// <summary>Reads the form of version 0, whose patches name their nodes one by one; null when malformed.</summary>
    public static MultiSignature? DecodeOld(ReadOnlySpan<byte> bytes)
    {
        var reader = new CompactReader(bytes);
        var proofs = new SignerProof[reader.Count(LogLimits.SignersMax, 2 + SignatureLength)];
        for (int i = 0; i < proofs.Length; i++)
        {
            long flags = reader.Uint();
            long signer = reader.Uint();
            byte[] signature = reader.Bytes(SignatureLength).ToArray();
            long length = 0;
            if ((flags & 1) != 0)
            {
                reader.Uint(); // The start: it is the length of this tree, whatever is said here.
                length = reader.Uint();
                int indexes = reader.Count(LogLimits.ArrayItemsMax, 1);
                for (int j = 0; j < indexes; j++)
                {
                    reader.Uint(); // Nodes are found by their tree index, so that these need not be followed.
                }
            }

            proofs[i] = new SignerProof(signer, signature, length);
        }

        TreeNode[] patch = reader.Nodes(LogLimits.ArrayItemsMax);
        return reader.IsBroken || reader.Left > 0 ? null : new MultiSignature(proofs, patch);
    }
}
