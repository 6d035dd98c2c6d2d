using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Weft.Integration.Tests.Server;
using Weft.Protocols.Blobs;

namespace Weft.Integration.Tests.Blobs;

public sealed class BlobHttpTests : IAsyncLifetime
{
    private ApiHost _host = null!;

    public async Task InitializeAsync() => _host = await ApiHost.StartAsync(options =>
    {
        options.Peer.Node.Blobs.BlobMiB = 1;
        options.Peer.Node.Blobs.TotalMiB = 2;
    });

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Fact]
    public async Task Ranges_conditions_and_HEAD_are_answered_as_HTTP_has_them()
    {
        byte[] content = BlobShelfTests.Content(200_000);
        string id = await AddAsync(content);
        string path = $"/api/v1/blobs/{id}";

        using HttpResponseMessage whole = await _host.SendAsync("GET", path);
        Assert.Equal(content, await whole.Content.ReadAsByteArrayAsync());
        Assert.Equal($"\"{id}\"", whole.Headers.ETag!.Tag);
        Assert.Equal("nosniff", whole.Headers.GetValues("X-Content-Type-Options").Single());

        using HttpResponseMessage part = await _host.SendAsync("GET", path, headers: ("Range", "bytes=65530-65545"));
        Assert.Equal(HttpStatusCode.PartialContent, part.StatusCode);
        Assert.Equal(content[65_530..65_546], await part.Content.ReadAsByteArrayAsync());
        using HttpResponseMessage end = await _host.SendAsync("GET", path, headers: ("Range", "bytes=-3"));
        Assert.Equal(content[^3..], await end.Content.ReadAsByteArrayAsync());
        using HttpResponseMessage beyond = await _host.SendAsync("GET", path, headers: ("Range", "bytes=200000-"));
        Assert.Equal(HttpStatusCode.RequestedRangeNotSatisfiable, beyond.StatusCode);

        using HttpResponseMessage known = await _host.SendAsync("GET", path, headers: ("If-None-Match", $"\"{id}\""));
        Assert.Equal(HttpStatusCode.NotModified, known.StatusCode);
        using HttpResponseMessage head = await _host.SendAsync("HEAD", path);
        Assert.Equal(200_000, head.Content.Headers.ContentLength);
    }

    [Fact]
    public async Task The_same_content_is_kept_once_and_PUT_takes_only_what_its_id_says()
    {
        byte[] content = BlobShelfTests.Content(100_000, seed: 2);
        string id = await AddAsync(content);
        using HttpResponseMessage again = await SendAsync("POST", "/api/v1/blobs?pin=false", content);
        Assert.Equal(HttpStatusCode.OK, again.StatusCode);
        using HttpResponseMessage right = await SendAsync("PUT", $"/api/v1/blobs/{id}", content);
        Assert.Equal(HttpStatusCode.OK, right.StatusCode);
        content[5] ^= 1;
        using HttpResponseMessage wrong = await SendAsync("PUT", $"/api/v1/blobs/{id}", content);
        await ApiHost.ProblemAsync(wrong, 422, "W2502");

        JsonElement blob = Assert.Single((await _host.JsonAsync("GET", "/api/v1/blobs"))
            .GetProperty("items").EnumerateArray());
        Assert.Equal((id, true), (blob.GetProperty("id").GetString(), blob.GetProperty("pinned").GetBoolean()));
    }

    [Fact]
    public async Task Beyond_the_ceilings_blobs_go_that_nobody_wants_and_then_it_is_refused()
    {
        using HttpResponseMessage large = await SendAsync("POST", "/api/v1/blobs", new byte[(1 << 20) + 1]);
        await ApiHost.ProblemAsync(large, 413, "W5101");
        string loose = await AddAsync(BlobShelfTests.Content(1 << 20, seed: 3), "?pin=false");
        string linked = await AddAsync(BlobShelfTests.Content(900_000, seed: 4), "?pin=false");
        await _host.PutAsync("album", "photo", $"{{\"#\":\"weft:blob/{linked}\"}}");
        string pinned = await AddAsync(BlobShelfTests.Content(900_000, seed: 5)); // The loose one had to go.

        string[] ids = [.. (await _host.JsonAsync("GET", "/api/v1/blobs")).GetProperty("items").EnumerateArray()
            .Select(blob => blob.GetProperty("id").GetString()!)];
        Assert.Equal(new[] { linked, pinned }.Order(), ids.Order());
        Assert.DoesNotContain(loose, ids);
        using HttpResponseMessage full = await SendAsync(
            "POST", "/api/v1/blobs", BlobShelfTests.Content(900_000, seed: 6));
        await ApiHost.ProblemAsync(full, 507, "W2503");
        using HttpResponseMessage gone = await _host.SendAsync("GET", $"/api/v1/blobs/{loose}");
        await ApiHost.ProblemAsync(gone, 404, "W2501");
    }

    [Fact]
    public async Task A_limited_token_reads_the_blobs_that_its_souls_link_to_and_no_others()
    {
        string mine = await AddAsync(BlobShelfTests.Content(1_000, seed: 7));
        string other = await AddAsync(BlobShelfTests.Content(1_000, seed: 8));
        await _host.PutAsync("mine/a", "photo", $"{{\"#\":\"weft:blob/{mine}\"}}");
        await _host.PutAsync("other/a", "photo", $"{{\"#\":\"weft:blob/{other}\"}}");
        string token = await _host.TokenAsync(["read"], "mine/");

        using HttpResponseMessage allowed = await _host.SendAsAsync(token, "GET", $"/api/v1/blobs/{mine}");
        Assert.Equal(HttpStatusCode.OK, allowed.StatusCode);
        using HttpResponseMessage refused = await _host.SendAsAsync(token, "GET", $"/api/v1/blobs/{other}");
        await ApiHost.ProblemAsync(refused, 403, "W4401");
        using HttpResponseMessage list = await _host.SendAsAsync(token, "GET", "/api/v1/blobs");
        await ApiHost.ProblemAsync(list, 403, "W4401");
    }

    [Fact]
    public async Task Removing_unpinning_and_wrong_ids_are_answered()
    {
        string id = await AddAsync(BlobShelfTests.Content(70_000, seed: 9));
        JsonElement loose = await _host.JsonAsync("DELETE", $"/api/v1/blobs/{id}/pin");
        Assert.False(loose.GetProperty("pinned").GetBoolean());
        JsonElement firm = await _host.JsonAsync("PUT", $"/api/v1/blobs/{id}/pin");
        Assert.True(firm.GetProperty("pinned").GetBoolean());
        JsonElement done = await _host.JsonAsync("POST", "/api/v1/maintain");
        Assert.Equal(0, done.GetProperty("blobsRemoved").GetInt32());
        Assert.True((await _host.JsonAsync("POST", "/api/v1/blobs/verify")).GetProperty("ok").GetBoolean());
        Assert.Equal(70_000, (await _host.JsonAsync("DELETE", $"/api/v1/blobs/{id}")).GetProperty("bytesFreed").GetInt64());
        using HttpResponseMessage none = await _host.SendAsync("DELETE", $"/api/v1/blobs/{id}");
        await ApiHost.ProblemAsync(none, 404, "W2501");
        using HttpResponseMessage wrong = await _host.SendAsync("GET", "/api/v1/blobs/..%2Ftoken");
        await ApiHost.ProblemAsync(wrong, 400, "W1004");
    }

    private async Task<string> AddAsync(byte[] content, string query = "")
    {
        using HttpResponseMessage answer = await SendAsync("POST", "/api/v1/blobs" + query, content);
        string body = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.StatusCode == HttpStatusCode.Created, body);
        string id = JsonDocument.Parse(body).RootElement.GetProperty("id").GetString()!;
        Assert.True(BlobId.TryParse(id, out _));
        return id;
    }

    private async Task<HttpResponseMessage> SendAsync(string method, string path, byte[] content)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        request.Content = new ByteArrayContent(content);
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        return await _host.Client.SendAsync(request);
    }
}
