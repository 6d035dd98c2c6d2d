using System.Text;
using Weft.Libp2p.Transport;
using Weft.Node;
using Weft.Node.Network;
using Weft.Node.Storage;
using Weft.Node.Topics;
using Weft.Primitives;
using Weft.Tests.Libp2p;

namespace Weft.Tests.Node.Topics;

/// <summary>Whole nodes over the in-memory transport: two relays, and one that is none.</summary>
public sealed class NodeTopicsTests : IAsyncLifetime
{
    private readonly InMemoryTransport _transport = new();
    private readonly List<WeftNode> _nodes = [];

    public async Task InitializeAsync()
    {
        await StartAsync(NetworkProfile.Super);
        await StartAsync(NetworkProfile.Super);
        await StartAsync(NetworkProfile.Test);
        foreach (WeftNode relay in _nodes.Take(2))
        {
            await _nodes[2].Network!.Host.DialAsync(relay.Network!.Addresses[0]);
        }

        await HostPair.UntilAsync(() => _nodes[2].Network!.Host.Connections
            .Count(one => one.Identity?.Protocols.Contains("/weft/topics/1") == true) == 2);
    }

    public async Task DisposeAsync()
    {
        foreach (WeftNode node in _nodes)
        {
            await node.DisposeAsync();
        }
    }

    [Fact]
    public async Task The_latest_value_of_a_key_is_found_and_given_to_the_relay_that_lacks_it()
    {
        byte[] key = "ada"u8.ToArray();
        NodeTopics topics = _nodes[2].Topics;
        Assert.Equal(1, (await topics.PutAsync("people", key, "old"u8.ToArray())).Stored);
        Assert.Equal(1, (await topics.PutAsync("people", key, "new"u8.ToArray())).Stored);
        Assert.Single(_nodes, node => node.Network!.TopicRelay?.Latest("people", key) is not null);

        TopicMessage? latest = await topics.LatestAsync("people", key);

        Assert.Equal("new", latest!.Value.Text);
        Assert.Equal(2, _nodes.Count(node => node.Network!.TopicRelay?.Latest("people", key) is not null));
        Assert.Equal(2, (await topics.PutAsync("people", key, null, relays: 2)).Stored);
        Assert.Null(await topics.LatestAsync("people", key));
    }

    [Fact]
    public async Task A_subscription_with_replay_gives_what_is_kept_and_what_comes_each_once()
    {
        NodeTopics topics = _nodes[2].Topics;
        for (int i = 0; i < 20; i++)
        {
            Assert.Equal(2, (await topics.PublishStoredAsync("t", Encoding.UTF8.GetBytes($"m{i}"), relays: 2)).Stored);
        }

        await using TopicSubscription all = await topics.SubscribeAsync("t", Replay.All);
        List<string> texts = await TakeAsync(all, 22, async count =>
        {
            if (count == 20)
            {
                await topics.PublishAsync("t", "m20"u8.ToArray());
                await _nodes[0].Topics.PublishAsync("t", "m21"u8.ToArray());
            }
        });
        Assert.Equal(Enumerable.Range(0, 20).Select(i => $"m{i}"), texts.Take(20));
        Assert.Equal(["m20", "m21"], texts.Skip(20).Order());

        await using TopicSubscription last = await topics.SubscribeAsync("t", Replay.Last(2));
        Assert.Equal(["m20", "m21"], (await TakeAsync(last, 2, _ => Task.CompletedTask)).Order());
    }

    [Fact]
    public async Task Without_a_relay_a_replay_says_that_something_may_be_missing()
    {
        await StartAsync(NetworkProfile.Test);
        await using TopicSubscription alone = await _nodes[3].Topics.SubscribeAsync("t", Replay.All);
        await foreach (TopicMessage message in alone.ReadAllAsync())
        {
            Assert.True(message.IsGap);
            break;
        }

        Assert.Throws<ArgumentException>(() => Replay.From("nonsense"));
    }

    private static async Task<List<string>> TakeAsync(TopicSubscription subscription, int count, Func<int, Task> after)
    {
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        var texts = new List<string>();
        await foreach (TopicMessage message in subscription.ReadAllAsync(late.Token))
        {
            Assert.False(message.IsGap);
            texts.Add(message.Text);
            await after(texts.Count);
            if (texts.Count == count)
            {
                break;
            }
        }

        return texts;
    }

    private async Task StartAsync(NetworkProfile profile)
    {
        WeftNode node = await WeftNode.StartAsync(new NodeOptions(), new MemoryStore());
        _nodes.Add(node);
        await node.StartNetworkAsync(
            new NetworkOptions { Listen = ["/memory/0"], Profile = profile },
            new NetworkParts { Transports = [_transport] });
    }
}
