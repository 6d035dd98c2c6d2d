using System.Collections.Concurrent;
using System.Text;
using Weft.Libp2p;
using Weft.Libp2p.Gossip;
using Weft.Libp2p.Topics;
using Weft.Libp2p.Transport;
using Weft.Protocols.Gossip;
using Weft.Protocols.Topics;
using Weft.Tests.Protocols.Gossip;

namespace Weft.Tests.Libp2p.Topics;

/// <summary>A relay and a client, real hosts over the in-memory transport.</summary>
public sealed class TopicRelayTests
{
    [Fact]
    public async Task What_is_acknowledged_is_durable_and_is_replayed_and_then_live_without_hole_or_double()
    {
        var shelf = new ListShelf();
        await using Pair pair = await Pair.StartAsync(shelf);
        for (int i = 0; i < 50; i++)
        {
            Assert.Equal(TopicAppend.Kept, await pair.StoreAsync($"m{i}"));
            Assert.Equal(i + 1, shelf.Durable);
        }

        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        var texts = new List<string>();
        bool isCaughtUp = false;
        await foreach (TopicReplayItem item in pair.Client.ReplayAsync(
            pair.Relay.Id, new(TopicRequestKind.Subscribe, "t", TopicStart.All, IsLive: true), late.Token))
        {
            if (item.Kind == TopicAnswerKind.CaughtUp)
            {
                isCaughtUp = true;
                await pair.StoreAsync("live");
            }
            else
            {
                texts.Add(Encoding.UTF8.GetString(item.Message!.Data.Span));
            }

            if (texts.Count == 51)
            {
                break;
            }
        }

        Assert.True(isCaughtUp);
        Assert.Equal([.. Enumerable.Range(0, 50).Select(i => $"m{i}"), "live"], texts);
    }

    [Fact]
    public async Task A_relay_that_starts_again_gives_the_same_and_a_cursor_goes_on_behind_it()
    {
        var shelf = new ListShelf();
        string epoch;
        long next;
        await using (Pair first = await Pair.StartAsync(shelf))
        {
            await first.StoreAsync("a");
            await first.StoreAsync("b");
            (List<string> texts, epoch, next, _) = await first.ReadAsync(TopicStart.All);
            Assert.Equal(["a", "b"], texts);
        }

        await using Pair second = await Pair.StartAsync(shelf);
        Assert.Equal(["a", "b"], (await second.ReadAsync(TopicStart.All)).Texts);
        await second.StoreAsync("c");
        Assert.Equal(["c"], (await second.ReadAsync(TopicStart.Cursor, (ulong)next, epoch)).Texts);
        Assert.Equal(["b", "c"], (await second.ReadAsync(TopicStart.Last, 2)).Texts);
        Assert.Equal(["a", "b", "c"], (await second.ReadAsync(TopicStart.Cursor, 99, "another")).Texts);
        Assert.Equal(new KeptTopicInfo("t", 3, second.Service.List()[0].Bytes, 4, 0, 0), second.Service.List()[0]);
    }

    [Fact]
    public async Task A_cursor_behind_which_messages_are_gone_gets_a_gap()
    {
        await using Pair pair = await Pair.StartAsync(new ListShelf(), options => options.Retention.MessagesMax = 3);
        for (int i = 0; i < 10; i++)
        {
            await pair.StoreAsync($"m{i}");
        }

        (List<string> texts, string epoch, _, _) = await pair.ReadAsync(TopicStart.All);
        Assert.Equal(["m7", "m8", "m9"], texts);
        (texts, _, _, long missed) = await pair.ReadAsync(TopicStart.Cursor, 3, epoch);
        Assert.Equal(5, missed); // Offsets 3 to 7.
        Assert.Equal(["m7", "m8", "m9"], texts);
    }

    [Fact]
    public async Task The_last_value_of_a_key_is_found_and_what_nobody_signed_is_not_kept()
    {
        await using Pair pair = await Pair.StartAsync(new ListShelf());
        byte[] older = TopicRecord.Write(TopicRecordKind.Latest, [], 1 << 16, 0, "ada"u8, "old"u8);
        byte[] newer = TopicRecord.Write(TopicRecordKind.Latest, [], 2 << 16, 0, "ada"u8, "new"u8);
        await pair.StoreAsync(newer);
        Assert.Equal(TopicAppend.Superseded, await pair.StoreAsync(older));
        GossipMessage? latest = await pair.Client.LatestAsync(pair.Relay.Id, "t", "ada"u8.ToArray());
        Assert.Equal(newer, latest!.Data.ToArray());
        Assert.Null(await pair.Client.LatestAsync(pair.Relay.Id, "t", "bob"u8.ToArray()));

        GossipMessage forged = GossipSigning.Sign(GossipRig.Key(5), GossipRig.Crypto, 1, "t", "x"u8);
        System.Runtime.InteropServices.MemoryMarshal.TryGetArray(forged.Frame, out ArraySegment<byte> bytes);
        bytes.Array![bytes.Count - 1] ^= 1;
        Assert.Equal(TopicAppend.Malformed, await pair.Client.StoreAsync(pair.Relay.Id, forged));
    }

