using System.Security.Cryptography;
using Weft.Crypto;

namespace Weft.Node;

/// <summary>What a node needs to be somebody: primitives, a key, the id of its network.</summary>
internal static class NodeIdentity
{
    private static ReadOnlySpan<byte> NetworkDomain => "weft/network\0"u8;

    /// <summary>The quickest primitives of this system.</summary>
    internal static ICrypto FindCrypto() =>
        OperatingSystem.IsBrowser() ? new BouncyCastleCrypto() : PlatformCrypto.Create();

    /// <summary>A key that no file holds.</summary>
    internal static Ed25519KeyPair Make(ICrypto crypto)
    {
        Span<byte> seed = stackalloc byte[Ed25519KeyPair.SeedLength];
        RandomNumberGenerator.Fill(seed);
        var pair = new Ed25519KeyPair(crypto, seed);
        CryptographicOperations.ZeroMemory(seed);
        return pair;
    }

    /// <summary>The hash of the network's key; zero for the open network.</summary>
    internal static byte[] NetworkIdOf(ICrypto crypto, Ed25519PublicKey? networkKey)
    {
        byte[] id = new byte[SHA256.HashSizeInBytes];
        if (networkKey is { } key)
        {
            Span<byte> named = stackalloc byte[NetworkDomain.Length + Ed25519PublicKey.Length];
            NetworkDomain.CopyTo(named);
            key.Span.CopyTo(named[NetworkDomain.Length..]);
            crypto.Sha256(named, id);
        }

        return id;
    }
}
