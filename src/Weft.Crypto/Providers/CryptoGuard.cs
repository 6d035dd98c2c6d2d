namespace Weft.Crypto.Providers;

/// <summary>The lengths that <see cref="ICrypto"/> states, checked alike in every provider.</summary>
internal static class CryptoGuard
{
    internal const int TagLength = 16;
    internal const int HkdfOutputMax = 255 * 32;

    internal static void Exactly(ReadOnlySpan<byte> bytes, int length, string name)
    {
        if (bytes.Length != length)
        {
            throw new ArgumentException($"{length} bytes are needed, not {bytes.Length}.", name);
        }
    }

    internal static void Between(ReadOnlySpan<byte> bytes, int min, int max, string name)
    {
        if (bytes.Length < min || bytes.Length > max)
        {
            throw new ArgumentException($"{min} to {max} bytes are needed, not {bytes.Length}.", name);
        }
    }

    internal static void Signing(ReadOnlySpan<byte> seed, ReadOnlySpan<byte> signature)
    {
        Exactly(seed, Ed25519Rule.KeyLength, nameof(seed));
        Exactly(signature, Ed25519Rule.SignatureLength, nameof(signature));
    }

    internal static void Pair(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> publicKey)
    {
        Exactly(secret, 32, nameof(secret));
        Exactly(publicKey, 32, nameof(publicKey));
    }

    internal static void Agreement(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> shared)
    {
        Pair(secret, publicKey);
        Exactly(shared, 32, nameof(shared));
    }

    internal static void SigningP256(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> signature)
    {
        Exactly(secret, P256Rule.FieldLength, nameof(secret));
        Exactly(signature, P256Rule.SignatureLength, nameof(signature));
        if (!P256Rule.IsSecret(secret))
        {
            throw new ArgumentException("A P-256 secret lies between 1 and the order of the group.", nameof(secret));
        }
    }

    internal static void Pbkdf2(int rounds, ReadOnlySpan<byte> output)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rounds, 1);
        Between(output, 1, int.MaxValue, nameof(output));
    }

    /// <summary>The lengths of an AEAD call; nonceLength 0 stands for "one and more".</summary>
    internal static void Aead(
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, int nonceLength, ReadOnlySpan<byte> plain,
        ReadOnlySpan<byte> sealedBytes)
    {
        Exactly(key, 32, nameof(key));
        int lengthMax = nonceLength == 0 ? int.MaxValue : nonceLength;
        Between(nonce, Math.Max(nonceLength, 1), lengthMax, nameof(nonce));
        Sealed(plain, sealedBytes);
    }

    internal static void Sealed(ReadOnlySpan<byte> plain, ReadOnlySpan<byte> sealedBytes)
    {
        if (sealedBytes.Length < TagLength || sealedBytes.Length - TagLength != plain.Length)
        {
            throw new ArgumentException("Sealed bytes are as long as the plain ones plus 16.", nameof(sealedBytes));
        }
    }
}
