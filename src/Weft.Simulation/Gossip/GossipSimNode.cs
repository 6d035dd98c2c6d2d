using Weft.Crypto;
using Weft.Primitives;
using Weft.Protocols.Gossip;

namespace Weft.Simulation.Gossip;

/// <summary>One honest peer: the production core, real signatures, and the network of the simulation.</summary>
internal sealed class GossipSimNode : ISimHost, IDisposable
{
    private readonly GossipWorld _world;
    private readonly Ed25519KeyPair _key;
    private readonly Outbox<GossipOutput> _outbox = new();
    private readonly Dictionary<SimConnection, GossipPeer> _peers = [];
    private ulong _sequence = 1;
    private bool _isApplying;

    internal GossipSimNode(GossipWorld world, int number, Ed25519KeyPair key, WeftRandom random)
    {
        _world = world;
        _key = key;
        Number = number;
        Core = new(key.PublicKey.ToPeerId(), world.Options, world.Crypto, random);
    }

    public bool IsUp { get; private set; } = true;

    internal int Number { get; }

    internal GossipCore Core { get; }

    /// <summary>Messages whose signature was verified here.</summary>
    internal long Verified { get; private set; }

    internal void Begin()
    {
        Core.Start(_world.World.Now, _outbox);
        Core.Join(GossipWorld.Topic, _world.World.Now, _outbox);
        Apply();
    }

    internal void Publish(int message)
    {
        byte[] data = new byte[GossipWorld.DataBytes];
        BitConverter.TryWriteBytes(data, message);
        GossipMessage signed = GossipSigning.Sign(_key, _world.Crypto, _sequence++, GossipWorld.Topic, data);
        Core.Publish(signed, _world.World.Now, _outbox);
        Apply();
    }

    internal void Die(SimNetwork network)
    {
        IsUp = false;
        network.HostDown(Number, silently: true);
    }

    public void OnOpened(SimConnection connection, bool dialled)
    {
        int other = connection.Other(Number);
        var info = new GossipPeerInfo(GossipVersion.V12, dialled, _world.PlaceOf(other));
        if (Core.Connect(_world.IdOf(other), info, _world.World.Now, _outbox) is { } peer)
        {
            peer.Tag = connection;
            _peers.Add(connection, peer);
        }

        Apply();
    }

    public void OnDialFailed(int target)
    {
    }

    public void OnMessage(SimConnection connection, ReadOnlyMemory<byte> message)
    {
        Uvarint.Read(message.Span, out _, out int head);
        ReadOnlySpan<byte> rpc = message.Span[head..];
        _world.Copies += rpc is [GossipWorld.PublishTag, ..] ? 1 : 0;
        if (_peers.TryGetValue(connection, out GossipPeer? peer))
        {
            Core.OnRpc(peer, rpc, _world.World.Now, _outbox);
            Apply();
        }
    }

    public void OnSent(SimConnection connection, int bytes)
    {
    }

    public void OnClosed(SimConnection connection)
    {
        if (_peers.Remove(connection, out GossipPeer? peer))
        {
            Core.Disconnect(peer, _world.World.Now, _outbox);
            Apply();
        }
    }

    public void Dispose() => _key.Dispose();

    private void Apply()
    {
        if (_isApplying)
        {
            return;
        }

        _isApplying = true;
        for (int i = 0; i < _outbox.Count; i++)
        {
            GossipOutput output = _outbox[i];
            switch (output.Kind)
            {
                case GossipOutputKind.Send:
                    _world.Send((SimConnection)output.Peer!.Tag!, Number, output.Frame, output.Message is not null);
                    break;
                case GossipOutputKind.Judge:
                    _world.World.After(GossipWorld.VerifyTime, () => Judge(output.Message!));
                    break;
                case GossipOutputKind.Deliver:
                    _world.OnDelivered(Number, output.Message!);
                    break;
                case GossipOutputKind.StartTimer:
                    _world.World.At(output.Due, OnTimer);
                    break;
            }
        }

        _outbox.Clear();
        _isApplying = false;
    }

    private void Judge(GossipMessage message)
    {
        if (IsUp)
        {
            Verified++;
            bool fits = GossipSigning.Verify(message, _world.Crypto);
            Core.OnVerdict(
                message, fits ? GossipVerdict.Accept : GossipVerdict.BadSignature, _world.World.Now, _outbox);
            Apply();
        }
    }

    private void OnTimer()
    {
        if (IsUp)
        {
            Core.OnTimer(_world.World.Now, _outbox);
            Apply();
        }
    }
}
