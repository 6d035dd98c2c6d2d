using System.Runtime.Versioning;
using System.Security.Cryptography;

namespace Weft.Crypto.Providers;

/// <summary>A key that the .NET library holds ready.</summary>
[UnsupportedOSPlatform("browser")]
internal sealed class PlatformChaChaKey(ReadOnlySpan<byte> key) : IAeadKey
{
    private readonly ChaCha20Poly1305 _cipher = new(key);

    public void Seal(
        ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> plain, ReadOnlySpan<byte> associated, Span<byte> sealedBytes)
    {
        CryptoGuard.Exactly(nonce, 12, nameof(nonce));
        CryptoGuard.Sealed(plain, sealedBytes);
        _cipher.Encrypt(nonce, plain, sealedBytes[..plain.Length], sealedBytes[plain.Length..], associated);
    }

    public bool Open(
        ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> sealedBytes, ReadOnlySpan<byte> associated, Span<byte> plain)
    {
        CryptoGuard.Exactly(nonce, 12, nameof(nonce));
        CryptoGuard.Sealed(plain, sealedBytes);
        try
        {
            _cipher.Decrypt(nonce, sealedBytes[..plain.Length], sealedBytes[plain.Length..], plain, associated);
            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            plain.Clear();
            return false;
        }
    }

    public void Dispose() => _cipher.Dispose();
}
