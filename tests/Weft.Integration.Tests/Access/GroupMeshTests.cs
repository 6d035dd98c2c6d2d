using System.Text;
using Weft.Crypto;
using Weft.Graph;
using Weft.Node;
using Weft.Testing;

namespace Weft.Integration.Tests.Access;

/// <summary>
/// A family over real links: its owner, a member, somebody who is removed, and between them a relay on a disk that
/// belongs to none of them.
/// </summary>
public sealed class GroupMeshTests : IAsyncLifetime
{
    private const string Before = "CANARY-before-Ritz";
    private const string After = "CANARY-after-Savoy";
    private const string Public = "CANARY-for-everybody";

    private static readonly TimeSpan ComesMax = TimeSpan.FromSeconds(60);

    private readonly TempFolder _folder = new();
    private GunTestServer _relay = null!;
    private WeftPeer _ada = null!;
    private WeftPeer _bob = null!;
    private WeftPeer _eve = null!;

    public async Task InitializeAsync()
    {
        _relay = await GunTestServer.StartAsync(change: options =>
        {
            options.Store = WeftStoreKind.Engine;
            options.Path = _folder.Path;
        });
        _ada = await JoinAsync();
        _bob = await JoinAsync();
        _eve = await JoinAsync();
    }

    public async Task DisposeAsync()
    {
        await _ada.DisposeAsync();
        await _bob.DisposeAsync();
        await _eve.DisposeAsync();
        await _relay.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task The_relay_holds_ciphertext_alone_and_who_was_removed_reads_nothing_written_afterwards()
    {
        await _bob.Groups.PublishKeyAsync();
        await _eve.Groups.PublishKeyAsync();
        await UntilAsync(async () => await HasKeyOfAsync(_bob) && await HasKeyOfAsync(_eve));
        Group family = await _ada.Groups.CreateAsync("family", [KeyOf(_bob), KeyOf(_eve)]);
        await _ada.Graph.Get("trip").ProtectFor(family).PutAsync("hotel", Before);
        await UntilAsync(async () => (await ReadAsync(_bob, "hotel")).Value.AsText() == Before);
        await UntilAsync(async () => (await ReadAsync(_eve, "hotel")).Value.AsText() == Before);

        Assert.True((await family.RemoveAsync(KeyOf(_eve))).IsAccepted);
        await UntilAsync(async () => (await FamilyOf(_bob).ListAsync())
            .Any(person => person.Key == KeyOf(_eve) && !person.IsMember));
        Assert.True((await _bob.Graph.Get("trip").ProtectFor(FamilyOf(_bob)).PutAsync("hotel", After)).IsAccepted);
        await _bob.Graph.Get("trip").PutAsync("notice", Public);
        await UntilAsync(async () => (await ReadAsync(_ada, "hotel")).Value.AsText() == After);
        await UntilAsync(async () => (await _eve.Graph.Get("trip").GetAsync("notice")).Status == ReadStatus.Found
            && (await _eve.Graph.Get("trip").GetAsync("hotel")).State == (await ReadAsync(_ada, "hotel")).State);

        ProtectedResult closed = await ReadAsync(_eve, "hotel");
        Assert.Equal((ReadStatus.Found, SealStatus.NotReadable), (closed.Status, closed.Seal));
        Assert.True(closed.Value.IsNull);
        Assert.Equal(KeyOf(_bob), new Ed25519PublicKey((await ReadAsync(_ada, "hotel")).Author.Span));
        Assert.Equal(SealStatus.NotReadable, (await ReadAsync(_relay.Peer, "hotel")).Seal);
        await UntilAsync(async () => (await _relay.Graph.Get("trip").GetAsync("notice")).Status == ReadStatus.Found);
        await _relay.DisposeAsync();
        Assert.True(IsInFiles(Public), "the search finds what is there in clear");
        Assert.False(IsInFiles(Before));
        Assert.False(IsInFiles(After));
    }

    private static Ed25519PublicKey KeyOf(WeftPeer peer) => peer.Node.Identity.PublicKey;

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var deadline = new CancellationTokenSource(ComesMax);
        while (!await condition())
        {
            await Task.Delay(10, deadline.Token); // Peers in other hands: their news has no event to wait for here.
        }
    }

    private Group FamilyOf(WeftPeer peer) => peer.Groups.Open(KeyOf(_ada), "family");

    private ValueTask<ProtectedResult> ReadAsync(WeftPeer peer, string field) =>
        peer.Graph.Get("trip").ProtectFor(FamilyOf(peer)).GetAsync(field);

    private async Task<bool> HasKeyOfAsync(WeftPeer peer) =>
        (await _ada.Graph.Get(SealingKey.SoulOf(KeyOf(peer))).GetAsync(SealingKey.Field)).Status == ReadStatus.Found;

    private async Task<WeftPeer> JoinAsync() => await WeftPeer.StartAsync(new WeftOptions
    {
        Store = WeftStoreKind.Memory,
        Peers = { _relay.Url.AbsoluteUri },
    });

    private bool IsInFiles(string text)
    {
        byte[] wanted = Encoding.UTF8.GetBytes(text);
        return Directory.EnumerateFiles(_folder.Path, "*", SearchOption.AllDirectories)
            .Any(file => File.ReadAllBytes(file).AsSpan().IndexOf(wanted) >= 0);
    }
}
