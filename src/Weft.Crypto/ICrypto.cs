namespace Weft.Crypto;

/// <summary>
/// The cryptographic primitives Weft uses, behind one object that is handed in, never static. Every implementation gives
/// the same answers for the same bytes; a shared pre-check makes them equally strict.
/// </summary>
/// <remarks>
/// Synchronous, safe to call from many threads, keeps no secrets. Lengths are the callers' duty: a span of another length
/// than stated throws ArgumentException; bytes that are merely wrong give false. Source: docs/spec/crypto.md.
/// </remarks>
public interface ICrypto
{
    /// <summary>What runs here, for reports: for example "libsodium 1.0.18, .NET".</summary>
    string Name { get; }

    /// <summary>The Ed25519 public key of a seed.</summary>
    /// <param name="seed">32 bytes.</param>
    /// <param name="publicKey">Takes 32 bytes.</param>
    void PublicKeyEd25519(ReadOnlySpan<byte> seed, Span<byte> publicKey);

    /// <summary>Signs with Ed25519 (RFC 8032, pure).</summary>
    /// <param name="seed">32 bytes.</param>
    /// <param name="message">Any length.</param>
    /// <param name="signature">Takes 64 bytes.</param>
    void SignEd25519(ReadOnlySpan<byte> seed, ReadOnlySpan<byte> message, Span<byte> signature);

    /// <summary>
    /// The same, quicker by half, for one who is sure of the public key: with another one's, the signature gives the secret
    /// away. Only <see cref="Ed25519KeyPair"/> may call it.
    /// </summary>
    internal void SignEd25519(
        ReadOnlySpan<byte> seed, Ed25519PublicKey publicKey, ReadOnlySpan<byte> message, Span<byte> signature) =>
        SignEd25519(seed, message, signature);

    /// <summary>
    /// Verifies by the one strict rule: S below the group order, A and R canonical and not of small order.
    /// </summary>
    /// <param name="publicKey">32 bytes; another length is false.</param>
    /// <param name="message">Any length.</param>
    /// <param name="signature">64 bytes; another length is false.</param>
    bool VerifyEd25519(ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature);

    /// <summary>The X25519 public key of a secret.</summary>
    /// <param name="secret">32 bytes.</param>
    /// <param name="publicKey">Takes 32 bytes.</param>
    void PublicKeyX25519(ReadOnlySpan<byte> secret, Span<byte> publicKey);

    /// <summary>Agrees on a secret by X25519 (RFC 7748).</summary>
    /// <param name="secret">32 bytes.</param>
    /// <param name="publicKey">32 bytes.</param>
    /// <param name="shared">Takes 32 bytes; cleared when false.</param>
    /// <returns>False when the result is all zero: the public key is of small order.</returns>
    bool AgreeX25519(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> publicKey, Span<byte> shared);

    /// <summary>SHA-256.</summary>
    /// <param name="data">Any length.</param>
    /// <param name="digest">Takes 32 bytes.</param>
    void Sha256(ReadOnlySpan<byte> data, Span<byte> digest);

    /// <summary>SHA-512.</summary>
    /// <param name="data">Any length.</param>
    /// <param name="digest">Takes 64 bytes.</param>
    void Sha512(ReadOnlySpan<byte> data, Span<byte> digest);

    /// <summary>HMAC-SHA-256.</summary>
    /// <param name="key">Any length.</param>
    /// <param name="data">Any length.</param>
    /// <param name="mac">Takes 32 bytes.</param>
    void HmacSha256(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> mac);

    /// <summary>BLAKE2b (RFC 7693), keyed or not.</summary>
    /// <param name="key">0 to 64 bytes.</param>
    /// <param name="data">Any length.</param>
    /// <param name="digest">Its length, 1 to 64, is the digest's.</param>
    void Blake2b(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> digest);

    /// <summary>HKDF with SHA-256 (RFC 5869).</summary>
    /// <param name="secret">Input keying material.</param>
    /// <param name="salt">May be empty.</param>
    /// <param name="info">May be empty.</param>
    /// <param name="output">Up to 8,160 bytes.</param>
    void HkdfSha256(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> salt, ReadOnlySpan<byte> info, Span<byte> output);

    /// <summary>PBKDF2 with HMAC-SHA-256.</summary>
    /// <param name="password">Any length.</param>
    /// <param name="salt">Any length.</param>
    /// <param name="rounds">1 and up.</param>
    /// <param name="output">Any length.</param>
    void Pbkdf2Sha256(ReadOnlySpan<byte> password, ReadOnlySpan<byte> salt, int rounds, Span<byte> output);

    /// <summary>Seals with ChaCha20-Poly1305 (RFC 8439).</summary>
    /// <param name="key">32 bytes.</param>
    /// <param name="nonce">12 bytes, never used twice with a key.</param>
    /// <param name="plain">What to seal.</param>
    /// <param name="associated">What is bound, not hidden.</param>
    /// <param name="sealedBytes">Takes the length of <paramref name="plain"/> plus 16: ciphertext, then tag.</param>
    void SealChaCha20Poly1305(
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> plain, ReadOnlySpan<byte> associated,
        Span<byte> sealedBytes);

    /// <summary>Opens what <see cref="SealChaCha20Poly1305"/> sealed.</summary>
    /// <returns>False, and <paramref name="plain"/> cleared, when anything was changed.</returns>
    bool OpenChaCha20Poly1305(
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> sealedBytes, ReadOnlySpan<byte> associated,
        Span<byte> plain);

