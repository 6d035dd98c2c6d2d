using System.Security.Cryptography;
using Org.BouncyCastle.Asn1;
using Org.BouncyCastle.Asn1.X9;
using Org.BouncyCastle.Crypto.Digests;
using Org.BouncyCastle.Crypto.EC;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Crypto.Signers;
using Org.BouncyCastle.Math;

namespace Weft.Tests.Crypto;

/// <summary>Makes secp256k1 signatures, which Weft itself only verifies.</summary>
internal static class Secp256k1
{
    internal static (byte[] PublicKey, byte[] Signature) Sign(byte[] secret, ReadOnlySpan<byte> data)
    {
        X9ECParameters curve = CustomNamedCurves.GetByName("secp256k1");
        var domain = new ECDomainParameters(curve.Curve, curve.G, curve.N, curve.H);
        var number = new BigInteger(1, secret);
        var signer = new ECDsaSigner(new HMacDsaKCalculator(new Sha256Digest()));
        signer.Init(true, new ECPrivateKeyParameters(number, domain));
        BigInteger[] parts = signer.GenerateSignature(SHA256.HashData(data));
        byte[] der = new DerSequence(new DerInteger(parts[0]), new DerInteger(parts[1])).GetDerEncoded();
        return (domain.G.Multiply(number).Normalize().GetEncoded(compressed: true), der);
    }
}
