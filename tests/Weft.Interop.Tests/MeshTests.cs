using System.Text.Json;
using Weft.Node;
using Weft.Node.Gun;
using Weft.Testing;

namespace Weft.Interop.Tests;

/// <summary>
/// Weft peers that mesh with each other and with GUN's own relays, seen by gun.js clients at the ends.
/// </summary>
public sealed class MeshTests
{
    [GunFact]
    public async Task Two_relays_carry_puts_both_ways()
    {
        await using GunTestServer a = await GunTestServer.StartAsync();
        await using GunTestServer b = await GunTestServer.StartAsync(
            change: options => options.Peers.Add(a.Url.AbsoluteUri));
        await using NodeProcess left = await NodeProcess.ClientAsync(a.HttpUrl);
        await using NodeProcess right = await NodeProcess.ClientAsync(b.HttpUrl);

        await left.RunAsync("return await put(gun.get('from').get('left'), 1)");
        await right.RunAsync("return await put(gun.get('from').get('right'), 2)");
        JsonElement atLeft = await left.RunAsync("return await until(gun.get('from').get('right'), v => v === 2)");
        JsonElement atRight = await right.RunAsync("return await until(gun.get('from').get('left'), v => v === 1)");

        Assert.Equal(2, atLeft.GetInt32());
        Assert.Equal(1, atRight.GetInt32());
    }

    [GunFact]
    public async Task A_chain_of_three_relays_carries_live_changes_and_old_data()
    {
        await using GunTestServer a = await GunTestServer.StartAsync();
        await using NodeProcess writer = await NodeProcess.ClientAsync(a.HttpUrl);
        await writer.RunAsync("for (let i = 0; i < 50; i++) { await put(gun.get('old' + i).get('x'), i); } return 1");
        await using GunTestServer b = await GunTestServer.StartAsync(
            change: options => options.Peers.Add(a.Url.AbsoluteUri));
        await using GunTestServer c = await GunTestServer.StartAsync(
            change: options => options.Peers.Add(b.Url.AbsoluteUri));
        await using NodeProcess reader = await NodeProcess.ClientAsync(c.HttpUrl);
        Task<JsonElement> live = reader.RunAsync("return await until(gun.get('live').get('x'), v => v === 'now')");

        await writer.RunAsync("return await put(gun.get('live').get('x'), 'now')");
        JsonElement old = await reader.RunAsync("return await until(gun.get('old49').get('x'), v => v === 49)");

        Assert.Equal("now", (await live).GetString());
        Assert.Equal(49, old.GetInt32());
    }

    [GunFact]
    public async Task A_ring_of_three_relays_is_quiet_once_all_have_everything()
    {
        await using GunTestServer a = await GunTestServer.StartAsync();
        await using GunTestServer b = await GunTestServer.StartAsync(
            change: options => options.Peers.Add(a.Url.AbsoluteUri));
        await using GunTestServer c = await GunTestServer.StartAsync(
            change: options => options.Peers.Add(b.Url.AbsoluteUri));
        a.Gun.AddLink(c.Url);
        await using NodeProcess writer = await NodeProcess.ClientAsync(a.HttpUrl);
        await using NodeProcess reader = await NodeProcess.ClientAsync(c.HttpUrl);

        await writer.RunAsync("for (let i = 0; i < 100; i++) { await put(gun.get('ring').get('k' + i), i); } return 1");
        await reader.RunAsync("return await until(gun.get('ring'), v => v && Object.keys(v).length === 100)");
        await QuietAsync(a, b, c);

        // Each of the 100 changes crosses each of the six directed links at most once, and few of them more than once.
        long sent = new[] { a, b, c }.Sum(
            relay => relay.Gun.ListPeers().Where(peer => peer.StoreId is not null).Sum(peer => peer.MessagesOut));
        Assert.InRange(sent, 0, 2_000);
    }

    [GunFact]
    public async Task Weft_between_two_GUN_relays_carries_puts_both_ways()
    {
        await using NodeProcess gunA = await NodeProcess.RelayAsync([]);
        await using NodeProcess gunB = await NodeProcess.RelayAsync([]);
        await using GunTestServer weft = await GunTestServer.StartAsync();
        weft.Gun.AddLink(gunA.Link);
        weft.Gun.AddLink(gunB.Link);
        await LinkedAsync(weft, 2);
        await using NodeProcess left = await NodeProcess.ClientAsync(gunA.Url);
        await using NodeProcess right = await NodeProcess.ClientAsync(gunB.Url);

        Task<JsonElement> atRight = right.RunAsync("return await until(gun.get('across').get('left'), v => v === 1)");
        Task<JsonElement> atLeft = left.RunAsync("return await until(gun.get('across').get('right'), v => v === 2)");
        await left.RunAsync("gun.get('across').get('left').put(1); return 1");
        await right.RunAsync("gun.get('across').get('right').put(2); return 1");

        Assert.Equal(1, (await atRight).GetInt32());
        Assert.Equal(2, (await atLeft).GetInt32());
        Assert.Equal(ReadStatus.Found, (await weft.Graph.ReadFieldAsync("across", "left")).Status);
    }

