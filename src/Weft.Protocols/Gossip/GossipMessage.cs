using Weft.Primitives;

namespace Weft.Protocols.Gossip;

/// <summary>The parts of one message, where they lie.</summary>
public readonly ref struct GossipMessageView
{
    /// <summary>The author's peer id.</summary>
    public ReadOnlySpan<byte> From { get; init; }

    /// <summary>What it says.</summary>
    public ReadOnlySpan<byte> Data { get; init; }

    /// <summary>The author's sequence number: 8 bytes, big-endian.</summary>
    public ReadOnlySpan<byte> Sequence { get; init; }

    /// <summary>The topic's name in UTF-8.</summary>
    public ReadOnlySpan<byte> Topic { get; init; }

    /// <summary>The author's signature.</summary>
    public ReadOnlySpan<byte> Signature { get; init; }

    /// <summary>The author's key in Protobuf; empty when it stands in the peer id.</summary>
    public ReadOnlySpan<byte> Key { get; init; }

    /// <summary>True when the data field is there, even if it is empty: the signature tells them apart.</summary>
    internal bool HasData { get; init; }
}

/// <summary>
/// One message as it is kept and sent on: a whole RPC with its length in front, written once. Never changed.
/// </summary>
public sealed class GossipMessage
{
    private readonly GossipLayout _layout;
    private PeerId _from;

    internal GossipMessage(string topic, byte[] frame, in GossipLayout layout)
    {
        Topic = topic;
        Frame = frame;
        _layout = layout;
    }

    /// <summary>The topic's name.</summary>
    public string Topic { get; }

    /// <summary>Its name among messages.</summary>
    public GossipMessageId Id { get; internal set; }

    /// <summary>The bytes that go to a stream.</summary>
    public ReadOnlyMemory<byte> Frame { get; }

    /// <summary>Who wrote it; proved only once the signature is verified.</summary>
    public PeerId From
    {
        get
        {
            if (_from.IsEmpty)
            {
                PeerId.TryRead(_layout.From.Of(Frame).Span, out _from);
            }

            return _from;
        }
    }

    /// <summary>What it says.</summary>
    public ReadOnlyMemory<byte> Data => _layout.Data.Of(Frame);

    /// <summary>The author's sequence number.</summary>
    public ulong Sequence =>
        System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(_layout.Sequence.Of(Frame).Span);

    /// <summary>Who brought it; null when this peer published it.</summary>
    public GossipPeer? Source { get; internal set; }

    internal ReadOnlySpan<byte> FromBytes => _layout.From.Of(Frame).Span;

    internal ReadOnlySpan<byte> Signature => _layout.Signature.Of(Frame).Span;

    internal ReadOnlySpan<byte> Key => _layout.Key.Of(Frame).Span;

    /// <summary>What the signature is over, without the words in front: author, data, sequence, topic.</summary>
    internal ReadOnlySpan<byte> Signed => _layout.Signed.Of(Frame).Span;

    /// <summary>
    /// The message alone, without the RPC around it; its fields in their order, to the end of the frame.
    /// </summary>
    internal ReadOnlyMemory<byte> Body => Frame[_layout.Signed.Start..];

    internal GossipTopic? In { get; set; }

    /// <summary>Others that brought the same bytes; null for none.</summary>
    internal List<GossipPeer>? AlsoFrom { get; set; }

    internal WeftInstant AcceptedAt { get; set; }

    /// <summary>Another message under the same id whose verdict is awaited too.</summary>
    internal GossipMessage? NextCandidate { get; set; }

    /// <summary>How often it was sent to peers that asked for it; null for never.</summary>
    internal Dictionary<GossipPeer, int>? Asked { get; set; }

    internal GossipMessageView View => new()
    {
        From = FromBytes, Data = Data.Span, Sequence = _layout.Sequence.Of(Frame).Span,
        Topic = _layout.Topic.Of(Frame).Span, Signature = Signature, Key = Key, HasData = !_layout.Data.IsAbsent,
    };
}

/// <summary>Where a part lies in a frame.</summary>
internal readonly record struct GossipPart(int Start, int Length, bool IsAbsent = false)
{
    internal ReadOnlyMemory<byte> Of(ReadOnlyMemory<byte> frame) => frame.Slice(Start, Length);
}

/// <summary>Where the parts of a message lie in its frame.</summary>
internal readonly record struct GossipLayout(
    GossipPart From, GossipPart Data, GossipPart Sequence, GossipPart Topic, GossipPart Signature, GossipPart Key,
    GossipPart Signed);
