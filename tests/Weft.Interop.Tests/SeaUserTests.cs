using System.Buffers;
using System.Diagnostics;
using System.Text.Json;
using Weft.Crypto;
using Weft.Crypto.Sea;
using Weft.Graph;
using Weft.Node;
using Weft.Testing;

namespace Weft.Interop.Tests;

/// <summary>Users of gun.js and its SEA, unmodified, through a Weft peer; and users shared with C#.</summary>
public sealed class SeaUserTests : IAsyncLifetime
{
    private static readonly TimeSpan ArrivalMax = TimeSpan.FromSeconds(20);

    private readonly ICrypto _crypto = PlatformCrypto.Create();
    private GunTestServer _weft = null!;

    public async Task InitializeAsync() => _weft = await GunTestServer.StartAsync();

    public async Task DisposeAsync() => await _weft.DisposeAsync();

    [GunFact]
    public async Task A_user_signs_up_at_one_client_and_in_at_another()
    {
        await using NodeProcess first = await ClientAsync();
        JsonElement made = await first.RunAsync("return await sea.create('alice', 'correct horse')");
        await StoredAsync($"~{Pub(made)}", "auth");
        await StoredAsync("~@alice", $"~{Pub(made)}");

        await using NodeProcess second = await ClientAsync();
        JsonElement opened = await second.RunAsync("return await sea.auth('alice', 'correct horse')");

        Assert.Equal(made.GetProperty("priv").GetString(), opened.GetProperty("priv").GetString());
        Assert.Equal(Pub(made), Pub(opened));
    }

    [GunFact]
    public async Task What_a_user_puts_is_read_by_others_and_stands_signed_in_the_graph()
    {
        await using NodeProcess alice = await ClientAsync();
        JsonElement pair = await alice.RunAsync("return await sea.create('alice', 'correct horse')");
        await alice.RunAsync("return await put(gun.user().get('profile').get('city'), 'Z\u00FCrich')");

        await using NodeProcess reader = await ClientAsync();
        JsonElement city = await reader.RunAsync(
            $"return await until(gun.user('{Pub(pair)}').get('profile').get('city'), v => v === 'Z\u00FCrich')");
        string stored = await StoredAsync($"~{Pub(pair)}/profile", "city");

        Assert.Equal("Z\u00FCrich", city.GetString());
        Assert.StartsWith("{\":\":\"Z\u00FCrich\",\"~\":\"", stored, StringComparison.Ordinal);
    }

    [GunFact]
    public async Task Two_users_share_a_secret_through_the_graph()
    {
        await using NodeProcess alice = await ClientAsync();
        await using NodeProcess bob = await ClientAsync();
        JsonElement alicePair = await alice.RunAsync("return await sea.create('alice', 'correct horse')");
        JsonElement bobPair = await bob.RunAsync("return await sea.create('bob', 'battery staple')");
        await StoredAsync($"~{Pub(bobPair)}", "epub");
        await alice.RunAsync(
            $$"""
            const epub = await until(gun.user('{{Pub(bobPair)}}').get('epub'), v => v);
            const secret = await SEA.secret(epub, gun.user()._.sea);
            return await put(gun.user().get('for bob'), await SEA.encrypt('meet at noon', secret));
            """);

        JsonElement read = await bob.RunAsync(
            $$"""
            const sealed = await until(gun.user('{{Pub(alicePair)}}').get('for bob'), v => v);
            const epub = await until(gun.user('{{Pub(alicePair)}}').get('epub'), v => v);
            return await SEA.decrypt(sealed, await SEA.secret(epub, gun.user()._.sea));
            """);

        Assert.Equal("meet at noon", read.GetString());
        Assert.DoesNotContain("noon", await StoredAsync($"~{Pub(alicePair)}", "for bob"), StringComparison.Ordinal);
    }