    [GunFact]
    public async Task Weft_between_two_GUN_relays_as_they_come_carries_puts_both_ways()
    {
        using var folderA = new TempFolder();
        using var folderB = new TempFolder();
        await using NodeProcess gunA = await NodeProcess.RelayAsync([], folderA.Path, axe: true);
        await using NodeProcess gunB = await NodeProcess.RelayAsync([], folderB.Path, axe: true);
        await using GunTestServer weft = await GunTestServer.StartAsync();
        weft.Gun.AddLink(gunA.Link);
        weft.Gun.AddLink(gunB.Link);
        await LinkedAsync(weft, 2);
        await using NodeProcess left = await NodeProcess.ClientAsync(gunA.Url);
        await using NodeProcess right = await NodeProcess.ClientAsync(gunB.Url);

        // With disk and its own routing a GUN relay tells Weft of a soul only after Weft has asked for it.
        Task<JsonElement> atRight = right.RunAsync("return await until(gun.get('axe').get('left'), v => v === 1)");
        Task<JsonElement> atLeft = left.RunAsync("return await until(gun.get('axe').get('right'), v => v === 2)");
        await left.RunAsync("gun.get('axe').get('left').put(1); return 1");
        await right.RunAsync("gun.get('axe').get('right').put(2); return 1");

        Assert.Equal(1, (await atRight).GetInt32());
        Assert.Equal(2, (await atLeft).GetInt32());
    }

    [GunFact]
    public async Task GUN_relays_that_dial_Weft_exchange_puts_through_it()
    {
        await using GunTestServer weft = await GunTestServer.StartAsync();
        await using NodeProcess gunA = await NodeProcess.RelayAsync([weft.HttpUrl]);
        await using NodeProcess gunB = await NodeProcess.RelayAsync([weft.HttpUrl]);
        await using NodeProcess left = await NodeProcess.ClientAsync(gunA.Url);
        await using NodeProcess right = await NodeProcess.ClientAsync(gunB.Url);

        Task<JsonElement> atRight = right.RunAsync("return await until(gun.get('dialled').get('left'), v => v === 1)");
        await left.RunAsync("return await put(gun.get('dialled').get('left'), 1)");

        Assert.Equal(1, (await atRight).GetInt32());
    }

    [GunFact]
    public async Task Data_that_only_another_client_holds_is_found_through_Weft()
    {
        await using GunTestServer weft = await GunTestServer.StartAsync();
        await using NodeProcess holder = await NodeProcess.ClientAsync(weft.HttpUrl);
        await holder.RunAsync("return await put(gun.get('connected').get('x'), 1)");

        // Written before the relay was known, so the relay never saw it.
        await holder.RunAsync(
            "gun._.graph.hidden = {_: {'#': 'hidden', '>': {x: 1000}}, x: 'only here'}; return 1");
        await using NodeProcess asker = await NodeProcess.ClientAsync(weft.HttpUrl);

        JsonElement found = await asker.RunAsync(
            "return await until(gun.get('hidden').get('x'), v => v === 'only here', 5000)");

        Assert.Equal("only here", found.GetString());
    }

    private static async Task LinkedAsync(GunTestServer weft, int links)
    {
        for (int i = 0; i < 600; i++)
        {
            if (weft.Gun.ListPeers().Count(
                peer => peer is { IsLink: true, State: GunPeerState.Connected, Pid: not null }) == links)
            {
                return;
            }

            await Task.Delay(50); // Other processes answer when they do; there is no event to wait for.
        }

        Assert.Fail("the links never came up");
    }

    private static async Task QuietAsync(params GunTestServer[] relays)
    {
        long Count() => relays.Sum(relay => relay.Gun.ListPeers().Sum(peer => peer.MessagesOut + peer.MessagesIn));
        long before = -1;
        for (int i = 0; i < 100; i++)
        {
            long now = Count();
            if (now == before)
            {
                return;
            }

            before = now;
            await Task.Delay(200);
        }

        Assert.Fail($"the relays still talk after 20 s: {before} messages");
    }
}
