using Microsoft.Extensions.Logging;
using Weft.Crypto;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Storage;
using Weft.Storage.Sealing;

namespace Weft;

/// <summary>Opens the store that the options name.</summary>
internal static class WeftStores
{
    internal static async ValueTask<IStore> OpenAsync(
        WeftOptions options, TimeProvider time, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (options.Store == WeftStoreKind.Memory)
        {
            return new MemoryStore();
        }

        StoreSecret? secret = options.Encryption.Read(out bool own);
        var storage = new StorageOptions
        {
            Path = options.Path,
            MemoryMiB = options.MemoryMiB,
            Durability = options.Durability,
            TombstoneHorizon = options.TombstoneHorizon,
            AcceptLogDamage = options.AcceptLogDamage,
            Encryption = secret is null
                ? null
                : new StoreEncryption(options.Node.Crypto ?? PlatformCrypto.Create(), secret),
        };
        try
        {
            return await StorageEngine.OpenAsync(
                storage, time, loggers.CreateLogger("Weft.Storage")).ConfigureAwait(false);
        }
        catch (ArgumentException wrong)
        {
            throw new WeftException(WeftError.Usage, wrong.Message, wrong);
        }
        finally
        {
            if (own)
            {
                secret?.Dispose();
            }
        }
    }
}
