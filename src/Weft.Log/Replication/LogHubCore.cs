using System.Buffers;
using System.Security.Cryptography;
using Weft.Crypto;
using Weft.Log.Encoding;
using Weft.Log.Tree;
using Weft.Log.Wire;
using Weft.Primitives;

namespace Weft.Log;

/// <summary>
/// The logs of a node and its connections, in Hypercore's wire protocol: encrypted streams, a channel for each log on
/// each, and the check that a peer knows the log's key. Pure; one caller at a time.
/// </summary>
/// <remarks>
/// On every connection a channel is opened for every log, so that a peer learns the discovery keys of the logs here,
/// and
/// no more unless it knows their keys. Source: docs/spec/log.md, section 8.
/// </remarks>
/// <param name="crypto">The primitives.</param>
/// <param name="connectionsMax">Connections at once; more are closed. 1 and more.</param>
public sealed class LogHubCore(ICrypto crypto, int connectionsMax = 256)
{
    /// <summary>Random bytes that a connection takes.</summary>
    public const int RandomLength = 56;

    private const string Protocol = "hypercore/alpha";
    private const string OldProtocol = "hypercore";

    private readonly LogHasher _hasher = new(crypto);
    private readonly Dictionary<Hash32, Shared> _byDiscovery = [];
    private readonly Dictionary<Hash32, Shared> _byKey = [];
    private readonly SortedDictionary<int, Connection> _connections = [];
    private readonly Dictionary<int, (Connection Connection, long Channel)> _peers = [];
    private readonly Outbox<ReplicationOutput> _outputs = new();
    private int _peerLast;

    /// <summary>Adds a log; every connection hears of it.</summary>
    /// <returns>False when it is here already.</returns>
    public bool Add(ReplicationCore log, WeftInstant now, Outbox<LogHubOutput> outbox)
    {
        var shared = new Shared(log);
        if (!_byKey.TryAdd(log.Log.Key, shared))
        {
            return false;
        }

        _byDiscovery.Add(log.Log.DiscoveryKey, shared);
        foreach (Connection connection in _connections.Values.ToArray())
        {
            if (connection.IsEstablished)
            {
                OpenChannel(connection, shared);
                Settle(connection, now, outbox);
            }
        }

        return true;
    }

    /// <summary>The log of a key; null when it is not here.</summary>
    public ReplicationCore? Find(Hash32 key) => _byKey.GetValueOrDefault(key)?.Core;

    /// <summary>A byte stream was connected.</summary>
    /// <param name="number">The driver's number for it.</param>
    /// <param name="isInitiator">True for the side that connected.</param>
    /// <param name="seed">32 bytes: the Ed25519 seed of this node; copied, cleared with the connection.</param>
    /// <param name="random">56 random bytes for this connection alone.</param>
    /// <param name="outbox">Takes what to do.</param>
    public void OnConnected(
        int number, bool isInitiator, ReadOnlySpan<byte> seed, ReadOnlySpan<byte> random, Outbox<LogHubOutput> outbox)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(random.Length, RandomLength, nameof(random));
        if (_connections.Count >= connectionsMax)
        {
            outbox.Add(new LogHubOutput(LogHubOutputKind.Close, number, Reason: "too many connections"));
            return;
        }

