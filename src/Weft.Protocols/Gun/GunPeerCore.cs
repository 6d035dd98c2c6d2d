using Weft.Graph;
using Weft.Primitives;

namespace Weft.Protocols.Gun;

/// <summary>
/// Everything a node decides about GUN, for all its connections: who is told what, asked what, and when.
/// </summary>
/// <remarks>
/// Pure: no clock, no socket, no task, one caller at a time. It holds no graph: a miss leaves as a Read output and
/// comes
/// back as <see cref="OnRead"/>. The driver calls <see cref="OnTurnEnd"/> after each batch of inputs.
/// Source: docs/spec/gun.md; numbers in comments are its sections.
/// </remarks>
public sealed partial class GunPeerCore
{
    private const int MalformedFramesMax = 100;
    private static readonly TimeSpan HelloTimeout = TimeSpan.FromSeconds(3);

    private readonly GunPeerOptions _options;
    private readonly GunIdentity _identity;
    private readonly string _idPrefix;
    private readonly Dictionary<long, GunPeer> _peers = [];
    private readonly List<GunPeer> _identified = [];
    private readonly List<GunPeer> _links = [];
    private readonly List<GunPeer> _dirty = [];
    private readonly Queue<(GunPeer Peer, WeftInstant Due)> _unnamed = new();
    private readonly SubscriptionTable _subscriptions;
    private readonly DedupTable _dedup;
    private readonly Dictionary<long, PendingWrite> _writes = [];
    private readonly Dictionary<long, PendingRead> _reads = [];
    private long _newest;
    private long _tickets;
    private long _ids;

    /// <summary>Makes the core of one node.</summary>
    /// <param name="options">The ceilings.</param>
    /// <param name="identity">What it tells other Weft peers about itself.</param>
    /// <param name="random">Names and choices; never for secrets.</param>
    /// <param name="newestSequence">The newest commit of the store.</param>
    public GunPeerCore(GunPeerOptions options, GunIdentity identity, WeftRandom random, long newestSequence)
    {
        _options = options;
        _identity = identity;
        _newest = newestSequence;
        _subscriptions = new SubscriptionTable(options.SubscriptionsMax);
        _dedup = new DedupTable(options.DedupAge, options.DedupMax);
        Pid = RandomName(random, 9);
        _idPrefix = RandomName(random, 6);
    }

    /// <summary>This process's name on the wire: 9 characters, new for each process.</summary>
    public string Pid { get; }

    /// <summary>What this node tells other Weft peers about itself.</summary>
    public GunIdentity Identity => _identity;

    /// <summary>Connections.</summary>
    public int PeerCount => _peers.Count;

    /// <summary>Souls somebody is subscribed to.</summary>
    public int SubscribedSouls => _subscriptions.Souls;

    /// <summary>A connection is open.</summary>
    /// <param name="peer">A number above 0 that was never used before.</param>
    /// <param name="role">Who dialled.</param>
    /// <param name="address">For a link: its URL, the same after every reconnect.</param>
    /// <param name="now">The moment.</param>
    /// <param name="outbox">Takes the outputs.</param>
    /// <param name="nonce">32 random bytes as base64url for the peer to sign; null asks for no proof of its key.</param>
    public void OnConnected(
        long peer, GunRole role, string address, WeftInstant now, Outbox<GunOutput> outbox, string? nonce = null)
    {
        var entry = new GunPeer(peer, role, address) { HelloAt = now, HelloId = NewId(), Nonce = nonce };
        _peers.Add(peer, entry);
        outbox.Add(new() { Kind = GunOutputKind.SendHello, Peer = peer, Id = entry.HelloId, Text = nonce });
        if (role == GunRole.Dialled)
        {
            _unnamed.Enqueue((entry, now + HelloTimeout));
            outbox.Add(new() { Kind = GunOutputKind.StartTimer, Due = now + HelloTimeout });
        }
    }

    /// <summary>A connection is gone. Nothing more is sent to it; what it brought is still stored.</summary>
    public void OnClosed(long peer, WeftInstant now, Outbox<GunOutput> outbox)
    {
        if (!_peers.Remove(peer, out GunPeer? entry))
        {
            return;
        }

        entry.IsClosing = true;
        _subscriptions.Remove(entry);
        _identified.Remove(entry);
        _dirty.Remove(entry);
        StopLink(entry);
        ForgetInAsks(entry, outbox);
    }