    /// <summary>Seals with AES-256-GCM, 128-bit tag, with a nonce of any length from 1 (SEA uses 15).</summary>
    /// <param name="key">32 bytes.</param>
    /// <param name="nonce">1 byte and more; 12 is the quick way. Never used twice with a key.</param>
    /// <param name="plain">What to seal.</param>
    /// <param name="associated">What is bound, not hidden.</param>
    /// <param name="sealedBytes">Takes the length of <paramref name="plain"/> plus 16: ciphertext, then tag.</param>
    void SealAesGcm(
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> plain, ReadOnlySpan<byte> associated,
        Span<byte> sealedBytes);

    /// <summary>Opens what <see cref="SealAesGcm"/> sealed.</summary>
    /// <returns>False, and <paramref name="plain"/> cleared, when anything was changed.</returns>
    bool OpenAesGcm(
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> sealedBytes, ReadOnlySpan<byte> associated,
        Span<byte> plain);

    /// <summary>Combines bytes with the key stream of ChaCha20 (RFC 8439): encrypts, and decrypts. No authenticator.</summary>
    /// <param name="key">32 bytes.</param>
    /// <param name="nonce">12 bytes, never used twice with this key and a counter.</param>
    /// <param name="counter">The number of the first block of 64 bytes.</param>
    /// <param name="data">The bytes; combined where they lie.</param>
    void ChaCha20(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, uint counter, Span<byte> data) =>
        Providers.BouncyChaCha.Combine(key, nonce, counter, data);

    /// <summary>The authenticator Poly1305 (RFC 8439).</summary>
    /// <param name="key">32 bytes, used for this message alone.</param>
    /// <param name="data">The message.</param>
    /// <param name="mac">Takes 16 bytes.</param>
    void Poly1305(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> mac) =>
        Providers.BouncyChaCha.Authenticate(key, data, mac);

    /// <summary>Imports a key of ChaCha20-Poly1305 for many messages; quicker than one call for each.</summary>
    /// <param name="key">32 bytes; copied.</param>
    /// <returns>
    /// A key that may seal and open in place; null where importing gains nothing: use the key itself.
    /// </returns>
    IAeadKey? ImportChaCha20Poly1305(ReadOnlySpan<byte> key) => null;

    /// <summary>Imports a key of AES-256-GCM for many pieces with nonces of 12 bytes; quicker than one call for each.</summary>
    /// <param name="key">32 bytes; copied.</param>
    IAeadKey ImportAesGcm(ReadOnlySpan<byte> key);

    /// <summary>Imports a P-256 public key; importing costs more than verifying, so keep it.</summary>
    /// <param name="x">32 bytes, big-endian.</param>
    /// <param name="y">32 bytes, big-endian.</param>
    /// <returns>Null when the point is not on the curve.</returns>
    IP256PublicKey? ImportP256(ReadOnlySpan<byte> x, ReadOnlySpan<byte> y);

    /// <summary>The public point of a P-256 secret.</summary>
    /// <param name="secret">32 bytes, big-endian, 1 to the order - 1.</param>
    /// <param name="x">Takes 32 bytes.</param>
    /// <param name="y">Takes 32 bytes.</param>
    /// <returns>False when the secret is out of range.</returns>
    bool PublicKeyP256(ReadOnlySpan<byte> secret, Span<byte> x, Span<byte> y);

    /// <summary>Signs with ECDSA P-256 and SHA-256.</summary>
    /// <param name="secret">32 bytes, big-endian.</param>
    /// <param name="data">What is hashed and signed.</param>
    /// <param name="signature">Takes 64 bytes: r, then s.</param>
    void SignP256(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> data, Span<byte> signature);

    /// <summary>Agrees on a secret by ECDH P-256: the raw x coordinate.</summary>
    /// <param name="secret">32 bytes, big-endian.</param>
    /// <param name="x">The other's x, 32 bytes.</param>
    /// <param name="y">The other's y, 32 bytes.</param>
    /// <param name="shared">Takes 32 bytes; cleared when false.</param>
    /// <returns>False when the point is not on the curve or the secret is out of range.</returns>
    bool AgreeP256(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> x, ReadOnlySpan<byte> y, Span<byte> shared);

    /// <summary>Verifies ECDSA P-256 with SHA-256, key and signature in DER: a libp2p peer's key.</summary>
    /// <param name="subjectPublicKeyInfo">The key in DER.</param>
    /// <param name="data">What was signed.</param>
    /// <param name="signature">DER.</param>
    bool VerifyEcdsaP256(
        ReadOnlySpan<byte> subjectPublicKeyInfo, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature);

    /// <summary>
    /// Verifies RSA PKCS#1 v1.5 with SHA-256; keys of 2,048 to 8,192 bits only, refused before any arithmetic.
    /// </summary>
    /// <param name="subjectPublicKeyInfo">The key in DER.</param>
    /// <param name="data">What was signed.</param>
    /// <param name="signature">As long as the modulus.</param>
    bool VerifyRsaSha256(
        ReadOnlySpan<byte> subjectPublicKeyInfo, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature);

    /// <summary>Verifies ECDSA secp256k1 with SHA-256.</summary>
    /// <param name="publicKey">33 bytes, compressed.</param>
    /// <param name="data">What was signed.</param>
    /// <param name="signature">DER.</param>
    bool VerifySecp256k1(ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature);
}

/// <summary>A P-256 public key that is ready to verify. Safe to share between threads.</summary>
public interface IP256PublicKey : IDisposable
{
    /// <summary>Verifies ECDSA P-256 with SHA-256.</summary>
    /// <param name="data">What was signed.</param>
    /// <param name="signature">64 bytes, r then s; another length is false.</param>
    bool Verify(ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature);
}
