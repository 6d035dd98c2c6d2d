using System.Text.Json;
using Weft.Testing;

namespace Weft.Interop.Tests;

/// <summary>gun.js clients against running <c>weft up</c> processes, killed and started again.</summary>
public sealed class ProcessTests
{
    [GunFact]
    public async Task What_was_acknowledged_is_there_after_a_kill_and_the_client_goes_on()
    {
        using var folder = new TempFolder();
        WeftProcess weft = await WeftProcess.StartAsync(folder["data"]);
        int port = weft.Url.Port;
        await using (NodeProcess writer = await NodeProcess.ClientAsync(HttpOf(weft)))
        {
            await writer.RunAsync(
                "for (let i = 0; i < 50; i++) { await put(gun.get('kept').get('k' + i), i); } return 1");
        }

        await using NodeProcess client = await NodeProcess.ClientAsync(HttpOf(weft));
        await client.RunAsync("return await put(gun.get('other').get('x'), 1)");
        await weft.KillAsync();
        await client.RunAsync("gun.get('other').on(() => {}); gun.get('other').get('offline').put('yes'); return 1");
        await using WeftProcess again = await WeftProcess.StartAsync(folder["data"], "--http", $"127.0.0.1:{port}");
        await using NodeProcess reader = await NodeProcess.ClientAsync(HttpOf(again));
        JsonElement kept = await reader.RunAsync(
            "return Object.keys(await until(gun.get('kept'), v => v && Object.keys(v).length >= 50)).length");
        JsonElement offline = await reader.RunAsync(
            "return await until(gun.get('other').get('offline'), v => v === 'yes', 20000)");

        Assert.Equal(50, kept.GetInt32());
        Assert.Equal("yes", offline.GetString());
        await weft.DisposeAsync();
    }

    [GunFact]
    public async Task Three_processes_in_a_row_carry_what_clients_write()
    {
        using var folder = new TempFolder();
        await using WeftProcess a = await WeftProcess.StartAsync(folder["a"]);
        await using WeftProcess b = await WeftProcess.StartAsync(folder["b"], "--peer", a.Gun.AbsoluteUri);
        await using WeftProcess c = await WeftProcess.StartAsync(folder["c"], "--peer", b.Gun.AbsoluteUri);
        await using NodeProcess writer = await NodeProcess.ClientAsync(HttpOf(a));
        await using NodeProcess reader = await NodeProcess.ClientAsync(HttpOf(c));

        await writer.RunAsync("return await put(gun.get('row').get('x'), {deep: {value: 'through'}})");
        JsonElement seen = await reader.RunAsync(
            "return await until(gun.get('row').get('x').get('deep').get('value'), v => v === 'through')");

        Assert.Equal("through", seen.GetString());
    }

    private static string HttpOf(WeftProcess weft) => $"http://127.0.0.1:{weft.Url.Port}/gun";
}
