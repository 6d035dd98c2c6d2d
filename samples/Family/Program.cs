// A family, somebody who leaves it, and a relay that carries what it cannot read: four peers in one process.
//   dotnet run -c Release --project samples/Family
using Weft;
using Weft.Crypto;
using Weft.Node;
using Weft.Server;

await using WeftServer relay = await WeftServer.StartAsync(new ServerOptions
{
    Http = "127.0.0.1:0",
    Token = Guid.NewGuid().ToString(), // Nobody calls the relay's API here.
    Peer = { Store = WeftStoreKind.Memory },
});
await using WeftPeer ada = await JoinAsync();
await using WeftPeer bob = await JoinAsync();
await using WeftPeer eve = await JoinAsync();

// Who wants to be in groups publishes the key that group keys are wrapped for.
await bob.Groups.PublishKeyAsync();
await eve.Groups.PublishKeyAsync();
await UntilAsync(async () => await HasKeyOfAsync(bob) && await HasKeyOfAsync(eve));

Group family = await ada.Groups.CreateAsync("family", [KeyOf(bob), KeyOf(eve)]);
await ada.Graph.Get("trip").ProtectFor(family).PutAsync("hotel", "Ritz");
await UntilAsync(async () => (await ReadAsync(bob)).Seal == SealStatus.Opened
    && (await ReadAsync(eve)).Seal == SealStatus.Opened);
await ShowAsync("after Ada wrote");

await family.RemoveAsync(KeyOf(eve));
await ada.Graph.Get("trip").ProtectFor(family).PutAsync("hotel", "Savoy");
await UntilAsync(async () => (await ReadAsync(bob)).Value.AsText() == "Savoy"
    && (await ReadAsync(eve)).Seal == SealStatus.NotReadable);
await ShowAsync("after Eve left and Ada wrote again");

async Task ShowAsync(string when)
{
    Console.WriteLine(when);
    Console.WriteLine($"  bob:   {(await ReadAsync(bob)).Seal} {(await ReadAsync(bob)).Value}");
    Console.WriteLine($"  eve:   {(await ReadAsync(eve)).Seal} {(await ReadAsync(eve)).Value}");
    Console.WriteLine($"  relay: {(await relay.Peer.Graph.Get("trip").GetAsync("hotel")).Value.ToString()[..60]}...");
}

Task<WeftPeer> JoinAsync() => WeftPeer.StartAsync(new WeftOptions
{
    Store = WeftStoreKind.Memory,
    Peers = { new UriBuilder(relay.Url) { Scheme = "ws", Path = "/gun" }.Uri.AbsoluteUri },
}).AsTask();

static Ed25519PublicKey KeyOf(WeftPeer peer) => peer.Node.Identity.PublicKey;

ValueTask<ProtectedResult> ReadAsync(WeftPeer peer) =>
    peer.Graph.Get("trip").ProtectFor(peer.Groups.Open(KeyOf(ada), "family")).GetAsync("hotel");

async Task<bool> HasKeyOfAsync(WeftPeer peer) =>
    (await ada.Graph.Get(SealingKey.SoulOf(KeyOf(peer))).GetAsync(SealingKey.Field)).Status == ReadStatus.Found;

// A program of your own would rather observe than ask again and again; here four peers share one process.
static async Task UntilAsync(Func<Task<bool>> holds)
{
    using var late = new CancellationTokenSource(TimeSpan.FromSeconds(60));
    while (!await holds())
    {
        await Task.Delay(20, late.Token);
    }
}
