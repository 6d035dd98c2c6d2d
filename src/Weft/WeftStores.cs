using Weft.Node.Storage;
using Weft.Storage;

namespace Weft;

/// <summary>Opens the store that the options name.</summary>
internal static class WeftStores
{
    internal static async ValueTask<IStore> OpenAsync(WeftOptions options, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (options.Store == WeftStoreKind.Memory)
        {
            return new MemoryStore();
        }

        return await StorageEngine.OpenAsync(new StorageOptions
        {
            Path = options.Path,
            MemoryMiB = options.MemoryMiB,
            Durability = options.Durability,
            TombstoneHorizon = options.TombstoneHorizon,
        }).ConfigureAwait(false);
    }
}
