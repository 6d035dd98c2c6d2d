using Weft.Primitives;
using Weft.Protocols.Blobs;

namespace Weft.Node.Storage;

/// <summary>The refusal of content that is not what its id says.</summary>
public static class BlobMismatch
{
    /// <summary>Makes the error.</summary>
    /// <param name="wanted">The id that was named.</param>
    /// <param name="found">The id of what came.</param>
    public static WeftException Of(BlobId wanted, BlobId found) => new(
        WeftError.BlobMismatch, $"The content has the id {found}, not {wanted}. Nothing was kept.");
}
