using System.Runtime.Versioning;
using System.Security.Cryptography;

namespace Weft.Crypto.Providers;

/// <summary>
/// P-256 by the .NET library. Points and secrets are judged by <see cref="P256Rule"/> first, so it never throws over
/// them.
/// </summary>
[UnsupportedOSPlatform("browser")]
internal static class PlatformP256
{
    internal static IP256PublicKey? Import(ReadOnlySpan<byte> x, ReadOnlySpan<byte> y) =>
        P256Rule.Point(x, y) is null ? null
        : OperatingSystem.IsLinux() ? new OpenSslKey(Public(x, y))
        : new Key(ECDsa.Create(Public(x, y)));

    internal static bool PublicKey(ReadOnlySpan<byte> secret, Span<byte> x, Span<byte> y)
    {
        if (!P256Rule.IsSecret(secret))
        {
            return false;
        }

        byte[] copy = secret.ToArray();
        using var key = ECDsa.Create(Secret(copy));
        CryptographicOperations.ZeroMemory(copy);
        ECParameters made = key.ExportParameters(includePrivateParameters: false);
        made.Q.X.CopyTo(x);
        made.Q.Y.CopyTo(y);
        return true;
    }

    internal static void Sign(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> data, Span<byte> signature)
    {
        byte[] copy = secret.ToArray();
        using var key = ECDsa.Create(Secret(copy));
        CryptographicOperations.ZeroMemory(copy);
        if (!key.TrySignData(
            data, signature, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation, out _))
        {
            throw new CryptographicException("A P-256 signature took more than 64 bytes.");
        }
    }

    internal static bool Agree(
        ReadOnlySpan<byte> secret, ReadOnlySpan<byte> x, ReadOnlySpan<byte> y, Span<byte> shared)
    {
        shared.Clear();
        if (!P256Rule.IsSecret(secret) || P256Rule.Point(x, y) is null)
        {
            return false;
        }

        byte[] copy = secret.ToArray();
        using var mine = ECDiffieHellman.Create(Secret(copy));
        CryptographicOperations.ZeroMemory(copy);
        using var theirs = ECDiffieHellman.Create(Public(x, y));
        byte[] raw = mine.DeriveRawSecretAgreement(theirs.PublicKey);
        raw.CopyTo(shared);
        CryptographicOperations.ZeroMemory(raw);
        return true;
    }

    private static ECParameters Public(ReadOnlySpan<byte> x, ReadOnlySpan<byte> y) =>
        new() { Curve = ECCurve.NamedCurves.nistP256, Q = new ECPoint { X = x.ToArray(), Y = y.ToArray() } };

    private static ECParameters Secret(byte[] secret) => new() { Curve = ECCurve.NamedCurves.nistP256, D = secret };

    private sealed class Key(ECDsa key) : IP256PublicKey
    {
        public bool Verify(ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature) =>
            P256Rule.IsSignature(signature)
            && key.VerifyData(
                data, signature, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);

        public void Dispose() => key.Dispose();
    }

    /// <summary>
    /// The same key of the same library, addressed as what it is here: the class in front of it turns each signature
    /// round twice and makes more than a kilobyte of garbage over it.
    /// </summary>
    [SupportedOSPlatform("linux")]
    private sealed class OpenSslKey : IP256PublicKey
    {
        private readonly ECDsaOpenSsl _key = new();

        public OpenSslKey(ECParameters point) => _key.ImportParameters(point);

        public bool Verify(ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
        {
            if (!P256Rule.IsSignature(signature))
            {
                return false;
            }

            Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
            SHA256.HashData(data, hash);
            Span<byte> der = stackalloc byte[P256Rule.DerLengthMax];
            int length = P256Rule.ToDer(signature, der);
            return _key.VerifyHash(hash, der[..length], DSASignatureFormat.Rfc3279DerSequence);
        }

        public void Dispose() => _key.Dispose();
    }
}
