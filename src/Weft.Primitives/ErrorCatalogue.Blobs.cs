namespace Weft.Primitives;

/// <content>Blobs: why one cannot be given or kept.</content>
public static partial class ErrorCatalogue
{
    private static ErrorEntry[] BuildBlobs() =>
    [
        new(WeftError.BlobUnknown, 404, true, "The blob is not here",
            "This node does not keep it, and no peer that was asked has it or gave it whole.",
            ["weft blob ls", "weft blob get ID --wait 1m        ask for longer", "weft peers"]),
        new(WeftError.BlobMismatch, 422, false, "The content is another than its id says",
            "An id is a hash of the content: one changed byte makes another id.",
            ["weft blob add FILE        prints the id of a file", "read the file again from where it came"]),
        new(WeftError.BlobsFull, 507, false, "There is no room for another blob",
            "The blobs here are as many, or as large together, as is allowed, and all of them are pinned or linked.",
            ["weft blob ls", "weft blob unpin ID", "raise Weft:Blobs:TotalMiB"]),
    ];
}
