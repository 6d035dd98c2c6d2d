using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace TransportInterop;

/// <summary>The two commands of Redis by which the ends of the test meet: RPUSH and BLPOP.</summary>
/// <remarks>Source: redis.io, "Redis serialization protocol specification", version 2.</remarks>
internal sealed class RedisClient : IAsyncDisposable
{
    private const int BytesMax = 64 * 1024; // Of one answer.
    private const int ItemsMax = 16;

    private readonly TcpClient _client;
    private readonly BufferedStream _stream;

    private RedisClient(TcpClient client)
    {
        _client = client;
        _stream = new(client.GetStream());
    }

    /// <summary>Connects; tries again until it is cancelled, because the server may come later.</summary>
    public static async Task<RedisClient> ConnectAsync(string host, int port, CancellationToken cancellationToken)
    {
        while (true)
        {
            var client = new TcpClient { NoDelay = true };
            try
            {
                await client.ConnectAsync(host, port, cancellationToken).ConfigureAwait(false);
                return new(client);
            }
            catch (SocketException)
            {
                client.Dispose();
                await Task.Delay(TimeSpan.FromMilliseconds(100), cancellationToken).ConfigureAwait(false);
            }
            catch
            {
                client.Dispose();
                throw;
            }
        }
    }

    /// <summary>Appends a value to a list.</summary>
    /// <exception cref="IOException">The connection broke, or the server refuses.</exception>
    public async Task PushAsync(string key, string value, CancellationToken cancellationToken)
    {
        await SendAsync(["RPUSH", key, value], cancellationToken).ConfigureAwait(false);
        if ((await ReadLineAsync(cancellationToken).ConfigureAwait(false)) is not [':', ..])
        {
            throw new IOException("Redis did not take the address.");
        }
    }

    /// <summary>Takes the first value of a list, and waits until there is one.</summary>
    /// <exception cref="IOException">The connection broke, or the server refuses.</exception>
    public async Task<string> PopAsync(string key, CancellationToken cancellationToken)
    {
        await SendAsync(["BLPOP", key, "0"], cancellationToken).ConfigureAwait(false);
        string head = await ReadLineAsync(cancellationToken).ConfigureAwait(false);
        if (head is not ['*', .. string count] || Number(count, ItemsMax) != 2)
        {
            throw new IOException("Redis gave no address.");
        }

        await ReadTextAsync(cancellationToken).ConfigureAwait(false); // The key.
        return await ReadTextAsync(cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await _stream.DisposeAsync().ConfigureAwait(false);
        _client.Dispose();
    }

    private static int Number(string text, int max) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number <= max
            ? number
            : throw new IOException("Redis answers with something else.");

    private async Task SendAsync(string[] words, CancellationToken cancellationToken)
    {
        var text = new StringBuilder($"*{words.Length}\r\n");
        foreach (string word in words)
        {
            text.Append(CultureInfo.InvariantCulture, $"${Encoding.UTF8.GetByteCount(word)}\r\n{word}\r\n");
        }

        await _stream.WriteAsync(Encoding.UTF8.GetBytes(text.ToString()), cancellationToken).ConfigureAwait(false);
        await _stream.FlushAsync(cancellationToken).ConfigureAwait(false);
    }

    private async Task<string> ReadTextAsync(CancellationToken cancellationToken)
    {
        string head = await ReadLineAsync(cancellationToken).ConfigureAwait(false);
        if (head is not ['$', .. string length])
        {
            throw new IOException("Redis answers with something else.");
        }

        byte[] bytes = new byte[Number(length, BytesMax) + 2];
        await _stream.ReadExactlyAsync(bytes, cancellationToken).ConfigureAwait(false);
        return Encoding.UTF8.GetString(bytes.AsSpan(0, bytes.Length - 2));
    }

    private async Task<string> ReadLineAsync(CancellationToken cancellationToken)
    {
        var line = new StringBuilder();
        byte[] one = new byte[1];
        while (line.Length < BytesMax)
        {
            await _stream.ReadExactlyAsync(one, cancellationToken).ConfigureAwait(false);
            if (one[0] == (byte)'\n')
            {
                return line.ToString().TrimEnd('\r');
            }

            line.Append((char)one[0]);
        }

        throw new IOException("Redis answers with something else.");
    }
}
