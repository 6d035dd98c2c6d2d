using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Microsoft.AspNetCore.Http;
using Weft.Libp2p.Kad;
using Weft.Node.Network;
using Weft.Primitives;
using Weft.Protocols.Kad;
using Weft.Protocols.Kad.Records;
using Weft.Server.Http;

namespace Weft.Server.Api;

/// <summary>The resources under /dht: values, peers, providers, the routing table, the record store.</summary>
internal static class DhtApi
{
    private const int KeyMax = 1_024;
    private const int TextMax = 60_000; // Within what a body may have.

    private static readonly TimeSpan WaitDefault = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan WaitMax = TimeSpan.FromSeconds(60);

    internal static async Task HealthAsync(ApiCall call)
    {
        KadHealth health = await Dht(call).Service.ReadHealthAsync(call.Aborted);
        await call.AnswerAsync(StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            json.WriteString("protocol", health.Protocol);
            json.WriteString("mode", health.IsServer ? "server" : "client");
            json.WriteNumber("routes", health.Routes);
            json.WriteNumber("networkSize", Math.Round(health.NetworkSize));
            json.WriteNumber("queries", health.Queries);
            json.WriteNumber("providerKeys", health.ProviderKeys);
            json.WriteNumber("provided", health.Provided);
            json.WriteStartObject("records");
            json.WriteNumber("count", health.Records.Records);
            json.WriteNumber("countMax", health.Records.RecordsMax);
            json.WriteNumber("bytes", health.Records.Bytes);
            json.WriteNumber("bytesMax", health.Records.BytesMax);
            json.WriteNumber("own", health.Records.Own);
            json.WriteNumber("expired", health.Records.Expired);
            json.WriteNumber("evicted", health.Records.Evicted);
            json.WriteNumber("refused", health.Records.Refused);
            json.WriteNumber("utilisation", Math.Round(health.Records.Utilisation, 4));
            json.WriteEndObject();
            json.WriteEndObject();
        });
    }

    internal static async Task GetAsync(ApiCall call)
    {
        DhtValue value = await Dht(call).GetAsync(
            Key(call), Quorum(call.Query["quorum"]), Wait(call), call.Query.Flag("remote"), call.Aborted);
        if (!value.IsFound)
        {
            throw value.Result.Status switch
            {
                KadStatus.TimedOut => new ApiException(
                    WeftError.DeadlinePassed, $"Nobody gave a value in time; {value.Result.Requests} questions were asked."),
                KadStatus.Refused => Refused(),
                _ => new ApiException(
                    WeftError.Absent, $"Nobody has a value for that key; {value.Result.Requests} questions were asked."),
            };
        }

        await call.AnswerAsync(StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            json.WriteString("key", value.Key);
            WriteBytes(json, value.Payload.Span);
            if (value.Owner.IsEmpty)
            {
                json.WriteNull("owner");
            }
            else
            {
                json.WriteString("owner", value.Owner.ToString());
                json.WriteNumber("sequence", value.Sequence);
            }

            WriteResult(json, value.Result);
            json.WriteNumber("repaired", value.Result.Repaired);
            json.WriteEndObject();
        });
    }

    internal static async Task PutAsync(ApiCall call)
    {
        using BodyMembers body = await BodyMembers.ReadAsync(call, "key", "text", "data", "quorum", "ttlSeconds", "timeoutMs");
        string key = body.Required("key", KeyMax);
        byte[] payload = Payload(body);
        long? ttl = body.Whole("ttlSeconds", 1, 30 * 86_400);
        long? timeout = body.Whole("timeoutMs", 1, (long)WaitMax.TotalMilliseconds);
        DhtPut put = await Dht(call).PutAsync(
            key,
            payload,
            Quorum(body.Text("quorum", 16)),
            ttl is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
            timeout is { } ms ? TimeSpan.FromMilliseconds(ms) : WaitDefault,
            call.Aborted);
        if (put.Result.Status is KadStatus.Refused)
        {
            throw Refused();
        }

        if (put.Result.Status is KadStatus.Busy)
        {
            throw new ApiException(WeftError.TooManyRequests, "Too many commands of the DHT are at work.");
        }

        // What was reached is told in any case; only an answer 200 says that it is what was asked for.
        int status = put.Result.Status == KadStatus.Done ? StatusCodes.Status200OK : StatusCodes.Status202Accepted;
        await call.AnswerAsync(status, json =>
        {
            json.WriteStartObject();
            json.WriteString("key", put.Key);
            if (put.Sequence > 0)
            {
                json.WriteNumber("sequence", put.Sequence);
            }

            WriteResult(json, put.Result);
            json.WriteNumber("wanted", put.Result.Wanted);
            json.WriteEndObject();
        });
    }

    internal static async Task FindAsync(ApiCall call)
    {
        string key = Key(call);
        bool isPeer = PeerId.TryParse(key, out PeerId peer);
        KadService service = Dht(call).Service;
        KadResult result = isPeer
            ? await service.FindPeerAsync(peer, Wait(call), call.Aborted)
            : await service.FindClosestAsync(Encoding.UTF8.GetBytes(key), Wait(call), call.Aborted);
        await call.AnswerAsync(StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            json.WriteString("key", key);
            if (isPeer)
            {
                json.WriteBoolean("found", result.Peers.Any(found => found.Id == peer));
            }

            WritePeers(json, "items", result.Peers);
            WriteResult(json, result);
            json.WriteEndObject();
        });
    }

    internal static async Task ProvidersAsync(ApiCall call)
    {
        NodeDht dht = Dht(call);
        int limit = (int)call.Query.Whole("limit", 20, 1, 100);
        KadResult result = await dht.Service.FindProvidersAsync(
            dht.ContentKeyOf(Key(call)), limit, Wait(call), call.Aborted);
        await call.AnswerAsync(StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            WritePeers(json, "items", result.Providers);
            WriteResult(json, result);
            json.WriteEndObject();
        });
    }

    internal static async Task ProvideAsync(ApiCall call)
    {
        using BodyMembers body = await BodyMembers.ReadAsync(call, "key");
        NodeDht dht = Dht(call);
        KadResult result = await dht.Service.ProvideAsync(
            dht.ContentKeyOf(body.Required("key", KeyMax)), WaitDefault, call.Aborted);
        if (result.Status is KadStatus.Refused or KadStatus.Busy)
        {
            throw new ApiException(WeftError.TooManyRequests, "This node provides, or does, too much already.");
        }

        int status = result.Status == KadStatus.Done ? StatusCodes.Status200OK : StatusCodes.Status202Accepted;
        await call.AnswerAsync(status, json =>
        {
            json.WriteStartObject();
            WriteResult(json, result);
            json.WriteEndObject();
        });
    }

    internal static async Task StopAsync(ApiCall call)
    {
        NodeDht dht = Dht(call);
        if (!await dht.Service.StopProvidingAsync(dht.ContentKeyOf(Key(call)), call.Aborted))
        {
            throw new ApiException(WeftError.Absent, "This node does not provide that.");
        }

        call.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    internal static async Task RoutesAsync(ApiCall call)
    {
        IReadOnlyList<KadRoute> routes = await Dht(call).Service.ReadRoutesAsync(call.Aborted);
        await call.AnswerAsync(StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            json.WriteStartArray("items");
            foreach (KadRoute route in routes)
            {
                json.WriteStartObject();
                json.WriteNumber("bucket", route.Bucket);
                json.WriteString("peer", route.Peer.ToString());
                WriteAddresses(json, route.Addresses);
                json.WriteBoolean("connected", route.IsConnected);
                json.WriteNumber("failures", route.Failures);
                json.WriteNumber("seenMsAgo", Math.Round(route.SeenAgo.TotalMilliseconds));
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        });
    }

    internal static async Task RecordsAsync(ApiCall call)
    {
        PeerId publisher = default;
        if (call.Query["publisher"] is { } named && !PeerId.TryParse(named, out publisher))
        {
            throw new ApiException(WeftError.AddressInvalid, $"\"{LogText.Clean(named)}\" is no peer id.") { Path = "publisher" };
        }

        int limit = (int)call.Query.Whole("limit", 100, 1, 1_000);
        var query = new RecordQuery(
            Prefix: Bytes(call.Query["prefix"]), From: Bytes(call.Query["from"]), To: Bytes(call.Query["to"]),
            After: Cursor(call.Query["cursor"]), Publisher: publisher, OwnOnly: call.Query.Flag("own"), RecordsMax: limit);
        IReadOnlyList<StoredRecord> records = await Dht(call).Service.UseRecordsAsync(
            (store, nowMs) => store.Find(query, nowMs), call.Aborted);
        await call.AnswerAsync(StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            json.WriteStartArray("items");
            foreach (StoredRecord record in records)
            {
                Write(json, record);
            }

            json.WriteEndArray();
            if (records.Count == limit)
            {
                json.WriteString("next", Convert.ToHexStringLower(records[^1].Record.Key.Span));
            }

            json.WriteEndObject();
        });
    }

    internal static async Task MaintainAsync(ApiCall call)
    {
        RecordMaintenance done = await Dht(call).Service.MaintainAsync(call.Aborted);
        await call.AnswerAsync(StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            json.WriteNumber("removed", done.Removed);
            json.WriteNumber("expired", done.Expired);
            json.WriteNumber("bytesFreed", done.BytesFreed);
            json.WriteNumber("durationMs", Math.Round(done.Duration.TotalMilliseconds, 3));
            json.WriteEndObject();
        });
    }

    private static NodeDht Dht(ApiCall call) => BansApi.Network(call).Dht
        ?? throw new ApiException(WeftError.NetworkOff, "The DHT of this node is off: Weft:Network:Dht:IsOn is false.");

    private static ApiException Refused() =>
        new(WeftError.RecordRefused, "The record was refused. Nothing was stored, and nobody was asked.");

    private static string Key(ApiCall call) => call.Query["key"] is { Length: > 0 and <= KeyMax } key
        ? key
        : throw new ApiException(WeftError.RequestMalformed, $"key is missing or has more than {KeyMax} characters.")
        {
            Path = "key",
        };

    private static TimeSpan Wait(ApiCall call) => call.Query.Duration("timeout", WaitDefault, WaitMax);

    private static KadQuorum Quorum(string? text) => text is null ? KadQuorum.One
        : KadQuorum.TryParse(text, out KadQuorum quorum) ? quorum
        : throw new ApiException(
            WeftError.RequestMalformed, $"quorum is \"{LogText.Clean(text)}\"; allowed: one, majority, all or a number.")
        { Path = "quorum" };

    private static byte[] Payload(BodyMembers body)
    {
        string? text = body.Text("text", TextMax);
        string? data = body.Text("data", TextMax);
        if ((text is null) == (data is null))
        {
            throw body.Refused("Either \"text\" or \"data\" is needed, and only one.", "text");
        }

        var bytes = new byte[data?.Length ?? 0];
        int length = 0;
        return text is not null ? Encoding.UTF8.GetBytes(text)
            : Convert.TryFromBase64String(data!, bytes, out length) ? bytes[..length]
            : throw body.Refused("\"data\" is not base64.", "data");
    }

    private static byte[] Bytes(string? text) => text is null ? [] : Encoding.UTF8.GetBytes(text);

    private static byte[] Cursor(string? text)
    {
        try
        {
            return text is null ? [] : Convert.FromHexString(text);
        }
        catch (FormatException)
        {
            throw new ApiException(WeftError.RequestMalformed, "cursor is not one that this node gave.") { Path = "cursor" };
        }
    }

    private static void Write(Utf8JsonWriter json, in StoredRecord record)
    {
        json.WriteStartObject();
        ReadOnlySpan<byte> key = record.Record.Key.Span;
        json.WriteString("key", Utf8.IsValid(key) ? Encoding.UTF8.GetString(key) : "hex:" + Convert.ToHexStringLower(key));
        json.WriteNumber("bytes", record.Record.Encoded.Length);
        json.WriteBoolean("own", record.IsOwn);
        PeerId publisher = record.Record.Publisher;
        if (!publisher.IsEmpty)
        {
            json.WriteString("publisher", publisher.ToString());
        }

        json.WriteString("received", Time(record.ReceivedMs));
        json.WriteString("expires", Time(record.ExpiresMs));
        json.WriteEndObject();
    }

    private static string Time(double ms) =>
        WallClock.FromState(ms)?.UtcDateTime.ToString("O", CultureInfo.InvariantCulture) ?? "";

    private static void WriteBytes(Utf8JsonWriter json, ReadOnlySpan<byte> bytes)
    {
        if (Utf8.IsValid(bytes))
        {
            json.WriteString("text", bytes);
        }
        else
        {
            json.WriteBase64String("data", bytes);
        }
    }

    private static void WritePeers(Utf8JsonWriter json, string name, IReadOnlyList<KadPeer> peers)
    {
        json.WriteStartArray(name);
        foreach (KadPeer peer in peers)
        {
            json.WriteStartObject();
            json.WriteString("peer", peer.Id.ToString());
            WriteAddresses(json, peer.Addresses);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteAddresses(Utf8JsonWriter json, IReadOnlyList<Protocols.Peers.Multiaddr> addresses)
    {
        json.WriteStartArray("addresses");
        foreach (Protocols.Peers.Multiaddr address in addresses)
        {
            json.WriteStringValue(address.ToString());
        }

        json.WriteEndArray();
    }

    private static void WriteResult(Utf8JsonWriter json, KadResult result)
    {
        json.WriteString("status", result.Status switch
        {
            KadStatus.Done => "done",
            KadStatus.NotFound => "absent",
            KadStatus.QuorumMissed => "quorum-missed",
            KadStatus.TimedOut or KadStatus.Cancelled => "timeout",
            KadStatus.NoPeers => "no-peers",
            KadStatus.Busy => "busy",
            _ => "refused",
        });
        json.WriteNumber("copies", result.Copies);
        json.WriteNumber("requests", result.Requests);
        json.WriteNumber("timeOuts", result.TimeOuts);
        json.WriteNumber("hops", result.Hops);
        json.WriteBoolean("region", result.IsRegion);
        json.WriteNumber("durationMs", Math.Round(result.Duration.TotalMilliseconds, 3));
    }
}
