using System.Diagnostics;
using System.Globalization;
using System.Text;
using Weft.Crypto;
using Weft.Libp2p;
using Weft.Node;
using Weft.Node.Network;
using Weft.Node.Topics;
using Weft.Protocols.Gossip;
using Weft.Protocols.Topics;
using Weft.Storage;
using Weft.Transports;

namespace Weft.Load.Topics;

/// <summary>Nodes in processes of their own: a relay with a topic that is full, and a latecomer that reads it.</summary>
internal static class TopicTargets
{
    public const string RelayMode = "topic-relay";
    public const string LateMode = "topic-late";
    public const string Full = "full";
    public const string Live = "live";

    private const int Authors = 16;
    private const int DataBytes = 200;

    /// <summary>Fills a topic, serves it until its input ends, and says on each line how much processor time it took.</summary>
    public static async Task<int> ServeAsync(string folder, int messages)
    {
        await using WeftNode node = await StartAsync(folder, NetworkProfile.Super, ["/ip4/127.0.0.1/tcp/0"], []);
        await node.Topics.SetRetentionAsync(
            "*", new() { BytesMax = 1L << 30, AuthorBytesMax = 1L << 30, MessagesMax = 10_000_000 });
        long start = Stopwatch.GetTimestamp();
        await FillAsync(node, messages);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{node.Network!.Addresses[0]} {Stopwatch.GetElapsedTime(start).TotalSeconds:0.00}"));
        while (await Console.In.ReadLineAsync() is not null)
        {
            Console.WriteLine(Environment.CpuUsage.TotalTime.TotalSeconds.ToString("0.000", CultureInfo.InvariantCulture));
        }

        return 0;
    }

    /// <summary>Reads everything each time a line comes in, and answers how many messages in how many seconds.</summary>
    public static async Task<int> ReadAsync(string folder, string relay)
    {
        await using WeftNode node = await StartAsync(folder, NetworkProfile.Default, [], [relay]);
        while (node.Topics.ListRelays().Count == 0)
        {
            await Task.Delay(20);
        }

        Console.WriteLine("ready");
        while (await Console.In.ReadLineAsync() is not null)
        {
            long start = Stopwatch.GetTimestamp();
            TimeSpan cpu = Environment.CpuUsage.TotalTime;
            (int messages, int gaps) = (0, 0);
            await foreach (TopicMessage message in node.Topics.HistoryAsync(Full))
            {
                (messages, gaps) = message.IsGap ? (messages, gaps + 1) : (messages + 1, gaps);
            }

            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            double used = (Environment.CpuUsage.TotalTime - cpu).TotalSeconds;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{messages} {gaps} {seconds:0.000} {used:0.000}"));
        }

        return 0;
    }

    /// <summary>Messages of some authors that link to each other, as a node's own do.</summary>
    private static async Task FillAsync(WeftNode node, int messages)
    {
        Ed25519KeyPair[] keys = [.. Enumerable.Range(1, Authors).Select(i =>
        {
            byte[] seed = new byte[Ed25519KeyPair.SeedLength];
            seed[0] = (byte)i;
            return new Ed25519KeyPair(node.Crypto, seed);
        })];
        var links = new GossipMessageId[Authors];
        ulong time = (ulong)DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() << 16;
        var waiting = new List<Task<TopicAppend>>();
        for (int i = 0; i < messages; i++)
        {
            int author = i % Authors;
            byte[] payload = Encoding.ASCII.GetBytes($"{i} ".PadRight(DataBytes, 'x'));
            GossipMessage message = GossipSigning.Sign(
                keys[author], node.Crypto, (ulong)i + 1, Full,
                TopicRecord.Write(TopicRecordKind.Event, links[author].Span, time++, 0, default, payload));
            links[author] = TopicLogCore.HashOf(message, node.Crypto);
            waiting.Add(node.Network!.TopicRelay!.KeepAsync(message));
            if (waiting.Count == 2_000 || i == messages - 1)
            {
                foreach (TopicAppend status in await Task.WhenAll(waiting))
                {
                    if (status != TopicAppend.Kept)
                    {
                        throw new InvalidOperationException($"A message was not kept: {status}.");
                    }
                }

                waiting.Clear();
            }
        }
    }

    private static async Task<WeftNode> StartAsync(
        string folder, NetworkProfile profile, string[] listen, string[] relays)
    {
        StorageEngine store = await StorageEngine.OpenAsync(new StorageOptions { Path = folder });
        WeftNode node = await WeftNode.StartAsync(new NodeOptions { Crypto = PlatformCrypto.Create() }, store);
        var limits = new Libp2pLimits { InboundConnectionsMax = 1_024, InboundHandshakesMax = 256 };
        limits.Addresses.IsLoopbackFree = true; // All subscribers are at one address here.
        await node.StartNetworkAsync(
            new NetworkOptions
            {
                Listen = listen, TopicRelays = relays, Profile = profile, Sync = false, Limits = limits,
            },
            new NetworkParts { Transports = [new TcpTransport()] });
        return node;
    }
}
