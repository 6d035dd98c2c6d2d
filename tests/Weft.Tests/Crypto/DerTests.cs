using System.Security.Cryptography;
using Weft.Crypto.Providers;
using Weft.Primitives;

namespace Weft.Tests.Crypto;

public sealed class DerTests
{
    [Fact]
    public void Random_and_damaged_bytes_never_throw()
    {
        var random = new WeftRandom(14);
        using var rsa = RSA.Create(2_048);
        using var ecdsa = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        byte[] spki = rsa.ExportSubjectPublicKeyInfo();
        byte[] signature = ecdsa.SignData(
            "x"u8, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
        Span<byte> fixedSize = stackalloc byte[64];
        int read = 0;
        for (int i = 0; i < 20_000; i++)
        {
            byte[] key = Damage(random, spki);
            read += Der.TryReadRsa(key, out _, out _) ? 1 : 0;
            read += Der.TryReadEcdsa(Damage(random, signature), fixedSize) ? 1 : 0;
            _ = RsaRule.TryRead(key, new byte[256], out _, out _);
        }

        Assert.True(Der.TryReadRsa(spki, out _, out _));
        Assert.True(Der.TryReadEcdsa(signature, fixedSize));
        Assert.True(read > 100, "Damage in the numbers alone still reads; if nothing does, the test tests little.");
    }

    private static byte[] Damage(WeftRandom random, byte[] bytes)
    {
        byte[] copy = bytes[..(random.Chance(0.3) ? random.Next(bytes.Length) : bytes.Length)];
        for (int i = 0; i < 2 && copy.Length > 0; i++)
        {
            copy[random.Next(copy.Length)] = (byte)random.Next(256);
        }

        return copy;
    }
}
