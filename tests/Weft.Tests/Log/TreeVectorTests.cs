using System.Buffers;
using System.Text.Json;
using Weft.Log;
using Weft.Log.Encoding;
using Weft.Log.Manifests;
using Weft.Log.Tree;

namespace Weft.Tests.Log;

/// <summary>Encodings, tree arithmetic, hashes, keys and heads, as npm's hypercore computes them.</summary>
public sealed class TreeVectorTests
{
    [Fact]
    public void Numbers_are_written_and_read_as_the_reference_does()
    {
        foreach (JsonElement item in LogVectors.List("compactEncoding", "uint"))
        {
            long value = item.Number("value");
            var target = new ArrayBufferWriter<byte>();
            target.WriteUint(value);
            var reader = new CompactReader(item.Bytes("hex"));

            Assert.Equal(item.Text("hex"), LogVectors.Hex(target.WrittenSpan));
            Assert.Equal(value, reader.Uint());
            Assert.False(reader.IsBroken);
            Assert.Equal(target.WrittenCount, CompactWriter.UintLength(value));
        }
    }

    [Fact]
    public void A_number_above_2_to_the_53_is_refused()
    {
        var reader = new CompactReader(Convert.FromHexString("ff00000000000020" + "00"));

        Assert.Equal(0, reader.Uint());
        Assert.True(reader.IsBroken);
    }

    [Fact]
    public void Texts_buffers_and_words_are_written_as_the_reference_does()
    {
        foreach (JsonElement item in LogVectors.List("compactEncoding", "string"))
        {
            var target = new ArrayBufferWriter<byte>();
            target.WriteBuffer(System.Text.Encoding.UTF8.GetBytes(item.Text("value")));
            Assert.Equal(item.Text("hex"), LogVectors.Hex(target.WrittenSpan));
        }

        foreach (JsonElement item in LogVectors.List("compactEncoding", "buffer"))
        {
            var target = new ArrayBufferWriter<byte>();
            target.WriteBuffer(item.Bytes("value"));
            Assert.Equal(item.Text("hex"), LogVectors.Hex(target.WrittenSpan));
        }

        foreach (JsonElement item in LogVectors.List("compactEncoding", "uint32array"))
        {
            uint[] words = [.. item.GetProperty("value").EnumerateArray().Select(word => word.GetUInt32())];
            var target = new ArrayBufferWriter<byte>();
            Weft.Log.Wire.LogCodec.WriteBitfield(target, 0, words);
            Assert.Equal("00" + item.Text("hex"), LogVectors.Hex(target.WrittenSpan));
        }
    }

    [Fact]
    public void Tree_arithmetic_is_that_of_the_reference()
    {
        foreach (JsonElement item in LogVectors.List("flatTree", "nodes"))
        {
            long index = item.Number("index");
            long[] spans = [.. item.GetProperty("spans").EnumerateArray().Select(span => span.GetInt64())];
            Assert.Equal(item.Number("depth"), FlatTree.Depth(index));
            Assert.Equal(item.Number("offset"), FlatTree.Offset(index));
            Assert.Equal(item.Number("parent"), FlatTree.Parent(index));
            Assert.Equal(item.Number("sibling"), FlatTree.Sibling(index));
            Assert.Equal((spans[0], spans[1]), (FlatTree.LeftSpan(index), FlatTree.RightSpan(index)));
            if (item.Has("children", out JsonElement children))
            {
                Assert.Equal(
                    children.EnumerateArray().Select(child => child.GetInt64()),
                    [FlatTree.LeftChild(index), FlatTree.RightChild(index)]);
            }
        }

        foreach (JsonElement item in LogVectors.List("flatTree", "fullRoots"))
        {
            long[] roots = new long[FlatTree.RootsMax];
            int count = FlatTree.FullRoots(item.Number("length"), roots);
            Assert.Equal(item.GetProperty("roots").EnumerateArray().Select(root => root.GetInt64()), roots[..count]);
        }
    }

