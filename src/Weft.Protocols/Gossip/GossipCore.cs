using System.Buffers;
using System.Text;
using Weft.Crypto;
using Weft.Primitives;
using Weft.Protocols.Protobuf;

namespace Weft.Protocols.Gossip;

/// <summary>
/// Decides who is told what in a gossip mesh: gossipsub 1.0 to 1.2, with scores, and floodsub to those who speak no
/// more.
/// </summary>
/// <remarks>
/// Pure: time and draws come in, wishes go out. One caller at a time. Signatures and the application's rules are judged
/// outside, between <see cref="GossipOutputKind.Judge"/> and <see cref="OnVerdict"/>; only then is a message remembered
/// as
/// seen, so that a forged copy never shuts out the real one. Source: docs/spec/gossip.md.
/// </remarks>
public sealed partial class GossipCore
{
    private const int ControlFrameBytes = 512 * 1024; // A control message is sent before it grows beyond this.
    private const int AlsoFromMax = 32;

    private readonly GossipOptions _options;
    private readonly ICrypto _crypto;
    private readonly WeftRandom _random;
    private readonly Dictionary<PeerId, GossipPeer> _peers = [];
    private readonly List<GossipPeer> _ordered = []; // Every walk over peers is in this order.
    private readonly Dictionary<string, GossipTopic> _topics = [];
    private readonly Dictionary<string, GossipTopic>.AlternateLookup<ReadOnlySpan<char>> _topicsBySpan;
    private readonly List<GossipTopic> _active = []; // Topics that are joined or published to, in order.
    private readonly SeenIds _seen;
    private readonly MessageCache _cache;
    private readonly GossipPromises _promises;
    private readonly Dictionary<GossipMessageId, GossipMessage> _pending = [];
    private readonly List<GossipPeer> _touched = [];
    private readonly List<GossipPeer> _picked = [];
    private readonly ArrayBufferWriter<byte> _inner = new(256);
    private readonly ArrayBufferWriter<byte> _innermost = new(256);
    private long _orders;
    private long _tick;
    private long _pendingBytes;
    private int _pendingCount;
    private int _nonMesh; // Peers that are reached without a mesh: floodsub, and direct ones.
    private WeftInstant _heartbeatDue = WeftInstant.Never;

