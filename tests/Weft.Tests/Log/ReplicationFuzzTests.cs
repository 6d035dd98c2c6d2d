using Weft.Log;
using Weft.Log.Replication;
using Weft.Log.Wire;
using Weft.Primitives;

namespace Weft.Tests.Log;

/// <summary>Peers that send noise, claim what is not, and never stop asking.</summary>
public sealed class ReplicationFuzzTests
{
    [Fact]
    public void Damaged_messages_never_throw_and_never_spoil_a_log()
    {
        for (ulong seed = 1; seed <= 20; seed++)
        {
            var random = new WeftRandom(seed);
            using LogCore writer = LogVectors.Log(40);
            using LogCore honest = LogVectors.Log(40);
            LogCore reader = LogCore.OpenKey(LogVectors.Crypto, new MemoryLogStore(), writer.Key);
            var rig = new ReplicationRig(seed);
            rig.Add(writer);
            rig.Add(reader);
            rig.Add(honest);
            rig.Do(1, (core, outbox) => core.DownloadRange(0, 40, rig.Now, outbox));
            rig.Join(0, 1, (kind, body) =>
            {
                if (body.Length > 0 && random.Chance(0.3))
                {
                    body[random.Next(body.Length)] ^= (byte)(1 << random.Next(8));
                }

                return random.Chance(0.05) ? body[..random.Next(body.Length + 1)] : body;
            });
            Assert.True(rig.Settle(), $"seed {seed}");
            rig.Do(1, (core, outbox) => core.OnPeerClosed(1, rig.Now, outbox));
            rig.Join(2, 1);
            Assert.True(rig.Settle(), $"seed {seed}");

            Assert.True(reader.Evidence is null, $"seed {seed}");
            Assert.True(reader.ContiguousLength == 40, $"seed {seed}: {reader.ContiguousLength} of 40");
            for (long i = 0; i < 40; i++)
            {
                Assert.True(reader.TryGet(i, out ReadOnlyMemory<byte> block));
                Assert.Equal(LogVectors.Block(i), block.ToArray());
            }
        }
    }

    [Fact]
    public void Noise_of_any_type_never_throws()
    {
        var random = new WeftRandom(5);
        byte[][] honest = [.. LogVectors.List("wire", "messages").Select(item => item.Bytes("hex"))];
        using LogCore log = LogVectors.Log(40);
        var core = new ReplicationCore(log, new ReplicationOptions());
        var outbox = new Outbox<ReplicationOutput>();
        int peer = 0;
        int dropped = 0;
        core.OnPeerOpened(peer, default, outbox);
        for (int i = 0; i < 30_000; i++)
        {
            byte[] body = [.. honest[random.Next(honest.Length)]];
            if (body.Length > 0 && random.Chance(0.7))
            {
                body[random.Next(body.Length)] = (byte)random.Next(256);
            }

            core.OnMessage(peer, random.Next(11), body, new WeftInstant(i), outbox);
            if (outbox.Items.ToArray().Any(output => output.Kind == ReplicationOutputKind.Drop))
            {
                dropped++;
                core.OnPeerOpened(++peer, default, outbox);
            }

            core.OnSent(peer, 1 << 20, outbox);
            outbox.Clear();
        }

        Assert.True(dropped > 10);
        Assert.Equal((40, 40), (log.Length, log.ContiguousLength));
        Assert.InRange(core.PeerCount, 0, 1);
    }

    [Fact]
    public void What_a_peer_claims_to_have_is_held_within_a_bound()
    {
        var have = new RemoteHave(pagesMax: 16);

        have.Add(1L << 40, 1L << 40);
        Assert.Equal(16, have.PageCount);
        have.AddWords(1L << 45, new byte[] { 255, 255, 255, 255 });
        Assert.Equal(16, have.PageCount);
        have.Add(0, 1L << 50);
        Assert.True(have.Has((1L << 50) - 1));
        have.Drop(5, 1);
        Assert.False(have.Has(5));
        Assert.True(have.Has(4));
        Assert.InRange(have.PageCount, 0, 17);
        Assert.Equal(4, have.First(4, 10));
    }

    [Fact]
    public void A_peer_that_asks_without_end_waits_and_one_that_asks_nonsense_is_dropped()
    {
        using LogCore log = LogVectors.Log(40);
        var options = new ReplicationOptions { UnsentBytesMax = 1_000, ServeQueueMax = 10, InvalidRequestsMax = 5 };
        var core = new ReplicationCore(log, options);
        var outbox = new Outbox<ReplicationOutput>();
        core.OnPeerOpened(1, default, outbox);
        core.OnPeerOpened(2, default, outbox);
        byte[] good = Request(new LogRequest { Id = 1, Block = new NodeRequest(3, 5) });
        int asked = 0;
        for (; asked < 100 && !Dropped(1); asked++)
        {
            core.OnMessage(1, (int)LogMessageKind.Request, good, default, outbox);
        }

        Assert.InRange(asked, 10, 30); // Some are answered, ten wait, then it is too much.
        int sent = outbox.Items.ToArray().Where(output => output.Peer == 1).Sum(output => output.Body.Length);
        Assert.InRange(sent, 1, 2_000);

        byte[] nonsense = Request(new LogRequest { Id = 1, Upgrade = new UpgradeRequest(5, 4_000) });
        for (int i = 0; i < 5; i++)
        {
            Assert.False(Dropped(2));
            core.OnMessage(2, (int)LogMessageKind.Request, nonsense, default, outbox);
        }

        Assert.True(Dropped(2));

        bool Dropped(int peer) => outbox.Items.ToArray().Any(
            output => output.Kind == ReplicationOutputKind.Drop && output.Peer == peer);
    }

    [Fact]
    public void More_peers_than_the_bound_are_turned_away()
    {
        using LogCore log = LogVectors.Log(1);
        var core = new ReplicationCore(log, new ReplicationOptions { PeersMax = 2 });
        var outbox = new Outbox<ReplicationOutput>();
        for (int peer = 1; peer <= 3; peer++)
        {
            core.OnPeerOpened(peer, default, outbox);
        }

        Assert.Equal(2, core.PeerCount);
        ReplicationOutput only = Assert.Single(
            outbox.Items.ToArray(), output => output.Kind == ReplicationOutputKind.Drop);
        Assert.Equal(3, only.Peer);
    }

    private static byte[] Request(LogRequest request)
    {
        var target = new System.Buffers.ArrayBufferWriter<byte>();
        LogCodec.Write(target, request);
        return target.WrittenSpan.ToArray();
    }
}