    /// <summary>
    /// The driver could not send everything at once: nothing more is produced for this peer for a while.
    /// </summary>
    public void OnBlocked(long peer)
    {
        if (_peers.TryGetValue(peer, out GunPeer? entry))
        {
            entry.IsWritable = false;
        }
    }

    /// <summary>The driver has sent everything it had for this peer.</summary>
    public void OnWritable(long peer, WeftInstant now, Outbox<GunOutput> outbox)
    {
        if (!_peers.TryGetValue(peer, out GunPeer? entry) || entry.IsClosing)
        {
            return;
        }

        entry.IsWritable = true;
        MarkDirty(entry); // What waits for it follows at the end of the turn.
    }

    /// <summary>A frame could not be read.</summary>
    public void OnMalformed(long peer, WeftError error, WeftInstant now, Outbox<GunOutput> outbox)
    {
        if (!_peers.TryGetValue(peer, out GunPeer? entry) || entry.IsClosing)
        {
            return;
        }

        string text = $"{ErrorCatalogue.Code(error)} {ErrorCatalogue.Find(error).Title}. The frame was ignored.";
        outbox.Add(new() { Kind = GunOutputKind.SendError, Peer = peer, Text = text });
        if (++entry.MalformedFrames >= MalformedFramesMax)
        {
            Close(entry, GunCloseReason.Malformed, "too many frames that cannot be read", outbox);
        }
    }

    /// <summary>One field was committed. Called in the order of commits, for every change of this node.</summary>
    /// <param name="soul">The node.</param>
    /// <param name="field">The field as it is now.</param>
    /// <param name="origin">The connection that brought it; 0 for this process.</param>
    /// <param name="outbox">Takes the outputs.</param>
    public void OnChange(string soul, in StoredField field, long origin, Outbox<GunOutput> outbox)
    {
        _newest = Math.Max(_newest, field.Sequence);
        GunFragment? fragment = null;
        if (_subscriptions.Of(soul) is { } subscriptions)
        {
            for (int i = 0; i < subscriptions.Count; i++)
            {
                Subscription subscription = subscriptions[i];
                if (subscription.Peer.Number != origin && subscription.Wants(field.Field))
                {
                    AddPending(subscription.Peer, fragment ??= new GunFragment(soul, field), outbox);
                }
            }
        }

        foreach (GunPeer peer in _subscriptions.Everything)
        {
            if (peer.Number != origin)
            {
                AddPending(peer, fragment ??= new GunFragment(soul, field), outbox);
            }
        }

        if (_links.Count > 0)
        {
            foreach (GunPeer link in _links)
            {
                link.Link!.HasMore = true;
            }

            NoteInterest(soul, outbox);
        }
    }

    /// <summary>
    /// A write of this peer lost against what is known. gun.js takes its own write for the truth until it hears otherwise,
    /// so it is told what stands. Relays learn it from the change stream. Called before <see cref="OnWritten"/>.
    /// </summary>
    public void OnOutdone(long peer, string soul, in StoredField standing, Outbox<GunOutput> outbox)
    {
        if (_peers.TryGetValue(peer, out GunPeer? entry) && entry is { Link: null, Role: not GunRole.Dialled })
        {
            AddPending(entry, new GunFragment(soul, standing), outbox);
        }
    }

    /// <summary>A batch of inputs is over: what has gathered for writable connections goes out.</summary>
    public void OnTurnEnd(WeftInstant now, Outbox<GunOutput> outbox)
    {
        for (int i = _dirty.Count - 1; i >= 0; i--)
        {
            GunPeer peer = _dirty[i];
            if (peer.IsWritable && !peer.IsClosing)
            {
                Flush(peer, outbox);
            }

            if (!peer.HasWaiting || !peer.IsWritable || peer.IsClosing)
            {
                peer.IsDirty = false; // A blocked one comes back with OnWritable.
                _dirty.RemoveAt(i);
            }
            else
            {
                outbox.Add(new() { Kind = GunOutputKind.StartTimer, Due = now }); // The rest follows in the next turn.
            }
        }

        foreach (GunPeer link in _links)
        {
            PumpLink(link, outbox);
        }
    }

