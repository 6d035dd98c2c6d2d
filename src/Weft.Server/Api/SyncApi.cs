using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Weft.Node.Sync;
using Weft.Primitives;
using Weft.Server.Http;

namespace Weft.Server.Api;

/// <summary>The resource /sync: how far libp2p peers are, and waiting until they are there.</summary>
internal static class SyncApi
{
    private const long TimeoutMsMax = 600_000;

    internal static Task GetAsync(ApiCall call)
    {
        IReadOnlyList<SyncPeer> peers = call.Peer.Sync.ListPeers();
        return call.AnswerAsync(StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            json.WriteNumber("sequence", call.Peer.Node.Store.CommittedSequence);
            json.WriteStartArray("items");
            foreach (SyncPeer peer in peers)
            {
                Write(json, peer);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        });
    }

    internal static async Task PostAsync(ApiCall call)
    {
        using BodyMembers body = await BodyMembers.ReadAsync(call, "timeout", "until");
        TimeSpan timeout = WeftOptionsReader.ParseDuration(body.Text("timeout", 32) ?? "30s") is { } span
            && span.TotalMilliseconds <= TimeoutMsMax
            ? span
            : throw new ApiException(
                WeftError.RequestMalformed, "\"timeout\" is a duration of up to 10m, such as 5s.") { Path = "timeout" };
        SyncGoal goal = (body.Text("until", 32) ?? "all") switch
        {
            "all" => SyncGoal.AllConnectedPeers,
            "any" => SyncGoal.AnyPeer,
            _ => throw new ApiException(WeftError.RequestMalformed, "\"until\" is \"all\" or \"any\".") { Path = "until" },
        };
        call.AllowSlowReader();
        SyncResult result = await call.Peer.Sync.WaitAsync(goal, timeout, call.Aborted);
        await call.AnswerAsync(StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            json.WriteBoolean("complete", result.Complete);
            json.WriteNumber("peers", result.Peers);
            json.WriteNumber("elapsedMs", Math.Round(result.Elapsed.TotalMilliseconds, 3));
            json.WriteStartArray("behind");
            foreach (PeerLag lag in result.Behind)
            {
                json.WriteStartObject();
                json.WriteString("peer", lag.Peer.ToString());
                json.WriteNumber("operations", lag.Operations);
                json.WriteNumber("missing", lag.Missing);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        });
    }

    private static void Write(Utf8JsonWriter json, SyncPeer peer)
    {
        json.WriteStartObject();
        json.WriteString("peer", peer.Peer.ToString());
        json.WriteBoolean("caughtUp", peer.IsCaughtUp);
        json.WriteNumber("lag", peer.Lag);
        json.WriteNumber("behind", peer.Behind);
        json.WriteNumber("fieldsIn", peer.FieldsIn);
        json.WriteNumber("fieldsOut", peer.FieldsOut);
        json.WriteNumber("refusedHere", peer.RefusedHere);
        json.WriteNumber("refusedThere", peer.RefusedThere);
        json.WriteNumber("comparisons", peer.Comparisons);
        json.WriteNumber("bytesIn", peer.BytesIn);
        json.WriteNumber("bytesOut", peer.BytesOut);
        json.WriteString("since", JsonAnswers.Time(peer.Since));
        json.WriteEndObject();
    }
}
