using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Security.Cryptography;
using Weft.Libp2p;
using Weft.Libp2p.Discovery;
using Weft.Primitives;
using Weft.Protocols.Dialing;
using Weft.Protocols.Mdns;
using Weft.Protocols.Peers;

namespace Weft.Transports.Mdns;

/// <summary>Where and when multicast DNS is used.</summary>
public sealed class MdnsDiscoveryOptions
{
    /// <summary>How peers are looked for.</summary>
    public MdnsOptions Protocol { get; set; } = new();

    /// <summary>
    /// Look for peers also where the host listens on loopback alone, or nowhere. Default: false, because then nobody in
    /// the network could come, and nobody has to know of this host.
    /// </summary>
    public bool Always { get; set; }

    /// <summary>
    /// Where to send, and to listen: an IPv4 group, or in tests an address. Default: 224.0.0.251, port 5353.
    /// </summary>
    public IPEndPoint Group { get; set; } = new(IPAddress.Parse("224.0.0.251"), 5353);

    /// <summary>Where to bind. Default: every address, the group's port.</summary>
    public IPEndPoint? Bind { get; set; }

    /// <summary>How far packets go: 255 as RFC 6762 has it; 0 keeps them within this machine. Default: 255.</summary>
    public int Hops { get; set; } = 255;
}

/// <summary>Finds peers in the local network by multicast DNS over IPv4.</summary>
/// <remarks>
/// The driver of one <see cref="MdnsCore"/>. Packets from addresses that are in no network of this machine are dropped.
/// A network that cannot be sent to is tried again with the next packet. Source: docs/spec/libp2p.md, "mDNS".
/// </remarks>
public sealed class MdnsDiscovery : IDiscovery
{
    private static readonly TimeSpan NetworksAge = TimeSpan.FromSeconds(10);

    private readonly Libp2pHost _host;
    private readonly MdnsDiscoveryOptions _options;
    private readonly MdnsCore _core;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private readonly Outbox<MdnsOutput> _outbox = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly ITimer _timer;
    private Socket? _socket;
    private Network[] _networks = [];
    private WeftInstant _networksUntil;
    private Task _reading = Task.CompletedTask;
    private long _found;