    /// <summary>Makes a core; <see cref="Start"/> begins its heartbeat.</summary>
    /// <param name="self">This peer.</param>
    /// <param name="options">Checked, then kept.</param>
    /// <param name="crypto">Hashes, for message ids.</param>
    /// <param name="random">Draws.</param>
    /// <exception cref="ArgumentException">The options cannot work.</exception>
    public GossipCore(PeerId self, GossipOptions options, ICrypto crypto, WeftRandom random)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        Self = self;
        _options = options;
        _crypto = crypto;
        _random = random;
        _topicsBySpan = _topics.GetAlternateLookup<ReadOnlySpan<char>>();
        _seen = new(options.SeenMax, options.SeenTtl);
        _cache = new(options.HistoryLength, options.CacheBytesMax);
        _promises = new(options.PeersMax * options.IHaveMessagesMax);
    }

    /// <summary>This peer.</summary>
    public PeerId Self { get; }

    /// <summary>Peers that take part.</summary>
    public int PeerCount => _ordered.Count;

    /// <summary>The peers, in the order they came.</summary>
    public IReadOnlyList<GossipPeer> Peers => _ordered;

    /// <summary>Topics joined here, in the order they were joined.</summary>
    public IEnumerable<string> Joined => _active.Where(topic => topic.IsJoined).Select(topic => topic.Name);

    /// <summary>Topics that are known.</summary>
    internal int TopicCount => _topics.Count;

    internal int SeenCount => _seen.Count;

    internal long CacheBytes => _cache.Bytes;

    internal int PendingCount => _pendingCount;

    internal int RetainedCount => _retained.Count;

    internal int PromiseCount => _promises.Count;

    /// <summary>Begins the heartbeat.</summary>
    public void Start(WeftInstant now, Outbox<GossipOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(outbox);
        // Peers that start together must not beat together.
        _heartbeatDue = now + (_options.Heartbeat * (0.1 + (0.9 * _random.NextDouble())));
        outbox.Add(new(GossipOutputKind.StartTimer, Due: _heartbeatDue));
    }

    /// <summary>How many peers have joined a topic, as far as is known.</summary>
    public int PeersOf(string topic) => _topics.TryGetValue(topic, out GossipTopic? known) ? known.Peers.Count : 0;

    /// <summary>The peers that are known to have joined a topic.</summary>
    public IEnumerable<GossipPeer> SubscribersOf(string topic) =>
        _topics.TryGetValue(topic, out GossipTopic? known) ? known.Peers : [];

    /// <summary>The mesh links of a topic.</summary>
    public IReadOnlyList<GossipPeer> MeshOf(string topic) =>
        _topics.TryGetValue(topic, out GossipTopic? known) ? known.Mesh : [];

    /// <summary>The peer's handle, when it takes part.</summary>
    public GossipPeer? Find(PeerId peer) => _peers.GetValueOrDefault(peer);

    /// <summary>A peer takes part; it is told what is joined here.</summary>
    /// <returns>Null when there are too many, or it is there already.</returns>
    public GossipPeer? Connect(PeerId peer, in GossipPeerInfo info, WeftInstant now, Outbox<GossipOutput> outbox)
    {
        if (peer.IsEmpty || peer == Self || _ordered.Count >= _options.PeersMax || _peers.ContainsKey(peer))
        {
            return null;
        }

        var made = new GossipPeer(peer, info, Recall(peer, now), ++_orders);
        _peers.Add(peer, made);
        _ordered.Add(made);
        CountIp(made, 1);
        _nonMesh += info.IsDirect || !made.IsMesh ? 1 : 0;
        Greet(made, outbox);
        return made;
    }

    /// <summary>Tells a peer what is joined here: it has come, or the stream to it is a new one.</summary>
    public void Greet(GossipPeer peer, Outbox<GossipOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(peer);
        foreach (GossipTopic topic in _active)
        {
            if (topic.IsJoined)
            {
                Announce(peer, topic, joins: true);
            }
        }

        Flush(outbox);
    }

    /// <summary>A peer is gone.</summary>
    public void Disconnect(GossipPeer peer, WeftInstant now, Outbox<GossipOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(peer);
        if (peer.IsGone)
        {
            return;
        }

        peer.IsGone = true;
        _peers.Remove(peer.Id);
        _ordered.Remove(peer);
        CountIp(peer, -1);
        _nonMesh -= peer.Info.IsDirect || !peer.IsMesh ? 1 : 0;
        foreach (GossipTopic topic in peer.Topics)
        {
            topic.Peers.Remove(peer);
            RemoveFromMesh(topic, peer, now, outbox);
            topic.Fanout.Remove(peer);
            ForgetIfIdle(topic);
        }

        peer.Topics.Clear();
        Retain(peer, now);
    }

    /// <summary>The peer's signed record, to be handed on when links are cut.</summary>
    /// <param name="peer">The peer.</param>
    /// <param name="envelope">The signed envelope, verified by the caller; empty for none.</param>
    public static void SetRecord(GossipPeer peer, ReadOnlyMemory<byte> envelope)
    {
        ArgumentNullException.ThrowIfNull(peer);
        peer.Record = envelope.Length is 0 or > Protocols.Peers.SignedEnvelope.BytesMax ? null : envelope.ToArray();
    }

    /// <summary>Joins a topic: messages of it are delivered from now on.</summary>
    /// <returns>False when too many are joined, or the name is longer than allowed.</returns>
    public bool Join(string topic, WeftInstant now, Outbox<GossipOutput> outbox)
    {
        GossipTopic? known = Find(topic, isOwn: true);
        if (known is null || (!known.IsJoined && _active.Count(one => one.IsJoined) >= _options.JoinedMax))
        {
            return false;
        }

        if (known.IsJoined)
        {
            return true;
        }

        known.IsJoined = true;
        Activate(known);
        foreach (GossipPeer peer in _ordered)
        {
            Announce(peer, known, joins: true);
        }

        foreach (GossipPeer peer in known.Fanout)
        {
            if (known.Mesh.Count < _options.Degree && MayGraft(known, peer, now))
            {
                Graft(known, peer, now, outbox);
            }
        }

        known.Fanout.Clear();
        Fill(known, _options.Degree, now, outbox);
        Flush(outbox);
        return true;
    }

    /// <summary>Leaves a topic.</summary>
    public void Leave(string topic, WeftInstant now, Outbox<GossipOutput> outbox)
    {
        if (!_topics.TryGetValue(topic, out GossipTopic? known) || !known.IsJoined)
        {
            return;
        }

        known.IsJoined = false;
        foreach (GossipPeer peer in known.Mesh.ToArray())
        {
            Prune(known, peer, _options.UnsubscribeBackoff, exchange: true, now, outbox);
        }

        foreach (GossipPeer peer in _ordered)
        {
            Announce(peer, known, joins: false);
        }

        _active.Remove(known);
        ForgetIfIdle(known);
        Flush(outbox);
    }

    /// <summary>The heartbeat, when it is due.</summary>
    public void OnTimer(WeftInstant now, Outbox<GossipOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(outbox);
        if (now < _heartbeatDue)
        {
            return; // An old timer.
        }

        Beat(now, outbox);
        _heartbeatDue = now + _options.Heartbeat;
        outbox.Add(new(GossipOutputKind.StartTimer, Due: _heartbeatDue));
    }

    /// <summary>Finds a topic, or makes it where there is room.</summary>
    private GossipTopic? Find(string name, bool isOwn)
    {
        if (_topics.TryGetValue(name, out GossipTopic? known))
        {
            return known;
        }

        int length = Encoding.UTF8.GetByteCount(name);
        if (length == 0 || length > _options.TopicBytesMax || (!isOwn && _topics.Count >= _options.TopicsMax))
        {
            return null;
        }

        known = new(name);
        _topics.Add(name, known);
        return known;
    }

    /// <summary>Finds a known topic by its bytes, without making a string.</summary>
    private GossipTopic? Find(ReadOnlySpan<byte> name)
    {
        if (name.Length == 0 || name.Length > _options.TopicBytesMax)
        {
            return null;
        }

        Span<char> text = stackalloc char[name.Length];
        return Encoding.UTF8.TryGetChars(name, text, out int length)
            && _topicsBySpan.TryGetValue(text[..length], out GossipTopic? known) ? known : null;
    }

    private void Activate(GossipTopic topic)
    {
        if (!_active.Contains(topic))
        {
            _active.Add(topic);
        }
    }

    private void ForgetIfIdle(GossipTopic topic)
    {
        if (topic.IsIdle)
        {
            _topics.Remove(topic.Name);
            _active.Remove(topic);
        }
    }

    private void Announce(GossipPeer peer, GossipTopic topic, bool joins)
    {
        _inner.ResetWrittenCount();
        var inner = new ProtobufWriter(_inner);
        inner.Number(GossipFields.SubscribeFlag, joins ? 1u : 0u);
        inner.Text(GossipFields.SubscribeTopic, topic.Name);
        new ProtobufWriter(peer.Subscriptions).Bytes(GossipCodec.SubscriptionField, _inner.WrittenSpan);
        Touch(peer);
    }

    private void Touch(GossipPeer peer)
    {
        if (!peer.IsTouched)
        {
            peer.IsTouched = true;
            _touched.Add(peer);
        }
    }

    /// <summary>Sends what has gathered for each peer, in one RPC each.</summary>
    private void Flush(Outbox<GossipOutput> outbox)
    {
        foreach (GossipPeer peer in _touched)
        {
            peer.IsTouched = false;
            SendControl(peer, outbox);
        }

        _touched.Clear();
    }

    private static void SendControl(GossipPeer peer, Outbox<GossipOutput> outbox)
    {
        int control = peer.Control.WrittenCount;
        int length = peer.Subscriptions.WrittenCount
            + (control == 0 ? 0 : 1 + Uvarint.Length((ulong)control) + control);
        if (length > 0 && !peer.IsGone)
        {
            byte[] frame = new byte[Uvarint.Length((ulong)length) + length];
            int at = Uvarint.Write(frame, (ulong)length);
            peer.Subscriptions.WrittenSpan.CopyTo(frame.AsSpan(at));
            at += peer.Subscriptions.WrittenCount;
            if (control > 0)
            {
                frame[at++] = (GossipCodec.ControlField << 3) | (int)ProtobufWire.Bytes;
                at += Uvarint.Write(frame.AsSpan(at), (ulong)control);
                peer.Control.WrittenSpan.CopyTo(frame.AsSpan(at));
            }

            outbox.Add(new(GossipOutputKind.Send, peer, frame));
        }

        peer.Subscriptions = Emptied(peer.Subscriptions);
        peer.Control = Emptied(peer.Control);
    }

    private static ArrayBufferWriter<byte> Emptied(ArrayBufferWriter<byte> buffer)
    {
        if (buffer.Capacity > 16 * 1024)
        {
            return new(64); // One burst must not hold its memory for ever.
        }

        buffer.ResetWrittenCount();
        return buffer;
    }

    private static void Refuse(
        GossipPeer peer, GossipReason reason, Outbox<GossipOutput> outbox, GossipMessage? message = null) =>
        outbox.Add(new(GossipOutputKind.Refused, peer, Message: message, Reason: reason));
}

/// <summary>The field numbers of the RPC's inner messages.</summary>
internal static class GossipFields
{
    internal const int SubscribeFlag = 1;
    internal const int SubscribeTopic = 2;

    internal const int IHave = 1;
    internal const int IWant = 2;
    internal const int Graft = 3;
    internal const int Prune = 4;
    internal const int IDontWant = 5;

    internal const int IHaveTopic = 1;
    internal const int IHaveIds = 2;
    internal const int IWantIds = 1;
    internal const int GraftTopic = 1;
    internal const int PruneTopic = 1;
    internal const int PrunePeers = 2;
    internal const int PruneBackoff = 3;
    internal const int IDontWantIds = 1;
    internal const int PeerInfoId = 1;
    internal const int PeerInfoRecord = 2;
}
