using System.Buffers;
using Weft.Crypto;
using Weft.Primitives;
using Weft.Protocols.Gossip;
using Weft.Protocols.Protobuf;

namespace Weft.Tests.Protocols.Gossip;

/// <summary>One core, and peers that are played by the test.</summary>
internal sealed class GossipRig
{
    public static readonly ICrypto Crypto = PlatformCrypto.Create();
    private ulong _sequence = 1;

    public GossipRig(Action<GossipOptions>? change = null)
    {
        Options = new GossipOptions();
        change?.Invoke(Options);
        Core = new(Key(0).PublicKey.ToPeerId(), Options, Crypto, new WeftRandom(seed: 7));
        Core.Start(Now, Outbox);
        HeartbeatAt = Outbox.Items[0].Due;
        Outbox.Clear();
    }

    public GossipOptions Options { get; }

    public GossipCore Core { get; }

    public Outbox<GossipOutput> Outbox { get; } = new();

    public WeftInstant Now { get; set; } = new(1_000_000);

    public WeftInstant HeartbeatAt { get; private set; }

    public static Ed25519KeyPair Key(int number)
    {
        byte[] seed = new byte[32];
        seed[0] = (byte)number;
        seed[1] = (byte)(number >> 8);
        seed[31] = 1;
        return new(Crypto, seed);
    }

    public GossipPeer Add(
        int number, string? topic = "t", GossipVersion version = GossipVersion.V12, string? ip = null,
        bool isOutbound = false, bool isDirect = false)
    {
        GossipPeer peer = Core.Connect(
            Key(number).PublicKey.ToPeerId(), new(version, isOutbound, ip, IsDirect: isDirect), Now, Outbox)!;
        if (topic is not null)
        {
            Core.OnRpc(peer, Subscribe(topic), Now, Outbox);
        }

        return peer;
    }

    public GossipMessage Message(int author, string topic = "t", int size = 10) =>
        GossipSigning.Sign(Key(author), Crypto, _sequence++, topic, new byte[size]);

    /// <summary>A message that another peer brings; the RPC without the length in front.</summary>
    public void Bring(GossipPeer peer, GossipMessage message) => Core.OnRpc(peer, Rpc(message), Now, Outbox);

    /// <summary>Brings a message and accepts it.</summary>
    public void Accept(GossipPeer peer, GossipMessage message)
    {
        Bring(peer, message);
        GossipOutput judge = Assert.Single(Of(GossipOutputKind.Judge));
        Outbox.Clear();
        Core.OnVerdict(judge.Message!, GossipVerdict.Accept, Now, Outbox);
    }

    public static byte[] Rpc(GossipMessage message)
    {
        ReadOnlySpan<byte> frame = message.Frame.Span;
        Uvarint.Read(frame, out _, out int used);
        return frame[used..].ToArray();
    }

    public void Beat(int times = 1)
    {
        for (int i = 0; i < times; i++)
        {
            Now = HeartbeatAt;
            Core.OnTimer(Now, Outbox);
            HeartbeatAt = Of(GossipOutputKind.StartTimer)[^1].Due;
        }
    }

    public GossipOutput[] Of(GossipOutputKind kind) => [.. Outbox.Items.ToArray().Where(output => output.Kind == kind)];

    public GossipReason[] Refusals => [.. Of(GossipOutputKind.Refused).Select(output => output.Reason)];

    /// <summary>Who was sent a message.</summary>
    public GossipPeer[] Sent =>
        [.. Of(GossipOutputKind.Send).Where(output => output.Message is not null).Select(output => output.Peer!)];

    /// <summary>The control entries of one kind that a peer was sent since the last clearing.</summary>
    public List<byte[]> Control(GossipPeer peer, int kind)
    {
        var found = new List<byte[]>();
        foreach (GossipOutput output in Of(GossipOutputKind.Send).Where(one => one.Peer == peer && one.Message is null))
        {
            Uvarint.Read(output.Frame.Span, out ulong length, out int used);
            Assert.Equal(output.Frame.Length - used, (int)length);
            foreach (byte[] control in Fields(output.Frame.Span[used..], GossipCodec.ControlField))
            {
                found.AddRange(Fields(control, kind));
            }
        }

        return found;
    }

    public static List<byte[]> Fields(ReadOnlySpan<byte> bytes, int field)
    {
        var found = new List<byte[]>();
        var reader = new ProtobufReader(bytes);
        while (reader.TryRead())
        {
            if (reader.Field == field && reader.Wire == ProtobufWire.Bytes)
            {
                found.Add(reader.Bytes.ToArray());
            }
        }

        Assert.True(reader.IsWhole);
        return found;
    }

    public static byte[] Subscribe(string topic, bool joins = true) => Build(rpc => rpc.Bytes(
        GossipCodec.SubscriptionField,
        Build(inner =>
        {
            inner.Number(1, joins ? 1u : 0u);
            inner.Text(2, topic);
        })));

    public static byte[] Graft(string topic) => Control(GossipFields.Graft, inner => inner.Text(1, topic));

    public static byte[] Prune(string topic, ulong backoff, params (PeerId Peer, byte[] Record)[] peers) =>
        Control(GossipFields.Prune, inner =>
        {
            inner.Text(1, topic);
            foreach ((PeerId peer, byte[] record) in peers)
            {
                inner.Bytes(2, Build(info =>
                {
                    info.Bytes(1, peer.Span);
                    info.Bytes(2, record);
                }));
            }

            inner.Number(3, backoff);
        });

    public static byte[] IHave(string topic, params GossipMessageId[] ids) => Control(GossipFields.IHave, inner =>
    {
        inner.Text(1, topic);
        Array.ForEach(ids, id => inner.Bytes(2, id.Span));
    });

    public static byte[] Ids(int kind, params byte[][] ids) =>
        Control(kind, inner => Array.ForEach(ids, id => inner.Bytes(1, id)));

    public static byte[] Control(int kind, Action<ProtobufWriter> inner) => Build(rpc => rpc.Bytes(
        GossipCodec.ControlField, Build(control => control.Bytes(kind, Build(inner)))));

    public static byte[] Build(Action<ProtobufWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        write(new(buffer));
        return buffer.WrittenSpan.ToArray();
    }
}
