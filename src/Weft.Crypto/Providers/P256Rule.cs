using Org.BouncyCastle.Crypto.EC;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Math;

namespace Weft.Crypto.Providers;

/// <summary>What a P-256 secret, point and key file must be, decided alike in front of every provider.</summary>
internal static class P256Rule
{
    internal const int FieldLength = 32;
    internal const int SignatureLength = 64;

    /// <summary>Bytes of the longest signature as a sequence of two integers.</summary>
    internal const int DerLengthMax = 2 + (2 * (2 + 1 + FieldLength));

    // The order of the group, big-endian.
    private static ReadOnlySpan<byte> Order =>
    [
        0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];

    // The prime of the field, big-endian.
    private static ReadOnlySpan<byte> Prime =>
    [
        0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    ];

    // SubjectPublicKeyInfo of a named-curve, uncompressed P-256 key, up to and with the 0x04 before x.
    private static ReadOnlySpan<byte> SpkiPrefix =>
    [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
        0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
    ];

    /// <summary>True for 1 to the order - 1. The secret decides no branch but the last.</summary>
    internal static bool IsSecret(ReadOnlySpan<byte> secret)
    {
        int any = 0;
        int borrow = 0;
        for (int i = FieldLength - 1; i >= 0; i--)
        {
            any |= secret[i];
            borrow = (secret[i] - Order[i] - borrow) >> 31 & 1;
        }

        return (any != 0) & (borrow == 1);
    }

    /// <summary>True for r and s between 1 and the order - 1; high s is allowed, as the standard does.</summary>
    internal static bool IsSignature(ReadOnlySpan<byte> signature) =>
        signature.Length == SignatureLength && IsSecret(signature[..FieldLength]) && IsSecret(signature[FieldLength..]);

    /// <summary>Writes a signature as a DER sequence of its two integers.</summary>
    /// <param name="signature">r and s, 32 bytes each, both above 0.</param>
    /// <param name="der">Takes at most <see cref="DerLengthMax"/> bytes.</param>
    /// <returns>Bytes written.</returns>
    internal static int ToDer(ReadOnlySpan<byte> signature, Span<byte> der)
    {
        int at = 2;
        PutInteger(signature[..FieldLength], der, ref at);
        PutInteger(signature[FieldLength..], der, ref at);
        der[0] = 0x30;
        der[1] = (byte)(at - 2);
        return at;
    }

    private static void PutInteger(ReadOnlySpan<byte> number, Span<byte> der, ref int at)
    {
        number = number.TrimStart((byte)0);
        bool needsSign = number[0] >= 0x80; // A first bit of 1 would mean a negative number.
        der[at++] = 0x02;
        der[at++] = (byte)(number.Length + (needsSign ? 1 : 0));
        if (needsSign)
        {
            der[at++] = 0;
        }

        number.CopyTo(der[at..]);
        at += number.Length;
    }

    /// <summary>The point, or null when a coordinate is no field element or the point is not on the curve.</summary>
    internal static ECPublicKeyParameters? Point(ReadOnlySpan<byte> x, ReadOnlySpan<byte> y)
    {
        if (x.SequenceCompareTo(Prime) >= 0 || y.SequenceCompareTo(Prime) >= 0)
        {
            return null;
        }

        ECDomainParameters domain = Domain();
        Org.BouncyCastle.Math.EC.ECPoint point =
            domain.Curve.CreatePoint(new BigInteger(1, x.ToArray()), new BigInteger(1, y.ToArray()));
        return point.IsValid() ? new ECPublicKeyParameters(point, domain) : null;
    }

    /// <summary>
    /// Takes x and y out of the one form of SubjectPublicKeyInfo that is allowed: named curve, uncompressed.
    /// </summary>
    internal static bool TryReadSpki(ReadOnlySpan<byte> der, out ReadOnlySpan<byte> x, out ReadOnlySpan<byte> y)
    {
        bool fits = der.Length == SpkiPrefix.Length + (2 * FieldLength) && der.StartsWith(SpkiPrefix);
        x = fits ? der.Slice(SpkiPrefix.Length, FieldLength) : default;
        y = fits ? der[(SpkiPrefix.Length + FieldLength)..] : default;
        return fits;
    }

    internal static ECDomainParameters Domain()
    {
        Org.BouncyCastle.Asn1.X9.X9ECParameters curve = CustomNamedCurves.GetByName("secp256r1");
        return new ECDomainParameters(curve.Curve, curve.G, curve.N, curve.H);
    }
}
