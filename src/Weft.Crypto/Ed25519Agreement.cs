using System.Security.Cryptography;
using Org.BouncyCastle.Math.EC.Rfc7748;
using Weft.Crypto.Providers;

namespace Weft.Crypto;

/// <summary>
/// Diffie-Hellman with Ed25519 keys whose result is a point in Edwards form: what Hypercore's handshake uses in place
/// of
/// X25519.
/// </summary>
/// <remarks>
/// The secret multiplication is the provider's X25519, twice: it gives the result up to the sign of x. That sign is
/// found
/// by adding a known point to both candidates and looking which of them the second multiplication confirms. Only field
/// arithmetic on top is done here, with BouncyCastle's field. Source: docs/spec/log.md, section 8.
/// </remarks>
public static class Ed25519Agreement
{
    /// <summary>Bytes of seeds, public keys and results.</summary>
    public const int Length = 32;

    // d of the curve -x^2 + y^2 = 1 + d x^2 y^2, little-endian: -121665/121666.
    private static readonly int[] D = Decode(Convert.FromHexString(
        "a3785913ca4deb75abd841414d0a700098e879777940c78c73fe6f2bee6c0352"));

    private static readonly int[] One = MakeOne();

    /// <summary>Agrees on a secret.</summary>
    /// <param name="crypto">The primitives.</param>
    /// <param name="seed">32 bytes: the own Ed25519 seed.</param>
    /// <param name="publicKey">32 bytes: the other's Ed25519 public key.</param>
    /// <param name="shared">Takes 32 bytes: the compressed point; cleared when false.</param>
    /// <returns>False when the public key is no point, of small order, or not in its one canonical form.</returns>
    public static bool TryAgree(
        ICrypto crypto, ReadOnlySpan<byte> seed, ReadOnlySpan<byte> publicKey, Span<byte> shared)
    {
        CryptoGuard.Pair(seed, publicKey);
        CryptoGuard.Exactly(shared, Length, nameof(shared));
        shared.Clear();
        if (!Ed25519Rule.AcceptsPoint(publicKey) || !TryDecode(publicKey, out Point other))
        {
            return false;
        }

        Span<byte> scalar = stackalloc byte[64];
        Span<byte> products = stackalloc byte[2 * Length];
        crypto.Sha512(seed, scalar);
        scalar = scalar[..Length];
        scalar[0] &= 248;
        scalar[31] = (byte)((scalar[31] & 127) | 64);
        bool isAgreed = TryMultiply(crypto, scalar, other, products);
        if (isAgreed)
        {
            Compress(other, products, shared);
        }

        CryptographicOperations.ZeroMemory(scalar);
        CryptographicOperations.ZeroMemory(products);
        return isAgreed;
    }

    /// <summary>The u coordinates of scalar·P and of (scalar + 8)·P.</summary>
    private static bool TryMultiply(ICrypto crypto, Span<byte> scalar, in Point point, Span<byte> products)
    {
        byte[] u = Encode(Divide(Add(One, point.Y), Subtract(One, point.Y)));
        if (!crypto.AgreeX25519(scalar, u, products[..Length]))
        {
            return false;
        }

        int carry = 8; // Keeps the clamped form; it runs over for one seed in 2^251, which then agrees with nobody.
        for (int i = 0; i < Length; i++)
        {
            carry += scalar[i];
            scalar[i] = (byte)carry;
            carry >>= 8;
        }

        return (scalar[31] & 0x80) == 0 && crypto.AgreeX25519(scalar, u, products[Length..]);
    }

    private static void Compress(in Point other, ReadOnlySpan<byte> products, Span<byte> shared)
    {
        int[] y = YOf(products[..Length]);
        byte[] expected = Encode(YOf(products[Length..]));
        int[] x = XOf(y)!; // It is on the curve, because it is a multiple of a point that is.
        Point eight = Sum(other, other);
        eight = Sum(eight, eight);
        eight = Sum(eight, eight);
        byte[] candidate = Encode(Sum(new Point(x, y), eight).Y);
        int isOther = 1 - (CryptographicOperations.FixedTimeEquals(candidate, expected) ? 1 : 0);
        X25519Field.CNegate(isOther, x);
        Encode(y).CopyTo(shared);
        shared[31] |= (byte)((Encode(x)[0] & 1) << 7);
    }

    /// <summary>The Edwards y of a Montgomery u: (u - 1) / (u + 1).</summary>
    private static int[] YOf(ReadOnlySpan<byte> u)
    {
        int[] value = Decode(u.ToArray());
        return Divide(Subtract(value, One), Add(value, One));
    }

    private static bool TryDecode(ReadOnlySpan<byte> encoded, out Point point)
    {
        byte[] bytes = encoded.ToArray();
        int sign = bytes[31] >> 7;
        bytes[31] &= 0x7f;
        int[] y = Decode(bytes);
        int[]? x = XOf(y);
        point = default;
        if (x is null)
        {
            return false;
        }

        X25519Field.CNegate(sign ^ (Encode(x)[0] & 1), x);
        point = new Point(x, y);
        return true;
    }

    /// <summary>One of the two x that belong to a y; null when there is none.</summary>
    private static int[]? XOf(int[] y)
    {
        int[] square = Multiply(y, y);
        int[] x = X25519Field.Create();
        return X25519Field.SqrtRatioVar(Subtract(square, One), Add(Multiply(D, square), One), x) ? x : null;
    }

    private static Point Sum(in Point left, in Point right)
    {
        int[] cross = Multiply(Multiply(D, Multiply(left.X, right.X)), Multiply(left.Y, right.Y));
        int[] x = Divide(Add(Multiply(left.X, right.Y), Multiply(left.Y, right.X)), Add(One, cross));
        int[] y = Divide(Add(Multiply(left.Y, right.Y), Multiply(left.X, right.X)), Subtract(One, cross));
        return new Point(x, y);
    }

    private static int[] Add(int[] left, int[] right)
    {
        int[] sum = X25519Field.Create();
        X25519Field.Add(left, right, sum);
        X25519Field.Carry(sum);
        return sum;
    }

    private static int[] Subtract(int[] left, int[] right)
    {
        int[] difference = X25519Field.Create();
        X25519Field.Sub(left, right, difference);
        X25519Field.Carry(difference);
        return difference;
    }

    private static int[] Multiply(int[] left, int[] right)
    {
        int[] product = X25519Field.Create();
        X25519Field.Mul(left, right, product);
        return product;
    }

    private static int[] Divide(int[] left, int[] right)
    {
        int[] inverse = X25519Field.Create();
        X25519Field.Inv(right, inverse);
        return Multiply(left, inverse);
    }

    private static int[] Decode(byte[] bytes)
    {
        int[] value = X25519Field.Create();
        X25519Field.Decode(bytes, 0, value);
        return value;
    }

    private static byte[] Encode(int[] value)
    {
        int[] copy = X25519Field.Create();
        X25519Field.Copy(value, 0, copy, 0);
        X25519Field.Normalize(copy);
        byte[] bytes = new byte[Length];
        X25519Field.Encode(copy, bytes, 0);
        return bytes;
    }

    private static int[] MakeOne()
    {
        int[] one = X25519Field.Create();
        X25519Field.One(one);
        return one;
    }

    private readonly record struct Point(int[] X, int[] Y);
}
