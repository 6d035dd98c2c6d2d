using Weft.Primitives;
using Weft.Protocols.Blobs;

namespace Weft.Tests.Protocols.Blobs;

public sealed class BlobServeCoreTests
{
    private static readonly PeerId[] Peers = [.. Enumerable.Range(0, 40).Select(PeerOf)];

    [Fact]
    public void One_peer_gets_so_many_streams_and_all_together_so_many()
    {
        var core = new BlobServeCore(new BlobServeOptions { StreamsPerPeerMax = 2, StreamsMax = 3 });

        Assert.True(core.TryEnter(Peers[0]));
        Assert.True(core.TryEnter(Peers[0]));
        Assert.False(core.TryEnter(Peers[0]));
        Assert.True(core.TryEnter(Peers[1]));
        Assert.False(core.TryEnter(Peers[2]));
        core.Leave(Peers[0]);
        Assert.True(core.TryEnter(Peers[2]));
        Assert.Equal(3, core.Streams);
    }

    [Fact]
    public void A_rate_is_kept_over_streams_that_come_and_go()
    {
        var core = new BlobServeCore(new BlobServeOptions { PeerBytesPerSecond = 1_000_000, PeerBurstBytes = 1_000_000 });
        core.TryEnter(Peers[0]);
        Assert.Equal(TimeSpan.Zero, core.Take(Peers[0], 1_000_000, default));
        core.Leave(Peers[0]);
        core.TryEnter(Peers[0]);

        Assert.Equal(TimeSpan.FromSeconds(0.5), core.Take(Peers[0], 500_000, default));
    }

    [Fact]
    public void Peers_beyond_the_ceiling_are_forgotten_but_not_those_that_are_served()
    {
        var core = new BlobServeCore(new BlobServeOptions { PeersMax = 16 });
        core.TryEnter(Peers[0]);
        for (int i = 1; i < Peers.Length; i++)
        {
            Assert.True(core.TryEnter(Peers[i]));
            core.Leave(Peers[i]);
        }

        Assert.Equal(16, core.Peers);
        Assert.Equal(1, core.Streams);
        core.Leave(Peers[0]);
        Assert.Equal(0, core.Streams);
    }

    private static PeerId PeerOf(int number)
    {
        byte[] key = new byte[32];
        key[0] = (byte)number;
        return PeerId.FromEd25519(key);
    }
}
