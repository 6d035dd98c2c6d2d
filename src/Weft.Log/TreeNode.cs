namespace Weft.Log;

/// <summary>One node of a log's Merkle tree.</summary>
/// <param name="Index">Its place, counted in order: block i is 2i, parents lie between their children.</param>
/// <param name="Size">Bytes of all blocks below it.</param>
/// <param name="Hash">BLAKE2b-256 of the block, or of both children.</param>
public readonly record struct TreeNode(long Index, long Size, Hash32 Hash);
