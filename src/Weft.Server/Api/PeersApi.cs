using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Weft.Node.Gun;
using Weft.Primitives;
using Weft.Server.Http;

namespace Weft.Server.Api;

/// <summary>The resource /peers: every connection and every link, in one answer.</summary>
internal static class PeersApi
{
    internal static Task GetAsync(ApiCall call)
    {
        IReadOnlyList<GunPeerInfo> peers = call.Peer.Gun.ListPeers();
        return call.AnswerAsync(StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            json.WriteStartArray("items");
            foreach (GunPeerInfo peer in peers)
            {
                Write(json, peer);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        });
    }

    internal static async Task PostAsync(ApiCall call)
    {
        ReadOnlyMemory<byte> body = await call.ReadBodyAsync();
        Uri address = Address(ReadUrl(body.Span));
        call.Peer.Gun.AddLink(address);
        GunPeerInfo? link = call.Peer.Gun.ListPeers().FirstOrDefault(peer => IsLinkTo(peer, address));
        await call.AnswerAsync(
            StatusCodes.Status202Accepted,
            json => Write(json, link ?? new GunPeerInfo(
                0, null, null, address.AbsoluteUri, GunPeerKind.Unknown, GunPeerState.Dialling, true, null,
                0, 0, 0, 0, 0, 0, null, null)));
    }

    internal static Task DeleteAsync(ApiCall call)
    {
        bool found;
        if (call.Query["url"] is { } url)
        {
            found = call.Peer.Gun.RemoveLink(Address(url));
        }
        else
        {
            long id = call.Query.Whole("id", 0, 1, long.MaxValue);
            GunPeerInfo? peer = call.Peer.Gun.ListPeers().FirstOrDefault(peer => peer.Connection == id && id > 0);
            found = peer is { IsLink: true }
                ? call.Peer.Gun.RemoveLink(new Uri(peer.Address))
                : peer is not null && call.Peer.Gun.CloseConnection(id);
        }

        if (!found)
        {
            throw new ApiException(
                WeftError.Absent, "There is no such peer; name one by id or url, as GET /api/v1/peers lists them.");
        }

        call.Response.StatusCode = StatusCodes.Status204NoContent;
        return Task.CompletedTask;
    }

    private static bool IsLinkTo(GunPeerInfo peer, Uri address) =>
        peer.IsLink && string.Equals(peer.Address, address.AbsoluteUri, StringComparison.Ordinal);

    private static Uri Address(string? url) => PeerAddress.Parse(url)
        ?? throw new ApiException(
            WeftError.AddressInvalid,
            $"\"{LogText.Clean(url)}\" is no peer; allowed: a ws:// or wss:// URL.") { Path = "url" };

    private static string? ReadUrl(ReadOnlySpan<byte> body)
    {
        JsonBody.ThrowIfNoUtf8(body);
        try
        {
            var reader = new Utf8JsonReader(body, JsonBody.Options);
            if (reader.Read() && reader.TokenType == JsonTokenType.StartObject)
            {
                while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
                {
                    bool isUrl = JsonBody.IsName(in reader, "url"u8);
                    reader.Read();
                    if (isUrl && reader.TokenType == JsonTokenType.String)
                    {
                        return Graph.JsonText.Unescape(reader.ValueSpan);
                    }

                    reader.Skip();
                }
            }
        }
        catch (JsonException broken)
        {
            throw JsonBody.Malformed(broken);
        }

        throw new ApiException(
            WeftError.RequestMalformed, "The body is not {\"url\":\"ws://HOST:PORT/gun\"}.") { Path = "url" };
    }

    private static void Write(Utf8JsonWriter json, GunPeerInfo peer)
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
        json.WriteString("direction", peer.IsLink ? "out" : "in");
        json.WriteString("address", peer.Address);
        json.WriteString("state", peer.State.ToString().ToLowerInvariant());
        json.WriteString("since", JsonAnswers.Time(peer.Since));
        if (peer.RoundTrip is { } roundTrip)
        {
            json.WriteNumber("rttMs", Math.Round(roundTrip.TotalMilliseconds, 3));
        }
        else
        {
            json.WriteNull("rttMs");
        }

        json.WriteNumber("messagesIn", peer.MessagesIn);
        json.WriteNumber("messagesOut", peer.MessagesOut);
        json.WriteNumber("bytesIn", peer.BytesIn);
        json.WriteNumber("bytesOut", peer.BytesOut);
        json.WriteNumber("pending", peer.Pending);
        json.WriteNumber("cursor", peer.Cursor);
        json.WriteString("lastError", peer.LastError);
        json.WriteEndObject();
    }
}
