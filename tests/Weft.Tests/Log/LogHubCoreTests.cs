using Weft.Log;
using Weft.Log.Wire;
using Weft.Primitives;

namespace Weft.Tests.Log;

/// <summary>Whole nodes over byte streams in memory: handshake, channels, capabilities, replication.</summary>
public sealed class LogHubCoreTests
{
    private static readonly WeftInstant Now = new(1_000_000);

    [Fact]
    public void Two_hubs_replicate_several_logs_over_one_stream_of_bytes()
    {
        using LogCore writer = LogVectors.Log(60);
        using LogKeyPair keys = LogVectors.Keys(1);
        using LogCore other = LogCore.OpenOwn(LogVectors.Crypto, new MemoryLogStore(), keys);
        Assert.Equal(LogVerdict.Accepted, other.Append("other"u8.ToArray(), new byte[300_000]));
        other.OnDurable(other.LastCommit);
        LogCore first = LogCore.OpenKey(LogVectors.Crypto, new MemoryLogStore(), writer.Key);
        LogCore second = LogCore.OpenKey(LogVectors.Crypto, new MemoryLogStore(), other.Key);
        var pair = new HubPair(seed: 4);
        pair.Add(0, writer);
        pair.Add(0, other);
        pair.Add(1, first);
        pair.Run(1, first.Key, (core, outbox) => core.DownloadRange(0, null, Now, outbox));
        pair.Connect();
        pair.Settle();
        Assert.Equal((60, 0), (first.ContiguousLength, second.ContiguousLength));
        Assert.Contains(
            pair.Events[1], output => output.Kind == LogHubOutputKind.Asked && output.Key == other.DiscoveryKey);

        pair.Add(1, second); // A log that was refused at first, added later.
        pair.Run(1, second.Key, (core, outbox) => core.DownloadRange(0, null, Now, outbox));
        pair.Settle();

        Assert.Equal(2, second.ContiguousLength);
        Assert.True(second.TryGet(1, out ReadOnlyMemory<byte> large));
        Assert.Equal(300_000, large.Length);
        Assert.Single(pair.Events[0], output => output.Kind == LogHubOutputKind.Established);
        Assert.DoesNotContain(pair.Events[0].Concat(pair.Events[1]), output => output.Kind == LogHubOutputKind.Close);
    }

    [Fact]
    public void A_large_log_waits_for_the_connection_to_take_what_was_sent()
    {
        using LogKeyPair keys = LogVectors.Keys(1);
        using LogCore writer = LogCore.OpenOwn(LogVectors.Crypto, new MemoryLogStore(), keys);
        for (int i = 0; i < 40; i++)
        {
            Assert.Equal(LogVerdict.Accepted, writer.Append(new byte[100_000]));
        }

        writer.OnDurable(writer.LastCommit);
        LogCore reader = LogCore.OpenKey(LogVectors.Crypto, new MemoryLogStore(), writer.Key);
        var pair = new HubPair(seed: 9);
        pair.Add(0, writer);
        pair.Add(1, reader);
        pair.Run(1, reader.Key, (core, outbox) => core.DownloadRange(0, null, Now, outbox));
        pair.Connect();
        pair.Settle();

        Assert.Equal(40, reader.ContiguousLength);
        Assert.InRange(pair.UnsentMax, 1_000_000, 1_500_000); // 1 MiB, one block more, and what surrounds it.
    }

    [Fact]
    public void A_peer_that_does_not_know_the_key_is_closed_without_a_word()
    {
        using LogCore writer = LogVectors.Log(5);
        var hub = new LogHubCore(LogVectors.Crypto);
        var outbox = new Outbox<LogHubOutput>();
        hub.Add(new ReplicationCore(writer, new ReplicationOptions()), Now, outbox);
        hub.OnConnected(1, false, new byte[32], new byte[56], outbox);
        var streamOutputs = new Outbox<SecretStreamOutput>();
        using var stream = new SecretStreamCore(
            LogVectors.Crypto, true, new byte[32], Enumerable.Repeat((byte)7, 56).ToArray(), streamOutputs);
        var muxOutputs = new Outbox<MuxOutput>();
        var mux = new MuxCore(muxOutputs);
        stream.Start();
        Pass(streamOutputs, hub, outbox);
        Back(outbox, stream);
        Pass(streamOutputs, hub, outbox);

        mux.Open("hypercore/alpha", writer.DiscoveryKey.Span, [1, .. new byte[32]]);
        mux.Flush();
        stream.Send(muxOutputs[0].Bytes.Span);
        outbox.Clear();
        Pass(streamOutputs, hub, outbox);

        LogHubOutput only = Assert.Single(outbox.Items.ToArray());
        Assert.Equal(
            (LogHubOutputKind.Close, "a peer that does not know the log's key"), (only.Kind, only.Reason));
    }

