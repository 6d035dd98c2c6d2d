using System.Security.Cryptography;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Crypto.Digests;
using Org.BouncyCastle.Crypto.Generators;
using Org.BouncyCastle.Crypto.Macs;
using Org.BouncyCastle.Crypto.Parameters;

namespace Weft.Crypto.Providers;

/// <summary>Hashes and what is built on them, by BouncyCastle.</summary>
internal static class BouncyHash
{
    internal static void Digest(IDigest hash, ReadOnlySpan<byte> data, Span<byte> digest)
    {
        byte[] made = new byte[hash.GetDigestSize()];
        hash.BlockUpdate(data.ToArray(), 0, data.Length);
        hash.DoFinal(made, 0);
        made.CopyTo(digest);
    }

    internal static void Hmac(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> mac)
    {
        byte[] copy = key.ToArray();
        byte[] made = new byte[32];
        var hmac = new HMac(new Sha256Digest());
        hmac.Init(new KeyParameter(copy));
        hmac.BlockUpdate(data.ToArray(), 0, data.Length);
        hmac.DoFinal(made, 0);
        made.CopyTo(mac);
        CryptographicOperations.ZeroMemory(copy);
        CryptographicOperations.ZeroMemory(made);
    }

    internal static void Hkdf(
        ReadOnlySpan<byte> secret, ReadOnlySpan<byte> salt, ReadOnlySpan<byte> info, Span<byte> output)
    {
        byte[] copy = secret.ToArray();
        byte[] made = new byte[output.Length];
        var hkdf = new HkdfBytesGenerator(new Sha256Digest());
        hkdf.Init(new HkdfParameters(copy, salt.ToArray(), info.ToArray()));
        hkdf.GenerateBytes(made, 0, made.Length);
        made.CopyTo(output);
        CryptographicOperations.ZeroMemory(copy);
        CryptographicOperations.ZeroMemory(made);
    }

    internal static void Pbkdf2(ReadOnlySpan<byte> password, ReadOnlySpan<byte> salt, int rounds, Span<byte> output)
    {
        byte[] copy = password.ToArray();
        var generator = new Pkcs5S2ParametersGenerator(new Sha256Digest());
        generator.Init(copy, salt.ToArray(), rounds);
        byte[] made = ((KeyParameter)generator.GenerateDerivedMacParameters(output.Length * 8)).GetKey();
        made.CopyTo(output);
        CryptographicOperations.ZeroMemory(copy);
        CryptographicOperations.ZeroMemory(made);
    }
}
