using System.Buffers;
using Weft.Crypto;
using Weft.Primitives;
using Weft.Protocols.Gossip;
using Weft.Protocols.Protobuf;

namespace Weft.Simulation.Gossip;

/// <summary>What a hostile peer does, beside joining every mesh and passing nothing on.</summary>
internal enum GossipAttack
{
    /// <summary>It sends messages with forged signatures.</summary>
    Spam,

    /// <summary>It announces messages that do not exist.</summary>
    Lie,

    /// <summary>It is one of many at one place, and silent.</summary>
    Crowd,
}

/// <summary>One hostile peer. It has no core: it sends what hurts.</summary>
internal sealed class GossipAttacker(
    GossipWorld world, int number, Ed25519KeyPair key, GossipAttack attack, WeftRandom random) : ISimHost, IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    private readonly List<SimConnection> _connections = [];
    private ulong _sequence = 1;

    public bool IsUp => true;

    internal GossipAttack Attack => attack;

    public void OnOpened(SimConnection connection, bool dialled)
    {
        _connections.Add(connection);
        world.Send(connection, number, Frame(Joining()), isData: false);
    }

    public void OnDialFailed(int target)
    {
    }

    public void OnMessage(SimConnection connection, ReadOnlyMemory<byte> message)
    {
        // It passes nothing on.
    }

    public void OnSent(SimConnection connection, int bytes)
    {
    }

    public void OnClosed(SimConnection connection) => _connections.Remove(connection);

    public void Dispose() => key.Dispose();

    internal void Begin() => world.World.After(Pause * (1 + random.NextDouble()), Act);

    private void Act()
    {
        foreach (SimConnection connection in _connections)
        {
            switch (attack)
            {
                case GossipAttack.Spam:
                    world.Send(connection, number, Forged(), isData: true);
                    break;
                case GossipAttack.Lie:
                    world.Send(connection, number, Frame(Announcing()), isData: false);
                    break;
            }

            world.Attacks++;
        }

        world.World.After(Pause, Act);
    }

    private byte[] Forged()
    {
        byte[] data = new byte[GossipWorld.DataBytes];
        random.Fill(data);
        byte[] frame = GossipSigning.Sign(key, world.Crypto, _sequence++, GossipWorld.Topic, data).Frame.ToArray();
        frame[^1] ^= 1; // The last byte of the signature.
        return frame;
    }

    private static byte[] Joining() => Build(rpc =>
    {
        rpc.Bytes(1, Build(subscription =>
        {
            subscription.Number(1, 1);
            subscription.Text(2, GossipWorld.Topic);
        }));
        rpc.Bytes(3, Build(control => control.Bytes(3, Build(graft => graft.Text(1, GossipWorld.Topic)))));
    });

    private byte[] Announcing() => Build(rpc => rpc.Bytes(3, Build(control => control.Bytes(1, Build(have =>
    {
        byte[] id = new byte[46];
        have.Text(1, GossipWorld.Topic);
        for (int i = 0; i < 20; i++)
        {
            random.Fill(id);
            have.Bytes(2, id);
        }
    })))));

    private static byte[] Build(Action<ProtobufWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        write(new(buffer));
        return buffer.WrittenSpan.ToArray();
    }

    private static byte[] Frame(byte[] rpc)
    {
        byte[] frame = new byte[Uvarint.Length((ulong)rpc.Length) + rpc.Length];
        rpc.CopyTo(frame, Uvarint.Write(frame, (ulong)rpc.Length));
        return frame;
    }
}
