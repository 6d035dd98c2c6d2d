using Weft.Crypto;
using Weft.Graph;
using Weft.Graph.Access;
using Weft.Node;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Tests.Node;

/// <summary>The write path judges, verifies and signs.</summary>
public sealed class AdmissionTests
{
    private static readonly ICrypto Crypto = PlatformCrypto.Create();
    private static readonly WriteSource Peer = new("gun p", 7, WriteDoor.Client);
    private static readonly WriteSource Link = new("gun q", 8, WriteDoor.Link);

    [Fact]
    public async Task A_local_write_is_signed_by_the_node_and_names_its_author()
    {
        await using WeftNode node = await StartAsync();
        await node.Graph.Get("plain").PutAsync("f", "v");

        ReadResult read = await node.Graph.Get("plain").GetAsync("f");

        Assert.Equal(node.Identity.PublicKey, new Ed25519PublicKey(read.Author.Span));
        StoredField stored = (await node.Graph.ReadNodeAsync("plain")).Fields[0];
        var write = new FieldWrite("plain", "f", stored.Value, stored.State, stored.Extras);
        Assert.Equal(WeftError.None, new DeltaVerifier(Crypto, node.NetworkId).Verify(write));
    }

    [Fact]
    public async Task Without_signing_only_owned_souls_are_signed()
    {
        await using WeftNode node = await StartAsync(options => options.SignWrites = false);
        await node.Graph.Get("plain").PutAsync("f", "v");
        WriteResult own = await node.Graph.Get($"${node.Identity.PublicKey}/a").PutAsync("f", "v");

        Assert.True((await node.Graph.Get("plain").GetAsync("f")).Author.IsEmpty);
        Assert.True(own.IsAccepted);
        Assert.False((await node.Graph.Get($"${node.Identity.PublicKey}/a").GetAsync("f")).Author.IsEmpty);
    }

    [Fact]
    public async Task Sequence_numbers_rise_and_the_basis_is_what_the_writer_saw()
    {
        await using WeftNode node = await StartAsync();
        WriteResult first = await node.Graph.Get("s").PutAsync("f", "1");
        StoredField one = (await node.Graph.ReadNodeAsync("s")).Fields[0];
        await node.Graph.Get("s").PutAsync("f", "2");
        StoredField two = (await node.Graph.ReadNodeAsync("s")).Fields[0];

        Assert.True(WriteProof.TryRead(one.Extras!.Signature.Span, out WriteProof before));
        Assert.True(WriteProof.TryRead(two.Extras!.Signature.Span, out WriteProof after));
        Assert.True(after.Sequence > before.Sequence);
        Assert.Equal(0, before.Basis);
        Assert.Equal(first.State, after.Basis);
    }

    [Fact]
    public async Task Another_keys_soul_is_refused_locally_and_from_peers_and_nothing_is_stored()
    {
        using Ed25519KeyPair alice = Pair(1);
        string soul = $"${alice.PublicKey}/profile";
        await using WeftNode node = await StartAsync();

        WriteResult local = await node.Graph.Get(soul).PutAsync("name", "Eve");
        WriteResult peer = await node.Graph.WriteAsync([new FieldWrite(soul, "name", "Eve", 5)], Peer);

        Assert.Equal(WeftError.NotOwner, local.Error);
        Assert.Equal(WeftError.SignatureMissing, peer.Error);
        Assert.Equal(ReadStatus.Unknown, (await node.Graph.Get(soul).GetAsync("name")).Status);
        Assert.Equal(1, node.Metrics.AdmissionRefusals[WeftError.NotOwner]);
    }

    [Fact]
    public async Task An_identity_writes_its_own_souls_through_any_node_and_the_proof_holds_elsewhere()
    {
        using Ed25519KeyPair alice = Pair(1);
        string soul = $"${alice.PublicKey}/profile";
        await using WeftNode node = await StartAsync();
        await using WeftNode other = await StartAsync();

        WriteResult written = await node.Graph.WriteAsync(
            [new FieldWrite(soul, "name", "Alice", double.NaN)], WriteSource.Local.With(alice));
        StoredField stored = (await node.Graph.ReadNodeAsync(soul)).Fields[0];
        var write = new FieldWrite(soul, "name", stored.Value, stored.State, stored.Extras);
        WriteResult there = await other.Graph.WriteAsync([write], Peer);
        WriteResult tampered = await other.Graph.WriteAsync(
            [write with { Value = "Eve", State = write.State + 1 }], Peer);

        Assert.True(written.IsAccepted);
        Assert.Equal((1, WeftError.None), (there.Applied, there.Error));
        Assert.Equal(WeftError.SignatureRefused, tampered.Error);
        Assert.Equal("Alice", (await other.Graph.Get(soul).GetAsync("name")).Value.AsText());
        Assert.Equal(1, other.SignaturesWrong);
    }