        var connection = new Connection(number, crypto, isInitiator, seed, random);
        _connections.Add(number, connection);
        connection.Stream.Start();
        Settle(connection, default, outbox);
    }

    /// <summary>Bytes came over a connection.</summary>
    public void OnBytes(int number, ReadOnlySpan<byte> bytes, WeftInstant now, Outbox<LogHubOutput> outbox)
    {
        if (_connections.TryGetValue(number, out Connection? connection))
        {
            connection.Stream.OnBytes(bytes);
            Settle(connection, now, outbox);
        }
    }

    /// <summary>A connection took bytes: with each call as many as one Send had, or several together.</summary>
    public void OnSent(int number, int bytes, WeftInstant now, Outbox<LogHubOutput> outbox)
    {
        if (!_connections.TryGetValue(number, out Connection? connection))
        {
            return;
        }

        connection.Sent += bytes;
        while (connection.Unsent.TryPeek(out (long End, int Peer, int Bytes) oldest) && oldest.End <= connection.Sent)
        {
            connection.Unsent.Dequeue();
            if (connection.Logs.TryGetValue(oldest.Peer, out Shared? log))
            {
                log.Core.OnSent(oldest.Peer, oldest.Bytes, _outputs);
                Carry(log, now, outbox);
            }
        }

        FlushAll(now, outbox);
    }

    /// <summary>A connection ended.</summary>
    public void OnClosed(int number, WeftInstant now, Outbox<LogHubOutput> outbox)
    {
        if (_connections.TryGetValue(number, out Connection? connection))
        {
            Forget(connection, now, outbox);
            FlushAll(now, outbox);
        }
    }

    /// <summary>
    /// Does something with a log, and carries out what it answers: a download, OnPublished, OnCleared.
    /// </summary>
    public void Run(
        Hash32 key, Action<ReplicationCore, Outbox<ReplicationOutput>> command, WeftInstant now,
        Outbox<LogHubOutput> outbox)
    {
        if (_byKey.TryGetValue(key, out Shared? log))
        {
            command(log.Core, _outputs);
            Carry(log, now, outbox);
            FlushAll(now, outbox);
        }
    }

    /// <summary>A timer of a log fell due.</summary>
    public void OnTimer(Hash32 key, WeftInstant now, Outbox<LogHubOutput> outbox) =>
        Run(key, (core, outputs) => core.OnTimer(now, outputs), now, outbox);

    private void OpenChannel(Connection connection, Shared log)
    {
        var handshake = new ArrayBufferWriter<byte>();
        handshake.WriteUint(1); // Seeks are understood.
        handshake.WriteFixed32(Capability(connection, log, connection.Stream.IsInitiator));
        long channel = connection.Mux.Open(Protocol, log.Core.Log.DiscoveryKey.Span, handshake.WrittenSpan);
        if (channel != 0)
        {
            connection.Channels[channel] = log;
        }
    }

    private Hash32 Capability(Connection connection, Shared log, bool isInitiator)
    {
        Hash32 space = isInitiator ? _hasher.InitiatorSpace : _hasher.ResponderSpace;
        Span<byte> joined = stackalloc byte[2 * Hash32.Length];
        space.Span.CopyTo(joined);
        log.Core.Log.Key.Span.CopyTo(joined[Hash32.Length..]);
        return _hasher.Keyed(connection.Stream.HandshakeHash, joined);
    }

    /// <summary>Carries out what the layers of a connection answered, until there is nothing left.</summary>
    private void Settle(Connection connection, WeftInstant now, Outbox<LogHubOutput> outbox)
    {
        for (int i = 0; i < connection.StreamOutputs.Count && !connection.IsOver; i++)
        {
            SecretStreamOutput output = connection.StreamOutputs[i];
            switch (output.Kind)
            {
                case SecretStreamOutputKind.Send:
                    connection.Queued += output.Bytes.Length;
                    outbox.Add(new LogHubOutput(LogHubOutputKind.Send, connection.Number, output.Bytes));
                    break;
                case SecretStreamOutputKind.Established:
                    connection.IsEstablished = true;
                    outbox.Add(new LogHubOutput(
                        LogHubOutputKind.Established, connection.Number, Key: connection.Stream.RemoteKey));
                    foreach (Shared log in _byKey.Values)
                    {
                        OpenChannel(connection, log);
                    }

                    break;
                case SecretStreamOutputKind.Message:
                    connection.Mux.OnFrame(output.Bytes);
                    SettleMux(connection, now, outbox);
                    break;
                default:
                    Close(connection, output.Reason, now, outbox);
                    break;
            }
        }

        connection.StreamOutputs.Clear();
        FlushAll(now, outbox);
    }

    private void SettleMux(Connection connection, WeftInstant now, Outbox<LogHubOutput> outbox)
    {
        for (int i = 0; i < connection.MuxOutputs.Count && !connection.IsOver; i++)
        {
            MuxOutput output = connection.MuxOutputs[i];
            switch (output.Kind)
            {
                case MuxOutputKind.Send:
                    connection.Stream.Send(output.Bytes.Span);
                    break;
                case MuxOutputKind.Asked:
                    OnAsked(connection, output, outbox);
                    break;
                case MuxOutputKind.Opened:
                    OnOpened(connection, output, now, outbox);
                    break;
                case MuxOutputKind.Message:
                    if (connection.PeerOf.TryGetValue(output.Channel, out int peer))
                    {
                        Shared log = connection.Logs[peer];
                        log.Core.OnMessage(peer, output.Type, output.Bytes.Span, now, _outputs);
                        Carry(log, now, outbox);
                    }

                    break;
                case MuxOutputKind.Closed:
                    OnChannelClosed(connection, output.Channel, now, outbox);
                    break;
                default:
                    Close(connection, output.Reason, now, outbox);
                    break;
            }
        }

        connection.MuxOutputs.Clear();
    }

    private void OnAsked(Connection connection, in MuxOutput asked, Outbox<LogHubOutput> outbox)
    {
        if (asked.Protocol is Protocol or OldProtocol && asked.Id.Length == Hash32.Length)
        {
            var discovery = new Hash32(asked.Id.Span);
            if (_byDiscovery.TryGetValue(discovery, out Shared? log))
            {
                OpenChannel(connection, log);
                return;
            }

            outbox.Add(new LogHubOutput(LogHubOutputKind.Asked, connection.Number, Key: discovery));
        }

        connection.Mux.Reject(asked.Channel);
    }

    private void OnOpened(Connection connection, in MuxOutput opened, WeftInstant now, Outbox<LogHubOutput> outbox)
    {
        if (!connection.Channels.TryGetValue(opened.Channel, out Shared? log))
        {
            return;
        }

        var reader = new CompactReader(opened.Bytes.Span);
        reader.Uint();
        Hash32 capability = reader.Fixed32();
        Hash32 expected = Capability(connection, log, !connection.Stream.IsInitiator);
        if (reader.IsBroken || !CryptographicOperations.FixedTimeEquals(capability.Span, expected.Span))
        {
            Close(connection, "a peer that does not know the log's key", now, outbox);
            return;
        }

        int peer = ++_peerLast;
        connection.PeerOf[opened.Channel] = peer;
        connection.Logs[peer] = log;
        _peers[peer] = (connection, opened.Channel);
        log.Core.OnPeerOpened(peer, now, _outputs);
        Carry(log, now, outbox);
    }

    private void OnChannelClosed(Connection connection, long channel, WeftInstant now, Outbox<LogHubOutput> outbox)
    {
        connection.Channels.Remove(channel);
        if (connection.PeerOf.Remove(channel, out int peer) && connection.Logs.Remove(peer, out Shared? log))
        {
            _peers.Remove(peer);
            log.Core.OnPeerClosed(peer, now, _outputs);
            Carry(log, now, outbox);
        }
    }

    /// <summary>Carries out what a log answered.</summary>
    private void Carry(Shared log, WeftInstant now, Outbox<LogHubOutput> outbox)
    {
        ReplicationOutput[] outputs = _outputs.Items.ToArray();
        _outputs.Clear();
        foreach (ReplicationOutput output in outputs)
        {
            switch (output.Kind)
            {
                case ReplicationOutputKind.Send:
                    if (_peers.TryGetValue(output.Peer, out (Connection Connection, long Channel) to))
                    {
                        to.Connection.Mux.Send(to.Channel, output.Type, output.Body.Span);
                        to.Connection.Pending.Add((output.Peer, output.Body.Length));
                    }

                    break;
                case ReplicationOutputKind.Drop:
                    if (_peers.Remove(output.Peer, out (Connection Connection, long Channel) gone))
                    {
                        gone.Connection.Logs.Remove(output.Peer);
                        gone.Connection.PeerOf.Remove(gone.Channel);
                        gone.Connection.Channels.Remove(gone.Channel);
                        gone.Connection.Mux.Close(gone.Channel);
                    }

                    break;
                case ReplicationOutputKind.StartTimer:
                    outbox.Add(new LogHubOutput(
                        LogHubOutputKind.StartTimer, Key: log.Core.Log.Key, Due: output.Due));
                    break;
                default:
                    outbox.Add(new LogHubOutput(LogHubOutputKind.Event, Key: log.Core.Log.Key, Event: output));
                    break;
            }
        }
    }

    /// <summary>Sends what was queued on every connection, in as few frames as it fits.</summary>
    private void FlushAll(WeftInstant now, Outbox<LogHubOutput> outbox)
    {
        foreach (Connection connection in _connections.Values)
        {
            connection.Mux.Flush();
            foreach (MuxOutput output in connection.MuxOutputs.Items)
            {
                if (output.Kind == MuxOutputKind.Send)
                {
                    connection.Stream.Send(output.Bytes.Span);
                }
            }

            connection.MuxOutputs.Clear();
            foreach (SecretStreamOutput output in connection.StreamOutputs.Items)
            {
                if (output.Kind == SecretStreamOutputKind.Send)
                {
                    connection.Queued += output.Bytes.Length;
                    outbox.Add(new LogHubOutput(LogHubOutputKind.Send, connection.Number, output.Bytes));
                }
            }

            connection.StreamOutputs.Clear();
            foreach ((int peer, int bytes) in connection.Pending)
            {
                connection.Unsent.Enqueue((connection.Queued, peer, bytes));
            }

            connection.Pending.Clear();
        }
    }

    private void Close(Connection connection, string reason, WeftInstant now, Outbox<LogHubOutput> outbox)
    {
        Forget(connection, now, outbox);
        outbox.Add(new LogHubOutput(LogHubOutputKind.Close, connection.Number, Reason: reason));
    }

    private void Forget(Connection connection, WeftInstant now, Outbox<LogHubOutput> outbox)
    {
        connection.IsOver = true;
        _connections.Remove(connection.Number);
        foreach ((int peer, Shared log) in connection.Logs.ToArray())
        {
            _peers.Remove(peer);
            log.Core.OnPeerClosed(peer, now, _outputs);
            Carry(log, now, outbox);
        }

        connection.Stream.Dispose();
    }

    private sealed class Shared(ReplicationCore core)
    {
        public ReplicationCore Core { get; } = core;
    }

    private sealed class Connection
    {
        public Connection(
            int number, ICrypto crypto, bool isInitiator, ReadOnlySpan<byte> seed, ReadOnlySpan<byte> random)
        {
            Number = number;
            Stream = new SecretStreamCore(crypto, isInitiator, seed, random, StreamOutputs);
            Mux = new MuxCore(MuxOutputs);
        }

        public int Number { get; }

        public Outbox<SecretStreamOutput> StreamOutputs { get; } = new();

        public Outbox<MuxOutput> MuxOutputs { get; } = new();

        public SecretStreamCore Stream { get; }

        public MuxCore Mux { get; }

        public bool IsEstablished { get; set; }

        public bool IsOver { get; set; }

        /// <summary>Own channels, open on one side or both.</summary>
        public Dictionary<long, Shared> Channels { get; } = [];

        public Dictionary<long, int> PeerOf { get; } = [];

        public Dictionary<int, Shared> Logs { get; } = [];

        /// <summary>Messages handed to the multiplexer since the last flush.</summary>
        public List<(int Peer, int Bytes)> Pending { get; } = [];

        /// <summary>Messages under way, with the place in the byte stream where each is sent.</summary>
        public Queue<(long End, int Peer, int Bytes)> Unsent { get; } = [];

        public long Queued { get; set; }

        public long Sent { get; set; }
    }
}
