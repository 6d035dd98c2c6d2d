using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Weft.Libp2p.Gossip;
using Weft.Libp2p.Topics;
using Weft.Node.Topics;
using Weft.Primitives;
using Weft.Server.Http;

namespace Weft.Server.Api;

/// <summary>
/// The resources /topics and /topics/{name}/messages: what is joined, publish, and subscribe as a stream.
/// </summary>
internal static class TopicsApi
{
    internal const int KeyMax = 1_024;

    private const int NameMax = 256;
    private const int TextMax = 60_000; // Within what a body may have.

    internal static Task ListAsync(ApiCall call)
    {
        IReadOnlyList<GossipTopicInfo> topics = call.Peer.Node.Topics.List();
        var kept = call.Peer.Node.Topics.ListKept().ToDictionary(one => one.Topic);
        return call.AnswerAsync(StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            json.WriteStartArray("items");
            foreach (GossipTopicInfo topic in topics)
            {
                json.WriteStartObject();
                json.WriteString("topic", topic.Topic);
                json.WriteNumber("peers", topic.Peers);
                json.WriteNumber("mesh", topic.Mesh);
                json.WriteNumber("subscriptions", topic.Subscriptions);
                if (kept.TryGetValue(topic.Topic, out KeptTopicInfo here))
                {
                    json.WriteStartObject("kept");
                    json.WriteNumber("messages", here.Count);
                    json.WriteNumber("bytes", here.Bytes);
                    json.WriteNumber("next", here.Next);
                    json.WriteNumber("gaps", here.Gaps);
                    json.WriteNumber("forks", here.Forks);
                    json.WriteEndObject();
                }

                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        });
    }

    internal static async Task PostAsync(ApiCall call)
    {
        string topic = NameOf(call);
        using BodyMembers body = await BodyMembers.ReadAsync(call, "text", "data", "stored", "key", "end");
        int stored = (int)(body.Whole("stored", 0, 16) ?? 0);
        string? text = body.Text("text", TextMax);
        string? data = body.Text("data", TextMax);
        string? key = body.Text("key", KeyMax);
        bool ends = body.Flag("end");
        if (ends && (key is null || text is not null || data is not null))
        {
            throw body.Refused("The end of a key has a \"key\", and neither \"text\" nor \"data\".", "end");
        }

        if (key?.Length == 0)
        {
            throw body.Refused("A key has 1 to 1,024 characters.", "key");
        }

        if (!ends && text is null == data is null)
        {
            throw body.Refused("A message has either \"text\" or \"data\" (base64).", null);
        }

        byte[] bytes;
        try
        {
            bytes = text is not null ? Encoding.UTF8.GetBytes(text) : Convert.FromBase64String(data ?? "");
        }
        catch (FormatException)
        {
            throw body.Refused("\"data\" is not base64.", "data");
        }

        NodeTopics topics = call.Peer.Node.Topics;
        TopicReceipt receipt = key is not null
            ? await topics.PutAsync(
                topic, Encoding.UTF8.GetBytes(key), ends ? (ReadOnlyMemory<byte>?)null : bytes, Math.Max(1, stored), call.Aborted)
            : stored == 0
            ? await topics.PublishAsync(topic, bytes, call.Aborted)
            : await topics.PublishStoredAsync(topic, bytes, stored, call.Aborted);
        await call.AnswerAsync(StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            json.WriteString("topic", topic);
            json.WriteString("from", call.Peer.Network!.Id.ToString());
            json.WriteString("sequence", receipt.Sequence.ToString(CultureInfo.InvariantCulture));
            json.WriteNumber("peers", receipt.Peers);
            json.WriteNumber("stored", receipt.Stored);
            json.WriteEndObject();
        });
    }

    /// <summary>A stream of messages: server-sent events, or lines of JSON for who asks for them.</summary>
    internal static async Task GetAsync(ApiCall call)
    {
        string topic = NameOf(call);
        Replay replay = ReplayOf(call.Query["from"]);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(
            call.Aborted, call.Server.Stopping, call.Caller.Revoked);
        using ITimer? expiry = WatchApi.EndWithToken(call, ending);
        await using TopicSubscription subscription = await call.Peer.Node.Topics
            .SubscribeAsync(topic, replay, call.Aborted);
        call.Response.ContentType = call.WantsLines ? "application/x-ndjson" : "text/event-stream";
        call.Response.Headers.CacheControl = "no-store";
        call.Response.Headers["X-Accel-Buffering"] = "no";
        call.Context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        call.AllowSlowReader();
        var stream = new TopicStream(call);
        string reason = "the node stops";
        try
        {
            await stream.BeginAsync();
            await stream.CopyAsync(subscription.ReadAllAsync(ending.Token), ending.Token);
        }
        catch (OperationCanceledException) when (!call.Server.Stopping.IsCancellationRequested)
        {
            reason = "the token ended";
        }
        catch (OperationCanceledException)
        {
            // The node stops.
        }

        if (!call.Aborted.IsCancellationRequested)
        {
            await stream.EndAsync(reason);
        }
    }

    /// <summary>"now", "all", "last" (one), "last:N", "-DURATION", or a cursor.</summary>
    internal static Replay ReplayOf(string? from)
    {
        try
        {
            return from switch
            {
                null or "" or "now" => Replay.None,
                "all" => Replay.All,
                "last" => Replay.Last(1),
                _ when from.StartsWith("last:", StringComparison.Ordinal) => Replay.Last(
                    int.Parse(from.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture)),
                ['-', ..] => Replay.Last(Age(from)),
                _ => Replay.From(from),
            };
        }
        catch (Exception wrong) when (wrong is FormatException or OverflowException or ArgumentException)
        {
            throw new ApiException(
                WeftError.RequestMalformed,
                "\"from\" is now, all, last, last:N, -DURATION (as in -90s, -15m, -1h, -7d), or a cursor.")
            { Path = "from" };
        }
    }

    private static TimeSpan Age(string from)
    {
        double number = double.Parse(
            from.AsSpan(1, Math.Max(0, from.Length - 2)), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture);
        return from[^1] switch
        {
            's' => TimeSpan.FromSeconds(number),
            'm' => TimeSpan.FromMinutes(number),
            'h' => TimeSpan.FromHours(number),
            'd' => TimeSpan.FromDays(number),
            _ => throw new FormatException(),
        };
    }

    /// <summary>
    /// The name in the path. A path decodes %2F and %252F to the same text: both are a slash here, and no name has a
    /// percent sign.
    /// </summary>
    internal static string NameOf(ApiCall call)
    {
        string name = ((string)call.Request.RouteValues["name"]!)
            .Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);
        bool isBad = name is "." or ".." || name.Contains('%', StringComparison.Ordinal) || name.Any(char.IsControl)
            || Encoding.UTF8.GetByteCount(name) > NameMax;
        return isBad
            ? throw new ApiException(
                WeftError.RequestMalformed,
                $"A topic has 1 to {NameMax} bytes, no control character and no percent sign; "
                + "and it is not \".\" or \"..\".")
            { Path = "name" }
            : name;
    }
}
