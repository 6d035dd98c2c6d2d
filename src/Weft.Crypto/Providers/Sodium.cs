using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Security.Cryptography;

namespace Weft.Crypto.Providers;

/// <summary>
/// Curve25519, BLAKE2b and the two parts of ChaCha20-Poly1305 by libsodium where the system has it. Later releases of libsodium verify Ed25519 with the
/// cofactor; a signature that only such a verifier takes is tried once at the start, and where it passes, verifying is
/// left to the managed provider, so that every machine decides alike.
/// </summary>
[UnsupportedOSPlatform("browser")]
internal sealed unsafe class Sodium : ICurve25519
{
    private const int SecretKeyLength = 64;
    private const int Blake2bMin = 16; // What libsodium documents; shorter keys and digests go to the managed provider.

    private static ReadOnlySpan<string> LibraryNames =>
        (string[])["libsodium.so.23", "libsodium.so.26", "libsodium.so", "libsodium", "libsodium.dylib"];

    private readonly BouncyCurve25519 _managed = new();
    private readonly bool _verifies;
    private readonly delegate* unmanaged<byte*, byte*, byte*, int> _seedKeyPair;
    private readonly delegate* unmanaged<byte*, ulong*, byte*, ulong, byte*, int> _sign;
    private readonly delegate* unmanaged<byte*, byte*, ulong, byte*, int> _verify;
    private readonly delegate* unmanaged<byte*, byte*, byte*, int> _scalarMult;
    private readonly delegate* unmanaged<byte*, byte*, int> _scalarMultBase;
    private readonly delegate* unmanaged<byte*, nuint, byte*, ulong, byte*, nuint, int> _blake2b;
    private readonly delegate* unmanaged<byte*, byte*, ulong, byte*, uint, byte*, int> _chaCha20;
    private readonly delegate* unmanaged<byte*, byte*, ulong, byte*, int> _poly1305;

    private Sodium(nint library)
    {
        _seedKeyPair = (delegate* unmanaged<byte*, byte*, byte*, int>)
            NativeLibrary.GetExport(library, "crypto_sign_ed25519_seed_keypair");
        _sign = (delegate* unmanaged<byte*, ulong*, byte*, ulong, byte*, int>)
            NativeLibrary.GetExport(library, "crypto_sign_ed25519_detached");
        _verify = (delegate* unmanaged<byte*, byte*, ulong, byte*, int>)
            NativeLibrary.GetExport(library, "crypto_sign_ed25519_verify_detached");
        _scalarMult = (delegate* unmanaged<byte*, byte*, byte*, int>)
            NativeLibrary.GetExport(library, "crypto_scalarmult_curve25519");
        _scalarMultBase = (delegate* unmanaged<byte*, byte*, int>)
            NativeLibrary.GetExport(library, "crypto_scalarmult_curve25519_base");
        _blake2b = (delegate* unmanaged<byte*, nuint, byte*, ulong, byte*, nuint, int>)
            NativeLibrary.GetExport(library, "crypto_generichash_blake2b");
        _chaCha20 = (delegate* unmanaged<byte*, byte*, ulong, byte*, uint, byte*, int>)
            NativeLibrary.GetExport(library, "crypto_stream_chacha20_ietf_xor_ic");
        _poly1305 = (delegate* unmanaged<byte*, byte*, ulong, byte*, int>)
            NativeLibrary.GetExport(library, "crypto_onetimeauth_poly1305");
        var version = (delegate* unmanaged<byte*>)NativeLibrary.GetExport(library, "sodium_version_string");
        _verifies = !CofactorProbe.Accepts(Verify);
        Name = $"libsodium {Marshal.PtrToStringUTF8((nint)version())}{(_verifies ? "" : " (verifying managed)")}";
    }

    public string Name { get; }

    /// <summary>Loads libsodium; null where there is none, or one that lacks a function.</summary>
    internal static Sodium? TryLoad()
    {
        foreach (string name in LibraryNames)
        {
            if (!NativeLibrary.TryLoad(name, out nint library))
            {
                continue;
            }

            try
            {
                // Safe to call again and from many threads; below zero means that it could not start.
                var init = (delegate* unmanaged<int>)NativeLibrary.GetExport(library, "sodium_init");
                if (init() >= 0)
                {
                    return new Sodium(library);
                }
            }
            catch (EntryPointNotFoundException)
            {
                // A build without these functions is as good as none; the next name may be better.
            }

            NativeLibrary.Free(library);
        }

        return null;
    }

    public void PublicKeyEd25519(ReadOnlySpan<byte> seed, Span<byte> publicKey)
    {
        Span<byte> secretKey = stackalloc byte[SecretKeyLength];
        Expand(seed, publicKey, secretKey);
        CryptographicOperations.ZeroMemory(secretKey);
    }

    public void SignEd25519(
        ReadOnlySpan<byte> seed, ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> message, Span<byte> signature)
    {
        Span<byte> secretKey = stackalloc byte[SecretKeyLength];
        if (publicKey.IsEmpty)
        {
            Span<byte> made = stackalloc byte[Ed25519Rule.KeyLength];
            Expand(seed, made, secretKey);
        }
        else
        {
            seed.CopyTo(secretKey); // libsodium's form of a secret key: the seed, and the public key behind it.
            publicKey.CopyTo(secretKey[Ed25519Rule.KeyLength..]);
        }

        int result;
        fixed (byte* to = signature, from = message, key = secretKey)
        {
            result = _sign(to, null, from, (ulong)message.Length, key);
        }

        CryptographicOperations.ZeroMemory(secretKey);
        Check(result);
    }

    public bool VerifyEd25519(
        ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature) =>
        _verifies ? Verify(publicKey, message, signature) : _managed.VerifyEd25519(publicKey, message, signature);

    public void PublicKeyX25519(ReadOnlySpan<byte> secret, Span<byte> publicKey)
    {
        fixed (byte* to = publicKey, from = secret)
        {
            Check(_scalarMultBase(to, from));
        }
    }

    public bool AgreeX25519(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> publicKey, Span<byte> shared)
    {
        fixed (byte* to = shared, mine = secret, theirs = publicKey)
        {
            return _scalarMult(to, mine, theirs) == 0;
        }
    }

    public void Blake2b(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> digest)
    {
        if (digest.Length < Blake2bMin || key.Length is > 0 and < Blake2bMin)
        {
            _managed.Blake2b(key, data, digest);
            return;
        }

        fixed (byte* to = digest, from = data, with = key)
        {
            Check(_blake2b(to, (nuint)digest.Length, from, (ulong)data.Length, with, (nuint)key.Length));
        }
    }

    internal void ChaCha20(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, uint counter, Span<byte> data)
    {
        fixed (byte* bytes = data, number = nonce, with = key)
        {
            Check(_chaCha20(bytes, bytes, (ulong)data.Length, number, counter, with));
        }
    }

    internal void Poly1305(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> mac)
    {
        fixed (byte* to = mac, from = data, with = key)
        {
            Check(_poly1305(to, from, (ulong)data.Length, with));
        }
    }

    private bool Verify(ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature)
    {
        fixed (byte* key = publicKey, from = message, what = signature)
        {
            return _verify(what, from, (ulong)message.Length, key) == 0;
        }
    }

    private void Expand(ReadOnlySpan<byte> seed, Span<byte> publicKey, Span<byte> secretKey)
    {
        fixed (byte* from = seed, to = publicKey, key = secretKey)
        {
            Check(_seedKeyPair(to, key, from));
        }
    }

    private static void Check(int result)
    {
        if (result != 0)
        {
            throw new CryptographicException("libsodium refused lengths that its documentation allows.");
        }
    }
}
