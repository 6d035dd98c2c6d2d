using System.Text.Json;
using Weft.Crypto;
using Weft.Log;
using Weft.Log.Wire;

namespace Weft.Tests.Log;

/// <summary>Proofs, forks, tamperings and block encryption, as npm's hypercore makes and judges them.</summary>
public sealed class ProofVectorTests
{
    [Fact]
    public void Every_request_is_answered_byte_for_byte_as_the_reference_does()
    {
        using LogCore log = LogVectors.Log(33);
        int seen = 0;
        foreach (JsonElement item in LogVectors.List("proofs", "list"))
        {
            LogProof? proof = log.Prove(LogVectors.Request(item.GetProperty("request"), 1));
            Assert.True(proof is not null, item.Text("name"));
            Assert.True(item.Text("wireData") == LogVectors.Hex(LogVectors.Encode(proof)), item.Text("name"));
            LogProof? read = LogCodec.ReadProof(item.Bytes("wireData"));
            Assert.Equal(item.Text("wireData"), LogVectors.Hex(LogVectors.Encode(read!)));
            seen++;
        }

        Assert.Equal(32, seen);
    }

    [Fact]
    public void Every_proof_is_accepted_by_a_reader_who_lacks_it()
    {
        using LogCore log = LogVectors.Log(33);
        foreach (JsonElement item in LogVectors.List("proofs", "list"))
        {
            LogProof proof = LogCodec.ReadProof(item.Bytes("wireData"))!;
            using LogCore reader = LogCore.OpenManifest(
                LogVectors.Crypto, new MemoryLogStore(), LogVectors.Manifest("single"));
            long start = proof.Upgrade?.Start ?? 33;
            if (start > 0)
            {
                // Not what every reader has, but enough for each of these: the whole tree up to the start.
                using LogCore shorter = LogVectors.Log((int)start);
                for (long i = 0; i < start; i++)
                {
                    LogProof block = shorter.Prove(new LogRequest
                    {
                        Block = new NodeRequest(i, i == 0 ? 0 : reader.MissingNodes(2 * i)),
                        Upgrade = i == 0 ? new UpgradeRequest(0, start) : null,
                    })!;
                    Assert.Equal(LogVerdict.Accepted, reader.Accept(block));
                }
            }

            Assert.True(LogVerdict.Accepted == reader.Accept(proof), item.Text("name"));
            Assert.Equal(33, reader.Length);
            Assert.Equal(proof.Block is not null, proof.Block is BlockProof got && reader.TryGet(got.Index, out _));
        }
    }

    [Fact]
    public void Tamperings_are_refused_as_the_reference_refuses_them()
    {
        int refused = 0;
        foreach (JsonElement item in LogVectors.List("negative"))
        {
            LogProof proof = LogCodec.ReadProof(item.Bytes("wireData"))!;
            using LogCore reader = LogCore.OpenKey(
                LogVectors.Crypto, new MemoryLogStore(), LogVectors.At("tree33").Hash("key"));

            LogVerdict verdict = reader.Accept(proof);

            bool isAccepted = item.GetProperty("accepted").GetBoolean();
            Assert.True(isAccepted == (verdict == LogVerdict.Accepted), $"{item.Text("name")}: {verdict}");
            Assert.Equal(isAccepted ? item.Number("length") : 0, reader.Length);
            refused += isAccepted ? 0 : 1;
        }

        Assert.Equal(9, refused);
    }

    [Fact]
    public void Truncation_gives_the_references_forks()
    {
        using LogCore log = LogVectors.Log(9);
        JsonElement[] steps = [.. LogVectors.List("forks")];
        Check(steps[0], log);
        Assert.Equal(LogVerdict.Accepted, log.Truncate(5));
        Check(steps[1], log);
        Assert.Equal(LogVerdict.Accepted, log.Append("other-5"u8.ToArray()));
        Check(steps[2], log);

        log.OnDurable(log.LastCommit);
        LogProof? proof = log.Prove(LogVectors.Request(steps[3].GetProperty("request"), 1) with { Fork = 1 });
        Assert.Equal(steps[3].Text("wireData"), LogVectors.Hex(LogVectors.Encode(proof!)));

        static void Check(JsonElement step, LogCore log)
        {
            Assert.Equal(step.Number("length"), log.Length);
            Assert.Equal(step.Number("fork"), log.Fork);
            Assert.Equal(step.Hash("treeHash"), LogVectors.Hasher.Tree(log.Head.Roots.Span));
            Assert.Equal(step.Text("signature"), LogVectors.Hex(log.Head.Signature.Span));
        }
    }