    [Fact]
    public async Task A_replay_is_idempotent_and_costs_no_signature_check()
    {
        using Ed25519KeyPair alice = Pair(1);
        FieldWrite old = Signed(alice, $"${alice.PublicKey}/a", "f", "old", 1_000);
        FieldWrite recent = Signed(alice, $"${alice.PublicKey}/a", "f", "recent", 2_000);
        await using WeftNode node = await StartAsync();
        await node.Graph.WriteAsync([recent], Peer);
        long verified = node.SignaturesVerified;

        WriteResult again = await node.Graph.WriteAsync([recent], Peer);
        WriteResult replayed = await node.Graph.WriteAsync([old], Peer);

        Assert.Equal((0, 1), (again.Applied, again.Kept));
        Assert.Equal((0, 1), (replayed.Applied, replayed.Kept));
        Assert.Equal(verified, node.SignaturesVerified);
    }

    [Fact]
    public async Task Of_a_links_delta_only_what_is_refused_is_left_out()
    {
        using Ed25519KeyPair alice = Pair(1);
        using Ed25519KeyPair eve = Pair(2);
        string soul = $"${alice.PublicKey}/a";
        await using WeftNode node = await StartAsync();
        FieldWrite[] delta =
        [
            new("plain", "f", "v", 1_000),
            Signed(eve, soul, "f", "eve", 1_000),
            Signed(alice, soul, "g", "alice", 1_000),
        ];

        WriteResult fromClient = await node.Graph.WriteAsync(delta, Peer);
        WriteResult fromLink = await node.Graph.WriteAsync(delta, Link);

        Assert.Equal((WeftError.NotOwner, 1), (fromClient.Error, fromClient.RefusedWrite));
        Assert.Equal((WeftError.None, 2, WeftError.NotOwner), (fromLink.Error, fromLink.Applied, fromLink.Dropped));
        Assert.Equal(ReadStatus.Unknown, (await node.Graph.Get(soul).GetAsync("f")).Status);
        Assert.Equal("alice", (await node.Graph.Get(soul).GetAsync("g")).Value.AsText());
    }

    [Fact]
    public async Task An_early_write_keeps_its_proof_and_is_judged_again_when_it_is_due()
    {
        using Ed25519KeyPair alice = Pair(1);
        string soul = $"${alice.PublicKey}/a";
        var time = new ManualTime();
        await using WeftNode node = await StartAsync(time: time);
        double due = WallClock.ToState(time.GetUtcNow()) + 5_000;

        WriteResult held = await node.Graph.WriteAsync([Signed(alice, soul, "f", "v", due)], Peer);
        WriteResult forged = await node.Graph.WriteAsync(
            [Signed(alice, soul, "f", "v", due) with { State = due + 1 }], Peer);
        Assert.Equal((WeftError.None, 1, WeftError.SignatureRefused), (held.Error, held.Deferred, forged.Error));
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        await using ChangeSubscription changes = await node.Graph.WatchAsync(new ChangeFilter(soul));
        time.Advance(TimeSpan.FromSeconds(20));
        await foreach (GraphChange change in changes.ReadAllAsync(deadline.Token))
        {
            if (change.Kind is ChangeKind.Change or ChangeKind.Snapshot)
            {
                break;
            }
        }

        ReadResult read = await node.Graph.Get(soul).GetAsync("f");
        Assert.Equal("v", read.Value.AsText());
        Assert.Equal(alice.PublicKey, new Ed25519PublicKey(read.Author.Span));
    }

