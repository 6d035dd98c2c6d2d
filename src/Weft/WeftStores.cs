using Microsoft.Extensions.Logging;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Storage;

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

        var storage = new StorageOptions
        {
            Path = options.Path,
            MemoryMiB = options.MemoryMiB,
            Durability = options.Durability,
            TombstoneHorizon = options.TombstoneHorizon,
            AcceptLogDamage = options.AcceptLogDamage,
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
    }
}