    [Fact]
    public void Names_keys_and_leaves_hash_as_the_reference_does()
    {
        LogHasher hasher = LogVectors.Hasher;
        JsonElement spaces = LogVectors.At("namespaces", "hypercore");
        Assert.Equal(spaces.Hash("TREE"), hasher.TreeSpace);
        Assert.Equal(spaces.Hash("REPLICATE_INITIATOR"), hasher.InitiatorSpace);
        Assert.Equal(spaces.Hash("REPLICATE_RESPONDER"), hasher.ResponderSpace);
        Assert.Equal(spaces.Hash("MANIFEST"), hasher.ManifestSpace);
        Assert.Equal(spaces.Hash("DEFAULT_NAMESPACE"), hasher.DefaultNamespace);
        Assert.Equal(spaces.Hash("DEFAULT_ENCRYPTION"), hasher.EncryptionSpace);

        foreach (JsonElement item in LogVectors.List("keyPairs"))
        {
            using var keys = new LogKeyPair(LogVectors.Crypto, item.Bytes("seed"));
            Assert.Equal(item.Hash("publicKey"), keys.PublicKey);
        }

        foreach (JsonElement item in LogVectors.List("discoveryKeys"))
        {
            Assert.Equal(item.Hash("discoveryKey"), hasher.DiscoveryKey(item.Hash("key")));
        }

        foreach (JsonElement item in LogVectors.List("blocks", "leaves"))
        {
            Assert.Equal(item.Hash("hash"), hasher.Leaf(item.Bytes("block")));
        }

        Assert.Equal(LogVectors.At("tree33").Hash("emptyTreeHash"), hasher.Tree([]));
    }

    [Fact]
    public void Every_node_of_33_blocks_is_the_references()
    {
        var store = new MemoryLogStore();
        using LogCore log = LogVectors.Log(33, store);

        Assert.Equal(LogVectors.At("tree33").Hash("key"), log.Key);
        Assert.Equal(LogVectors.At("tree33").Hash("discoveryKey"), log.DiscoveryKey);
        TreeNode[] nodes = LogVectors.Nodes(LogVectors.At("tree33", "nodes"));
        Assert.Equal(nodes.Length, store.NodeCount);
        foreach (TreeNode expected in nodes)
        {
            Assert.True(store.TryReadNode(expected.Index, out TreeNode node));
            Assert.Equal(expected, node);
        }
    }

    [Theory]
    [InlineData("tree33")]
    [InlineData("compatTree")]
    [InlineData("v0Tree")]
    public void Heads_are_signed_as_the_reference_signs_them(string name)
    {
        Hash32 key = LogVectors.At(name).Hash("key");
        LogManifest manifest = LogVectors.Manifest(name == "v0Tree" ? "v0single" : "single");
        ManifestVerifier verifier = name == "compatTree"
            ? ManifestVerifier.Compat(LogVectors.Hasher, key)
            : ManifestVerifier.Create(LogVectors.Hasher, key, manifest)!;
        using LogKeyPair keys = LogVectors.Keys(0);
        var tree = new MerkleTree(LogVectors.Hasher);
        foreach (JsonElement state in LogVectors.List(name, "states"))
        {
            while (tree.Length < state.Number("length"))
            {
                Assert.True(tree.TryAppend(LogVectors.Block(tree.Length), []));
            }

            byte[] signature = verifier.Sign(keys.Seed, tree, 0);
            Assert.Equal(state.Number("byteLength"), tree.ByteLength);
            Assert.Equal(LogVectors.Nodes(state.GetProperty("roots")), tree.Roots.ToArray());
            Assert.Equal(state.Hash("treeHash"), tree.Hash());
            Assert.Equal(state.Text("signable"), LogVectors.Hex(verifier.Signable(new byte[112], 0, tree, 0)));
            Assert.Equal(state.Text("signature"), LogVectors.Hex(signature));
            Assert.True(verifier.Verify(tree, 0, signature));
            Assert.False(verifier.Verify(tree, 1, signature));
        }
    }

    [Fact]
    public void The_path_that_may_be_missing_is_as_long_as_the_references()
    {
        foreach (JsonElement item in LogVectors.List("maxMissingNodes"))
        {
            Assert.Equal(
                item.Number("nodes"), FlatTree.PathLengthMax(item.Number("treeIndex"), item.Number("localLength")));
        }
    }

    [Fact]
    public void Bytes_are_found_where_the_reference_finds_them()
    {
        using LogCore log = LogVectors.Log(33);
        foreach (JsonElement item in LogVectors.List("byteOffsets"))
        {
            long[] result = [.. item.GetProperty("result").EnumerateArray().Select(number => number.GetInt64())];
            Assert.True(log.TrySeek(item.Number("bytes"), out long index, out long offset));
            Assert.Equal((result[0], result[1]), (index, offset));
        }

        Assert.True(log.TrySeek(log.ByteLength, out long end, out long rest));
        Assert.Equal((33, 0), (end, rest));
        Assert.False(log.TrySeek(log.ByteLength + 1, out _, out _));
        Assert.False(log.TrySeek(-1, out _, out _));
    }
}