    [Fact]
    public async Task A_grant_lets_its_holder_write_until_it_expires()
    {
        using Ed25519KeyPair alice = Pair(1);
        using Ed25519KeyPair bob = Pair(2);
        string soul = $"${alice.PublicKey}/shared/a";
        var time = new ManualTime();
        double now = WallClock.ToState(time.GetUtcNow());
        var terms = new GrantTerms
        {
            Network = new byte[32],
            Audience = bob.PublicKey,
            Rights = GrantRights.Write,
            Prefixes = [$"${alice.PublicKey}/shared/"],
            NotBeforeMs = (long)now - 1_000,
            ExpiresMs = (long)now + 10_000,
            Nonce = new byte[16],
        };
        Grant grant = Grant.Issue(Crypto, alice, terms);
        var asBob = WriteSource.Local.With(new WriteIdentity { Key = bob, Grant = grant });
        await using WeftNode node = await StartAsync(time: time);

        WriteResult without = await node.Graph.WriteAsync(
            [new(soul, "f", "v", double.NaN)], WriteSource.Local.With(bob));
        WriteResult with = await node.Graph.WriteAsync([new(soul, "f", "v", double.NaN)], asBob);
        WriteResult beside = await node.Graph.WriteAsync([new($"${alice.PublicKey}/b", "f", "v", double.NaN)], asBob);
        time.Advance(TimeSpan.FromSeconds(11));
        WriteResult late = await node.Graph.WriteAsync([new(soul, "f", "w", double.NaN)], asBob);

        Assert.Equal(WeftError.NotOwner, without.Error);
        Assert.Equal(WeftError.None, with.Error);
        Assert.Equal(WeftError.GrantRefused, beside.Error);
        Assert.Equal(WeftError.GrantExpired, late.Error);
    }

    [Fact]
    public async Task A_rotation_that_arrives_late_takes_back_what_the_old_key_wrote_after_it()
    {
        using Ed25519KeyPair old = Pair(1);
        using Ed25519KeyPair next = Pair(2);
        string soul = $"${old.PublicKey}/a";
        await using WeftNode node = await StartAsync();
        await node.Graph.WriteAsync(
            [Signed(old, soul, "before", "v", 1_000), Signed(old, soul, "after", "v", 3_000)], Link);
        WriteResult early = await node.Graph.WriteAsync([Signed(next, soul, "new", "v", 4_000)], Link);

        WriteResult rotated = await node.Graph.WriteAsync(
            [Signed(old, $"weft:key/{old.PublicKey}", "next", $"{{\"key\":\"{next.PublicKey}\"}}", 2_000)], Link);
        while (node.IsRejudging)
        {
            await Task.Yield();
        }

        Assert.Equal(WeftError.NotOwner, early.Error);
        Assert.Equal(WeftError.None, rotated.Error);
        Assert.Equal("v", (await node.Graph.Get(soul).GetAsync("before")).Value.AsText());
        Assert.NotEqual(ReadStatus.Found, (await node.Graph.Get(soul).GetAsync("after")).Status);
        Assert.Equal("v", (await node.Graph.Get(soul).GetAsync("new")).Value.AsText()); // Refused first, right now.
        Assert.Equal(1, node.Metrics.Dropped);
        WriteResult late = await node.Graph.WriteAsync([Signed(old, soul, "f", "v", 5_000)], Peer);
        Assert.Equal(WeftError.KeyRotated, late.Error);
    }

    private static ValueTask<WeftNode> StartAsync(Action<NodeOptions>? change = null, TimeProvider? time = null)
    {
        var options = new NodeOptions { Durability = Durability.Memory, Crypto = Crypto };
        change?.Invoke(options);
        return WeftNode.StartAsync(options, new MemoryStore(), time);
    }

    private static Ed25519KeyPair Pair(byte number)
    {
        byte[] seed = new byte[32];
        seed[0] = number;
        return new Ed25519KeyPair(Crypto, seed);
    }

    private static FieldWrite Signed(Ed25519KeyPair author, string soul, string field, string value, double state)
    {
        FieldWrite[] delta = [new(soul, field, value, state)];
        var signer = new DeltaSigner(
            Crypto, new byte[32], author.PublicKey, (message, signature) => author.Sign(Crypto, message, signature));
        signer.Sign(delta, [0], (ulong)state);
        return delta[0];
    }
}
