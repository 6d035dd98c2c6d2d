using System.Text.Json;
using Weft.Log;
using Weft.Log.Manifests;
using Weft.Log.Tree;

namespace Weft.Tests.Log;

/// <summary>Manifests and signatures of several signers, as npm's hypercore makes and judges them.</summary>
public sealed class ManifestVectorTests
{
    [Fact]
    public void Every_manifest_is_read_written_and_hashed_as_the_reference_does()
    {
        int seen = 0;
        foreach (JsonElement item in LogVectors.List("manifests"))
        {
            JsonElement json = item.GetProperty("manifest");
            Assert.True(LogManifest.TryDecode(item.Bytes("encoded"), out LogManifest? manifest));
            Assert.Equal(item.Text("encoded"), LogVectors.Hex(manifest!.Encode()));
            Assert.Equal(item.Hash("key"), manifest.Key(LogVectors.Crypto));
            Assert.Equal(item.Hash("discoveryKey"), LogVectors.Hasher.DiscoveryKey(item.Hash("key")));
            Assert.Equal(json.Number("version"), manifest.Version);
            Assert.Equal(json.Number("quorum"), manifest.Quorum);
            Assert.Equal(json.GetProperty("allowPatch").GetBoolean(), manifest.AllowsPatch);
            Assert.Equal(
                json.GetProperty("signers").EnumerateArray().Select(signer => signer.Hash("publicKey")),
                manifest.Signers.Select(signer => signer.PublicKey));
            Assert.Equal(json.Has("prologue", out JsonElement prologue), manifest.Prologue is not null);
            Assert.Equal(
                manifest.Prologue?.Length ?? 0,
                prologue.ValueKind == JsonValueKind.Object ? prologue.Number("length") : 0);
            Assert.Equal(json.Has("linked", out _), manifest.Linked is not null);
            Assert.Equal(json.Has("userData", out _), manifest.UserData is not null);
            seen++;
        }

        Assert.Equal(11, seen);
    }

    [Fact]
    public void A_fresh_log_has_the_references_manifest()
    {
        using LogKeyPair keys = LogVectors.Keys(0);

        LogManifest manifest = LogManifest.OneSigner(LogVectors.Crypto, keys.PublicKey);

        Assert.Equal(LogVectors.Manifest("single").Encode(), manifest.Encode());
    }

    [Fact]
    public void A_cut_manifest_is_refused_at_every_byte()
    {
        foreach (JsonElement item in LogVectors.List("manifests"))
        {
            byte[] bytes = item.Bytes("encoded");
            for (int length = 0; length < bytes.Length; length++)
            {
                Assert.False(LogManifest.TryDecode(bytes.AsSpan(0, length), out _));
            }
        }

        Assert.False(LogManifest.TryDecode([4, 0, 0, 1, 0], out _)); // A version that does not exist.
    }

    [Fact]
    public void Several_signers_are_judged_as_the_reference_judges_them()
    {
        JsonElement vector = LogVectors.At("multisig");
        ManifestVerifier verifier = Verifier("multi", vector.Hash("key"));
        MerkleTree tree = Tree(vector.Number("length"));

        Assert.Equal(vector.Hash("treeHash"), tree.Hash());
        Assert.Equal(vector.Text("signable"), LogVectors.Hex(verifier.Signable(new byte[112], 0, tree, 0)));
        Assert.True(verifier.Verify(tree, 0, vector.Bytes("assembled")));
        foreach (JsonElement rejected in vector.GetProperty("rejected").EnumerateArray())
        {
            Assert.False(verifier.Verify(tree, 0, rejected.Bytes("assembled")), rejected.Text("why"));
        }

        Assert.False(verifier.CanSign(verifier.Manifest.Signers[0].PublicKey));
    }

    [Fact]
    public void A_signer_may_have_signed_a_longer_log_where_the_manifest_allows_it()
    {
        JsonElement vector = LogVectors.At("multisigPatch");
        ManifestVerifier verifier = Verifier("patch", vector.Hash("key"));
        byte[] assembled = vector.Bytes("assembled");

        Assert.True(verifier.Verify(Tree(7), 0, assembled));
        Assert.False(verifier.Verify(Tree(6), 0, assembled));
        for (int at = 0; at < assembled.Length; at++)
        {
            byte[] changed = [.. assembled];
            changed[at] ^= 1;
            Assert.False(verifier.Verify(Tree(7), 0, changed), $"byte {at}");
        }
    }

    [Fact]
    public void A_manifest_of_another_log_makes_no_verifier()
    {
        Hash32 key = LogVectors.At("multisig").Hash("key");

        Assert.Null(ManifestVerifier.Create(LogVectors.Hasher, key, LogVectors.Manifest("single")));
        Assert.NotNull(ManifestVerifier.Create(LogVectors.Hasher, key, LogVectors.Manifest("multi")));
    }

    [Fact]
    public void A_prologue_stands_for_a_signature_at_its_length_alone()
    {
        MerkleTree tree = Tree(5);
        LogManifest manifest = LogVectors.Manifest("static");
        ManifestVerifier verifier = Verifier("static", manifest.Key(LogVectors.Crypto));

        Assert.Equal(5, manifest.Prologue!.Value.Length);
        Assert.False(verifier.Verify(tree, 0, [])); // The vector's prologue has another hash.
        Assert.False(verifier.Verify(Tree(4), 0, []));
        Assert.False(verifier.Verify(Tree(6), 0, []));

        byte[] encoded = manifest.Encode();
        int at = encoded.AsSpan().IndexOf(manifest.Prologue.Value.Hash.Span);
        tree.Hash().Span.CopyTo(encoded.AsSpan(at));
        Assert.True(LogManifest.TryDecode(encoded, out LogManifest? fitting));
        ManifestVerifier own = ManifestVerifier.Create(LogVectors.Hasher, fitting!.Key(LogVectors.Crypto), fitting)!;
        Assert.True(own.Verify(tree, 0, []));
        Assert.False(own.Verify(Tree(4), 0, []));
        Assert.False(own.Verify(Tree(6), 0, []));
    }

    private static ManifestVerifier Verifier(string name, Hash32 key) =>
        ManifestVerifier.Create(LogVectors.Hasher, key, LogVectors.Manifest(name))!;

    private static MerkleTree Tree(long length)
    {
        var tree = new MerkleTree(LogVectors.Hasher);
        for (long i = 0; i < length; i++)
        {
            Assert.True(tree.TryAppend(LogVectors.Block(i), []));
        }

        return tree;
    }
}
