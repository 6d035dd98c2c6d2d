namespace Weft.Crypto;

/// <summary>
/// A key of an authenticated cipher that is ready for many short pieces: preparing one costs as much as sealing some KiB.
/// One caller at a time; clear it by disposing it.
/// </summary>
public interface IAeadKey : IDisposable
{
    /// <summary>Seals, as the method of <see cref="ICrypto"/> for the same cipher does.</summary>
    /// <param name="nonce">12 bytes, never used twice with a key.</param>
    /// <param name="plain">What to seal.</param>
    /// <param name="associated">What is bound, not hidden.</param>
    /// <param name="sealedBytes">Takes the length of <paramref name="plain"/> plus 16: ciphertext, then tag.</param>
    void Seal(
        ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> plain, ReadOnlySpan<byte> associated, Span<byte> sealedBytes);

    /// <summary>Opens what was sealed.</summary>
    /// <returns>False, and <paramref name="plain"/> cleared, when anything was changed.</returns>
    bool Open(
        ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> sealedBytes, ReadOnlySpan<byte> associated, Span<byte> plain);
}
