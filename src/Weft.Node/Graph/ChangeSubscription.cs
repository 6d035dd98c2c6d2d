namespace Weft.Node;

/// <summary>A live stream of changes: live since the call that made it returned.</summary>
public sealed class ChangeSubscription : IAsyncDisposable
{
    /// <summary>
    /// Yields the snapshot, then changes. A reader slower than the writers skips intermediate versions, always gets the
    /// last value of each field, and is told by <see cref="GraphChange.IsGap"/>. Memory stays bounded.
    /// </summary>
    public IAsyncEnumerable<GraphChange> ReadAllAsync(CancellationToken cancellationToken = default) =>
        throw new NotImplementedException();

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => throw new NotImplementedException();
}
