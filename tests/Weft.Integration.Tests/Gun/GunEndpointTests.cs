using System.Net;
using System.Net.WebSockets;
using Weft.Server;
using Weft.Testing;

namespace Weft.Integration.Tests.Gun;

public sealed class GunEndpointTests
{
    [Theory]
    [InlineData(null, true)]
    [InlineData("http://localhost:3000", true)]
    [InlineData("https://127.0.0.1", true)]
    [InlineData("http://[::1]:8080", true)]
    [InlineData("https://app.example", true)]
    [InlineData("https://evil.example", false)]
    [InlineData("https://localhost.evil.example", false)]
    [InlineData("https://app.example.evil.example", false)]
    [InlineData("http://app.example", false)]
    [InlineData("null", false)]
    [InlineData("file://", false)]
    public async Task Only_known_origins_may_connect(string? origin, bool allowed)
    {
        await using GunTestServer server = await GunTestServer.StartAsync(
            endpoint: new GunEndpointOptions { AllowOrigins = ["https://app.example"] });
        void SetOrigin(ClientWebSocketOptions options)
        {
            if (origin is not null)
            {
                options.SetRequestHeader("Origin", origin);
            }
        }

        if (allowed)
        {
            await using GunTestClient client = await GunTestClient.ConnectAsync(server.Url, SetOrigin);
            await client.PutAsync("p", "s", "x", "1");
            Assert.True((await client.AnswerAsync("p")).GetProperty("ok").GetBoolean());
            return;
        }

        using var socket = new ClientWebSocket();
        SetOrigin(socket.Options);
        socket.Options.CollectHttpResponseDetails = true;
        await Assert.ThrowsAsync<WebSocketException>(() => socket.ConnectAsync(server.Url, CancellationToken.None));
        Assert.Equal(HttpStatusCode.Forbidden, socket.HttpStatusCode);
    }

    [Fact]
    public async Task A_plain_request_is_told_what_is_served_here()
    {
        await using GunTestServer server = await GunTestServer.StartAsync();
        using var http = new HttpClient();

        HttpResponseMessage answer = await http.GetAsync(new Uri(server.HttpUrl));

        Assert.Equal(HttpStatusCode.UpgradeRequired, answer.StatusCode);
        Assert.Contains("WebSocket", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Messages_are_deflated_for_clients_that_offer_it()
    {
        await using GunTestServer server = await GunTestServer.StartAsync(
            endpoint: new GunEndpointOptions { Compression = GunCompression.Always });
        await using GunTestClient client = await GunTestClient.ConnectAsync(server.Url, Deflate);

        await client.PutAsync("p", "s", "x", $"\"{new string('y', 500_000)}\"");
        await client.AnswerAsync("p");
        await client.SendAsync("""{"#":"g","get":{"#":"s"}}""");

        int length = (await client.AnswerAsync(
            "g")).GetProperty("put").GetProperty("s").GetProperty("x").GetString()!.Length;
        Assert.Equal(500_000, length);
    }

    [Fact]
    public async Task A_deflate_bomb_ends_its_connection_and_nothing_else()
    {
        await using GunTestServer server = await GunTestServer.StartAsync(
            change: options => options.Gun.Limits.FrameBytesMax = 1 << 20,
            endpoint: new GunEndpointOptions { Compression = GunCompression.Always });
        await using GunTestClient bomber = await GunTestClient.ConnectAsync(server.Url, Deflate);
        await using GunTestClient other = await GunTestClient.ConnectAsync(server.Url);
        long before = GC.GetTotalMemory(forceFullCollection: true);

        // 256 MiB of one byte deflate to about 256 KiB; they go out piece by piece, as one message.
        byte[] piece = new byte[1 << 20];
        Array.Fill(piece, (byte)' ');
        try
        {
            for (int i = 0; i < 256 && bomber.Socket.State == WebSocketState.Open; i++)
            {
                await bomber.Socket.SendAsync(
                    piece, WebSocketMessageType.Text, endOfMessage: i == 255, CancellationToken.None);
            }
        }
        catch (WebSocketException)
        {
            // The server need not hear the rest.
        }

        await bomber.Ended.WaitAsync(TimeSpan.FromSeconds(30));
        await other.PutAsync("p", "s", "x", "1");
        Assert.True((await other.AnswerAsync("p")).GetProperty("ok").GetBoolean());
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 64L << 20);
    }

    private static void Deflate(ClientWebSocketOptions options) =>
        options.DangerousDeflateOptions = new WebSocketDeflateOptions();
}
