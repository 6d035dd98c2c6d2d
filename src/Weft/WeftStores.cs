using Weft.Node.Storage;

namespace Weft;

/// <summary>Opens the store that the options name.</summary>
internal static class WeftStores
{
    internal static ValueTask<IStore> OpenAsync(WeftOptions options, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult<IStore>(new MemoryStore());
    }
}