    /// <summary>Makes one that does nothing yet.</summary>
    /// <param name="host">The host: its addresses are told, its address book is told of others.</param>
    /// <param name="options">Where and when; null for the defaults.</param>
    /// <param name="time">The clock; null for the system's.</param>
    public MdnsDiscovery(Libp2pHost host, MdnsDiscoveryOptions? options = null, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(host);
        _host = host;
        _options = options ?? new();
        _time = time ?? TimeProvider.System;
        _core = new(
            _options.Protocol, host.Id,
            new WeftRandom(BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)))));
        _timer = _time.CreateTimer(_ => OnTimer(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <inheritdoc/>
    public PeerSource Source => PeerSource.Mdns;

    /// <inheritdoc/>
    public bool IsActive => _socket is not null && !_stopping.IsCancellationRequested;

    /// <inheritdoc/>
    public long Found => Interlocked.Read(ref _found);

    /// <inheritdoc/>
    /// <exception cref="IOException">The port cannot be listened at.</exception>
    public Task StartAsync(CancellationToken cancellationToken = default)
    {
        if (!_options.Always && !_host.Addresses.Any(one => AddressScopes.Of(one) >= AddressScope.Link))
        {
            return Task.CompletedTask;
        }

        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            // Others on this machine answer, too.
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            socket.Bind(_options.Bind ?? new IPEndPoint(IPAddress.Any, _options.Group.Port));
            if (IsMulticast(_options.Group.Address))
            {
                socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.MulticastTimeToLive, _options.Hops);
            }
        }
        catch (SocketException error)
        {
            socket.Dispose();
            throw new IOException(error.Message, error);
        }

        _socket = socket;
        OnTimer(); // Joins, and asks.
        _reading = ReadAsync(socket);
        return Task.CompletedTask;
    }

    /// <summary>Looks no more, and answers no more.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _timer.DisposeAsync().ConfigureAwait(false);
        await _reading.ConfigureAwait(false);
        _socket?.Dispose();
        _stopping.Dispose();
    }

    private static bool IsMulticast(IPAddress address) => (address.GetAddressBytes()[0] & 0xF0) == 0xE0;

    /// <summary>
    /// The networks of now, looked at again after a while: they come and go, and looking costs more than a packet may.
    /// </summary>
    private Network[] Networks()
    {
        WeftInstant now = Now();
        if (now >= _networksUntil)
        {
            _networksUntil = now + NetworksAge;
            _networks =
            [
                .. NetworkInterface.GetAllNetworkInterfaces()
                    .Where(one => one.OperationalStatus is OperationalStatus.Up or OperationalStatus.Unknown)
                    .SelectMany(one => one.GetIPProperties().UnicastAddresses)
                    .Where(one => one.Address.AddressFamily == AddressFamily.InterNetwork)
                    .Select(one => new Network(one.Address, one.PrefixLength)),
            ];
            if (_socket is { } socket && IsMulticast(_options.Group.Address))
            {
                Array.ForEach(_networks, one => Join(socket, _options.Group.Address, one.Address));
            }
        }

        return _networks;
    }

    private static void Join(Socket socket, IPAddress group, IPAddress own)
    {
        try
        {
            socket.SetSocketOption(
                SocketOptionLevel.IP, SocketOptionName.AddMembership, new MulticastOption(group, own));
        }
        catch (SocketException)
        {
            // A network without multicast, or one that was joined before.
        }
    }

    private async Task ReadAsync(Socket socket)
    {
        byte[] buffer = new byte[DnsCodec.MessageBytesMax];
        var anyone = new IPEndPoint(IPAddress.Any, 0);
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                SocketReceiveFromResult read = await socket
                    .ReceiveFromAsync(buffer, SocketFlags.None, anyone, _stopping.Token).ConfigureAwait(false);
                OnMessage(buffer.AsSpan(0, read.ReceivedBytes), ((IPEndPoint)read.RemoteEndPoint).Address);
            }
            catch (SocketException)
            {
                // One packet was too long, or could not be delivered; the next may be better.
            }
            catch (Exception stopped) when (stopped is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private void OnMessage(ReadOnlySpan<byte> bytes, IPAddress from)
    {
        lock (_gate)
        {
            if (!Array.Exists(Networks(), one => one.Holds(from)))
            {
                return;
            }

            _outbox.Clear();
            _core.SetAddresses(_host.Addresses);
            _core.OnMessage(bytes, Now(), _outbox);
            Apply();
        }
    }

    private void OnTimer()
    {
        lock (_gate)
        {
            _outbox.Clear();
            _core.SetAddresses(_host.Addresses);
            _core.OnTimer(Now(), _outbox);
            Apply();
        }
    }

    private WeftInstant Now() => new((long)(_time.GetTimestamp() * (1_000_000.0 / _time.TimestampFrequency)));

    /// <summary>
    /// Carries out the core's wishes; the gate is held. A packet is handed to the system, and no more.
    /// </summary>
    private void Apply()
    {
        foreach (MdnsOutput output in _outbox.Items)
        {
            switch (output.Kind)
            {
                case MdnsOutputKind.StartTimer when !_stopping.IsCancellationRequested:
                    double wait = Math.Clamp((output.Due - Now()).TotalMilliseconds, 1, 3_600_000);
                    _timer.Change(TimeSpan.FromMilliseconds(Math.Ceiling(wait)), Timeout.InfiniteTimeSpan);
                    break;
                case MdnsOutputKind.Send:
                    Send(output.Message.Span);
                    break;
                case MdnsOutputKind.Found:
                    Tell(output.Peer, output.Addresses!);
                    break;
            }
        }

        _outbox.Clear();
    }

    private void Tell(PeerId peer, IReadOnlyList<Multiaddr> addresses)
    {
        if (_host.Book.Add(peer, addresses, Source) > 0)
        {
            Interlocked.Increment(ref _found);
        }
    }

    private void Send(ReadOnlySpan<byte> message)
    {
        if (_socket is not { } socket)
        {
            return;
        }

        Network[] networks = Networks();
        if (!IsMulticast(_options.Group.Address))
        {
            TrySend(socket, message);
            return;
        }

        foreach (Network network in networks)
        {
            try
            {
                socket.SetSocketOption(
                    SocketOptionLevel.IP, SocketOptionName.MulticastInterface, network.Address.GetAddressBytes());
                TrySend(socket, message);
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                // This network has just gone.
            }
        }
    }

    private void TrySend(Socket socket, ReadOnlySpan<byte> message)
    {
        try
        {
            socket.SendTo(message, SocketFlags.None, _options.Group);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // Nobody there, no way there, or it stops; mDNS asks again anyway.
        }
    }

    /// <summary>A network this machine is in.</summary>
    private readonly record struct Network(IPAddress Address, int PrefixLength)
    {
        public bool Holds(IPAddress other)
        {
            byte[] own = Address.GetAddressBytes();
            byte[] its = other.GetAddressBytes();
            for (int bit = 0; bit < PrefixLength; bit += 8)
            {
                int mask = PrefixLength - bit >= 8 ? 0xFF : 0xFF << (8 - (PrefixLength - bit)) & 0xFF;
                if ((own[bit / 8] & mask) != (its[bit / 8] & mask))
                {
                    return false;
                }
            }

            return true;
        }
    }
}
