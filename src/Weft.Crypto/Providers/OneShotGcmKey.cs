using System.Security.Cryptography;

namespace Weft.Crypto.Providers;

/// <summary>A key for a provider without imported ones: keeps the bytes and gives them along each time.</summary>
internal sealed class OneShotGcmKey(ICrypto crypto, ReadOnlySpan<byte> key) : IAeadKey
{
    private readonly byte[] _key = key.ToArray();

    public void Seal(
        ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> plain, ReadOnlySpan<byte> associated, Span<byte> sealedBytes)
    {
        CryptoGuard.Exactly(nonce, 12, nameof(nonce));
        crypto.SealAesGcm(_key, nonce, plain, associated, sealedBytes);
    }

    public bool Open(
        ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> sealedBytes, ReadOnlySpan<byte> associated, Span<byte> plain)
    {
        CryptoGuard.Exactly(nonce, 12, nameof(nonce));
        return crypto.OpenAesGcm(_key, nonce, sealedBytes, associated, plain);
    }

    public void Dispose() => CryptographicOperations.ZeroMemory(_key);
}
