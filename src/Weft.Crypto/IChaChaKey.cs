namespace Weft.Crypto;

/// <summary>
/// A key of ChaCha20-Poly1305 that is ready for many messages: preparing one costs as much as sealing some KiB. One caller
/// at a time; clear it by disposing it.
/// </summary>
public interface IChaChaKey : IDisposable
{
    /// <summary>Seals, as <see cref="ICrypto.SealChaCha20Poly1305"/> does; in place is allowed.</summary>
    /// <param name="nonce">12 bytes, never used twice with a key.</param>
    /// <param name="plain">What to seal.</param>
    /// <param name="associated">What is bound, not hidden.</param>
    /// <param name="sealedBytes">Takes the length of <paramref name="plain"/> plus 16: ciphertext, then tag.</param>
    void Seal(
        ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> plain, ReadOnlySpan<byte> associated, Span<byte> sealedBytes);

    /// <summary>Opens what was sealed; in place is allowed.</summary>
    /// <returns>False, and <paramref name="plain"/> cleared, when anything was changed.</returns>
    bool Open(
        ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> sealedBytes, ReadOnlySpan<byte> associated, Span<byte> plain);
}
