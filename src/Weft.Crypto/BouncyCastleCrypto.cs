using Org.BouncyCastle.Crypto.Digests;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Math;
using Weft.Crypto.Providers;

namespace Weft.Crypto;

/// <summary>
/// Every primitive by BouncyCastle: managed code that runs everywhere, the browser too, and never differs.
/// </summary>
/// <remarks>
/// Several times slower than <see cref="PlatformCrypto"/>. Its AES and its P-256 use tables and variable-time
/// arithmetic: someone who measures time on the same machine may learn from them. Source: docs/spec/crypto.md.
/// </remarks>
public sealed class BouncyCastleCrypto : ICrypto
{
    private readonly BouncyCurve25519 _curve = new();

    /// <inheritdoc/>
    public string Name => _curve.Name;

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
        BouncyHash.Digest(new Sha256Digest(), data, digest);
    }

    /// <inheritdoc/>
    public void Sha512(ReadOnlySpan<byte> data, Span<byte> digest)
    {
        CryptoGuard.Exactly(digest, 64, nameof(digest));
        BouncyHash.Digest(new Sha512Digest(), data, digest);
    }

    /// <inheritdoc/>
    public void HmacSha256(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> mac)
    {
        CryptoGuard.Exactly(mac, 32, nameof(mac));
        BouncyHash.Hmac(key, data, mac);
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
        BouncyHash.Hkdf(secret, salt, info, output);
    }

    /// <inheritdoc/>
    public void Pbkdf2Sha256(ReadOnlySpan<byte> password, ReadOnlySpan<byte> salt, int rounds, Span<byte> output)
    {
        CryptoGuard.Pbkdf2(rounds, output);
        BouncyHash.Pbkdf2(password, salt, rounds, output);
    }

    /// <inheritdoc/>
    public void SealChaCha20Poly1305(
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> plain, ReadOnlySpan<byte> associated,
        Span<byte> sealedBytes)
    {
        CryptoGuard.Aead(key, nonce, 12, plain, sealedBytes);
        BouncyAead.Seal(BouncyAead.ChaCha20Poly1305(), key, nonce, plain, associated, sealedBytes);
    }

    /// <inheritdoc/>
    public bool OpenChaCha20Poly1305(
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> sealedBytes, ReadOnlySpan<byte> associated,
        Span<byte> plain)
    {
        CryptoGuard.Aead(key, nonce, 12, plain, sealedBytes);
        return BouncyAead.Open(BouncyAead.ChaCha20Poly1305(), key, nonce, sealedBytes, associated, plain);
    }

    /// <inheritdoc/>
    public void SealAesGcm(
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> plain, ReadOnlySpan<byte> associated,
        Span<byte> sealedBytes)
    {
        CryptoGuard.Aead(key, nonce, 0, plain, sealedBytes);
        BouncyAead.Seal(BouncyAead.AesGcm(), key, nonce, plain, associated, sealedBytes);
    }

    /// <inheritdoc/>
    public bool OpenAesGcm(
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> sealedBytes, ReadOnlySpan<byte> associated,
        Span<byte> plain)
    {
        CryptoGuard.Aead(key, nonce, 0, plain, sealedBytes);
        return BouncyAead.Open(BouncyAead.AesGcm(), key, nonce, sealedBytes, associated, plain);
    }

    /// <inheritdoc/>
    public IAeadKey ImportAesGcm(ReadOnlySpan<byte> key)
    {
        CryptoGuard.Exactly(key, 32, nameof(key));
        return new OneShotGcmKey(this, key);
    }

    /// <inheritdoc/>
    public IP256PublicKey? ImportP256(ReadOnlySpan<byte> x, ReadOnlySpan<byte> y)
    {
        CryptoGuard.Pair(x, y);
        return P256Rule.Point(x, y) is { } key ? new BouncyP256PublicKey(key) : null;
    }

    /// <inheritdoc/>
    public bool PublicKeyP256(ReadOnlySpan<byte> secret, Span<byte> x, Span<byte> y)
    {
        CryptoGuard.Agreement(secret, x, y);
        return BouncyEcdsa.PublicKey(secret, x, y);
    }

    /// <inheritdoc/>
    public void SignP256(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> data, Span<byte> signature)
    {
        CryptoGuard.SigningP256(secret, signature);
        Span<byte> digest = stackalloc byte[32];
        BouncyHash.Digest(new Sha256Digest(), data, digest);
        BouncyEcdsa.Sign(secret, digest, signature);
    }

    /// <inheritdoc/>
    public bool AgreeP256(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> x, ReadOnlySpan<byte> y, Span<byte> shared)
    {
        CryptoGuard.Pair(x, y);
        CryptoGuard.Agreement(secret, x, shared);
        return BouncyEcdsa.Agree(secret, x, y, shared);
    }

    /// <inheritdoc/>
    public bool VerifyEcdsaP256(
        ReadOnlySpan<byte> subjectPublicKeyInfo, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        Span<byte> fixedSize = stackalloc byte[P256Rule.SignatureLength];
        return P256Rule.TryReadSpki(subjectPublicKeyInfo, out ReadOnlySpan<byte> x, out ReadOnlySpan<byte> y)
            && Der.TryReadEcdsa(signature, fixedSize)
            && P256Rule.Point(x, y) is { } key
            && new BouncyP256PublicKey(key).Verify(data, fixedSize);
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

        Span<byte> digest = stackalloc byte[32];
        BouncyHash.Digest(new Sha256Digest(), data, digest);
        byte[] expected = new byte[modulus.Length];
        RsaRule.Encode(digest, expected);
        BigInteger opened = new BigInteger(1, signature.ToArray())
            .ModPow(new BigInteger(1, exponent.ToArray()), new BigInteger(1, modulus.ToArray()));
        return opened.Equals(new BigInteger(1, expected));
    }

    /// <inheritdoc/>
    public bool VerifySecp256k1(ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        Span<byte> digest = stackalloc byte[32];
        BouncyHash.Digest(new Sha256Digest(), data, digest);
        return BouncyEcdsa.VerifySecp256k1(publicKey, digest, signature);
    }
}
