namespace Weft.Protocols.Blobs;

/// <summary>What one answer has brought so far: checks each chunk against the tree before anybody sees it.</summary>
/// <remarks>One question, one answer, one caller. The tree may be shared by answers of several peers.</remarks>
internal sealed class BlobAnswer(BlobTree tree, BlobHasher hasher, int from, int to)
{
    private BlobWalk _walk = new(tree.Chunks, from, to);

    /// <summary>Everything that was asked for has come.</summary>
    public bool IsDone => _walk.IsDone;

    /// <summary>Takes a chunk.</summary>
    /// <param name="parents">Pairs of hashes, as the message has them.</param>
    /// <param name="data">The content.</param>
    /// <param name="chunk">Which chunk it is.</param>
    /// <returns>False when anything is wrong, too much or too little; the answer is worth nothing from then on.</returns>
    public bool TryTake(ReadOnlySpan<byte> parents, ReadOnlySpan<byte> data, out int chunk)
    {
        const int Hash = BlobLimits.HashBytes;
        chunk = -1;
        while (_walk.TryNext(out BlobStep step))
        {
            if (step.IsChunk)
            {
                chunk = step.First;
                return parents.IsEmpty && tree.IsChunk(chunk, data, hasher);
            }

            if (parents.Length < 2 * Hash
                || !tree.TryAddChildren(step.First, step.Count, parents[..Hash], parents.Slice(Hash, Hash), hasher))
            {
                return false;
            }

            parents = parents[(2 * Hash)..];
        }

        return false;
    }
}
