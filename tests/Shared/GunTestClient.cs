using System.Collections.Concurrent;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;

namespace Weft.Testing;

/// <summary>A bare GUN client: sends texts as they are and hands out the messages that come.</summary>
public sealed class GunTestClient : IAsyncDisposable
{
    private static readonly TimeSpan AnswerMax = TimeSpan.FromSeconds(30);

    private readonly ConcurrentQueue<JsonElement> _messages = new();
    private readonly SemaphoreSlim _arrived = new(0);
    private Task _reader = Task.CompletedTask;

    private GunTestClient(ClientWebSocket socket) => Socket = socket;

    /// <summary>The socket.</summary>
    public ClientWebSocket Socket { get; }

    /// <summary>Frames that came.</summary>
    public int Frames { get; private set; }

    /// <summary>Connects.</summary>
    /// <param name="url">The URL of /gun.</param>
    /// <param name="change">Changes the socket's options.</param>
    /// <param name="reads">False for a client that never reads.</param>
    public static async Task<GunTestClient> ConnectAsync(
        Uri url, Action<ClientWebSocketOptions>? change = null, bool reads = true)
    {
        var socket = new ClientWebSocket();
        change?.Invoke(socket.Options);
        await socket.ConnectAsync(url, CancellationToken.None);
        var client = new GunTestClient(socket);
        client._reader = reads ? client.ReadAsync() : Task.CompletedTask;
        return client;
    }

    /// <summary>Completes when the connection is closed by the other side.</summary>
    public Task Ended => _reader;

    /// <summary>Sends one frame.</summary>
    public Task SendAsync(string frame) => Socket.SendAsync(
        Encoding.UTF8.GetBytes(frame), WebSocketMessageType.Text, endOfMessage: true, CancellationToken.None);

    /// <summary>Sends a put of one field.</summary>
    public Task PutAsync(string id, string soul, string field, string json, double state = 1_000) => SendAsync(
        """{"#":"ID","put":{"SOUL":{"_":{"#":"SOUL",">":{"FIELD":STATE}},"FIELD":VALUE}}}""".Replace("ID", id)
            .Replace("SOUL", soul).Replace("FIELD", field).Replace("VALUE", json)
            .Replace("STATE", state.ToString(System.Globalization.CultureInfo.InvariantCulture)));

    /// <summary>Waits for the first message that fits; others before it are dropped.</summary>
    public async Task<JsonElement> WaitAsync(Func<JsonElement, bool> fits)
    {
        using var late = new CancellationTokenSource(AnswerMax);
        while (true)
        {
            await _arrived.WaitAsync(late.Token);
            if (_messages.TryDequeue(out JsonElement message) && fits(message))
            {
                return message;
            }
        }
    }

    /// <summary>Waits for the answer to a message.</summary>
    public Task<JsonElement> AnswerAsync(string id) =>
        WaitAsync(message => message.TryGetProperty("@", out JsonElement to) && to.GetString() == id);

    /// <summary>Waits for a change of one field.</summary>
    public Task<JsonElement> ChangeAsync(string soul, string field) => WaitAsync(message =>
        message.TryGetProperty("put", out JsonElement put) && put.TryGetProperty(soul, out JsonElement node)
        && node.TryGetProperty(field, out _));

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Socket.Abort();
        await _reader;
        Socket.Dispose();
        _arrived.Dispose();
    }

    private async Task ReadAsync()
    {
        byte[] buffer = new byte[1 << 16];
        try
        {
            while (true)
            {
                var frame = new MemoryStream();
                ValueWebSocketReceiveResult result;
                do
                {
                    result = await Socket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None);
                    frame.Write(buffer, 0, result.Count);
                }
                while (!result.EndOfMessage);

                if (result.MessageType == WebSocketMessageType.Close)
                {
                    return;
                }

                Frames++;
                JsonElement root = JsonDocument.Parse(frame.ToArray()).RootElement;
                JsonElement[] messages = root.ValueKind == JsonValueKind.Array ? [.. root.EnumerateArray()] : [root];
                foreach (JsonElement message in messages)
                {
                    _messages.Enqueue(message);
                    _arrived.Release();
                }
            }
        }
        catch (Exception)
        {
            // The connection is gone; tests that mind look at Ended and the socket's state.
        }
    }
}
