using System.Text.Json;
using Weft.Node.Gun;
using Weft.Node.Network;
using Weft.Server.Http;

namespace Weft.Server.Api;

/// <summary>Peers of both kinds as JSON: one shape; what a kind does not have is null or zero.</summary>
internal static class PeerJson
{
    internal static void Write(Utf8JsonWriter json, GunPeerInfo peer)
    {
        json.WriteStartObject();
        json.WriteNumber("id", peer.Connection);
        json.WriteString("pid", peer.Pid);
        json.WriteString("storeId", peer.StoreId);
        json.WriteString("key", peer.Key);
        json.WriteString("kind", peer.Kind switch
        {
            GunPeerKind.GunClient => "gun-client",
            GunPeerKind.GunRelay => "gun-relay",
            GunPeerKind.WeftClient => "weft-client",
            GunPeerKind.WeftRelay => "weft-relay",
            _ => "unknown",
        });
        json.WriteString("via", "gun");
        json.WriteString("direction", peer.IsLink ? "out" : "in");
        json.WriteString("address", peer.Address);
        json.WriteString("state", peer.State.ToString().ToLowerInvariant());
        json.WriteString("since", JsonAnswers.Time(peer.Since));
        WriteMs(json, peer.RoundTrip);
        json.WriteNumber("messagesIn", peer.MessagesIn);
        json.WriteNumber("messagesOut", peer.MessagesOut);
        json.WriteNumber("bytesIn", peer.BytesIn);
        json.WriteNumber("bytesOut", peer.BytesOut);
        json.WriteNumber("pending", peer.Pending);
        json.WriteNumber("cursor", peer.Cursor);
        json.WriteString("lastError", peer.LastError);
        json.WriteEndObject();
    }

    internal static void Write(Utf8JsonWriter json, NetworkPeer peer)
    {
        json.WriteStartObject();
        json.WriteNumber("id", 0);
        json.WriteString("peer", peer.Peer.IsEmpty ? null : peer.Peer.ToString());
        json.WriteString("agent", peer.Agent);
        json.WriteString("kind", "libp2p");
        json.WriteString("via", peer.Transport);
        json.WriteString("direction", peer.IsInbound ? "in" : "out");
        json.WriteString("address", peer.Address);
        json.WriteString("state", peer.State.ToString().ToLowerInvariant());
        json.WriteBoolean("kept", peer.IsKept);
        json.WriteString("since", JsonAnswers.Time(peer.Since));
        WriteMs(json, peer.RoundTrip);
        if (peer.Score is { } score)
        {
            json.WriteNumber("score", Math.Round(score, 3));
        }
        else
        {
            json.WriteNull("score");
        }

        json.WriteNumber("streams", peer.Streams);
        json.WriteStartArray("protocols");
        foreach (string protocol in peer.Protocols)
        {
            json.WriteStringValue(protocol);
        }

        json.WriteEndArray();
        json.WriteString("lastError", peer.LastError);
        json.WriteEndObject();
    }

    internal static void Write(Utf8JsonWriter json, BannedPeer ban)
    {
        json.WriteStartObject();
        json.WriteString("peer", ban.Peer.ToString());
        json.WriteString("since", JsonAnswers.Time(ban.Since));
        json.WriteString("reason", ban.Reason);
        json.WriteEndObject();
    }

    private static void WriteMs(Utf8JsonWriter json, TimeSpan? roundTrip)
    {
        if (roundTrip is { } known)
        {
            json.WriteNumber("rttMs", Math.Round(known.TotalMilliseconds, 3));
        }
        else
        {
            json.WriteNull("rttMs");
        }
    }
}
