using System.Buffers.Binary;
using Weft.Crypto;
using Weft.Libp2p;
using Weft.Libp2p.Connections;
using Weft.Libp2p.Streams;
using Weft.Libp2p.Transport;
using Weft.Primitives;
using Weft.Protocols.Multistream;
using Weft.Protocols.Noise;
using Weft.Protocols.Peers;
using Weft.Protocols.Yamux;
using Weft.Transports;

namespace Weft.Integration.Tests.Libp2p;

/// <summary>A peer that does the handshake over real TCP, and then sends whatever frames a test wants.</summary>
internal sealed class RawPeer : IAsyncDisposable
{
    private static readonly ICrypto Crypto = PlatformCrypto.Create();

    private readonly UpgradedConnection _upgraded;

    private RawPeer(UpgradedConnection upgraded, PeerConnection connection) =>
        (_upgraded, Connection) = (upgraded, connection);

    /// <summary>The connection as the host sees it.</summary>
    public PeerConnection Connection { get; }

    public static Task<Libp2pHost> StartHostAsync(Action<Libp2pOptions>? change = null)
    {
        var options = new Libp2pOptions { Crypto = Crypto, ServeEcho = true };
        options.Transports.Add(new TcpTransport());
        options.Listen.Add(Multiaddr.Parse("/ip4/127.0.0.1/tcp/0"));
        change?.Invoke(options);
        return Libp2pHost.StartAsync(options);
    }

    /// <summary>Connects to the host and does the handshake.</summary>
    public static async Task<RawPeer> ConnectAsync(Libp2pHost host)
    {
        using Ed25519KeyPair key = KeyGenerator.NewEd25519(Crypto);
        using var identity = new NoiseIdentity(Crypto, key, Enumerable.Repeat((byte)5, 32).ToArray(), ["/yamux/1.0.0"]);
        PeerId self = key.PublicKey.ToPeerId();
        ITransportConnection transport = await DialAsync(host);
        UpgradedConnection upgraded = await new Upgrader(Crypto, identity, self, usesNoise: true, [])
            .UpgradeAsync(transport, isInbound: false, host.Id, CancellationToken.None);
        await UntilAsync(() => host.Find(self) is not null);
        return new(upgraded, host.Find(self)!);
    }

    /// <summary>Connects to the host and does nothing.</summary>
    public static async Task<ITransportConnection> DialAsync(Libp2pHost host) =>
        await new TcpTransport().DialAsync(host.Addresses[0], CancellationToken.None);

    /// <summary>Waits, with a deadline, for what happens on other threads.</summary>
    public static async Task UntilAsync(Func<bool> test)
    {
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (!test())
        {
            await Task.Delay(5, late.Token);
        }
    }

    /// <summary>True when the host has closed this connection: a read ends or fails.</summary>
    public static async Task<bool> IsClosedAsync(ITransportConnection connection)
    {
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        byte[] buffer = new byte[65_536];
        try
        {
            while (await connection.ReadAsync(buffer, late.Token) > 0)
            {
            }

            return true;
        }
        catch (IOException)
        {
            return true;
        }
    }

    /// <summary>The bytes of frames: header, and zeros where it is data.</summary>
    public static byte[] Frame(YamuxType type, YamuxFlags flags, uint stream, uint length, int body = 0)
    {
        byte[] bytes = new byte[YamuxHeader.Size + body];
        new YamuxHeader(type, flags, stream, length).Write(bytes);
        return bytes;
    }

    /// <summary>The lines with which a stream names its protocol.</summary>
    public static byte[] Names(string protocol)
    {
        var output = new System.Buffers.ArrayBufferWriter<byte>();
        MultistreamCore.Dial([protocol], output);
        return output.WrittenSpan.ToArray();
    }

    /// <summary>Seals and sends; false when the host has closed the connection.</summary>
    public async Task<bool> SendAsync(params byte[][] frames)
    {
        byte[] plain = [.. frames.SelectMany(frame => frame)];
        try
        {
            for (int at = 0; at < plain.Length; at += 60_000)
            {
                int length = Math.Min(60_000, plain.Length - at);
                byte[] message = new byte[2 + length + NoiseCipher.TagLength];
                BinaryPrimitives.WriteUInt16BigEndian(message, (ushort)(message.Length - 2));
                _upgraded.Send!.Seal(plain.AsSpan(at, length), [], message.AsSpan(2));
                await SendRawAsync(message);
            }

            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>Sends bytes as they are.</summary>
    public async Task SendRawAsync(byte[] bytes)
    {
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        await _upgraded.Transport.WriteAsync(bytes, late.Token);
    }

    /// <summary>Why the host ended the connection.</summary>
    public Task<ConnectionEnd> EndAsync() => Connection.Closed.WaitAsync(TimeSpan.FromSeconds(20));

    /// <summary>Lets an honest peer connect to the host, and be echoed.</summary>
    public static async Task ServesAsync(Libp2pHost host)
    {
        await using Libp2pHost honest = await StartHostAsync();
        PeerConnection connection = await honest.DialAsync(host.Addresses[0]);
        await using PeerStream stream = await honest.OpenStreamAsync(connection, ["/echo/1.0.0"]);
        await stream.WriteAsync("honest"u8.ToArray());
        byte[] back = new byte[6];
        await stream.ReadExactlyAsync(back).AsTask().WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Equal("honest"u8.ToArray(), back);
    }

    public async ValueTask DisposeAsync()
    {
        _upgraded.Transport.Abort();
        await _upgraded.Transport.DisposeAsync();
    }
}