    /// <summary>Time has passed: late answers are given up, unnamed relays are taken as GUN relays.</summary>
    public void OnTimer(WeftInstant now, Outbox<GunOutput> outbox)
    {
        while (_unnamed.TryPeek(out (GunPeer Peer, WeftInstant Due) unnamed) && unnamed.Due <= now)
        {
            _unnamed.Dequeue();
            if (unnamed.Peer is { Link: null, IsClosing: false })
            {
                StartLink(unnamed.Peer, now, outbox);
            }
        }

        EndDueAsks(now, outbox);
    }

    /// <summary>The round trip to a peer, measured by its hello; null when it never answered one.</summary>
    public TimeSpan? RoundTripOf(long peer) => _peers.GetValueOrDefault(peer)?.RoundTrip;

    /// <summary>A peer's name for its process, or null.</summary>
    public string? PidOf(long peer) => _peers.GetValueOrDefault(peer)?.Pid;

    /// <summary>What a Weft peer said about itself; null for others.</summary>
    public GunIdentity? IdentityOf(long peer) => _peers.GetValueOrDefault(peer)?.Identity;

    /// <summary>Changes that wait for a peer, and whether every change is replicated to it.</summary>
    public (int Pending, bool IsLink, long Cursor) StateOf(long peer) =>
        _peers.TryGetValue(peer, out GunPeer? entry)
            ? (entry.Pending.Count, entry.Link is not null, entry.Link?.Cursor ?? 0)
            : default;

    private void AddPending(GunPeer peer, GunFragment fragment, Outbox<GunOutput> outbox)
    {
        if (peer.IsClosing)
        {
            return;
        }

        peer.Pending.Add(fragment);
        MarkDirty(peer);
        if (peer.Pending.Count > _options.PendingFieldsMax || peer.Pending.Bytes > _options.PendingBytesMax)
        {
            Close(peer, GunCloseReason.TooSlow, "too many changes wait; reconnect and ask again", outbox);
        }
    }

    private void MarkDirty(GunPeer peer)
    {
        if (!peer.IsDirty && peer.HasWaiting)
        {
            peer.IsDirty = true;
            _dirty.Add(peer);
        }
    }

    private void Flush(GunPeer peer, Outbox<GunOutput> outbox)
    {
        int bytes = 0;
        int chunk = ChunkBytesOf(peer);
        while (bytes < _options.TurnBytesMax && peer.Paused.TryDequeue(out PendingRead? read))
        {
            bytes += chunk; // What it will bring at the most.
            EmitRead(read, outbox);
        }

        while (peer.Pending.Count > 0 && bytes < _options.TurnBytesMax)
        {
            long before = peer.Pending.Bytes;
            GunFragment[] push = peer.Pending.Take(chunk);
            bytes += (int)(before - peer.Pending.Bytes);
            SendPush(peer, push, outbox);
        }
    }

    private int ChunkBytesOf(GunPeer peer) => peer.IsWeft ? _options.WeftChunkBytes : _options.ChunkBytes;

    private static void Close(GunPeer peer, GunCloseReason reason, string text, Outbox<GunOutput> outbox)
    {
        peer.IsClosing = true;
        outbox.Add(new() { Kind = GunOutputKind.Close, Peer = peer.Number, Reason = reason, Text = text });
    }

    private static string RandomName(WeftRandom random, int length)
    {
        Span<char> name = stackalloc char[length];
        for (int i = 0; i < length; i++)
        {
            name[i] = Letters[random.Next(Letters.Length)];
        }

        return new string(name);
    }

    /// <summary>A message id nobody else uses: this process's random prefix, and a counter.</summary>
    private string NewId()
    {
        Span<char> id = stackalloc char[24];
        _idPrefix.CopyTo(id);
        int at = _idPrefix.Length;
        for (long rest = ++_ids; rest > 0; rest /= Letters.Length)
        {
            id[at++] = Letters[(int)(rest % Letters.Length)];
        }

        return new string(id[..at]);
    }

    private const string Letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXZabcdefghijklmnopqrstuvwxyz";
}
