using System.Security.Cryptography;
using Org.BouncyCastle.Crypto.Digests;
using Org.BouncyCastle.Math.EC.Rfc7748;
using Org.BouncyCastle.Math.EC.Rfc8032;

namespace Weft.Crypto.Providers;

/// <summary>Curve25519 and BLAKE2b by BouncyCastle: managed, everywhere. Copies of secrets are cleared.</summary>
internal sealed class BouncyCurve25519 : ICurve25519
{
    public string Name => "BouncyCastle 1.8.10";

    public void PublicKeyEd25519(ReadOnlySpan<byte> seed, Span<byte> publicKey)
    {
        byte[] secret = seed.ToArray();
        byte[] made = new byte[publicKey.Length];
        Ed25519.GeneratePublicKey(secret, 0, made, 0);
        CryptographicOperations.ZeroMemory(secret);
        made.CopyTo(publicKey);
    }

    public void SignEd25519(
        ReadOnlySpan<byte> seed, ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> message, Span<byte> signature)
    {
        byte[] secret = seed.ToArray();
        byte[] made = new byte[signature.Length];
        if (publicKey.IsEmpty)
        {
            Ed25519.Sign(secret, 0, message.ToArray(), 0, message.Length, made, 0);
        }
        else
        {
            Ed25519.Sign(secret, 0, publicKey.ToArray(), 0, message.ToArray(), 0, message.Length, made, 0);
        }

        CryptographicOperations.ZeroMemory(secret);
        made.CopyTo(signature);
    }

    public bool VerifyEd25519(
        ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature) =>
        Ed25519.Verify(signature.ToArray(), 0, publicKey.ToArray(), 0, message.ToArray(), 0, message.Length);

    public void PublicKeyX25519(ReadOnlySpan<byte> secret, Span<byte> publicKey)
    {
        byte[] copy = secret.ToArray();
        byte[] made = new byte[publicKey.Length];
        X25519.GeneratePublicKey(copy, 0, made, 0);
        CryptographicOperations.ZeroMemory(copy);
        made.CopyTo(publicKey);
    }

    public bool AgreeX25519(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> publicKey, Span<byte> shared)
    {
        byte[] copy = secret.ToArray();
        byte[] made = new byte[shared.Length];
        bool agreed = X25519.CalculateAgreement(copy, 0, publicKey.ToArray(), 0, made, 0);
        made.CopyTo(shared);
        CryptographicOperations.ZeroMemory(copy);
        CryptographicOperations.ZeroMemory(made);
        return agreed;
    }

    public void Blake2b(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> digest)
    {
        // An empty array would count as a key of no bytes and change the digest; null is "no key".
        byte[]? copy = key.IsEmpty ? null : key.ToArray();
        var hash = new Blake2bDigest(copy, digest.Length, null, null);
        hash.BlockUpdate(data.ToArray(), 0, data.Length);
        byte[] made = new byte[digest.Length];
        hash.DoFinal(made, 0);
        hash.ClearKey();
        CryptographicOperations.ZeroMemory(copy);
        made.CopyTo(digest);
        CryptographicOperations.ZeroMemory(made);
    }
}
