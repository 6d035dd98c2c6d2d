using Weft.Libp2p;

namespace Weft.Node.Network;

/// <content>The peers it chose itself and has had the longest are dialled first after a restart.</content>
public sealed partial class NodeNetwork
{
    private static readonly TimeSpan AnchorPeriod = TimeSpan.FromMinutes(1);

    private readonly Action<IReadOnlyList<PeerAnchor>>? _saveAnchors;
    private IReadOnlyList<PeerAnchor> _savedAnchors;
    private Task _anchoring = Task.CompletedTask;

    /// <summary>
    /// What would be dialled first after a restart now: at most <see cref="NetworkOptions.AnchorsMax"/>; none where
    /// <see cref="NetworkOptions.OutboundTarget"/> is 0.
    /// </summary>
    public IReadOnlyList<PeerAnchor> Anchors => Host.Anchors;

    private async Task KeepAnchorsAsync()
    {
        try
        {
            while (true)
            {
                await Task.Delay(AnchorPeriod, Node.Time, _stopping.Token).ConfigureAwait(false);
                SaveAnchors();
            }
        }
        catch (OperationCanceledException)
        {
            // The node stops.
        }
    }

    /// <summary>Keeps them, where they are others than before; none are no reason to forget the last ones.</summary>
    private void SaveAnchors()
    {
        IReadOnlyList<PeerAnchor> anchors = Host.Anchors;
        if (_saveAnchors is null || anchors.Count == 0 || IsSame(anchors, _savedAnchors))
        {
            return;
        }

        try
        {
            _saveAnchors(anchors);
            _savedAnchors = anchors;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            NetworkLog.AnchorsNotSaved(Log, failure.Message); // The next look tries again.
        }
    }

    private static bool IsSame(IReadOnlyList<PeerAnchor> left, IReadOnlyList<PeerAnchor> right) =>
        left.Count == right.Count && left.Zip(right).All(pair =>
            pair.First.Peer == pair.Second.Peer && pair.First.Addresses.SequenceEqual(pair.Second.Addresses));
}
