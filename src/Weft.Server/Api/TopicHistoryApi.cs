using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Weft.Libp2p.Topics;
using Weft.Node.Topics;
using Weft.Primitives;
using Weft.Protocols.Topics;
using Weft.Server.Http;

namespace Weft.Server.Api;

/// <summary>What relays have kept of topics: history, latest values, retention, and the relays themselves.</summary>
internal static class TopicHistoryApi
{
    private const int FurtherMax = 1_000; // Behind the limit, for a message with a cursor.

    internal static async Task GetAsync(ApiCall call)
    {
        string topic = TopicsApi.NameOf(call);
        int limit = (int)call.Query.Whole("limit", 100, 1, 1_000);
        string? from = call.Query["from"];
        Replay replay = from is null ? Replay.All : TopicsApi.ReplayOf(from);
        var items = new List<TopicMessage>();
        string? cursor = null;
        bool isComplete = true;
        await foreach (TopicMessage message in call.Peer.Node.Topics.HistoryAsync(topic, replay, call.Aborted))
        {
            items.Add(message);
            cursor = message.Cursor ?? cursor;
            if (items.Count >= limit && (message.Cursor is not null || items.Count >= limit + FurtherMax))
            {
                isComplete = false;
                break;
            }
        }

        await call.AnswerAsync(StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            json.WriteStartArray("items");
            foreach (TopicMessage message in items)
            {
                json.WriteStartObject();
                if (message.IsGap)
                {
                    json.WriteNumber("gap", message.Missed);
                }
                else
                {
                    TopicStream.WriteMembers(json, message);
                }

                json.WriteEndObject();
            }

            json.WriteEndArray();
            if ((cursor ?? (from?.Contains('.', StringComparison.Ordinal) == true ? from : null)) is { } next)
            {
                json.WriteString("cursor", next);
            }

            json.WriteBoolean("complete", isComplete);
            json.WriteEndObject();
        });
    }

    internal static async Task LatestAsync(ApiCall call)
    {
        string topic = TopicsApi.NameOf(call);
        if (call.Query["key"] is not { Length: > 0 and <= TopicsApi.KeyMax } key)
        {
            throw new ApiException(WeftError.RequestMalformed, "\"key\" has 1 to 1,024 characters.") { Path = "key" };
        }

        TopicMessage message = await call.Peer.Node.Topics.LatestAsync(topic, Encoding.UTF8.GetBytes(key), call.Aborted)
            ?? throw new ApiException(WeftError.Absent, "No relay that answered has a value for that key.");
        await call.AnswerAsync(StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            TopicStream.WriteMembers(json, message);
            json.WriteEndObject();
        });
    }

    internal static Task ShowAsync(ApiCall call) => ShowAsync(call, TopicsApi.NameOf(call));

    internal static async Task SetAsync(ApiCall call)
    {
        string pattern = TopicsApi.NameOf(call);
        using BodyMembers body = await BodyMembers.ReadAsync(
            call, "messages", "bytes", "ageSeconds", "authorBytes", "keys");
        NodeTopics topics = call.Peer.Node.Topics;
        (TopicRetention before, _) = InForce(topics, pattern);
        var retention = new TopicRetention
        {
            MessagesMax = (int)(body.Whole("messages", 0, 10_000_000) ?? before.MessagesMax),
            BytesMax = body.Whole("bytes", 1_024, 1L << 40) ?? before.BytesMax,
            Age = body.Whole("ageSeconds", 1, 3_155_760_000) is { } seconds ? TimeSpan.FromSeconds(seconds) : before.Age,
            AuthorBytesMax = body.Whole("authorBytes", 1_024, 1L << 40) ?? before.AuthorBytesMax,
            KeysMax = (int)(body.Whole("keys", 0, 1_000_000) ?? before.KeysMax),
        };
        await topics.SetRetentionAsync(pattern, retention);
        await ShowAsync(call, pattern);
    }

    internal static async Task RemoveAsync(ApiCall call)
    {
        string pattern = TopicsApi.NameOf(call);
        await call.Peer.Node.Topics.SetRetentionAsync(pattern, null);
        await ShowAsync(call, pattern);
    }

    internal static Task RelaysAsync(ApiCall call)
    {
        NodeTopics topics = call.Peer.Node.Topics;
        IReadOnlyList<PeerId> connected = topics.ListRelays();
        var compared = topics.ListCompared().ToDictionary(one => one.Peer);
        PeerId[] all = [.. connected, .. compared.Keys.Except(connected).Order()];
        return call.AnswerAsync(StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            json.WriteStartArray("items");
            foreach (PeerId peer in all)
            {
                json.WriteStartObject();
                json.WriteString("peer", peer.ToString());
                json.WriteBoolean("connected", connected.Contains(peer));
                if (compared.TryGetValue(peer, out TopicRelayInfo info))
                {
                    Write(json, info);
                }

                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        });
    }

    private static void Write(Utf8JsonWriter json, in TopicRelayInfo info)
    {
        json.WriteBoolean("configured", info.IsConfigured);
        if (info.ComparedAt is { } at)
        {
            json.WriteString("comparedAt", at.ToString("O", CultureInfo.InvariantCulture));
        }

        json.WriteNumber("taken", info.Taken);
        json.WriteNumber("given", info.Given);
        json.WriteNumber("withheld", info.Withheld);
        if (info.Problem is { } problem)
        {
            json.WriteString("problem", problem);
        }
    }

    private static (TopicRetention Retention, string Pattern) InForce(NodeTopics topics, string pattern)
    {
        topics.List(); // Says what is wrong where the node does not speak libp2p.
        return topics.RetentionOf(pattern) ?? throw new ApiException(
            WeftError.Usage, "This node keeps no topics for others: start it with the profile super.");
    }

    private static Task ShowAsync(ApiCall call, string topic)
    {
        (TopicRetention retention, string pattern) = InForce(call.Peer.Node.Topics, topic);
        return call.AnswerAsync(StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            json.WriteString("topic", topic);
            json.WriteString("pattern", pattern);
            json.WriteNumber("messages", retention.MessagesMax);
            json.WriteNumber("bytes", retention.BytesMax);
            json.WriteNumber("ageSeconds", (long)retention.Age.TotalSeconds);
            json.WriteNumber("authorBytes", retention.AuthorBytesMax);
            json.WriteNumber("keys", retention.KeysMax);
            json.WriteEndObject();
        });
    }
}
