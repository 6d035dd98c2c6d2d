using System.Text.Json;
using Weft.Testing;

namespace Weft.Interop.Tests;

/// <summary>Unmodified gun.js clients against a Weft peer.</summary>
public sealed class GunClientTests : IAsyncLifetime
{
    private GunTestServer _weft = null!;

    public async Task InitializeAsync() => _weft = await GunTestServer.StartAsync();

    public async Task DisposeAsync() => await _weft.DisposeAsync();

    [GunFact]
    public async Task A_put_is_acknowledged_and_read_by_another_client()
    {
        await using NodeProcess writer = await ClientAsync();
        await writer.RunAsync("return await put(gun.get('mark').get('name'), 'Mark')");

        await using NodeProcess reader = await ClientAsync();
        JsonElement name = await reader.RunAsync("return await once(gun.get('mark').get('name'))");

        Assert.Equal("Mark", name.GetString());
        Assert.Equal("Mark", (await _weft.Graph.ReadFieldAsync("mark", "name")).Value.AsText());
    }

    [GunFact]
    public async Task Nested_puts_become_linked_nodes()
    {
        await using NodeProcess writer = await ClientAsync();
        await writer.RunAsync(
            "return await put(gun.get('bob'), {name: 'Bob', age: 3.5, boss: {name: 'Fluffy', " +
            "slave: {name: 'Bit', ok: true}}})");

        await using NodeProcess reader = await ClientAsync();
        JsonElement slave = await reader.RunAsync(
            "return await until(gun.get('bob').get('boss').get('slave'), v => v && v.name && v.ok)");

        Assert.Equal("Bit", slave.GetProperty("name").GetString());
        Assert.True(slave.GetProperty("ok").GetBoolean());
        Assert.Equal("bob/boss", (await _weft.Graph.ReadFieldAsync("bob", "boss")).Value.AsLink());
    }

    [GunFact]
    public async Task Sets_and_maps_hold_every_item()
    {
        await using NodeProcess writer = await ClientAsync();
        await writer.RunAsync(
            "for (let i = 0; i < 20; i++) { await put(gun.get('room').set({n: i}), {n: i}); } return 1");

        await using NodeProcess reader = await ClientAsync();
        JsonElement sum = await reader.RunAsync(
            "const seen = {}; return await new Promise((done, fail) => {" +
            " setTimeout(() => fail(new Error(JSON.stringify(seen))), 10000);" +
            " gun.get('room').map().on((v, k) => { if (v && v.n !== undefined) { seen[k] = v.n; }" +
            "  if (Object.keys(seen).length === 20) { done(Object.values(seen).reduce((a, b) => a + b)); } }); })");

        Assert.Equal(190, sum.GetInt32());
    }

    [GunFact]
    public async Task A_deleted_field_stays_deleted()
    {
        await using NodeProcess writer = await ClientAsync();
        await writer.RunAsync(
            "await put(gun.get('t').get('x'), 1); await sleep(5); return await put(gun.get('t').get('x'), null)");

        await using NodeProcess reader = await ClientAsync();
        JsonElement value = await reader.RunAsync(
            "const v = await once(gun.get('t').get('x')); return v === null ? 'null' : String(v)");

        Assert.Equal("null", value.GetString());
    }

    [GunFact]
    public async Task Missing_data_is_said_to_be_missing_at_once()
    {
        await using NodeProcess reader = await ClientAsync();

        JsonElement answer = await reader.RunAsync(
            $"return await raw('{_weft.Url}', {{'#': 'ask1', get: {{'#': 'nobody', '.': 'x'}}}})");

        Assert.False(answer.TryGetProperty("put", out _));
        Assert.False(answer.TryGetProperty("err", out _));
    }

    [GunFact]
    public async Task Odd_keys_and_texts_come_back_as_they_were()
    {
        await using NodeProcess writer = await ClientAsync();
        await writer.RunAsync(
            """
            vars.odd = {'10': 'ten', 'a b': 'blank',
                'ключ': 'Ключ', '😀': '👩‍👩‍👧', 'q"\\': '\u0000\u001f"\\/\u2028', sort: 'x', valueOf2: 'c'};
            for (const key of Object.keys(vars.odd)) { await put(gun.get('odd soul/ü').get(key), vars.odd[key]); }
            return 1
            """);

        await using NodeProcess reader = await ClientAsync();
        JsonElement odd = await reader.RunAsync(
            "return await until(gun.get('odd soul/ü'), v => v && Object.keys(v).length >= 7)");

        Assert.Equal("ten", odd.GetProperty("10").GetString());
        Assert.Equal("Ключ", odd.GetProperty("ключ").GetString());
        Assert.Equal("👩‍👩‍👧", odd.GetProperty("😀").GetString());
        Assert.Equal("\u0000\u001f\"\\/\u2028", odd.GetProperty("q\"\\").GetString());
        Assert.Equal("c", odd.GetProperty("valueOf2").GetString());
    }

