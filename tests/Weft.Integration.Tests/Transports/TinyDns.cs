using System.Buffers;
using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Weft.Protocols.Mdns;

namespace Weft.Integration.Tests.Transports;

/// <summary>A DNS server on loopback that knows texts: over UDP, and over TCP on the same port.</summary>
public sealed class TinyDns : IAsyncDisposable
{
    private readonly Socket _udp = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
    private readonly TcpListener _tcp;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _loops;
    private int _questions;

    public TinyDns()
    {
        // One number for both: whoever has the TCP port takes the UDP port of that number, and tries again if it is taken.
        while (true)
        {
            var tcp = new TcpListener(IPAddress.Loopback, 0);
            tcp.Start();
            try
            {
                _udp.Bind(tcp.LocalEndpoint);
                _tcp = tcp;
                break;
            }
            catch (SocketException)
            {
                tcp.Dispose();
            }
        }

        _loops = Task.WhenAll(Task.Run(AnswerUdpAsync), Task.Run(AnswerTcpAsync));
    }

    public IPEndPoint Address => (IPEndPoint)_udp.LocalEndPoint!;

    /// <summary>What each name has.</summary>
    public Dictionary<string, string[]> Texts { get; } = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Questions that came by UDP.</summary>
    public int Questions => Volatile.Read(ref _questions);

    /// <summary>Changes the answer by UDP; null sends none.</summary>
    public Func<byte[], byte[]?> Bend { get; set; } = static answer => answer;

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _udp.Dispose();
        _tcp.Dispose();
        await _loops;
        _stopping.Dispose();
    }

    private async Task AnswerUdpAsync()
    {
        byte[] buffer = new byte[2_048];
        try
        {
            while (true)
            {
                SocketReceiveFromResult got = await _udp.ReceiveFromAsync(
                    buffer, SocketFlags.None, new IPEndPoint(IPAddress.Any, 0), _stopping.Token);
                Interlocked.Increment(ref _questions);
                if (Bend(AnswerTo(buffer.AsSpan(0, got.ReceivedBytes))) is { } answer)
                {
                    await _udp.SendToAsync(answer, SocketFlags.None, got.RemoteEndPoint, _stopping.Token);
                }
            }
        }
        catch (Exception over) when (over is OperationCanceledException or ObjectDisposedException or SocketException)
        {
            // The test is over.
        }
    }

    private async Task AnswerTcpAsync()
    {
        try
        {
            while (true)
            {
                using TcpClient client = await _tcp.AcceptTcpClientAsync(_stopping.Token);
                NetworkStream stream = client.GetStream();
                byte[] head = new byte[2];
                await stream.ReadExactlyAsync(head, _stopping.Token);
                byte[] question = new byte[BinaryPrimitives.ReadUInt16BigEndian(head)];
                await stream.ReadExactlyAsync(question, _stopping.Token);
                byte[] answer = AnswerTo(question);
                await stream.WriteAsync(
                    (byte[])[(byte)(answer.Length >> 8), (byte)answer.Length, .. answer], _stopping.Token);
            }
        }
        catch (Exception over) when (over is OperationCanceledException or ObjectDisposedException or IOException
            or SocketException)
        {
            // The test is over.
        }
    }

    private byte[] AnswerTo(ReadOnlySpan<byte> question)
    {
        Assert.True(DnsCodec.TryRead(question, out DnsMessage? asked));
        DnsQuestion one = Assert.Single(asked.Questions);
        Assert.Equal((int)DnsType.Txt, one.Type);
        Assert.Equal(1, question[2] & 1); // The server is to ask others.
        bool isKnown = Texts.TryGetValue(one.Name, out string[]? texts);
        var output = new ArrayBufferWriter<byte>();
        DnsCodec.Write(
            new(true, [one], [.. (texts ?? []).Select(text => new DnsRecord(one.Name, (int)DnsType.Txt, 60, "", Cut(text)))], []),
            output);
        byte[] bytes = output.WrittenSpan.ToArray();
        question[..2].CopyTo(bytes);
        bytes[3] = isKnown ? (byte)0 : (byte)3;
        return bytes;
    }

    /// <summary>A text of DNS has at most 255 bytes; a record may have several.</summary>
    private static ReadOnlyMemory<byte>[] Cut(string text) =>
        [.. Encoding.ASCII.GetBytes(text).Chunk(100).Select(piece => (ReadOnlyMemory<byte>)piece)];
}
