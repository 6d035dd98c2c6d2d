namespace Weft.Node.Network;

/// <content>The DHT.</content>
public sealed partial class NodeNetwork
{
    /// <summary>Records, providers and peers by key; null when <see cref="NetworkDhtOptions.IsOn"/> is false.</summary>
    public NodeDht? Dht { get; private set; }

    private async Task AddDhtAsync(CancellationToken cancellationToken)
    {
        if (Options.Dht.IsOn)
        {
            await AddAsync(Dht = new NodeDht(this), Dht.StartAsync, cancellationToken).ConfigureAwait(false);
        }
    }
}