    [GunFact]
    public async Task A_certificate_lets_another_write_where_it_says_until_it_ends_and_nowhere_else()
    {
        await using NodeProcess alice = await ClientAsync();
        await using NodeProcess bob = await ClientAsync();
        string owner = Pub(await alice.RunAsync("return await sea.create('alice', 'correct horse')"));
        string writer = Pub(await bob.RunAsync("return await sea.create('bob', 'battery staple')"));
        await StoredAsync($"~{owner}", "pub");
        string certify = $"return await SEA.certify(['{writer}'], {{'*': 'inbox'}}, gun.user()._.sea, null, ";
        string lasting = Js(await alice.RunAsync(certify + "{expiry: Date.now() + 3600000})"));
        string ended = Js(await alice.RunAsync(certify + "{expiry: Date.now() - 1000})"));

        await bob.RunAsync(
            $$"""
            return await new Promise((done, fail) => gun.user('{{owner}}').get('inbox').get('{{writer}}').put('hello',
                ack => ack.err ? fail(new Error(ack.err)) : done(1), {opt: {cert: {{lasting}} } }));
            """);
        JsonElement read = await alice.RunAsync(
            $"return await until(gun.user().get('inbox').get('{writer}'), v => v === 'hello')");
        Assert.Equal("hello", read.GetString());

        Assert.Null(await PutAsync(bob, $"~{owner}/inbox", "by hand", lasting));
        Assert.NotNull(await PutAsync(bob, $"~{owner}/outbox", "k", lasting));
        Assert.NotNull(await PutAsync(bob, $"~{owner}/inbox", "late", ended));
        Assert.NotNull(await PutAsync(bob, $"~{owner}/inbox", "without", "null"));
        await AbsentAsync($"~{owner}/outbox", "k");
        await AbsentAsync($"~{owner}/inbox", "late");
        await AbsentAsync($"~{owner}/inbox", "without");
    }

    [GunFact]
    public async Task Tampered_replayed_and_foreign_puts_are_refused()
    {
        await using NodeProcess alice = await ClientAsync();
        string pub = Pub(await alice.RunAsync("return await sea.create('alice', 'correct horse')"));
        JsonElement answers = await alice.RunAsync(
            $$"""
            const soul = '~{{pub}}', now = Date.now(), mine = gun.user()._.sea, eve = await SEA.pair();
            const good = await sea.signed(mine, soul, 'a', 'v', now);
            const send = (soul, key, value, state) => raw('{{_weft.Url}}', sea.put(soul, key, value, state));
            return {
              good: await send(soul, 'a', good, now),
              tampered: await send(soul, 'b', (await sea.signed(mine, soul, 'b', 'v', now)).replace('"v"', '"w"'), now),
              'other field': await send(soul, 'c', good, now),
              'other soul': await send(soul + '/deeper', 'a', good, now),
              'newer state': await send(soul, 'a', good, now + 1),
              stranger: await send(soul, 'd', await sea.signed(eve, soul, 'd', 'v', now), now),
              bare: await send(soul, 'e', 'v', now),
              'other account key': await send(soul, 'pub', eve.pub, now),
              alias: await send('~@alice', '~' + eve.pub, {'#': soul}, now),
              deletion: await send(soul, 'a', null, now + 2),
            };
            """);

        foreach (JsonProperty answer in answers.EnumerateObject())
        {
            Assert.True(answer.Value.TryGetProperty("err", out _) == (answer.Name != "good"), $"{answer.Name}: {answer.Value}");
        }

        Assert.StartsWith("{\":\":\"v\"", await StoredAsync($"~{pub}", "a"), StringComparison.Ordinal);
        foreach (string field in (string[])["b", "c", "d", "e"])
        {
            await AbsentAsync($"~{pub}", field);
        }

        await AbsentAsync($"~{pub}/deeper", "a");
    }

    [GunFact]
    public async Task A_user_made_by_gun_js_is_used_from_CSharp()
    {
        await using NodeProcess alice = await ClientAsync();
        string pub = Pub(await alice.RunAsync("return await sea.create('alice', 'correct horse')"));
        string auth = JsonDocument.Parse(await StoredAsync($"~{pub}", "auth")).RootElement.GetProperty(":").GetString()!;
        Assert.True(SeaPublicKey.TryParse(pub, out SeaPublicKey key));
        Assert.Null(SeaAccount.Open(_crypto, auth, "correct horsf"u8, key));
        using SeaPair? pair = SeaAccount.Open(_crypto, auth, "correct horse"u8, key);
        Assert.NotNull(pair);

        foreach (WeftValue value in (WeftValue[])["from C#", "123", "{\"a\":1}", 1.5e300, true])
        {
            WriteResult written = await WriteAsync(pair, new FieldWrite($"~{pub}/notes", "n", value, double.NaN));
            JsonElement seen = await alice.RunAsync(
                "return JSON.stringify(await until(" +
                $"gun.get('~{pub}/notes').get('n'), v => JSON.stringify(v) === {Js(value.ToString())}))");

            Assert.True(written.IsAccepted, written.ToString());
            Assert.Equal(value.ToString(), seen.GetString());
        }
    }

