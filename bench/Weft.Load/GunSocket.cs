using System.Buffers;
using System.Net.WebSockets;
using System.Text;

namespace Weft.Load;

/// <summary>
/// A bare GUN client over a WebSocket: it joins messages as gun.js does (one alone goes out as an object, several of
/// the same turn as an array of at most 9,000 characters), and splits what comes in.
/// </summary>
internal sealed class GunSocket : IAsyncDisposable
{
    private const int PackMax = 9_000; // gun.js: opt.pack.

    private static int s_runs;

    private readonly ClientWebSocket _socket = new();
    private readonly ArrayBufferWriter<byte> _pack = new(PackMax * 2);
    private readonly SemaphoreSlim _sending = new(1, 1);
    private readonly string _run = Prefix(Interlocked.Increment(ref s_runs));
    private byte[] _receive = new byte[1 << 16];
    private int _packed;

    /// <summary>Opens a connection and says hello as gun.js does.</summary>
    public static async Task<GunSocket> ConnectAsync(Uri address, CancellationToken cancellationToken)
    {
        var client = new GunSocket();
        client._socket.Options.KeepAliveInterval = TimeSpan.Zero;
        await client._socket.ConnectAsync(address, cancellationToken);
        await client.SendAsync(
            Encoding.UTF8.GetBytes($$"""{"dam":"hi","#":"{{client.NewId(9_999_999)}}"}"""), cancellationToken);
        return client;
    }

    /// <summary>The id of a message: nine characters, never used twice in one run of the program.</summary>
    public string NewId(int number) => $"{_run}{number:0000000}";

    /// <summary>The number in an id made by <see cref="NewId"/> of this client, or -1.</summary>
    public int NumberOf(ReadOnlySpan<byte> id)
    {
        if (id.Length != 9 || id[0] != _run[0] || id[1] != _run[1])
        {
            return -1;
        }

        int number = 0;
        foreach (byte digit in id[2..])
        {
            number = number * 10 + (digit - '0');
        }

        return number;
    }

    /// <summary>Sends one message, or a ready-made frame.</summary>
    public async Task SendAsync(ReadOnlyMemory<byte> frame, CancellationToken cancellationToken)
    {
        await _sending.WaitAsync(cancellationToken);
        try
        {
            await _socket.SendAsync(frame, WebSocketMessageType.Text, endOfMessage: true, cancellationToken);
        }
        finally
        {
            _sending.Release();
        }
    }

    /// <summary>Puts a message into the frame of this turn; a full frame is sent at once.</summary>
    public ValueTask AddAsync(ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        ValueTask sent = _packed > 0 && _pack.WrittenCount + message.Length > PackMax
            ? FlushAsync(cancellationToken)
            : ValueTask.CompletedTask;
        return sent.IsCompletedSuccessfully ? Add(message) : AddSlowAsync(sent, message);
    }

    /// <summary>Sends the frame of this turn, if there is one.</summary>
    public async ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        if (_packed == 0)
        {
            return;
        }

        ReadOnlyMemory<byte> frame = _pack.WrittenMemory[1..]; // The first byte is the bracket of an array.
        if (_packed > 1)
        {
            _pack.Write("]"u8);
            frame = _pack.WrittenMemory;
        }

        await SendAsync(frame, cancellationToken);
        _pack.ResetWrittenCount();
        _packed = 0;
    }

    /// <summary>Waits for one frame and hands its messages on. Questions for our peer id are answered here.</summary>
    /// <returns>False when the server closed the connection.</returns>
    public async ValueTask<bool> ReceiveAsync(GunMessageHandler handler, CancellationToken cancellationToken)
    {
        int length = 0;
        while (true)
        {
            ValueWebSocketReceiveResult part =
                await _socket.ReceiveAsync(_receive.AsMemory(length), cancellationToken);
            if (part.MessageType == WebSocketMessageType.Close)
            {
                return false;
            }

            length += part.Count;
            if (part.EndOfMessage)
            {
                break;
            }

            if (length == _receive.Length)
            {
                Array.Resize(ref _receive, length * 2);
            }
        }

        string? question = null;
        GunMessage.Read(
            _receive.AsSpan(0, length),
            (in GunMessage message) =>
            {
                if (message.IsPeerQuestion && message.ReplyTo.IsEmpty)
                {
                    question = Encoding.UTF8.GetString(message.Id);
                    return;
                }

                handler(in message);
            });
        if (question is not null)
        {
            string answer = $$"""{"dam":"?","pid":"load{{_run}}abc","@":"{{question}}","#":"{{NewId(9_999_998)}}"}""";
            await SendAsync(Encoding.UTF8.GetBytes(answer), cancellationToken);
        }

        return true;
    }

    public ValueTask DisposeAsync()
    {
        _socket.Abort(); // No goodbye: GUN's relay keeps none waiting either.
        _socket.Dispose();
        _sending.Dispose();
        return ValueTask.CompletedTask;
    }

    private ValueTask Add(ReadOnlyMemory<byte> message)
    {
        _pack.Write(_packed == 0 ? "["u8 : ","u8);
        _pack.Write(message.Span);
        _packed++;
        return ValueTask.CompletedTask;
    }

    private async ValueTask AddSlowAsync(ValueTask sent, ReadOnlyMemory<byte> message)
    {
        await sent;
        await Add(message);
    }

    private static string Prefix(int run)
    {
        const string Alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXZabcdefghijklmnopqrstuvwxyz"; // GUN's: no Y.
        return $"{Alphabet[run / Alphabet.Length % Alphabet.Length]}{Alphabet[run % Alphabet.Length]}";
    }
}
