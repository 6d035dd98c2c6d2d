using Microsoft.AspNetCore.Http;
using Weft.Crypto;
using Weft.Primitives;
using Weft.Protocols.Peers;
using Weft.Server.Http;

namespace Weft.Server.Api;

/// <summary>The resource /identity: who the node is. Only the public part ever leaves it.</summary>
internal static class IdentityApi
{
    internal static Task GetAsync(ApiCall call)
    {
        Ed25519PublicKey key = call.Peer.Identity.PublicKey;
        string? gun = AddressOf(call);
        IReadOnlyList<Multiaddr> listening = call.Peer.Network?.Addresses ?? [];
        return call.AnswerAsync(StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            json.WriteString("peerId", PeerId.FromEd25519(key.Span).ToString());
            json.WriteString("key", key.ToString());
            json.WriteStartArray("addresses");
            foreach (Multiaddr address in listening)
            {
                json.WriteStringValue(address.ToString());
            }

            if (listening.Count == 0 && gun is not null)
            {
                json.WriteStringValue(gun); // Nothing else to dial, and no list that mixes two forms.
            }

            json.WriteEndArray();
            json.WriteString("gun", gun);
            json.WriteEndObject();
        });
    }

    internal static async Task RotateAsync(ApiCall call)
    {
        Ed25519PublicKey old = call.Peer.Identity.PublicKey;
        Ed25519PublicKey next = await call.Peer.RotateIdentityAsync(call.Aborted);
        ServerLog.IdentityRotated(call.Server.Logger, old.ToString(), next.ToString());
        await call.AnswerAsync(StatusCodes.Status202Accepted, json =>
        {
            json.WriteStartObject();
            json.WriteString("old", old.ToString());
            json.WriteString("key", next.ToString());
            json.WriteString("peerId", PeerId.FromEd25519(next.Span).ToString());
            json.WriteBoolean("stopping", true);
            json.WriteEndObject();
        });
        await call.Response.CompleteAsync();
        call.Server.RequestStop(); // What it signs with the old key is refused from now on; the next start has the new one.
    }

    // Where peers dial: the address this request came in by, for the port is the same for everything.
    private static string? AddressOf(ApiCall call)
    {
        if (!call.Server.Options.ServeGun || call.Context.Connection.LocalIpAddress is not { } ip)
        {
            return null;
        }

        string scheme = call.Request.IsHttps ? "wss" : "ws";
        var host = new UriBuilder(
            scheme, (ip.IsIPv4MappedToIPv6 ? ip.MapToIPv4() : ip).ToString(), call.Context.Connection.LocalPort,
            GunEndpoint.Path);
        return host.Uri.AbsoluteUri;
    }
}
