using Weft.Crypto;
using Weft.Crypto.Keys;
using Weft.Graph;
using Weft.Node;
using Weft.Primitives;
using Weft.Server;
using Weft.Testing;

namespace Weft.Integration.Tests.Access;

/// <summary>
/// The owner of a group rotates the key of his node, as <c>weft id rotate</c> does. Bob's peer, linked to his, follows.
/// </summary>
public sealed class GroupAfterRotationTests : IAsyncLifetime
{
    private static readonly ICrypto Crypto = PlatformCrypto.Create();

    private readonly TempFolder _folder = new();
    private readonly Ed25519KeyPair _bobKey = KeyGenerator.NewEd25519(Crypto);
    private WeftServer _bob = null!;

    public async Task InitializeAsync()
    {
        var options = new ServerOptions { Http = "127.0.0.1:0", Token = "test-token-0123456789abcdef" };
        options.Peer.Store = WeftStoreKind.Memory;
        options.Peer.Node.Identity = _bobKey;
        _bob = await WeftServer.StartAsync(options);
        await _bob.Peer.Groups.PublishKeyAsync();
    }

    public async Task DisposeAsync()
    {
        await _bob.DisposeAsync();
        _bobKey.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task The_new_key_reads_and_changes_the_group_and_the_old_one_neither()
    {
        Ed25519PublicKey old;
        Ed25519PublicKey next;
        await using (WeftPeer owner = await StartAsync())
        {
            old = owner.Identity.PublicKey;
            await UntilAsync(async () => (await owner.Graph.ReadFieldAsync(
                SealingKeySoul(_bobKey.PublicKey), "x25519")).Status == ReadStatus.Found);
            Group made = await owner.Groups.CreateAsync("family", [_bobKey.PublicKey]);
            Assert.True((await owner.Graph.Get("trip").ProtectFor(made).PutAsync("before", "one")).IsAccepted);
            await UntilAsync(() => ReadsAsync(old, "before", "one"));
            next = await owner.RotateIdentityAsync();
            await UntilAsync(() => Task.FromResult(_bob.Peer.Node.Policies.IsRetired(old, double.MaxValue)));
        }

        await using WeftPeer again = await StartAsync();
        Group group = (await again.Groups.FindKeptAsync("family"))!;
        Assert.Equal((old, next), (group.Owner, group.Keeper!.Value));
        IReadOnlyList<GroupPerson> people = await group.ListAsync();
        Assert.False(people.Single(person => person.Key == old).IsMember);
        Assert.True(people.Single(person => person.Key == next) is { IsMember: true, HasKey: true });
        ProtectedResult before = await again.Graph.Get("trip").ProtectFor(group).GetAsync("before");
        Assert.Equal((SealStatus.Opened, "one"), (before.Seal, before.Value.AsText()));

        Assert.True((await again.Graph.Get("trip").ProtectFor(group).PutAsync("after", "two")).IsAccepted);
        await UntilAsync(() => ReadsAsync(old, "after", "two"));
        Assert.Equal(next, _bob.Peer.Groups.Open(old, "family").Keeper);
        using Ed25519KeyPair zoe = KeyGenerator.NewEd25519(Crypto);
        Assert.True((await group.AddAsync(zoe.PublicKey)).IsAccepted);
        await UntilAsync(async () => (await _bob.Peer.Groups.Open(old, "family").ListAsync())
            .Any(person => person.Key == zoe.PublicKey && person.IsMember));
        await OldKeyIsOutAsync(old);
    }

    /// <summary>Somebody has the old key, and all that Bob's peer has.</summary>
    private async Task OldKeyIsOutAsync(Ed25519PublicKey old)
    {
        using KeyFile file = new IdentityFolder(_folder["data"], Crypto).ReadFile(
            Assert.Single(Directory.GetFiles(_folder["data"], "identity-*.old")), []);
        Ed25519KeyPair stolen = file.FindEd25519("node")!;
        var options = new WeftOptions { Store = WeftStoreKind.Memory, Peers = [Address] };
        options.Node.Identity = stolen;
        await using WeftPeer thief = await WeftPeer.StartAsync(options);
        await UntilAsync(async () => (await thief.Graph.ReadFieldAsync(
            "trip", "after", ReadPolicy.LocalFirst(TimeSpan.FromSeconds(5)))).Status == ReadStatus.Found);
        Group group = thief.Groups.Open(old, "family");
        Assert.Equal(SealStatus.NotReadable, (await thief.Graph.Get("trip").ProtectFor(group).GetAsync("after")).Seal);
        WriteResult refused = await _bob.Peer.Graph.WriteAsync(
            [new FieldWrite(group.Soul, "e0000000099-AAAAAAAAAAAAAAAAAAAAAA", "wge1.AAAA", double.NaN)],
            WriteSource.Local.With(stolen));
        Assert.Equal(WeftError.KeyRotated, refused.Error);
    }

    private static string SealingKeySoul(Ed25519PublicKey key) => $"weft:key/{key}";

    private string Address => $"ws://127.0.0.1:{_bob.Url.Port}/gun";

    private async Task<bool> ReadsAsync(Ed25519PublicKey owner, string field, string text)
    {
        ProtectedResult read = await _bob.Peer.Graph.Get("trip").ProtectFor(_bob.Peer.Groups.Open(owner, "family"))
            .GetAsync(field);
        return read.Seal == SealStatus.Opened && read.Value.AsText() == text;
    }

    private async Task<WeftPeer> StartAsync() =>
        await WeftPeer.StartAsync(new() { Path = _folder["data"], Name = "owner", Peers = [Address] });

    private static async Task UntilAsync(Func<Task<bool>> holds)
    {
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!await holds())
        {
            await Task.Delay(20, late.Token);
        }
    }
}
