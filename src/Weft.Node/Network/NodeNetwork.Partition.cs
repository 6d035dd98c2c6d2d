namespace Weft.Node.Network;

/// <content>Partitions.</content>
public sealed partial class NodeNetwork
{
    private PartitionWatch? _partition;

    /// <summary>Whether a part of the mesh is unreachable, as far as this node's own connections tell.</summary>
    public PartitionState Partition => _partition?.State ?? new(false, null, [], 0, 0);

    private async Task AddPartitionWatchAsync(CancellationToken cancellationToken)
    {
        _partition = new PartitionWatch(this, Options.Partition);
        await AddAsync(_partition, _partition.StartAsync, cancellationToken).ConfigureAwait(false);
    }
}
