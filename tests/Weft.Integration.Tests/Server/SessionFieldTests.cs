using System.Text.Json;
using Weft.Crypto;
using Weft.Node;
using Weft.Server.Access;
using Weft.Tests;

namespace Weft.Integration.Tests.Server;

/// <summary>Sessions of grants that are limited to fields, through every resource that touches data.</summary>
public sealed class SessionFieldTests : IAsyncLifetime
{
    private static readonly BouncyCastleCrypto Crypto = new();

    private readonly ManualTime _time = new();
    private readonly Ed25519KeyPair _node = SessionClient.Pair(1);
    private readonly Ed25519KeyPair _bob = SessionClient.Pair(2);
    private ApiHost _host = null!;
    private SessionClient _client = null!;

    public async Task InitializeAsync()
    {
        _host = await ApiHost.StartAsync(options => options.Peer.Node.Identity = _node, _time);
        _client = new SessionClient(_host, _bob);
        await _host.JsonAsync("PATCH", "/api/v1/node?soul=bob/1", "{\"fields\":{\"name\":\"Bob\",\"note-1\":1,\"secret\":2}}");
    }

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Fact]
    public async Task Fields_that_the_grant_names_are_read_and_written_and_no_others()
    {
        string token = await OpenAsync("name", "note-*");

        await StatusAsync(token, 200, "GET", "/api/v1/field?soul=bob/1&name=name");
        await StatusAsync(token, 200, "PUT", "/api/v1/field?soul=bob/1&name=name", "\"Rob\"");
        await StatusAsync(token, 200, "PUT", "/api/v1/field?soul=bob/1&name=note-2", "2");
        await StatusAsync(token, 200, "PATCH", "/api/v1/node?soul=bob/2", "{\"fields\":{\"name\":1,\"note-7\":2}}");
        await StatusAsync(token, 200, "GET", "/api/v1/why?soul=bob/1&name=name");
        await StatusAsync(token, 200, "GET", "/api/v1/node?soul=bob/1&fields=name,note-1");
        await StatusAsync(token, 403, "GET", "/api/v1/node?soul=bob/1&fields=name,secret");
        await StatusAsync(token, 200, "DELETE", "/api/v1/field?soul=bob/1&name=note-2");
        foreach (string field in (string[])["secret", "names", "Name", "note", "*"])
        {
            await StatusAsync(token, 403, "GET", $"/api/v1/field?soul=bob/1&name={field}");
            await StatusAsync(token, 403, "PUT", $"/api/v1/field?soul=bob/1&name={field}", "3");
            await StatusAsync(token, 403, "DELETE", $"/api/v1/field?soul=bob/1&name={field}");
            await StatusAsync(token, 403, "GET", $"/api/v1/why?soul=bob/1&name={field}");
        }

        string refusal = await StatusAsync(token, 403, "GET", "/api/v1/field?soul=bob/1&name=secret");
        string detail = JsonDocument.Parse(refusal).RootElement.GetProperty("detail").GetString()!;
        Assert.Contains("the fields \"name\", \"note-*\"", detail, StringComparison.Ordinal);
        Assert.Equal("2", await _host.TextAsync("/api/v1/field?soul=bob/1&name=secret"));
    }

    [Fact]
    public async Task Whole_nodes_lists_and_streams_need_a_grant_for_all_fields()
    {
        string token = await OpenAsync("name", "note-*");

        await StatusAsync(token, 403, "GET", "/api/v1/node?soul=bob/1");
        await StatusAsync(token, 403, "PUT", "/api/v1/node?soul=bob/1", "{\"fields\":{\"name\":1}}");
        await StatusAsync(token, 403, "DELETE", "/api/v1/node?soul=bob/1");
        await StatusAsync(token, 403, "PATCH", "/api/v1/node?soul=bob/1", "{\"fields\":{\"name\":1,\"secret\":2}}");
        await StatusAsync(token, 403, "GET", "/api/v1/nodes?prefix=bob/");
        await StatusAsync(token, 403, "GET", "/api/v1/walk?soul=bob/1");
        await StatusAsync(token, 403, "GET", "/api/v1/watch?prefix=bob/");
        await StatusAsync(token, 403, "GET", "/api/v1/watch?soul=bob/1");
        await StatusAsync(token, 403, "GET", "/api/v1/stats");
        await StatusAsync(
            token, 403, "POST", "/api/v1/nodes:batch",
            "[{\"soul\":\"bob/1\",\"fields\":{\"name\":1,\"secret\":2}}]");
        await StatusAsync(
            token, 200, "POST", "/api/v1/nodes:batch", "[{\"soul\":\"bob/1\",\"fields\":{\"name\":1}}]");
        string all = await OpenAsync("*");
        await StatusAsync(all, 200, "GET", "/api/v1/node?soul=bob/1");
        await StatusAsync(all, 200, "GET", "/api/v1/nodes?prefix=bob/");
    }

    [Fact]
    public async Task Limits_of_two_grants_stay_with_their_prefixes()
    {
        GrantTerms terms = SessionClient.Terms(_bob.PublicKey, GrantRights.Read, _time.GetUtcNow(), "bob/");
        string token = await _client.OpenAsync(
            Grant.Issue(Crypto, _node, terms with { Fields = ["name"] }),
            Grant.Issue(Crypto, _node, terms with { Prefixes = ["eve/"] }));

        await StatusAsync(token, 200, "GET", "/api/v1/node?soul=eve/1");
        await StatusAsync(token, 404, "GET", "/api/v1/field?soul=eve/1&name=secret");
        await StatusAsync(token, 200, "GET", "/api/v1/field?soul=bob/1&name=name");
        await StatusAsync(token, 403, "GET", "/api/v1/field?soul=bob/1&name=secret");
        await StatusAsync(token, 403, "GET", "/api/v1/node?soul=bob/1");
    }

    [Fact]
    public async Task Administration_of_some_fields_is_no_administration_of_the_node()
    {
        GrantTerms terms = SessionClient.Terms(_bob.PublicKey, GrantRights.All, _time.GetUtcNow(), "");
        string token = await _client.OpenAsync(Grant.Issue(Crypto, _node, terms with { Fields = ["name"] }));

        await StatusAsync(token, 403, "GET", "/api/v1/tokens");
        await StatusAsync(token, 403, "POST", "/api/v1/shutdown");
        await StatusAsync(token, 200, "GET", "/api/v1/field?soul=bob/1&name=name");
        await StatusAsync(token, 403, "GET", "/api/v1/field?soul=bob/1&name=secret");
    }

    [Fact]
    public async Task A_handed_on_grant_has_the_fields_of_its_last_block_and_the_answer_names_them()
    {
        Ed25519KeyPair eve = SessionClient.Pair(3);
        GrantTerms terms = SessionClient.Terms(_bob.PublicKey, GrantRights.Read, _time.GetUtcNow(), "bob/");
        Grant held = Grant.Issue(Crypto, _node, terms with { Fields = ["name", "note-*"], Delegations = 1 });
        Grant part = held.Attenuate(
            Crypto, _bob, terms with { Audience = eve.PublicKey, Fields = ["note-1"], Nonce = new byte[16] });
        var client = new SessionClient(_host, eve);
        using HttpResponseMessage opened = await client.SendAsync(await client.ProofAsync([part]));
        JsonElement session = JsonDocument.Parse(await opened.Content.ReadAsStringAsync()).RootElement;
        string token = session.GetProperty("token").GetString()!;

        Assert.Equal("note-1", session.GetProperty("rights")[0].GetProperty("fields")[0].GetString());
        await StatusAsync(token, 200, "GET", "/api/v1/field?soul=bob/1&name=note-1");
        await StatusAsync(token, 403, "GET", "/api/v1/field?soul=bob/1&name=name");
    }

    [Fact]
    public async Task The_key_that_follows_the_audience_of_a_grant_holds_it()
    {
        Ed25519KeyPair next = SessionClient.Pair(4);
        GrantTerms terms = SessionClient.Terms(_bob.PublicKey, GrantRights.Read, _time.GetUtcNow(), "bob/");
        Grant grant = Grant.Issue(Crypto, _node, terms);
        var follower = new SessionClient(_host, next);
        await follower.RefusedAsync(await follower.ProofAsync([grant]), 403, "W4309");
        Assert.True((await _host.Server.Peer.Recovery.RotateAsync(_bob, next.PublicKey)).IsAccepted);
        _time.Advance(TimeSpan.FromSeconds(1));

        string token = await follower.OpenAsync(grant);

        await StatusAsync(token, 200, "GET", "/api/v1/field?soul=bob/1&name=name");
        await _client.RefusedAsync(await _client.ProofAsync([grant]), 403, "W4308");
    }

    [Fact]
    public void A_star_alone_is_no_limit_and_a_beginning_covers_what_starts_so()
    {
        Assert.True(new Right(Scopes.Read, "", ["a", "*"]).IsWhole);
        var limited = new Right(Scopes.Read, "", ["a", "b*"]);
        Assert.False(limited.IsWhole);
        Assert.True(limited.CoversField("a") && limited.CoversField("bc") && limited.CoversFields("b"));
        Assert.True(limited.CoversFields("bc"));
        Assert.False(limited.CoversField("ab") || limited.CoversFields("a") || limited.CoversFields(""));
    }

    private Task<string> OpenAsync(params string[] fields) => _client.OpenAsync(Grant.Issue(
        Crypto, _node,
        SessionClient.Terms(_bob.PublicKey, GrantRights.Read | GrantRights.Write, _time.GetUtcNow(), "bob/")
            with { Fields = fields }));

    private async Task<string> StatusAsync(string token, int status, string method, string path, string? body = null)
    {
        using HttpResponseMessage response = await _host.SendAsAsync(token, method, path, body);
        string text = await response.Content.ReadAsStringAsync();
        Assert.True(status == (int)response.StatusCode, $"{method} {path}: {(int)response.StatusCode} {text}");
        return text;
    }
}
