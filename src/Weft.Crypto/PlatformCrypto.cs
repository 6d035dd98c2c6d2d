using System.Runtime.Versioning;
using System.Security.Cryptography;
using Weft.Crypto.Providers;

namespace Weft.Crypto;

/// <summary>
/// The quick provider: the .NET library for hashes, AES, ChaCha20, P-256 and RSA; libsodium, where the system has it,
/// for Curve25519 and BLAKE2b; BouncyCastle for the rest. Gives the same answers as <see cref="BouncyCastleCrypto"/>.
/// </summary>
/// <remarks>Source: docs/spec/crypto.md.</remarks>
[UnsupportedOSPlatform("browser")]
public sealed class PlatformCrypto : ICrypto
{
    private readonly ICurve25519 _curve;

    // Not every system's library has it; then the managed one answers.
    private readonly bool _hasChaCha = ChaCha20Poly1305.IsSupported;

    private PlatformCrypto(ICurve25519 curve) => _curve = curve;

    /// <inheritdoc/>
    public string Name => $"{_curve.Name}, .NET";

    /// <summary>True when libsodium was found and is used.</summary>
    public bool UsesSodium => _curve is Sodium;

    /// <summary>Makes the provider.</summary>
    /// <param name="useSodium">False leaves libsodium alone even where it is found.</param>
    public static PlatformCrypto Create(bool useSodium = true) =>
        new((useSodium ? Sodium.TryLoad() : null) ?? (ICurve25519)new BouncyCurve25519());

    /// <inheritdoc/>
    public void PublicKeyEd25519(ReadOnlySpan<byte> seed, Span<byte> publicKey) =>
        GuardedCurve.PublicKeyEd25519(_curve, seed, publicKey);

    /// <inheritdoc/>
    public void SignEd25519(ReadOnlySpan<byte> seed, ReadOnlySpan<byte> message, Span<byte> signature) =>
        GuardedCurve.SignEd25519(_curve, seed, [], message, signature);

    void ICrypto.SignEd25519(
        ReadOnlySpan<byte> seed, Ed25519PublicKey publicKey, ReadOnlySpan<byte> message, Span<byte> signature) =>
        GuardedCurve.SignEd25519(_curve, seed, publicKey.Span, message, signature);

    /// <inheritdoc/>
    public bool VerifyEd25519(
        ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature) =>
        GuardedCurve.VerifyEd25519(_curve, publicKey, message, signature);

    /// <inheritdoc/>
    public void PublicKeyX25519(ReadOnlySpan<byte> secret, Span<byte> publicKey) =>
        GuardedCurve.PublicKeyX25519(_curve, secret, publicKey);

    /// <inheritdoc/>
    public bool AgreeX25519(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> publicKey, Span<byte> shared) =>
        GuardedCurve.AgreeX25519(_curve, secret, publicKey, shared);

    /// <inheritdoc/>
    public void Sha256(ReadOnlySpan<byte> data, Span<byte> digest)
    {
        CryptoGuard.Exactly(digest, 32, nameof(digest));
        SHA256.HashData(data, digest);
    }

    /// <inheritdoc/>
    public void Sha512(ReadOnlySpan<byte> data, Span<byte> digest)
    {
        CryptoGuard.Exactly(digest, 64, nameof(digest));
        SHA512.HashData(data, digest);
    }

    /// <inheritdoc/>
    public void HmacSha256(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> mac)
    {
        CryptoGuard.Exactly(mac, 32, nameof(mac));
        HMACSHA256.HashData(key, data, mac);
    }

    /// <inheritdoc/>
    public void Blake2b(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> digest)
    {
        CryptoGuard.Between(key, 0, 64, nameof(key));
        CryptoGuard.Between(digest, 1, 64, nameof(digest));
        _curve.Blake2b(key, data, digest);
    }

    /// <inheritdoc/>
    public void HkdfSha256(
        ReadOnlySpan<byte> secret, ReadOnlySpan<byte> salt, ReadOnlySpan<byte> info, Span<byte> output)
    {
        CryptoGuard.Between(output, 1, CryptoGuard.HkdfOutputMax, nameof(output));
        if (!secret.IsEmpty)
        {
            HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, output, salt, info);
            return;
        }

