using System.Security.Cryptography;
using Weft.Crypto;

namespace Weft.Storage.Sealing;

/// <summary>
/// The key of one epoch, with a few imported ones at hand: an imported key serves one caller at a time, and importing
/// costs more than sealing a record.
/// </summary>
internal sealed class EpochKey(ICrypto crypto, byte[] key) : IDisposable
{
    private const int IdleMax = 4; // The writer's thread, the log's, and a reader or two.

    private readonly IAeadKey?[] _idle = new IAeadKey?[IdleMax];

    /// <summary>Takes an imported key; give it back with <see cref="Return"/>.</summary>
    public IAeadKey Rent()
    {
        for (int i = 0; i < IdleMax; i++)
        {
            if (_idle[i] is not null && Interlocked.Exchange(ref _idle[i], null) is IAeadKey idle)
            {
                return idle;
            }
        }

        return crypto.ImportAesGcm(key);
    }

    public void Return(IAeadKey cipher)
    {
        for (int i = 0; i < IdleMax; i++)
        {
            if (_idle[i] is null && Interlocked.CompareExchange(ref _idle[i], cipher, null) is null)
            {
                return;
            }
        }

        cipher.Dispose();
    }

    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(key);
        for (int i = 0; i < IdleMax; i++)
        {
            Interlocked.Exchange(ref _idle[i], null)?.Dispose();
        }
    }
}
