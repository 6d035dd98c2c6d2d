using System.Text.Json;
using Weft.Testing;

namespace Weft.Interop.Tests;

/// <summary>gun.js clients against running <c>weft up</c> processes.</summary>
public sealed class ProcessTests
{
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