    [GunFact]
    public async Task A_user_made_in_CSharp_signs_in_and_puts_with_gun_js()
    {
        using SeaPair pair = KeyGenerator.NewSeaPair(_crypto);
        byte[] random = new byte[SeaAccount.RandomLength];
        KeyGenerator.Fill(random);
        string soul = $"~{pair.Pub}";
        foreach (FieldWrite write in (FieldWrite[])
        [
            new(soul, "pub", pair.Pub.ToString(), double.NaN),
            new(soul, "alias", "carol", double.NaN),
            new(soul, "epub", pair.Epub.ToString(), double.NaN),
            new(soul, "auth", SeaAccount.Create(_crypto, pair, "correct horse"u8, random), double.NaN),
            new("~@carol", soul, WeftValue.Link(soul), double.NaN),
        ])
        {
            WriteResult written = await WriteAsync(pair, write);
            Assert.True(written.IsAccepted, $"{write.Field}: {written}");
        }

        await using NodeProcess carol = await ClientAsync();
        JsonElement opened = await carol.RunAsync("return await sea.auth('carol', 'correct horse')");
        await carol.RunAsync("return await put(gun.user().get('mood'), 'fine')");
        var json = new ArrayBufferWriter<byte>();
        pair.WriteSecrets(json);

        Assert.Equal(JsonDocument.Parse(json.WrittenMemory).RootElement.GetProperty("epriv").GetString(),
            opened.GetProperty("epriv").GetString());
        Assert.StartsWith("{\":\":\"fine\"", await StoredAsync(soul, "mood"), StringComparison.Ordinal);
    }

    private ValueTask<WriteResult> WriteAsync(SeaPair pair, FieldWrite write) =>
        _weft.Graph.WriteAsync([write], WriteSource.Local.With(pair));

    private Task<NodeProcess> ClientAsync() => NodeProcess.SeaClientAsync(_weft.HttpUrl);

    // What the relay says against a put of the logged in user that shows a certificate; null when it takes it.
    private async Task<string?> PutAsync(NodeProcess client, string soul, string field, string certificate)
    {
        JsonElement answer = await client.RunAsync(
            $$"""
            const mine = gun.user()._.sea, now = Date.now(), shown = {{certificate}};
            const more = shown && {'+': JSON.parse(shown.slice(3)), '*': mine.pub};
            const value = await sea.signed(mine, '{{soul}}', '{{field}}', 'v', now, more);
            return await raw('{{_weft.Url}}', sea.put('{{soul}}', '{{field}}', value, now));
            """);
        return answer.TryGetProperty("err", out JsonElement error) ? error.ToString() : null;
    }

    // gun.js calls back before the relay has everything.
    private async Task<string> StoredAsync(string soul, string field)
    {
        for (long started = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(started) < ArrivalMax;)
        {
            ReadResult read = await _weft.Graph.ReadFieldAsync(soul, field);
            if (read.Status == ReadStatus.Found)
            {
                return read.Value.AsText() ?? read.Value.ToString();
            }

            await Task.Delay(20);
        }

        throw new InvalidOperationException($"{soul} {field} never came.");
    }

    private async Task AbsentAsync(string soul, string field) =>
        Assert.NotEqual(ReadStatus.Found, (await _weft.Graph.ReadFieldAsync(soul, field)).Status);

    private static string Pub(JsonElement pair) => pair.GetProperty("pub").GetString()!;

    private static string Js(JsonElement text) => text.GetRawText();

    private static string Js(string text) => JsonSerializer.Serialize(text);
}
