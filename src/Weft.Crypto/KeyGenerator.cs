using System.Security.Cryptography;
using Weft.Crypto.Sea;

namespace Weft.Crypto;

/// <summary>
/// Makes new keys. The one file of the pure assemblies that draws from the system's random source; a test holds it to
/// that. Cores never call it: what they need of randomness is handed in.
/// </summary>
public static class KeyGenerator
{
    /// <summary>Fills with random bytes that are fit for keys, salts and nonces.</summary>
#pragma warning disable RS0030 // This is the file the ban makes an exception for.
    public static void Fill(Span<byte> target) => RandomNumberGenerator.Fill(target);
#pragma warning restore RS0030

    /// <summary>A new Ed25519 key; the caller disposes it.</summary>
    public static Ed25519KeyPair NewEd25519(ICrypto crypto)
    {
        Span<byte> seed = stackalloc byte[Ed25519KeyPair.SeedLength];
        Fill(seed);
        var pair = new Ed25519KeyPair(crypto, seed);
        CryptographicOperations.ZeroMemory(seed);
        return pair;
    }

    /// <summary>A new SEA pair: one P-256 key to sign and one to agree on secrets; the caller disposes it.</summary>
    public static SeaPair NewSeaPair(ICrypto crypto)
    {
        Span<byte> secrets = stackalloc byte[2 * SeaPair.SecretLength];
        SeaPair? pair;
        do
        {
            Fill(secrets);
            pair = SeaPair.TryCreate(crypto, secrets[..SeaPair.SecretLength], secrets[SeaPair.SecretLength..]);
        }
        while (pair is null); // A draw outside the group's order happens once in 2^32 times.

        CryptographicOperations.ZeroMemory(secrets);
        return pair;
    }
}
