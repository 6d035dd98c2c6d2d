using System.Buffers;
using Weft.Crypto;
using Weft.Integration.Tests.Libp2p;
using Weft.Libp2p;
using Weft.Libp2p.Streams;
using Weft.Node.Blobs;
using Weft.Primitives;
using Weft.Protocols.Blobs;

namespace Weft.Integration.Tests.Blobs;

/// <summary>Blobs between peers over real TCP.</summary>
public sealed class BlobPeerTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task A_blob_is_fetched_from_a_connected_peer_and_a_range_brings_no_more_than_it_needs()
    {
        byte[] content = BlobShelfTests.Content(40 * 65_536);
        await using WeftPeer owner = await StartAsync([]);
        await using WeftPeer reader = await StartAsync([AddressOf(owner)]);
        BlobInfo added = await owner.Node.Blobs.AddAsync(new MemoryStream(content));

        BlobInfo part = await reader.Node.Blobs.FetchAsync(added.Id, Patience, (70_000, 70_010));
        Assert.False(part.IsWhole);
        await using (BlobStream stream = await reader.Node.Blobs.OpenReadAsync(added.Id, Patience))
        {
            byte[] found = new byte[100];
            stream.Position = 70_000;
            await stream.ReadExactlyAsync(found);
            Assert.Equal(content[70_000..70_100], found);
            stream.Position = 0;
            var all = new MemoryStream();
            await stream.CopyToAsync(all);
            Assert.Equal(content, all.ToArray());
        }

        Assert.True((await reader.Node.Blobs.FetchAsync(added.Id, Patience)).IsWhole);
        Assert.False((await reader.Node.Blobs.FindAsync(added.Id))!.IsPinned);
    }

    [Fact]
    public async Task A_blob_is_fetched_from_a_provider_that_the_DHT_names()
    {
        byte[] content = BlobShelfTests.Content(500_000, seed: 2);
        await using WeftPeer middle = await StartAsync([], serve: false);
        await using WeftPeer owner = await StartAsync([AddressOf(middle)]);
        await using WeftPeer reader = await StartAsync([AddressOf(middle)]);
        BlobInfo added = await owner.Node.Blobs.AddAsync(new MemoryStream(content));
        await UntilAsync(async () => (await middle.Node.Dht!.Service.ReadHealthAsync()).ProviderKeys > 0);

        await using BlobStream stream = await reader.Node.Blobs.OpenReadAsync(added.Id, Patience);
        var all = new MemoryStream();
        await stream.CopyToAsync(all);

        Assert.Equal(content, all.ToArray());
    }

    [Theory]
    [InlineData("wrong")]
    [InlineData("endless")]
    [InlineData("garbage")]
    [InlineData("breaks")]
    public async Task A_lying_peer_is_dropped_and_the_blob_comes_from_another(string manner)
    {
        byte[] content = BlobShelfTests.Content(20 * 65_536, seed: 3);
        await using WeftPeer owner = await StartAsync([]);
        BlobInfo added = await owner.Node.Blobs.AddAsync(new MemoryStream(content));
        await using Libp2pHost liar = await RawPeer.StartHostAsync();
        liar.Handle(BlobCodec.Protocol, (stream, stopping) => LieAsync(stream, content, manner, stopping));
        await using WeftPeer reader = await StartAsync([liar.Addresses[0].ToString()]);
        await RawPeer.UntilAsync(() => reader.Network!.Host.Find(liar.Id)?.Identity is not null);

        Task<BlobInfo> fetching = reader.Node.Blobs.FetchAsync(added.Id, Patience);
        if (manner != "breaks")
        {
            await RawPeer.UntilAsync(() => reader.Node.Blobs.ReadStats().Liars == 1);
        }

        await reader.Network!.Host.ConnectAsync(owner.Network!.Addresses[0]);

        Assert.True((await fetching).IsWhole);
        await using BlobStream read = await reader.Node.Blobs.OpenReadAsync(added.Id);
        var all = new MemoryStream();
        await read.CopyToAsync(all);
        Assert.Equal(content, all.ToArray());
    }

    [Fact]
    public async Task Nobody_is_given_a_blob_by_a_node_that_does_not_serve_and_the_wait_ends()
    {
        await using WeftPeer owner = await StartAsync([], serve: false);
        await using WeftPeer reader = await StartAsync([AddressOf(owner)]);
        BlobInfo added = await owner.Node.Blobs.AddAsync(new MemoryStream([1, 2, 3]));

        WeftException failure = await Assert.ThrowsAsync<WeftException>(
            () => reader.Node.Blobs.FetchAsync(added.Id, TimeSpan.FromSeconds(1)));
        Assert.Equal(WeftError.BlobUnknown, failure.Error);
        Assert.Equal(0, reader.Node.Blobs.ReadStats().Count);
    }

    private static async Task LieAsync(
        PeerStream stream, byte[] content, string manner, CancellationToken stopping)
    {
        var hasher = new BlobHasher(PlatformCrypto.Create());
        var tree = new BlobTree(content.Length);
        byte[] hash = new byte[32];
        for (int chunk = 0; chunk < tree.Chunks; chunk++)
        {
            hasher.Leaf(content.AsSpan(chunk * 65_536, 65_536), hash);
            tree.SetLeaf(chunk, hash);
        }

        tree.Build(hasher);
        var frames = new BlobFrames(stream, BlobCodec.AskBytesMax);
        var answer = new ArrayBufferWriter<byte>();
        while ((await frames.ReadAsync(stopping)) is { Status: OperationStatus.Done } read)
        {
            BlobCodec.TryRead(read.Message.Span, out BlobMessage ask);
            (int from, int count) = (ask.From, ask.Count);
            answer.ResetWrittenCount();
            BlobCodec.WriteHead(answer, content.Length, tree.Root);
            var walk = new BlobWalk(tree.Chunks, from, from + count);
            int last = manner is "wrong" or "breaks" ? Math.Min(from + count, tree.Chunks) : Math.Min(from + 1, from + count);
            for (int chunk = from; chunk < last; chunk++)
            {
                byte[] data = content[(chunk * 65_536)..((chunk + 1) * 65_536)];
                data[7] ^= (byte)(manner == "wrong" && chunk == 2 ? 1 : 0);
                BlobCodec.TryWriteChunk(answer, tree, ref walk, data);
            }

            if (count > 0 && manner == "garbage")
            {
                answer.Write((ReadOnlySpan<byte>)[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]);
            }

            await stream.WriteAsync(answer.WrittenMemory, stopping);
            while (count > 0 && manner == "endless")
            {
                await stream.WriteAsync(answer.WrittenMemory, stopping);
            }

            if (count > 0 && manner == "breaks")
            {
                stream.Abort();
                return;
            }
        }
    }

    private static async Task UntilAsync(Func<Task<bool>> holds)
    {
        using var late = new CancellationTokenSource(Patience);
        while (!await holds())
        {
            await Task.Delay(20, late.Token);
        }
    }

    private static string AddressOf(WeftPeer peer) => peer.Network!.Addresses[0].ToString();

    private static async Task<WeftPeer> StartAsync(string[] bootstrap, bool serve = true)
    {
        var options = new WeftOptions { Store = WeftStoreKind.Memory };
        options.Network.Listen = ["/ip4/127.0.0.1/tcp/0"];
        options.Network.Bootstrap = bootstrap;
        options.Network.Profile = Weft.Node.Network.NetworkProfile.Test;
        options.Node.Blobs.Serve = serve;
        return await WeftPeer.StartAsync(options);
    }
}
