using System.Net;
using System.Text.Json;
using Weft.Crypto;
using Weft.Server.Access;
using Weft.Tests;

namespace Weft.Integration.Tests.Server;

public sealed class SessionApiTests : IAsyncLifetime
{
    private static readonly BouncyCastleCrypto Crypto = new();

    private readonly ManualTime _time = new();
    private readonly Ed25519KeyPair _node = SessionClient.Pair(1);
    private readonly Ed25519KeyPair _bob = SessionClient.Pair(2);
    private readonly Ed25519KeyPair _eve = SessionClient.Pair(3);
    private ApiHost _host = null!;
    private SessionClient _client = null!;

    public async Task InitializeAsync()
    {
        _host = await ApiHost.StartAsync(options => options.Peer.Node.Identity = _node, _time);
        _client = new SessionClient(_host, _bob);
    }

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Fact]
    public async Task A_key_with_a_grant_of_the_node_gets_a_session_for_what_it_allows()
    {
        string token = await _client.OpenAsync(
            Grant(GrantRights.Read | GrantRights.Write, "bob/"), Grant(GrantRights.Read, "shared/"));

        await StatusAsync(token, 200, "PUT", "/api/v1/field?soul=bob/1&name=f", "1");
        await StatusAsync(token, 200, "GET", "/api/v1/field?soul=bob/1&name=f");
        await StatusAsync(token, 200, "GET", "/api/v1/nodes?prefix=shared/");
        await StatusAsync(token, 403, "PUT", "/api/v1/field?soul=shared/1&name=f", "1");
        await StatusAsync(token, 403, "GET", "/api/v1/field?soul=eve/1&name=f");
        await StatusAsync(token, 403, "GET", "/api/v1/nodes");
        await StatusAsync(token, 403, "GET", "/api/v1/stats");
        await StatusAsync(token, 403, "POST", "/api/v1/shutdown");
    }

    [Fact]
    public async Task A_grant_of_administration_is_for_the_whole_node_or_for_nothing()
    {
        string admin = await _client.OpenAsync(Grant(GrantRights.Admin, ""));
        string limited = await _client.OpenAsync(Grant(GrantRights.Admin, "bob/"));

        await StatusAsync(admin, 200, "GET", "/api/v1/tokens");
        await StatusAsync(admin, 403, "GET", "/api/v1/stats");
        await StatusAsync(limited, 403, "GET", "/api/v1/tokens");
    }

    [Fact]
    public async Task The_nodes_own_key_needs_no_grant_and_other_keys_do()
    {
        string token = await new SessionClient(_host, _node).OpenAsync();

        await StatusAsync(token, 200, "GET", "/api/v1/tokens");
        await _client.RefusedAsync(await _client.ProofAsync([]), 403, "W4401");
    }

    [Fact]
    public async Task A_proof_is_good_once()
    {
        Grant[] grants = [Grant(GrantRights.Read, "bob/")];
        string proof = await _client.ProofAsync(grants);
        using HttpResponseMessage first = await _client.SendAsync(proof);

        Assert.Equal(HttpStatusCode.Created, first.StatusCode);
        await _client.RefusedAsync(proof, 401, "W4101");
        HttpResponseMessage[] race = await Task.WhenAll(Enumerable.Repeat(await _client.ProofAsync(grants), 8)
            .Select(_client.SendAsync));
        Assert.Single(race, answer => answer.StatusCode == HttpStatusCode.Created);
        Assert.Equal(7, race.Count(answer => answer.StatusCode == HttpStatusCode.Unauthorized));
    }

    [Fact]
    public async Task A_proof_for_another_server_network_door_or_round_is_none()
    {
        Grant[] grants = [Grant(GrantRights.Read, "bob/")];
        byte[] other = new byte[32];
        other[31] = 1;
        Func<KeyProof, KeyProof>[] spoils =
        [
            round => round with { Server = _eve.PublicKey },
            round => round with { Network = other },
            round => round with { Purpose = "gun" },
            round => round with { ServerNonce = other },
            round => round with { ClientNonce = other },
        ];
        foreach (Func<KeyProof, KeyProof> spoil in spoils)
        {
            await _client.RefusedAsync(await _client.ProofAsync(grants, spoil), 401, "W4101");
        }

        // A nonce of another server: rightly signed for this one, but never given out here.
        await using ApiHost second = await ApiHost.StartAsync(options => options.Peer.Node.Identity = _node, _time);
        string foreign = await new SessionClient(second, _bob).ProofAsync(grants);
        await _client.RefusedAsync(foreign, 401, "W4101");
        using HttpResponseMessage there = await new SessionClient(second, _bob).SendAsync(foreign);
        Assert.Equal(HttpStatusCode.Created, there.StatusCode);
    }

    [Fact]
    public async Task Somebody_elses_proof_cannot_be_given_another_key()
    {
        string proof = await _client.ProofAsync([Grant(GrantRights.Read, "bob/")]);
        await _client.RefusedAsync(
            proof.Replace(_bob.PublicKey.ToString(), _eve.PublicKey.ToString(), StringComparison.Ordinal),
            401, "W4101");
    }

    [Theory]
    [InlineData(59, true)]
    [InlineData(60, false)]
    [InlineData(61, false)]
    public async Task A_challenge_lives_a_minute(int seconds, bool taken)
    {
        string proof = await _client.ProofAsync([Grant(GrantRights.Read, "bob/")]);
        _time.Advance(TimeSpan.FromSeconds(seconds));
        using HttpResponseMessage response = await _client.SendAsync(proof);

        Assert.Equal(taken ? HttpStatusCode.Created : HttpStatusCode.Unauthorized, response.StatusCode);
    }

    [Theory]
    [InlineData(-1, 200)]
    [InlineData(0, 401)]
    [InlineData(1, 401)]
    public async Task A_session_lasts_a_quarter_of_an_hour(int seconds, int status)
    {
        string token = await _client.OpenAsync(Grant(GrantRights.Read, ""));
        _time.Advance(TimeSpan.FromMinutes(15) + TimeSpan.FromSeconds(seconds));

        await StatusAsync(token, status, "GET", "/api/v1/stats");
    }

    [Theory]
    [InlineData(59, true)]
    [InlineData(60, true)]
    [InlineData(61, false)]
    public async Task A_grant_ends_with_the_stated_tolerance_and_its_session_with_it(int seconds, bool taken)
    {
        Grant grant = Grant(GrantRights.Read, "");
        _time.Advance(TimeSpan.FromHours(1) + TimeSpan.FromSeconds(seconds));
        string proof = await _client.ProofAsync([grant]);
        if (!taken)
        {
            await _client.RefusedAsync(proof, 403, "W4310");
            return;
        }

        using HttpResponseMessage opened = await _client.SendAsync(proof);
        JsonElement session = JsonDocument.Parse(await opened.Content.ReadAsStringAsync()).RootElement;
        DateTimeOffset end = session.GetProperty("expiresAt").GetDateTimeOffset();
        Assert.Equal(new DateTimeOffset(2026, 1, 1, 1, 1, 0, TimeSpan.Zero), end);
        if (seconds == 59)
        {
            string token = session.GetProperty("token").GetString()!;
            await StatusAsync(token, 200, "GET", "/api/v1/stats");
            _time.Advance(TimeSpan.FromSeconds(1));
            await StatusAsync(token, 401, "GET", "/api/v1/stats");
        }
    }

    [Theory]
    [InlineData(60, true)]
    [InlineData(61, false)]
    public async Task A_grant_of_the_future_waits(int seconds, bool taken)
    {
        Grant grant = SessionClient.Grant(
            _node, _bob.PublicKey, GrantRights.Read, _time.GetUtcNow().AddSeconds(seconds), "");
        using HttpResponseMessage response = await _client.SendAsync(await _client.ProofAsync([grant]));

        Assert.Equal(taken ? HttpStatusCode.Created : HttpStatusCode.Forbidden, response.StatusCode);
    }

    [Fact]
    public async Task Grants_of_others_for_others_and_broken_ones_are_worth_nothing()
    {
        DateTimeOffset now = _time.GetUtcNow();
        GrantTerms terms = SessionClient.Terms(_bob.PublicKey, GrantRights.Read, now, "bob/");
        byte[] network = new byte[32];
        network[0] = 1;
        Grant good = Grant(GrantRights.Read, "bob/");
        byte[] flipped = good.Bytes.ToArray();
        flipped[^1] ^= 1;
        Assert.True(Weft.Crypto.Grant.TryDecode(flipped, Crypto, out Grant? forged));
        Grant[] bad =
        [
            Weft.Crypto.Grant.Issue(Crypto, _node, terms with { Audience = _eve.PublicKey }),
            Weft.Crypto.Grant.Issue(Crypto, _node, terms with { Network = network }),
            Weft.Crypto.Grant.Issue(Crypto, _eve, terms),
            Weft.Crypto.Grant.Issue(Crypto, _bob, terms),
            Weft.Crypto.Grant.Issue(Crypto, _bob, terms with { Prefixes = [""], Rights = GrantRights.All }),
            forged,
        ];
        foreach (Grant grant in bad)
        {
            await _client.RefusedAsync(await _client.ProofAsync([good, grant]), 403, "W4309");
        }
    }

    [Fact]
    public async Task A_grant_that_was_handed_on_is_worth_its_last_block()
    {
        GrantTerms wide = SessionClient.Terms(
            _eve.PublicKey, GrantRights.Read | GrantRights.Write, _time.GetUtcNow(), "a/") with { Delegations = 1 };
        GrantTerms narrow = wide with
        {
            Audience = _bob.PublicKey, Rights = GrantRights.Read, Prefixes = ["a/b/"], Delegations = 0,
        };
        Grant chain = Weft.Crypto.Grant.Issue(Crypto, _node, wide).Attenuate(Crypto, _eve, narrow);
        string token = await _client.OpenAsync(chain);

        await StatusAsync(token, 200, "GET", "/api/v1/nodes?prefix=a/b/");
        await StatusAsync(token, 403, "GET", "/api/v1/nodes?prefix=a/");
        await StatusAsync(token, 403, "PUT", "/api/v1/field?soul=a/b/c&name=f", "1");
        await _client.RefusedAsync(
            await new SessionClient(_host, _eve).ProofAsync([chain]), 403, "W4309");
    }

    [Fact]
    public async Task The_owner_of_souls_gives_rights_to_them_and_to_nothing_else()
    {
        string mine = $"notes${_bob.PublicKey}/";
        DateTimeOffset now = _time.GetUtcNow();
        Grant own = SessionClient.Grant(_bob, _bob.PublicKey, GrantRights.All, now, mine);
        Grant toEve = SessionClient.Grant(_bob, _eve.PublicKey, GrantRights.Read, now, mine);
        string token = await _client.OpenAsync(own);
        string guest = await new SessionClient(_host, _eve).OpenAsync(toEve);

        await StatusAsync(token, 200, "GET", $"/api/v1/nodes?prefix={Uri.EscapeDataString(mine)}");
        await StatusAsync(token, 403, "GET", "/api/v1/nodes");
        await StatusAsync(token, 403, "GET", "/api/v1/tokens");
        await StatusAsync(guest, 200, "GET", $"/api/v1/nodes?prefix={Uri.EscapeDataString(mine)}");
        await StatusAsync(
            guest, 403, "PUT", $"/api/v1/field?soul={Uri.EscapeDataString(mine)}x&name=f", "1");
        await using ApiHost closed = await ApiHost.StartAsync(options => options.OwnerSessions = false, _time);
        var there = new SessionClient(closed, _bob);
        await there.RefusedAsync(await there.ProofAsync([own]), 403, "W4309");
    }

    [Fact]
    public void A_prefix_has_an_owner_only_when_every_soul_under_it_has_that_one()
    {
        string key = _bob.PublicKey.ToString();
        string other = _eve.PublicKey.ToString();
        Assert.Equal(_bob.PublicKey, SessionRights.OwnerOf($"${key}/"));
        Assert.Equal(_bob.PublicKey, SessionRights.OwnerOf($"a/${key}.b"));
        Assert.Equal(_bob.PublicKey, SessionRights.OwnerOf($"${key}/${other}/"));
        Assert.Equal(_bob.PublicKey, SessionRights.OwnerOf($"${key}/~{other}.{other}"));
        foreach (string prefix in new[]
        {
            "", "bob/", $"${key}", $"a${key}", $"${key[..42]}/", $"~${key}/", $"a~b${key}/", $"~@${key}/",
            $"weft:key/{key}", $"weft:group/{key}/family", $"weft:policy/prefix/${key}/",
        })
        {
            Assert.Null(SessionRights.OwnerOf(prefix));
        }
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{\"key\":1}")]
    [InlineData("{\"key\":\"x\",\"nonce\":\"\",\"clientNonce\":\"\",\"signature\":\"\"}")]
    [InlineData("{\"key\":\"\\ud800\",\"nonce\":\"\\ud800\"}")]
    [InlineData("{\"grants\":{}}")]
    [InlineData("{\"token\":\"x\"}")]
    public async Task A_body_that_is_no_proof_is_malformed(string body) =>
        await _client.RefusedAsync(body, 400, "W1004");

    [Fact]
    public async Task Every_part_of_a_proof_is_looked_at()
    {
        string proof = await _client.ProofAsync([Grant(GrantRights.Read, "bob/")]);
        Dictionary<string, JsonElement> parts =
            JsonDocument.Parse(proof).RootElement.EnumerateObject().ToDictionary(part => part.Name, part => part.Value);
        foreach (string name in new[] { "key", "nonce", "clientNonce", "signature" })
        {
            string text = parts[name].GetString()!;
            foreach (string wrong in new[] { text[1..], text + "A", text + "=", " " + text, text[..^1] + "!", "" })
            {
                await _client.RefusedAsync(proof.Replace($"\"{text}\"", $"\"{wrong}\""), 400, "W1004");
            }

            string other = (text[0] == 'A' ? 'B' : 'A') + text[1..];
            await _client.RefusedAsync(proof.Replace($"\"{text}\"", $"\"{other}\""), 401, "W4101");
        }

        using HttpResponseMessage good = await _client.SendAsync(proof);
        Assert.Equal(HttpStatusCode.Created, good.StatusCode);
    }

    [Fact]
    public async Task Sessions_are_bounded_and_strangers_give_way()
    {
        await using ApiHost small = await ApiHost.StartAsync(
            options => (options.SessionsMax, options.Peer.Node.Identity) = (4, _node), _time);
        DateTimeOffset now = _time.GetUtcNow();
        var strangers = new List<string>();
        for (byte i = 10; i < 13; i++)
        {
            Ed25519KeyPair pair = SessionClient.Pair(i);
            strangers.Add(await new SessionClient(small, pair).OpenAsync(
                SessionClient.Grant(pair, pair.PublicKey, GrantRights.Read, now, $"${pair.PublicKey}/")));
        }

        // Half of the places are the most that strangers get: the first of three is gone.
        await StatusAsync(strangers[0], 401, "GET", "/api/v1/stats", host: small);
        await StatusAsync(strangers[1], 403, "GET", "/api/v1/stats", host: small);
        _time.Advance(TimeSpan.FromMinutes(1)); // Proofs of one minute are bounded by the same number.
        var known = new SessionClient(small, _bob);
        var ours = new List<string>();
        for (int i = 0; i < 4; i++)
        {
            ours.Add(await known.OpenAsync(Grant(GrantRights.Read, "")));
        }

        await StatusAsync(strangers[2], 401, "GET", "/api/v1/stats", host: small);
        await StatusAsync(ours[0], 200, "GET", "/api/v1/stats", host: small);
        _time.Advance(TimeSpan.FromMinutes(1));
        await known.RefusedAsync(await known.ProofAsync([Grant(GrantRights.Read, "")]), 429, "W5103");
    }

    [Fact]
    public async Task Revoking_a_grant_ends_its_sessions_and_its_use()
    {
        DateTimeOffset now = _time.GetUtcNow();
        JsonElement made = await _host.JsonAsync("POST", "/api/v1/grants", $$"""
            {"audience":"{{_bob.PublicKey}}","rights":["read"],"prefixes":["bob/"],"lifetimeMs":3600000}
            """, 201);
        Assert.True(Weft.Crypto.Grant.TryParse(made.GetProperty("grant").GetString(), Crypto, out Grant? grant));
        string ended = await _client.OpenAsync(grant);
        string other = await _client.OpenAsync(Grant(GrantRights.Read, "bob/"));
        using HttpResponseMessage watch = await _host.SendAsAsync(ended, "GET", "/api/v1/watch?prefix=bob/");
        Task<string> events = watch.Content.ReadAsStringAsync();
        _time.Advance(TimeSpan.FromSeconds(1));
        await _host.JsonAsync("DELETE", "/api/v1/grants?id=" + made.GetProperty("id").GetString());
        _time.Advance(TimeSpan.FromSeconds(1));

        await StatusAsync(ended, 401, "GET", "/api/v1/nodes?prefix=bob/");
        await StatusAsync(other, 200, "GET", "/api/v1/nodes?prefix=bob/");
        Assert.Contains("the token ended", await events.WaitAsync(TimeSpan.FromSeconds(30)), StringComparison.Ordinal);
        await _client.RefusedAsync(await _client.ProofAsync([grant]), 403, "W4311");
    }

    [Fact]
    public async Task One_key_holds_eight_sessions_and_the_oldest_goes()
    {
        var tokens = new List<string>();
        for (int i = 0; i < 9; i++)
        {
            tokens.Add(await _client.OpenAsync(Grant(GrantRights.Read, "")));
        }

        await StatusAsync(tokens[0], 401, "GET", "/api/v1/stats");
        await StatusAsync(tokens[1], 200, "GET", "/api/v1/stats");
    }

    private Grant Grant(GrantRights rights, params string[] prefixes) =>
        SessionClient.Grant(_node, _bob.PublicKey, rights, _time.GetUtcNow(), prefixes);

    private async Task StatusAsync(
        string token, int status, string method, string path, string? body = null, ApiHost? host = null)
    {
        using HttpResponseMessage response = await (host ?? _host).SendAsAsync(token, method, path, body);
        Assert.True(status == (int)response.StatusCode, await response.Content.ReadAsStringAsync());
    }
}
