using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Weft.Graph;
using Weft.Node.Sync;
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
            json.WriteStartArray("away");
            foreach (SyncAway away in call.Peer.Sync.ListAway())
            {
                json.WriteStartObject();
                json.WriteString("peer", away.Peer.ToString());
                json.WriteNumber("lag", away.Lag);
                json.WriteString("seen", JsonAnswers.Time(away.Seen));
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        });
    }

    /// <summary>The members "prefix" and "soul": at most one of them.</summary>
    internal static Scope ScopeOf(BodyMembers body) =>
        (body.Text("prefix", FieldRules.SoulBytesMax), body.Text("soul", FieldRules.SoulBytesMax)) switch
        {
            (null, null) => Scope.All,
            ({ } prefix, null) => Scope.Prefix(prefix),
            (null, { Length: > 0 } soul) => Scope.Soul(soul),
            _ => throw body.Refused("\"prefix\" or \"soul\", not both, and a soul has a name.", "soul"),
        };

    internal static async Task PostAsync(ApiCall call)
    {
        using BodyMembers body = await BodyMembers.ReadAsync(call, "timeout", "until", "prefix", "soul");
        TimeSpan timeout = WeftOptionsReader.ParseDuration(body.Text("timeout", 32) ?? "30s") is { } span
            && span.TotalMilliseconds <= TimeoutMsMax
            ? span
            : throw body.Refused("\"timeout\" is a duration of up to 10m, such as 5s.", "timeout");
        SyncGoal goal = (body.Text("until", 32) ?? "all") switch
        {
            "all" => SyncGoal.AllConnectedPeers,
            "any" => SyncGoal.AnyPeer,
            "known" => SyncGoal.AllKnownPeers,
            _ => throw body.Refused("\"until\" is \"all\", \"any\" or \"known\".", "until"),
        };
        Scope scope = ScopeOf(body);
        call.AllowSlowReader();
        SyncResult result = await call.Peer.Sync.WaitAsync(scope, goal, timeout, call.Aborted);
        await call.AnswerAsync(StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            json.WriteBoolean("complete", result.Complete);
            json.WriteString("scope", scope.ToString());
            json.WriteNumber("peers", result.Peers);
            json.WriteNumber("elapsedMs", Math.Round(result.Elapsed.TotalMilliseconds, 3));
            json.WriteStartArray("behind");
            foreach (PeerLag lag in result.Behind)
            {
                json.WriteStartObject();
                json.WriteString("peer", lag.Peer.ToString());
                json.WriteNumber("operations", lag.Operations);
                json.WriteNumber("missing", lag.Missing);
                json.WriteBoolean("connected", lag.IsConnected);
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
