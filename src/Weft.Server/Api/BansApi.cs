using Microsoft.AspNetCore.Http;
using Weft.Node.Network;
using Weft.Primitives;
using Weft.Server.Http;

namespace Weft.Server.Api;

/// <summary>The resources /peers/bans and /peers/ping: libp2p peers that are kept away, and how far one is.</summary>
internal static class BansApi
{
    private static readonly TimeSpan PingWait = TimeSpan.FromSeconds(20);

    internal static Task ListAsync(ApiCall call)
    {
        IReadOnlyList<BannedPeer> bans = Network(call).ListBans();
        return call.AnswerAsync(StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            json.WriteStartArray("items");
            foreach (BannedPeer ban in bans)
            {
                PeerJson.Write(json, ban);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        });
    }

    internal static async Task PostAsync(ApiCall call)
    {
        using BodyMembers body = await BodyMembers.ReadAsync(call, "peer", "reason");
        PeerId peer = Peer(body.Required("peer", PeerId.TextMax));
        BannedPeer ban = await call.Peer.Links.BanAsync(peer, body.Text("reason", 200) ?? "", call.Aborted);
        await call.AnswerAsync(StatusCodes.Status201Created, json => PeerJson.Write(json, ban));
    }

    internal static async Task DeleteAsync(ApiCall call)
    {
        if (!await call.Peer.Links.UnbanAsync(Peer(call.Query["peer"]), call.Aborted))
        {
            throw new ApiException(WeftError.Absent, "That peer is not banned.");
        }

        call.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    internal static async Task PingAsync(ApiCall call)
    {
        using BodyMembers body = await BodyMembers.ReadAsync(call, "peer");
        string target = body.Required("peer", Protocols.Peers.Multiaddr.TextMax);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(call.Aborted);
        deadline.CancelAfter(PingWait);
        try
        {
            (PeerId peer, TimeSpan roundTrip) = await Network(call).PingAsync(target, deadline.Token);
            await call.AnswerAsync(StatusCodes.Status200OK, json =>
            {
                json.WriteStartObject();
                json.WriteString("peer", peer.ToString());
                json.WriteNumber("rttMs", Math.Round(roundTrip.TotalMilliseconds, 3));
                json.WriteEndObject();
            });
        }
        catch (OperationCanceledException) when (!call.Aborted.IsCancellationRequested)
        {
            throw new ApiException(WeftError.DeadlinePassed, "The peer did not answer in 20 s.");
        }
    }

    internal static NodeNetwork Network(ApiCall call) => call.Peer.Network
        ?? throw new ApiException(WeftError.NetworkOff, "This node does not speak libp2p.");

    private static PeerId Peer(string? text) => PeerId.TryParse(text, out PeerId peer)
        ? peer
        : throw new ApiException(
            WeftError.AddressInvalid, $"\"{LogText.Clean(text)}\" is no peer id; one begins with 12D3Koo or Qm.")
        { Path = "peer" };
}
