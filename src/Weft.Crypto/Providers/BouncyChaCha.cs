using System.Security.Cryptography;
using Org.BouncyCastle.Crypto.Engines;
using Org.BouncyCastle.Crypto.Macs;
using Org.BouncyCastle.Crypto.Parameters;

namespace Weft.Crypto.Providers;

/// <summary>ChaCha20 and Poly1305 as two parts, managed; where no library of the system offers them so.</summary>
internal static class BouncyChaCha
{
    internal static void Combine(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, uint counter, Span<byte> data)
    {
        CryptoGuard.Exactly(key, 32, nameof(key));
        CryptoGuard.Exactly(nonce, 12, nameof(nonce));
        var engine = new ChaCha7539Engine();
        engine.Init(true, new ParametersWithIV(new KeyParameter(key.ToArray()), nonce.ToArray()));
        byte[] block = new byte[64];
        for (uint skipped = 0; skipped < counter; skipped++)
        {
            engine.ProcessBytes(block, 0, block.Length, block, 0);
        }

        byte[] bytes = data.ToArray();
        engine.ProcessBytes(bytes, 0, bytes.Length, bytes, 0);
        bytes.CopyTo(data);
        engine.Reset();
        CryptographicOperations.ZeroMemory(block);
        CryptographicOperations.ZeroMemory(bytes);
    }

    internal static void Authenticate(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> mac)
    {
        CryptoGuard.Exactly(key, 32, nameof(key));
        CryptoGuard.Exactly(mac, 16, nameof(mac));
        var poly = new Poly1305();
        poly.Init(new KeyParameter(key.ToArray()));
        byte[] bytes = data.ToArray();
        poly.BlockUpdate(bytes, 0, bytes.Length);
        byte[] result = new byte[16];
        poly.DoFinal(result, 0);
        result.CopyTo(mac);
    }
}
