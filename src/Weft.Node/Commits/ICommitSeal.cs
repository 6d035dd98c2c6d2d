namespace Weft.Node.Commits;

/// <summary>Seals the payloads of the commit log's records, and opens them when the log is read back.</summary>
/// <remarks>
/// Handed to the core, which stays pure: where the key and the nonces come from is the engine's affair. Source:
/// docs/spec/storage.md, "Encryption at rest".
/// </remarks>
public interface ICommitSeal
{
    /// <summary>Bytes that sealing adds to a payload: nonce and tag.</summary>
    int OverheadBytes { get; }

    /// <summary>Seals one payload.</summary>
    /// <param name="payload">What to hide.</param>
    /// <param name="bound">What is bound to it and not hidden: 32 bytes.</param>
    /// <param name="target">Takes the payload's length and <see cref="OverheadBytes"/>.</param>
    void Seal(ReadOnlySpan<byte> payload, ReadOnlySpan<byte> bound, Span<byte> target);

    /// <summary>Opens what <see cref="Seal"/> made.</summary>
    /// <param name="sealedPayload">The sealed bytes.</param>
    /// <param name="bound">What was bound.</param>
    /// <param name="payload">Takes the length of the sealed bytes less <see cref="OverheadBytes"/>.</param>
    /// <returns>False when anything was changed.</returns>
    bool TryOpen(ReadOnlySpan<byte> sealedPayload, ReadOnlySpan<byte> bound, Span<byte> payload);
}
