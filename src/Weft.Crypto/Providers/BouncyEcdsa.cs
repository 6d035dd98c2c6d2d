using System.Security.Cryptography;
using Org.BouncyCastle.Crypto.Agreement;
using Org.BouncyCastle.Crypto.Digests;
using Org.BouncyCastle.Crypto.EC;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Crypto.Signers;
using Org.BouncyCastle.Math;
using Org.BouncyCastle.Math.EC.Multiplier;

namespace Weft.Crypto.Providers;

/// <summary>
/// ECDSA and ECDH by BouncyCastle. Signatures are deterministic (RFC 6979), so no randomness is needed.
/// </summary>
internal static class BouncyEcdsa
{
    internal static bool PublicKey(ReadOnlySpan<byte> secret, Span<byte> x, Span<byte> y)
    {
        if (!P256Rule.IsSecret(secret))
        {
            return false;
        }

        ECDomainParameters domain = P256Rule.Domain();
        Org.BouncyCastle.Math.EC.ECPoint point =
            new FixedPointCombMultiplier().Multiply(domain.G, Number(secret)).Normalize();
        point.AffineXCoord.GetEncoded().CopyTo(x);
        point.AffineYCoord.GetEncoded().CopyTo(y);
        return true;
    }

    internal static void Sign(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> digest, Span<byte> signature)
    {
        var signer = new ECDsaSigner(new HMacDsaKCalculator(new Sha256Digest()));
        signer.Init(true, new ECPrivateKeyParameters(Number(secret), P256Rule.Domain()));
        BigInteger[] parts = signer.GenerateSignature(digest.ToArray());
        Write(parts[0], signature[..32]);
        Write(parts[1], signature[32..]);
    }

    internal static bool Verify(ECPublicKeyParameters key, ReadOnlySpan<byte> digest, ReadOnlySpan<byte> signature)
    {
        var signer = new ECDsaSigner();
        signer.Init(false, key);
        return signer.VerifySignature(digest.ToArray(), Number(signature[..32]), Number(signature[32..]));
    }

    internal static bool Agree(
        ReadOnlySpan<byte> secret, ReadOnlySpan<byte> x, ReadOnlySpan<byte> y, Span<byte> shared)
    {
        shared.Clear();
        if (!P256Rule.IsSecret(secret) || P256Rule.Point(x, y) is not { } point)
        {
            return false;
        }

        var agreement = new ECDHBasicAgreement();
        agreement.Init(new ECPrivateKeyParameters(Number(secret), P256Rule.Domain()));
        Write(agreement.CalculateAgreement(point), shared);
        return true;
    }

    /// <summary>Verifies secp256k1; the key is 33 bytes, compressed.</summary>
    internal static bool VerifySecp256k1(
        ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> digest, ReadOnlySpan<byte> signatureDer)
    {
        Span<byte> signature = stackalloc byte[P256Rule.SignatureLength];
        if (publicKey.Length != 33 || publicKey[0] is not (2 or 3) || !Der.TryReadEcdsa(signatureDer, signature))
        {
            return false;
        }

        Org.BouncyCastle.Asn1.X9.X9ECParameters curve = CustomNamedCurves.GetByName("secp256k1");
        var domain = new ECDomainParameters(curve.Curve, curve.G, curve.N, curve.H);
        Org.BouncyCastle.Math.EC.ECPoint point;
        try
        {
            point = domain.Curve.DecodePoint(publicKey.ToArray());
        }
        catch (ArgumentException)
        {
            return false; // The x is no field element, or no point has it.
        }

        return Verify(new ECPublicKeyParameters(point, domain), digest, signature);
    }

    private static BigInteger Number(ReadOnlySpan<byte> bytes)
    {
        byte[] copy = bytes.ToArray();
        var number = new BigInteger(1, copy);
        CryptographicOperations.ZeroMemory(copy);
        return number;
    }

    private static void Write(BigInteger number, Span<byte> to)
    {
        byte[] bytes = number.ToByteArrayUnsigned();
        to.Clear();
        bytes.CopyTo(to[(to.Length - bytes.Length)..]);
        CryptographicOperations.ZeroMemory(bytes);
    }
}

/// <summary>An imported P-256 key of the managed provider.</summary>
internal sealed class BouncyP256PublicKey(ECPublicKeyParameters key) : IP256PublicKey
{
    public bool Verify(ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        if (!P256Rule.IsSignature(signature))
        {
            return false;
        }

        Span<byte> digest = stackalloc byte[32];
        BouncyHash.Digest(new Sha256Digest(), data, digest);
        return BouncyEcdsa.Verify(key, digest, signature);
    }

    public void Dispose()
    {
        // Holds managed memory alone, and nothing secret.
    }
}
