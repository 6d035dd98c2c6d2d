using Microsoft.AspNetCore.Http;
using Weft.Node.Gun;
using Weft.Node.Network;
using Weft.Primitives;
using Weft.Server.Http;

namespace Weft.Server.Api;

/// <summary>The resource /peers: every connection and every link of both kinds, GUN and libp2p, in one answer.</summary>
internal static class PeersApi
{
    private const int AddressMax = 2_048;

    internal static Task GetAsync(ApiCall call)
    {
        IReadOnlyList<GunPeerInfo> gun = call.Peer.Gun.ListPeers();
        IReadOnlyList<NetworkPeer> libp2p = call.Peer.Network?.ListPeers() ?? [];
        return call.AnswerAsync(StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            json.WriteStartArray("items");
            foreach (GunPeerInfo peer in gun)
            {
                PeerJson.Write(json, peer);
            }

            foreach (NetworkPeer peer in libp2p)
            {
                PeerJson.Write(json, peer);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        });
    }

    internal static async Task PostAsync(ApiCall call)
    {
        using BodyMembers body = await BodyMembers.ReadAsync(call, "url");
        string address = Check(body.Required("url", AddressMax));
        await call.Peer.Links.AddAsync(address, call.Aborted);
        if (PeerLinks.IsLibp2p(address))
        {
            NetworkPeer? kept = call.Peer.Network?.ListPeers().FirstOrDefault(peer => peer.Address == address);
            await call.AnswerAsync(
                StatusCodes.Status202Accepted,
                json => PeerJson.Write(json, kept ?? new NetworkPeer(
                    default, null, "tcp", address, IsInbound: false, IsKept: true, NetworkPeerState.Dialling, null, null,
                    0, null, [], null)));
            return;
        }

        string url = PeerAddress.Parse(address)!.AbsoluteUri;
        GunPeerInfo? link = call.Peer.Gun.ListPeers().FirstOrDefault(peer => peer.IsLink && peer.Address == url);
        await call.AnswerAsync(
            StatusCodes.Status202Accepted,
            json => PeerJson.Write(json, link ?? new GunPeerInfo(
                0, null, null, url, GunPeerKind.Unknown, GunPeerState.Dialling, true, null,
                0, 0, 0, 0, 0, 0, null, null)));
    }

    internal static async Task DeleteAsync(ApiCall call)
    {
        bool found;
        if ((call.Query["url"] ?? call.Query["peer"]) is { } named)
        {
            found = await call.Peer.Links.RemoveAsync(Check(named), call.Aborted);
        }
        else
        {
            long id = call.Query.Whole("id", 0, 1, long.MaxValue);
            GunPeerInfo? peer = call.Peer.Gun.ListPeers().FirstOrDefault(peer => peer.Connection == id && id > 0);
            found = peer is { IsLink: true }
                ? await call.Peer.Links.RemoveAsync(peer.Address, call.Aborted)
                : peer is not null && call.Peer.Gun.CloseConnection(id);
        }

        if (!found)
        {
            throw new ApiException(
                WeftError.Absent,
                "There is no such peer; name one by id, url or peer, as GET /api/v1/peers lists them.");
        }

        call.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    // Refused here, so that the answer names the member; who may be dialled is decided by the peer.
    private static string Check(string text) =>
        PeerAddress.Parse(text) is not null || PeerLinks.IsLibp2p(text)
            ? text
            : throw new ApiException(
                WeftError.AddressInvalid,
                $"\"{LogText.Clean(text)}\" is no peer; allowed: a ws:// or wss:// URL, a multiaddr, or a peer id.")
            { Path = "url" };
}