    [Fact]
    public async Task What_comes_over_the_mesh_is_kept()
    {
        await using Pair pair = await Pair.StartAsync(new ListShelf());
        await HostPair.UntilAsync(() => pair.Gossip.PeersOf("t") == 1);
        await pair.Gossip.PublishAsync("t", "over the mesh"u8.ToArray());
        await HostPair.UntilAsync(() => pair.Service.List()[0].Next == 2);

        Assert.Equal(["over the mesh"], (await pair.ReadAsync(TopicStart.All)).Texts);
    }

    /// <summary>Remembers what is kept, and what of it was flushed.</summary>
    private sealed class ListShelf : ITopicShelf
    {
        private readonly ConcurrentDictionary<long, ShelvedMessage> _kept = new();

        public string Epoch => "0123456789abcdef";

        public int Durable { get; private set; }

        public IEnumerable<ShelvedMessage> Load() => _kept.Values.OrderBy(one => one.Offset);

        public void Keep(string topic, long offset, double receivedMs, GossipMessage message) =>
            _kept[offset] = new(topic, offset, receivedMs, TopicWire.BodyOf(message));

        public void KeepRetention(string pattern, ReadOnlyMemory<byte> retention) =>
            _kept[0] = new(pattern, 0, 0, retention);

        public void Drop(string topic, long offset) => _kept.TryRemove(offset, out _);

        public async ValueTask FlushAsync()
        {
            int kept = _kept.Count;
            await Task.Yield();
            Durable = Math.Max(Durable, kept);
        }
    }

    private sealed class Pair : IAsyncDisposable
    {
        private ulong _sequence = (ulong)Environment.TickCount64 << 20;
        private GossipService _relayGossip = null!;

        public Libp2pHost Relay { get; private set; } = null!;

        public Libp2pHost Host { get; private set; } = null!;

        public GossipService Gossip { get; private set; } = null!;

        public TopicRelay Service { get; private set; } = null!;

        public TopicClient Client { get; private set; } = null!;

        public static async Task<Pair> StartAsync(ListShelf shelf, Action<TopicRelayOptions>? change = null)
        {
            var transport = new InMemoryTransport();
            var pair = new Pair
            {
                Relay = await HostPair.HostAsync(transport, isListening: true),
                Host = await HostPair.HostAsync(transport, isListening: false),
            };
            pair._relayGossip = new(pair.Relay);
            pair.Gossip = new(pair.Host);
            await pair._relayGossip.StartAsync();
            await pair.Gossip.StartAsync();
            var options = new TopicRelayOptions();
            options.Topics.Add("t");
            change?.Invoke(options);
            pair.Service = new(pair.Relay, pair._relayGossip, shelf, options);
            await pair.Service.StartAsync();
            pair.Client = new(pair.Host, pair.Gossip);
            await pair.Host.DialAsync(pair.Relay.Addresses[0]);
            return pair;
        }

        public Task<TopicAppend> StoreAsync(string text) => StoreAsync(Encoding.UTF8.GetBytes(text));

        public Task<TopicAppend> StoreAsync(byte[] data) => Client.StoreAsync(
            Relay.Id, GossipSigning.Sign(GossipRig.Key(1), GossipRig.Crypto, _sequence++, "t", data));

        public async Task<(List<string> Texts, string Epoch, long Next, long Missed)> ReadAsync(
            TopicStart start, ulong number = 0, string epoch = "")
        {
            using var late = new CancellationTokenSource(TimeSpan.FromSeconds(30));
            var texts = new List<string>();
            long missed = 0;
            await foreach (TopicReplayItem item in Client.ReplayAsync(
                Relay.Id, new(TopicRequestKind.Subscribe, "t", start, number, epoch), late.Token))
            {
                missed += item.Missed;
                if (item.Message is { } message)
                {
                    texts.Add(Encoding.UTF8.GetString(message.Data.Span));
                }
                else if (item.Kind == TopicAnswerKind.CaughtUp)
                {
                    return (texts, item.Epoch, item.Next, missed);
                }
            }

            throw new InvalidOperationException("The relay ended without a word.");
        }

        public async ValueTask DisposeAsync()
        {
            await Service.DisposeAsync();
            await _relayGossip.DisposeAsync();
            await Gossip.DisposeAsync();
            await Relay.DisposeAsync();
            await Host.DisposeAsync();
        }
    }
}
