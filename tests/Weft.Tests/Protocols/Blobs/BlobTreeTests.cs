using System.Buffers.Binary;
using System.Security.Cryptography;
using Weft.Crypto;
using Weft.Primitives;
using Weft.Protocols.Blobs;

namespace Weft.Tests.Protocols.Blobs;

public sealed class BlobTreeTests
{
    private readonly BlobHasher _hasher = new(PlatformCrypto.Create());

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(65_536)]
    [InlineData(65_537)]
    [InlineData(3 * 65_536)]
    [InlineData((7 * 65_536) + 11)]
    [InlineData((33 * 65_536) - 1)]
    public void An_id_is_what_the_specification_computes(int size)
    {
        byte[] content = TestBlob.Bytes(size, seed: 7);

        BlobId id = TestBlob.Tree(content, _hasher).Build(_hasher);

        Assert.Equal(Convert.ToHexStringLower(Reference(content)), id.ToString());
    }

    [Fact]
    public void Vectors_of_the_specification_hold()
    {
        // docs/spec/blobs.md, section 1: whoever changes these has made another format.
        Assert.Equal(TestBlob.EmptyId, TestBlob.Tree([], _hasher).Build(_hasher).ToString());
        Assert.Equal(TestBlob.HelloId, TestBlob.Tree("hello"u8.ToArray(), _hasher).Build(_hasher).ToString());
        Assert.Equal(
            TestBlob.ZerosId, TestBlob.Tree(new byte[200_000], _hasher).Build(_hasher).ToString());
    }

    [Fact]
    public void A_kept_tree_is_believed_only_as_far_as_it_holds()
    {
        byte[] content = TestBlob.Bytes(9 * 65_536, seed: 3);
        BlobTree whole = TestBlob.Tree(content, _hasher);
        BlobId id = whole.Build(_hasher);
        byte[] kept = whole.Bytes.ToArray();
        kept[(2 * 5 * 32) + 3] ^= 1; // The leaf of chunk 5.

        var read = new BlobTree(content.Length);
        Assert.True(read.TryLoad(id, kept, _hasher));
        Assert.False(read.Has(2 * 5));
        Assert.False(read.Has(2 * 4)); // Its neighbour under the same parent cannot be proved either.
        Assert.True(read.Has(2 * 0));
        Assert.True(read.Has(2 * 8));
        Assert.False(new BlobTree(content.Length).TryLoad(default, whole.Bytes, _hasher));
        Assert.False(new BlobTree(content.Length - 1).TryLoad(id, whole.Bytes, _hasher));
    }

    [Fact]
    public void Every_range_of_every_small_blob_is_proved_and_nothing_else_is_taken()
    {
        for (int chunks = 1; chunks <= 9; chunks++)
        {
            byte[] content = TestBlob.Bytes(((chunks - 1) * 65_536) + 100, seed: (ulong)chunks);
            BlobTree tree = TestBlob.Tree(content, _hasher);
            BlobId id = tree.Build(_hasher);
            for (int from = 0; from < chunks; from++)
            {
                for (int to = from + 1; to <= chunks; to++)
                {
                    CheckRange(id, tree, content, from, to);
                }
            }
        }
    }

    [Fact]
    public void A_walk_visits_the_chunks_of_its_range_in_order_and_each_once()
    {
        var random = new WeftRandom(11);
        for (int round = 0; round < 300; round++)
        {
            int chunks = random.Next(1, 5_000);
            int from = random.Next(0, chunks);
            int to = random.Next(from, chunks + 5);
            var walk = new BlobWalk(chunks, from, to);
            int next = from;
            int sinceChunk = 0;
            while (walk.TryNext(out BlobStep step))
            {
                sinceChunk = step.IsChunk ? 0 : sinceChunk + 1;
                Assert.True(sinceChunk <= BlobLimits.DepthMax);
                if (step.IsChunk)
                {
                    Assert.Equal(next++, step.First);
                }
            }

            Assert.Equal(Math.Max(from, Math.Min(to, chunks)), next);
        }
    }

    [Fact]
    public void The_largest_blob_fits_the_depth_of_a_walk()
    {
        int chunks = BlobLimits.ChunksOf(BlobLimits.BytesMax);
        var walk = new BlobWalk(chunks, chunks - 1, chunks);
        int parents = 0;
        while (walk.TryNext(out BlobStep step))
        {
            parents += step.IsChunk ? 0 : 1;
        }

        Assert.Equal(BlobLimits.DepthMax, parents);
    }

    [Theory]
    [InlineData("")]
    [InlineData("00")]
    [InlineData("zz00000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("weft:blob/")]
    public void Other_texts_are_no_ids(string text) => Assert.False(BlobId.TryParse(text, out _));

    [Fact]
    public void An_id_reads_back_from_its_text_and_from_the_soul_of_a_link()
    {
        var id = new BlobId(TestBlob.Bytes(32, seed: 1));

        Assert.True(BlobId.TryParse(id.ToString(), out BlobId plain));
        Assert.True(BlobId.TryParse(id.Soul, out BlobId linked));
        Assert.Equal(id, plain);
        Assert.Equal(id, linked);
    }

    private void CheckRange(BlobId id, BlobTree tree, byte[] content, int from, int to)
    {
        var target = new System.Buffers.ArrayBufferWriter<byte>();
        var walk = new BlobWalk(tree.Chunks, from, to);
        var known = new BlobTree(content.Length);
        Assert.True(known.TrySetRoot(id, tree.Root, _hasher));
        var answer = new BlobAnswer(known, _hasher, from, to);
        for (int chunk = from; chunk < to; chunk++)
        {
            target.ResetWrittenCount();
            ReadOnlySpan<byte> data = TestBlob.Chunk(content, chunk);
            Assert.True(BlobCodec.TryWriteChunk(target, tree, ref walk, data));
            Assert.Equal(
                System.Buffers.OperationStatus.Done,
                BlobCodec.ReadFrame(target.WrittenSpan, BlobLimits.FrameBytesMax, out int start, out int length));
            Assert.True(BlobCodec.TryRead(target.WrittenSpan.Slice(start, length), out BlobMessage message));
            Assert.True(answer.TryTake(message.Parents, data, out int taken));
            Assert.Equal(chunk, taken);
        }

        Assert.True(answer.IsDone);
        Assert.False(answer.TryTake([], TestBlob.Chunk(content, to - 1), out _)); // One more than was asked for.
        Assert.False(BlobCodec.TryWriteChunk(target, tree, ref walk, []));
    }

    /// <summary>The definition, written once more and in another way.</summary>
    private static byte[] Reference(byte[] content)
    {
        var leaves = new List<byte[]>();
        for (int at = 0; at == 0 || at < content.Length; at += 65_536)
        {
            leaves.Add(SHA256.HashData([0, .. content.AsSpan(at, Math.Min(65_536, content.Length - at))]));
        }

        byte[] size = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(size, content.Length);
        return SHA256.HashData([2, .. size, .. Over(leaves)]);
    }

    private static byte[] Over(List<byte[]> leaves)
    {
        if (leaves.Count == 1)
        {
            return leaves[0];
        }

        int split = 1;
        while (split * 2 < leaves.Count)
        {
            split *= 2;
        }

        return SHA256.HashData([1, .. Over(leaves[..split]), .. Over(leaves[split..])]);
    }
}
