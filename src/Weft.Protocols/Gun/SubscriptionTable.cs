namespace Weft.Protocols.Gun;

/// <summary>
/// Who wants which soul. Bounded per connection: beyond the bound a connection simply gets everything.
/// </summary>
internal sealed class SubscriptionTable(int perPeerMax)
{
    private const int FieldsPerSoulMax = 64; // Beyond, the whole soul is cheaper than the list of its fields.

    private readonly Dictionary<string, List<Subscription>> _bySoul = new(StringComparer.Ordinal);

    /// <summary>Connections that get every change.</summary>
    public List<GunPeer> Everything { get; } = [];

    /// <summary>Souls somebody is subscribed to.</summary>
    public int Souls => _bySoul.Count;

    public List<Subscription>? Of(string soul) => _bySoul.GetValueOrDefault(soul);

    /// <summary>Subscribes; a null field means the whole soul.</summary>
    /// <returns>The subscription, or null when the connection gets everything.</returns>
    public Subscription? Subscribe(GunPeer peer, string soul, string? field)
    {
        if (peer.WantsEverything)
        {
            return null;
        }

        if (!peer.Subscriptions.TryGetValue(soul, out Subscription? subscription))
        {
            if (peer.SubscriptionCount >= perPeerMax)
            {
                GiveEverything(peer);
                return null;
            }

            subscription = Add(peer, soul);
            subscription.Fields = field is null ? null : new HashSet<string>(StringComparer.Ordinal) { field };
            return subscription;
        }

        if (subscription.Fields is null)
        {
            return subscription;
        }

        if (field is null || subscription.Fields.Count >= FieldsPerSoulMax)
        {
            peer.SubscriptionCount -= subscription.Fields.Count - 1;
            subscription.Fields = null;
        }
        else if (subscription.Fields.Add(field) && ++peer.SubscriptionCount > perPeerMax)
        {
            GiveEverything(peer);
            return null;
        }

        return subscription;
    }

    public void Remove(GunPeer peer)
    {
        foreach (Subscription subscription in peer.Subscriptions.Values)
        {
            List<Subscription> list = _bySoul[subscription.Soul];
            Subscription last = list[^1];
            list[subscription.Slot] = last;
            last.Slot = subscription.Slot;
            list.RemoveAt(list.Count - 1);
            if (list.Count == 0)
            {
                _bySoul.Remove(subscription.Soul);
            }
        }

        peer.Subscriptions.Clear();
        peer.SubscriptionCount = 0;
        if (peer.WantsEverything)
        {
            Everything.Remove(peer);
            peer.WantsEverything = false;
        }
    }

    private Subscription Add(GunPeer peer, string soul)
    {
        if (!_bySoul.TryGetValue(soul, out List<Subscription>? list))
        {
            _bySoul.Add(soul, list = new List<Subscription>(1));
        }

        var subscription = new Subscription(peer, soul) { Slot = list.Count };
        list.Add(subscription);
        peer.Subscriptions.Add(soul, subscription);
        peer.SubscriptionCount++;
        return subscription;
    }

    private void GiveEverything(GunPeer peer)
    {
        Remove(peer);
        peer.Subscriptions.TrimExcess();
        peer.WantsEverything = true;
        Everything.Add(peer);
    }
}