    [GunFact]
    public async Task Names_that_every_object_has_are_ordinary_keys()
    {
        await using NodeProcess client = await ClientAsync();

        // gun.js itself trips over such names, so the messages are written by hand.
        const string text = """
            {"#":"p1","put":{"__proto__":{"_":{"#":"__proto__",">":{"constructor":1,"__proto__":1}},
            "constructor":1,"__proto__":2}}}
            """;
        JsonElement ack = await client.RunAsync(
            $"const m = new String({JsonSerializer.Serialize(text)}); m['#'] = 'p1'; " +
            $"return await raw('{_weft.Url}', m)");

        Assert.True(ack.GetProperty("ok").GetBoolean());
        Assert.Equal(2, (await _weft.Graph.ReadFieldAsync("__proto__", "__proto__")).Value.AsNumber());
        Assert.Equal(1, (await _weft.Graph.ReadFieldAsync("__proto__", "constructor")).Value.AsNumber());
    }

    [GunFact]
    public async Task A_value_of_one_megabyte_arrives_whole()
    {
        await using NodeProcess writer = await ClientAsync();
        await writer.RunAsync("return await put(gun.get('big').get('text'), 'x'.repeat(1e6))");

        await using NodeProcess reader = await ClientAsync();
        JsonElement length = await reader.RunAsync(
            "return (await until(gun.get('big').get('text'), v => typeof v === 'string')).length");

        Assert.Equal(1_000_000, length.GetInt32());
    }

    [GunFact]
    public async Task A_node_of_many_fields_arrives_in_parts()
    {
        await using NodeProcess writer = await ClientAsync();
        await writer.RunAsync("const all = {}; for (let i = 0; i < 500; i++) { all['k' + i] = 'value ' + i; " +
            "} return await put(gun.get('wide'), all)");

        await using NodeProcess reader = await ClientAsync();
        JsonElement count = await reader.RunAsync(
            "return Object.keys(await until(gun.get('wide'), v => v && Object.keys(v).length === 500)).length");

        Assert.Equal(500, count.GetInt32());
    }

    [GunFact]
    public async Task A_reader_hears_of_later_changes()
    {
        await using NodeProcess reader = await ClientAsync();
        await using NodeProcess writer = await ClientAsync();
        await writer.RunAsync("return await put(gun.get('live').get('x'), 1)");
        Task<JsonElement> seen = reader.RunAsync("return await until(gun.get('live').get('x'), v => v === 2)");

        await writer.RunAsync("return await put(gun.get('live').get('x'), 2)");

        Assert.Equal(2, (await seen).GetInt32());
    }

    [GunFact]
    public async Task Who_only_wrote_hears_of_later_changes_too()
    {
        await using NodeProcess first = await ClientAsync();
        await first.RunAsync("return await put(gun.get('shared').get('x'), 'first')");
        Task<JsonElement> seen = first.RunAsync("return await until(gun.get('shared').get('x'), v => v === 'second')");

        await using NodeProcess second = await ClientAsync();
        await second.RunAsync("return await put(gun.get('shared').get('x'), 'second')");

        Assert.Equal("second", (await seen).GetString());
    }

    [GunFact]
    public async Task A_late_joiner_gets_what_was_written_before()
    {
        await using (NodeProcess writer = await ClientAsync())
        {
            await writer.RunAsync("return await put(gun.get('early').get('x'), 'here')");
        }

        await using NodeProcess late = await ClientAsync();

        Assert.Equal("here", (await late.RunAsync("return await once(gun.get('early').get('x'))")).GetString());
    }