    [Fact]
    public void Blocks_are_encrypted_as_the_reference_does()
    {
        JsonElement vector = LogVectors.At("encryption");
        byte[] secret = vector.Bytes("encryptionKey");
        using BlockCipher cipher = BlockCipher.Create(
            LogVectors.Hasher, vector.Hash("coreKey"), secret, isCompat: false);
        Assert.Equal(vector.Text("blockKey"), LogVectors.Hex(cipher.BlockKey));
        Assert.Equal(vector.Text("blindingKey"), LogVectors.Hex(cipher.BlindingKey));
        foreach (JsonElement block in vector.GetProperty("blocks").EnumerateArray())
        {
            byte[] made = cipher.Encrypt(block.Number("index"), block.Number("fork"), block.Bytes("plain"));
            Assert.Equal(block.Text("cipher"), LogVectors.Hex(made));
            Assert.Equal(block.Bytes("plain"), cipher.Decrypt(block.Number("index"), made));
        }

        Assert.Null(cipher.Decrypt(0, new byte[7]));
        JsonElement given = vector.GetProperty("blockMode");
        using BlockCipher direct = BlockCipher.FromBlockKey(LogVectors.Hasher, given.Bytes("blockKey"));
        Assert.Equal(given.Text("blindingKey"), LogVectors.Hex(direct.BlindingKey));
        JsonElement old = vector.GetProperty("compatMode");
        using BlockCipher compat = BlockCipher.Create(LogVectors.Hasher, old.Hash("coreKey"), secret, isCompat: true);
        Assert.Equal(old.Text("blockKey"), LogVectors.Hex(compat.BlockKey));
        Assert.Equal(old.Text("blindingKey"), LogVectors.Hex(compat.BlindingKey));
    }

    [Fact]
    public void The_stream_cipher_gives_the_references_key_stream()
    {
        JsonElement vector = LogVectors.At("encryption", "xsalsa20");
        byte[] stream = new byte[100];

        XSalsa20.Apply(vector.Bytes("key"), vector.Bytes("nonce"), stream, stream);

        Assert.Equal(vector.Text("keystream100"), LogVectors.Hex(stream));
    }

    [Fact]
    public void An_encrypted_log_reads_back_and_counts_content_alone()
    {
        JsonElement vector = LogVectors.At("encryption");
        var store = new MemoryLogStore();
        using LogKeyPair keys = LogVectors.Keys(0);
        using LogCore log = LogCore.OpenOwn(LogVectors.Crypto, store, keys);
        log.UseEncryption(vector.Bytes("encryptionKey"));

        Assert.Equal(LogVerdict.Accepted, log.Append("block-0"u8.ToArray(), "x"u8.ToArray()));
        Assert.Equal(LogVerdict.Accepted, log.Truncate(1));
        Assert.Equal(LogVerdict.Accepted, log.Append("after-fork"u8.ToArray()));

        Assert.Equal(vector.Number("byteLengthReported"), log.ByteLength);
        Assert.Equal(vector.Number("treeByteLength"), log.Head.ByteLength);
        Assert.True(log.TryGet(1, out ReadOnlyMemory<byte> block));
        Assert.Equal("after-fork"u8, block.Span);
        Assert.True(store.TryReadBlock(1, out ReadOnlyMemory<byte> stored));
        Assert.Equal(vector.GetProperty("blocks")[3].Text("cipher"), LogVectors.Hex(stored.Span));
        Assert.True(log.TrySeek(7, out long index, out long offset));
        Assert.Equal((1, 0), (index, offset));
    }
}