        // OpenSSL 3 refuses an empty secret, which ends every Noise handshake: there the extraction is done by hand.
        Span<byte> extracted = stackalloc byte[32];
        HMACSHA256.HashData(salt, secret, extracted);
        HKDF.Expand(HashAlgorithmName.SHA256, extracted, output, info);
        CryptographicOperations.ZeroMemory(extracted);
    }

    /// <inheritdoc/>
    public void Pbkdf2Sha256(ReadOnlySpan<byte> password, ReadOnlySpan<byte> salt, int rounds, Span<byte> output)
    {
        CryptoGuard.Pbkdf2(rounds, output);
        Rfc2898DeriveBytes.Pbkdf2(password, salt, output, rounds, HashAlgorithmName.SHA256);
    }

    /// <inheritdoc/>
    public void SealChaCha20Poly1305(
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> plain, ReadOnlySpan<byte> associated,
        Span<byte> sealedBytes)
    {
        CryptoGuard.Aead(key, nonce, 12, plain, sealedBytes);
        if (!_hasChaCha)
        {
            BouncyAead.Seal(BouncyAead.ChaCha20Poly1305(), key, nonce, plain, associated, sealedBytes);
            return;
        }

        using var cipher = new ChaCha20Poly1305(key);
        cipher.Encrypt(nonce, plain, sealedBytes[..plain.Length], sealedBytes[plain.Length..], associated);
    }

    /// <inheritdoc/>
    public bool OpenChaCha20Poly1305(
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> sealedBytes, ReadOnlySpan<byte> associated,
        Span<byte> plain)
    {
        CryptoGuard.Aead(key, nonce, 12, plain, sealedBytes);
        if (!_hasChaCha)
        {
            return BouncyAead.Open(BouncyAead.ChaCha20Poly1305(), key, nonce, sealedBytes, associated, plain);
        }

        try
        {
            using var cipher = new ChaCha20Poly1305(key);
            cipher.Decrypt(nonce, sealedBytes[..plain.Length], sealedBytes[plain.Length..], plain, associated);
            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            plain.Clear();
            return false;
        }
    }

    /// <inheritdoc/>
    public void SealAesGcm(
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> plain, ReadOnlySpan<byte> associated,
        Span<byte> sealedBytes)
    {
        CryptoGuard.Aead(key, nonce, 0, plain, sealedBytes);
        if (nonce.Length != 12)
        {
            PlatformGcm.Seal(key, nonce, plain, associated, sealedBytes);
            return;
        }

        using var cipher = new AesGcm(key, CryptoGuard.TagLength);
        cipher.Encrypt(nonce, plain, sealedBytes[..plain.Length], sealedBytes[plain.Length..], associated);
    }

    /// <inheritdoc/>
    public bool OpenAesGcm(
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> sealedBytes, ReadOnlySpan<byte> associated,
        Span<byte> plain)
    {
        CryptoGuard.Aead(key, nonce, 0, plain, sealedBytes);
        if (nonce.Length != 12)
        {
            return PlatformGcm.Open(key, nonce, sealedBytes, associated, plain);
        }

        try
        {
            using var cipher = new AesGcm(key, CryptoGuard.TagLength);
            cipher.Decrypt(nonce, sealedBytes[..plain.Length], sealedBytes[plain.Length..], plain, associated);
            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            plain.Clear();
            return false;
        }
    }

    /// <inheritdoc/>
    public void ChaCha20(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, uint counter, Span<byte> data)
    {
        CryptoGuard.Exactly(key, 32, nameof(key));
        CryptoGuard.Exactly(nonce, 12, nameof(nonce));
        if (_curve is Sodium sodium)
        {
            sodium.ChaCha20(key, nonce, counter, data);
            return;
        }

        BouncyChaCha.Combine(key, nonce, counter, data);
    }

    /// <inheritdoc/>
    public void Poly1305(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> mac)
    {
        CryptoGuard.Exactly(key, 32, nameof(key));
        CryptoGuard.Exactly(mac, 16, nameof(mac));
        if (_curve is Sodium sodium)
        {
            sodium.Poly1305(key, data, mac);
            return;
        }

        BouncyChaCha.Authenticate(key, data, mac);
    }

    /// <inheritdoc/>
    public IAeadKey? ImportChaCha20Poly1305(ReadOnlySpan<byte> key)
    {
        CryptoGuard.Exactly(key, 32, nameof(key));
        return _hasChaCha ? new PlatformChaChaKey(key) : null;
    }

    /// <inheritdoc/>
    public IAeadKey ImportAesGcm(ReadOnlySpan<byte> key)
    {
        CryptoGuard.Exactly(key, 32, nameof(key));
        return new PlatformGcmKey(key);
    }

    /// <inheritdoc/>
    public IP256PublicKey? ImportP256(ReadOnlySpan<byte> x, ReadOnlySpan<byte> y)
    {
        CryptoGuard.Pair(x, y);
        return PlatformP256.Import(x, y);
    }

    /// <inheritdoc/>
    public bool PublicKeyP256(ReadOnlySpan<byte> secret, Span<byte> x, Span<byte> y)
    {
        CryptoGuard.Agreement(secret, x, y);
        return PlatformP256.PublicKey(secret, x, y);
    }

    /// <inheritdoc/>
    public void SignP256(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> data, Span<byte> signature)
    {
        CryptoGuard.SigningP256(secret, signature);
        PlatformP256.Sign(secret, data, signature);
    }

    /// <inheritdoc/>
    public bool AgreeP256(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> x, ReadOnlySpan<byte> y, Span<byte> shared)
    {
        CryptoGuard.Pair(x, y);
        CryptoGuard.Agreement(secret, x, shared);
        return PlatformP256.Agree(secret, x, y, shared);
    }

    /// <inheritdoc/>
    public bool VerifyEcdsaP256(
        ReadOnlySpan<byte> subjectPublicKeyInfo, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        Span<byte> fixedSize = stackalloc byte[P256Rule.SignatureLength];
        if (!P256Rule.TryReadSpki(subjectPublicKeyInfo, out ReadOnlySpan<byte> x, out ReadOnlySpan<byte> y)
            || !Der.TryReadEcdsa(signature, fixedSize))
        {
            return false;
        }

        using IP256PublicKey? key = PlatformP256.Import(x, y);
        return key is not null && key.Verify(data, fixedSize);
    }

    /// <inheritdoc/>
    public bool VerifyRsaSha256(
        ReadOnlySpan<byte> subjectPublicKeyInfo, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        if (!RsaRule.TryRead(
            subjectPublicKeyInfo, signature, out ReadOnlySpan<byte> modulus, out ReadOnlySpan<byte> exponent))
        {
            return false;
        }

        try
        {
            using RSA rsa = RSA.Create(
                new RSAParameters { Modulus = modulus.ToArray(), Exponent = exponent.ToArray() });
            return rsa.VerifyData(data, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        }
        catch (CryptographicException)
        {
            return false; // The system's library has limits of its own; a key it will not take proves nothing.
        }
    }

    /// <inheritdoc/>
    public bool VerifySecp256k1(ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        Span<byte> digest = stackalloc byte[32];
        SHA256.HashData(data, digest);
        return BouncyEcdsa.VerifySecp256k1(publicKey, digest, signature); // Not every system's library has this curve.
    }
}