    [GunFact]
    public async Task Two_writers_of_one_field_end_with_the_same_value()
    {
        await using NodeProcess first = await ClientAsync();
        await using NodeProcess second = await ClientAsync();
        Task<JsonElement> one = first.RunAsync(
            "for (let i = 0; i < 30; i++) { await put(gun.get('fight').get('x'), 'a' + i); } return 1");
        Task<JsonElement> two = second.RunAsync(
            "for (let i = 0; i < 30; i++) { await put(gun.get('fight').get('x'), 'b' + i); } return 1");
        await Task.WhenAll(one, two);

        string value = (await _weft.Graph.ReadFieldAsync("fight", "x")).Value.AsText()!;
        JsonElement a = await first.RunAsync($"return await until(gun.get('fight').get('x'), v => v === '{value}')");
        JsonElement b = await second.RunAsync($"return await until(gun.get('fight').get('x'), v => v === '{value}')");

        Assert.Equal(a.GetString(), b.GetString());
    }

    [GunFact]
    public async Task A_tie_goes_to_the_larger_text_on_both_sides()
    {
        await using NodeProcess client = await ClientAsync();
        string put = "return await raw('" + _weft.Url + "', {'#': 'ID', put: {tie: {_: {'#': 'tie', " +
            "'>': {x: 1000}}, x: VALUE}}})";
        await client.RunAsync(put.Replace("ID", "t1").Replace("VALUE", "'x'"));
        await client.RunAsync(put.Replace("ID", "t2").Replace("VALUE", "5"));
        await client.RunAsync(put.Replace("ID", "t3").Replace("VALUE", "'\\uD83D\\uDE00'"));

        JsonElement value = await client.RunAsync("return await once(gun.get('tie').get('x'))");

        Assert.Equal(5, value.GetInt32());
        Assert.Equal("5", (await _weft.Graph.ReadFieldAsync("tie", "x")).Value.ToString());
    }

    [GunFact]
    public async Task Lexical_ranges_select_fields()
    {
        await using NodeProcess writer = await ClientAsync();
        await writer.RunAsync(
            "for (const k of ['a1', 'a2', 'b1', 'b2', 'c']) { await put(gun.get('lex').get(k), k); } return 1");

        await using NodeProcess reader = await ClientAsync();
        string collect = "const seen = []; gun.get('lex').get(LEX).map().on((v, " +
            "k) => { if (!seen.includes(k)) { seen.push(k); } });" +
            " await sleep(1500); return seen.sort().join()";
        JsonElement prefix = await reader.RunAsync(collect.Replace("LEX", "{'.': {'*': 'a'}, '%': 50000}"));
        await using NodeProcess other = await ClientAsync();
        JsonElement range = await other.RunAsync(collect.Replace("LEX", "{'.': {'>': 'a2', '<': 'b1'}, '%': 50000}"));

        Assert.Equal("a1,a2", prefix.GetString());
        Assert.Equal("a2,b1", range.GetString());
    }

    [GunFact]
    public async Task What_was_written_offline_arrives_after_the_reconnect()
    {
        await using NodeProcess writer = await ClientAsync();
        await writer.RunAsync("await until(gun.get('offline'), () => true, 500).catch(() => 0); " +
            "return await put(gun.get('offline').get('x'), 'before')");
        await writer.RunAsync("gun.get('offline').on(() => {}); await sleep(100); cut(); " +
            "gun.get('offline').get('x').put('during'); return 1");

        await using NodeProcess reader = await ClientAsync();
        JsonElement seen = await reader.RunAsync(
            "return await until(gun.get('offline').get('x'), v => v === 'during')");

        Assert.Equal("during", seen.GetString());
    }

    [GunFact]
    public async Task A_broken_put_gets_an_error_and_harms_nobody()
    {
        await using NodeProcess client = await ClientAsync();

        JsonElement list = await client.RunAsync(
            $"return await raw('{_weft.Url}', {{'#': 'bad1', put: {{s: {{_: {{'#': 's', '>': {{x: 1, y: 1}}}}, " +
            $"y: 1, x: [1]}}}}}})");
        await client.RunAsync("return await put(gun.get('after').get('x'), 1)");

        Assert.StartsWith("W2004", list.GetProperty("err").GetString(), StringComparison.Ordinal);
        Assert.Equal(Weft.Node.ReadStatus.Unknown, (await _weft.Graph.ReadFieldAsync("s", "y")).Status);
    }

    private Task<NodeProcess> ClientAsync() => NodeProcess.ClientAsync(_weft.HttpUrl);
}
