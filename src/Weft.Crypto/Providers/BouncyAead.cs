using System.Security.Cryptography;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Crypto.Engines;
using Org.BouncyCastle.Crypto.Modes;
using Org.BouncyCastle.Crypto.Parameters;

namespace Weft.Crypto.Providers;

/// <summary>The AEAD ciphers by BouncyCastle.</summary>
internal static class BouncyAead
{
    internal static IAeadCipher ChaCha20Poly1305() =>
        new Org.BouncyCastle.Crypto.Modes.ChaCha20Poly1305();

    internal static IAeadCipher AesGcm() => new GcmBlockCipher(new AesEngine());

    internal static void Seal(
        IAeadCipher cipher, ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> plain,
        ReadOnlySpan<byte> associated, Span<byte> sealedBytes)
    {
        byte[] copy = key.ToArray();
        byte[] source = plain.ToArray();
        byte[] made = new byte[sealedBytes.Length];
        Start(cipher, true, copy, nonce, associated);
        int done = cipher.ProcessBytes(source, 0, source.Length, made, 0);
        cipher.DoFinal(made, done);
        made.CopyTo(sealedBytes);
        CryptographicOperations.ZeroMemory(copy);
        CryptographicOperations.ZeroMemory(source);
    }

    internal static bool Open(
        IAeadCipher cipher, ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> sealedBytes,
        ReadOnlySpan<byte> associated, Span<byte> plain)
    {
        byte[] copy = key.ToArray();
        byte[] made = new byte[plain.Length];
        Start(cipher, false, copy, nonce, associated);
        try
        {
            int done = cipher.ProcessBytes(sealedBytes.ToArray(), 0, sealedBytes.Length, made, 0);
            cipher.DoFinal(made, done);
            made.CopyTo(plain);
            return true;
        }
        catch (InvalidCipherTextException)
        {
            plain.Clear();
            return false;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(copy);
            CryptographicOperations.ZeroMemory(made);
        }
    }

    private static void Start(
        IAeadCipher cipher, bool seals, byte[] key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associated)
    {
        cipher.Init(seals, new AeadParameters(new KeyParameter(key), CryptoGuard.TagLength * 8, nonce.ToArray()));
        cipher.ProcessAadBytes(associated.ToArray(), 0, associated.Length);
    }
}
