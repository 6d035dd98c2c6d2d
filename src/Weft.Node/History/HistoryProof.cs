using Weft.Crypto;
using Weft.Graph.History;
using Weft.Log;

namespace Weft.Node.History;

/// <summary>What shows that a version stands in a signed log: it is checked with the log's key alone, anywhere.</summary>
/// <param name="LogKey">The log's key.</param>
/// <param name="Block">The version's block.</param>
/// <param name="Bytes">The block, its hashes and the signature over all blocks: docs/spec/log.md, section 10.</param>
public sealed record HistoryProof(Hash32 LogKey, long Block, ReadOnlyMemory<byte> Bytes)
{
    /// <summary>Checks the proof.</summary>
    /// <param name="crypto">The primitives.</param>
    /// <param name="proven">Takes what is proven of the log: its length and the hash that was signed.</param>
    /// <returns>The version that is proven; null when the proof does not hold, or proves something else.</returns>
    public HistoryVersion? Check(ICrypto crypto, out ProvenBlock? proven) =>
        LogProofs.Verify(crypto, LogKey, Bytes.Span, out proven) == LogVerdict.Accepted && proven!.Index == Block
            ? HistoryCodec.Read(proven.Block.Span)
            : null;
}
