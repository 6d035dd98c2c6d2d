using System.Buffers;
using System.Buffers.Binary;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Weft.Protocols.Mdns;

namespace Weft.Transports.Names;

/// <summary>Asks DNS servers for the TXT records of a name: over UDP, and over TCP where the answer is too long.</summary>
/// <remarks>
/// The platform looks up addresses only. A question has a random number and a random port, and only its own server's
/// answer with the number and the question is taken. What the texts say is not believed any more than what a peer says:
/// whoever is dialled has to prove who it is. Source: RFC 1035, sections 4.1 and 4.2; RFC 5452.
/// </remarks>
internal sealed class DnsTxtClient(NameResolverOptions options)
{
    private const int ServersMax = 4;
    private const int DatagramMax = 4_096;
    private const int StrayMax = 16; // Datagrams that are not the answer.
    private const int NameLengthMax = 253;
    private const int Port = 53;

    /// <summary>The texts of a name, each record's put together.</summary>
    /// <returns>Empty when the name is none, is not there, or has no texts.</returns>
    /// <exception cref="IOException">No server gave an answer.</exception>
    internal async ValueTask<IReadOnlyList<string>> AskAsync(string name, CancellationToken cancellationToken)
    {
        if (!IsName(name))
        {
            return [];
        }

        Exception? last = null;
        for (int i = 0; i < options.Tries; i++)
        {
            foreach (IPEndPoint server in Servers())
            {
                using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                deadline.CancelAfter(options.Timeout);
                try
                {
                    if (await AskOneAsync(server, name, deadline.Token).ConfigureAwait(false) is { } texts)
                    {
                        return texts;
                    }
                }
                catch (Exception error) when (error is SocketException or IOException)
                {
                    last = error;
                }
                catch (OperationCanceledException late) when (!cancellationToken.IsCancellationRequested)
                {
                    last = late;
                }
            }
        }

        throw new IOException($"No DNS server answers for {name}.", last);
    }

    internal static bool IsName(string name) => name.Length is > 0 and <= NameLengthMax
        && name.Split('.').All(label => label.Length is > 0 and <= 63 && label.All(one => one is > ' ' and < '\x7F'));

    /// <summary>The texts; null when this server has no answer, and another one may.</summary>
    private static async ValueTask<IReadOnlyList<string>?> AskOneAsync(
        IPEndPoint server, string name, CancellationToken cancellationToken)
    {
        ushort number = (ushort)RandomNumberGenerator.GetInt32(ushort.MaxValue + 1);
        byte[] question = Question(number, name);
        byte[]? answer = await AskByUdpAsync(server, question, name, cancellationToken).ConfigureAwait(false);
        if (answer is not null && (answer[2] & 0x02) != 0) // Cut off at its end.
        {
            answer = await AskByTcpAsync(server, question, cancellationToken).ConfigureAwait(false);
        }

        if (answer is null || Read(answer, number, name) is not { } message)
        {
            return null;
        }

        int result = answer[3] & 0x0F;
        return result switch
        {
            0 => [.. message.Answers.Where(one => one.Type == (int)DnsType.Txt).Select(one => Text(one.Texts))],
            3 => [], // There is no such name.
            _ => null,
        };
    }

    private static async ValueTask<byte[]?> AskByUdpAsync(
        IPEndPoint server, byte[] question, string name, CancellationToken cancellationToken)
    {
        using var socket = new Socket(server.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        await socket.ConnectAsync(server, cancellationToken).ConfigureAwait(false); // Others' datagrams are not seen.
        await socket.SendAsync(question, cancellationToken).ConfigureAwait(false);
        byte[] buffer = new byte[DatagramMax];
        ushort number = BinaryPrimitives.ReadUInt16BigEndian(question);
        for (int i = 0; i < StrayMax; i++)
        {
            int length = await socket.ReceiveAsync(buffer, cancellationToken).ConfigureAwait(false);
            byte[] bytes = buffer[..length];
            if (length >= 12 && BinaryPrimitives.ReadUInt16BigEndian(bytes) == number
                && ((bytes[2] & 0x82) == 0x82 || Read(bytes, number, name) is not null))
            {
                return bytes;
            }
        }

        return null;
    }

    private static async ValueTask<byte[]> AskByTcpAsync(
        IPEndPoint server, byte[] question, CancellationToken cancellationToken)
    {
        using var socket = new Socket(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(server, cancellationToken).ConfigureAwait(false);
        var stream = new NetworkStream(socket, ownsSocket: false);
        await using System.Runtime.CompilerServices.ConfiguredAsyncDisposable closing = stream.ConfigureAwait(false);
        byte[] framed = [(byte)(question.Length >> 8), (byte)question.Length, .. question];
        await stream.WriteAsync(framed, cancellationToken).ConfigureAwait(false);
        byte[] head = new byte[sizeof(ushort)];
        await stream.ReadExactlyAsync(head, cancellationToken).ConfigureAwait(false);
        int length = BinaryPrimitives.ReadUInt16BigEndian(head);
        if (length is < 12 or > DnsCodec.MessageBytesMax)
        {
            throw new IOException($"The answer of a DNS server has {length} bytes; that is too many or too few.");
        }

        byte[] answer = new byte[length];
        await stream.ReadExactlyAsync(answer, cancellationToken).ConfigureAwait(false);
        return answer;
    }

    private static byte[] Question(ushort number, string name)
    {
        var output = new ArrayBufferWriter<byte>(NameLengthMax);
        DnsCodec.Write(new(false, [new(name, (int)DnsType.Txt)], [], []), output);
        byte[] bytes = output.WrittenSpan.ToArray();
        BinaryPrimitives.WriteUInt16BigEndian(bytes, number);
        bytes[2] = 0x01; // The server asks others where it does not know.
        return bytes;
    }

    private static DnsMessage? Read(byte[] bytes, ushort number, string name) =>
        bytes.Length >= 12 && BinaryPrimitives.ReadUInt16BigEndian(bytes) == number
        && DnsCodec.TryRead(bytes, out DnsMessage? message) && message.IsAnswer
        && message.Questions is [{ Type: (int)DnsType.Txt } asked] && DnsCodec.IsSame(asked.Name, name)
            ? message
            : null;

    private static string Text(IReadOnlyList<ReadOnlyMemory<byte>> texts) =>
        string.Concat(texts.Select(one => Encoding.UTF8.GetString(one.Span)));

    private IEnumerable<IPEndPoint> Servers()
    {
        if (options.Servers.Count > 0)
        {
            return options.Servers.Take(ServersMax);
        }

        try
        {
            return
            [
                .. NetworkInterface.GetAllNetworkInterfaces()
                    .SelectMany(one => one.GetIPProperties().DnsAddresses)
                    .Distinct()
                    .Take(ServersMax)
                    .Select(ip => new IPEndPoint(ip, Port)),
            ];
        }
        catch (Exception error) when (error is NetworkInformationException or PlatformNotSupportedException)
        {
            return [];
        }
    }
}
