using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Weft.Libp2p.Relay;
using Weft.Node.Network;
using Weft.Primitives;
using Weft.Protocols.Peers;
using Weft.Server.Http;

namespace Weft.Server.Api;

/// <summary>The resource /relays: the relays this node keeps a place at, and the relay it is for others.</summary>
internal static class RelaysApi
{
    internal static Task GetAsync(ApiCall call)
    {
        NodeNetwork network = BansApi.Network(call);
        return call.AnswerAsync(StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            WriteMembers(json, network);
            json.WriteEndObject();
        });
    }

    internal static async Task PostAsync(ApiCall call)
    {
        using BodyMembers body = await BodyMembers.ReadAsync(call, "address");
        string text = body.Required("address", Multiaddr.TextMax);
        NodeNetwork network = BansApi.Network(call);
        Multiaddr relay = Parse(text, "address");
        if (relay.Peer.IsEmpty || relay.Peer == network.Id)
        {
            throw new ApiException(
                WeftError.AddressInvalid, "A relay is named by its address with its own peer id at the end: …/p2p/12D3Koo….")
            { Path = "address" };
        }

        if (network.Relays.Wanted.All(one => one.Peer != relay.Peer) && !network.Relays.AddRelay(relay))
        {
            throw new ApiException(
                WeftError.TooManyRequests, "There are as many relays as a node keeps places at; remove one first.");
        }

        bool isReserved = network.Relays.Reserved.Contains(relay.Peer);
        await call.AnswerAsync(StatusCodes.Status202Accepted, json => Write(json, relay, isReserved));
    }

    internal static Task DeleteAsync(ApiCall call)
    {
        NodeNetwork network = BansApi.Network(call);
        string text = call.Query["relay"] ?? "";
        PeerId peer = PeerId.TryParse(text, out PeerId id) ? id : Parse(text, "relay").Peer;
        if (network.Relays.Wanted.All(one => one.Peer != peer))
        {
            throw new ApiException(WeftError.Absent, "No place is kept at that relay.");
        }

        network.Relays.RemoveRelay(peer);
        call.Response.StatusCode = StatusCodes.Status204NoContent;
        return Task.CompletedTask;
    }

    /// <summary>Writes what it keeps and what it gives.</summary>
    internal static void WriteMembers(Utf8JsonWriter json, NodeNetwork network)
    {
        HashSet<PeerId> reserved = [.. network.Relays.Reserved];
        json.WriteStartArray("items");
        foreach (Multiaddr relay in network.Relays.Wanted)
        {
            Write(json, relay, reserved.Contains(relay.Peer));
        }

        json.WriteEndArray();
        if (network.RelayService is not { } service)
        {
            json.WriteNull("serving");
            return;
        }

        json.WriteStartObject("serving");
        json.WriteNumber("places", service.Reservations);
        json.WriteNumber("circuits", service.Circuits);
        json.WriteNumber("bytes", service.Bytes);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, Multiaddr relay, bool isReserved)
    {
        json.WriteStartObject();
        json.WriteString("peer", relay.Peer.ToString());
        json.WriteString("address", relay.ToString());
        json.WriteBoolean("reserved", isReserved);
        json.WriteEndObject();
    }

    private static Multiaddr Parse(string text, string member) => Multiaddr.TryParse(text, out Multiaddr? address)
        ? address
        : throw new ApiException(
            WeftError.AddressInvalid, $"\"{LogText.Clean(text)}\" is no multiaddr, such as /ip4/192.0.2.7/tcp/8766/p2p/12D3Koo….")
        { Path = member };
}