    [Fact]
    public void Changed_bytes_end_a_connection_and_never_throw()
    {
        for (ulong seed = 1; seed <= 40; seed++)
        {
            var random = new WeftRandom(seed);
            LogCore writer = LogVectors.Log(10);
            LogCore reader = LogCore.OpenKey(LogVectors.Crypto, new MemoryLogStore(), writer.Key);
            var pair = new HubPair(seed, bytes =>
            {
                if (random.Chance(0.05))
                {
                    bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
                }
            });
            pair.Add(0, writer);
            pair.Add(1, reader);
            pair.Run(1, reader.Key, (core, outbox) => core.DownloadRange(0, null, Now, outbox));
            pair.Connect();
            pair.Settle();

            // Encrypted and authenticated: what changed never reaches the log, let alone counts against it.
            Assert.DoesNotContain(pair.Events[1], output => output.Event.Kind == ReplicationOutputKind.Refused);
            for (long i = 0; i < reader.ContiguousLength; i++)
            {
                Assert.True(reader.TryGet(i, out ReadOnlyMemory<byte> block));
                Assert.Equal(LogVectors.Block(i), block.ToArray());
            }
        }
    }

    private static void Pass(Outbox<SecretStreamOutput> from, LogHubCore hub, Outbox<LogHubOutput> outbox)
    {
        foreach (SecretStreamOutput output in from.Items.ToArray())
        {
            if (output.Kind == SecretStreamOutputKind.Send)
            {
                hub.OnBytes(1, output.Bytes.Span, Now, outbox);
            }
        }

        from.Clear();
    }

    private static void Back(Outbox<LogHubOutput> from, SecretStreamCore stream)
    {
        foreach (LogHubOutput output in from.Items.ToArray())
        {
            if (output.Kind == LogHubOutputKind.Send)
            {
                stream.OnBytes(output.Bytes.Span);
            }
        }

        from.Clear();
    }

    /// <summary>Two hubs and a stream between them that cuts bytes anywhere.</summary>
    private sealed class HubPair(ulong seed, Action<byte[]>? spoil = null)
    {
        private readonly LogHubCore[] _hubs = [new(LogVectors.Crypto), new(LogVectors.Crypto)];
        private readonly Queue<byte>[] _under = [[], []];
        private readonly WeftRandom _random = new(seed);
        private bool _isClosed;

        public List<LogHubOutput>[] Events { get; } = [[], []];

        public int UnsentMax { get; private set; }

        public void Add(int side, LogCore log) =>
            Do(side, (hub, outbox) => hub.Add(new ReplicationCore(log, new ReplicationOptions()), Now, outbox));

        public void Run(int side, Hash32 key, Action<ReplicationCore, Outbox<ReplicationOutput>> command) =>
            Do(side, (hub, outbox) => hub.Run(key, command, Now, outbox));

        public void Connect()
        {
            for (int side = 0; side < 2; side++)
            {
                byte[] random = new byte[56];
                _random.Fill(random);
                int number = side;
                Do(side, (hub, outbox) => hub.OnConnected(1, number == 1, random.AsSpan(0, 32), random, outbox));
            }
        }

        public void Settle()
        {
            while (!_isClosed && _under[0].Count + _under[1].Count > 0)
            {
                int from = _under[0].Count == 0 || (_under[1].Count > 0 && _random.Chance(0.5)) ? 1 : 0;
                int count = Math.Min(_under[from].Count, 1 + _random.Next(60_000));
                byte[] bytes = [.. Enumerable.Range(0, count).Select(_ => _under[from].Dequeue())];
                Do(from, (hub, outbox) => hub.OnSent(1, count, Now, outbox));
                spoil?.Invoke(bytes);
                Do(1 - from, (hub, outbox) => hub.OnBytes(1, bytes, Now, outbox));
            }
        }

        private void Do(int side, Action<LogHubCore, Outbox<LogHubOutput>> action)
        {
            var outbox = new Outbox<LogHubOutput>();
            action(_hubs[side], outbox);
            for (int i = 0; i < outbox.Count; i++)
            {
                LogHubOutput output = outbox[i];
                Events[side].Add(output);
                if (output.Kind == LogHubOutputKind.Send)
                {
                    foreach (byte one in output.Bytes.Span)
                    {
                        _under[side].Enqueue(one);
                    }
                }
                else if (output.Kind == LogHubOutputKind.Close)
                {
                    _isClosed = true;
                }
                else if (output.Kind == LogHubOutputKind.Event
                    && output.Event.Kind is ReplicationOutputKind.Grew or ReplicationOutputKind.Stored)
                {
                    // The driver's part: what is written becomes durable, and then peers are told.
                    ReplicationCore core = _hubs[side].Find(output.Key)!;
                    core.Log.OnDurable(core.Log.LastCommit);
                    _hubs[side].Run(output.Key, (log, outputs) => log.OnPublished(Now, outputs), Now, outbox);
                }
            }

            UnsentMax = Math.Max(UnsentMax, _under[side].Count);
        }
    }
}
