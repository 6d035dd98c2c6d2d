using System.Buffers.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Weft.Crypto;
using Weft.Graph.Policy;
using Weft.Node;
using Weft.Primitives;
using Weft.Server.Http;

namespace Weft.Server.Api;

/// <summary>
/// The resource /identity/recovery: the keys that together name a successor when a key is lost or stolen.
/// </summary>
internal static class RecoveryApi
{
    private const int KeyLengthMax = 64;
    private const long StateMax = 1L << 53;

    internal static async Task GetAsync(ApiCall call)
    {
        Ed25519PublicKey? key = null;
        if (call.Query["key"] is { } text)
        {
            key = Ed25519PublicKey.TryParse(text, out Ed25519PublicKey named)
                ? named
                : throw new ApiException(
                    WeftError.RequestMalformed, "\"key\" is not a key: 43 characters of base64url.") { Path = "key" };
        }

        KeyRecovery known = await call.Peer.Recovery.FindAsync(key, call.Aborted);
        await call.AnswerAsync(StatusCodes.Status200OK, json => Write(json, known, call.Peer.Node));
    }

    internal static async Task PutAsync(ApiCall call)
    {
        using BodyMembers body = await BodyMembers.ReadAsync(call, "keys", "m");
        var keys = new List<Ed25519PublicKey>();
        foreach (string text in body.Texts("keys", PolicyLimits.RecoveryKeysMax, KeyLengthMax))
        {
            keys.Add(Key(body, text, "keys"));
        }

        long needed = body.Whole("m", 1, PolicyLimits.RecoveryKeysMax)
            ?? throw body.Refused("\"m\" is missing: how many of the keys must agree.", "m");
        try
        {
            await call.AnswerAsync(await call.Peer.Recovery.SetAsync(keys, (int)needed, call.Aborted));
        }
        catch (ArgumentException wrong)
        {
            throw new ApiException(WeftError.RequestMalformed, wrong.Message) { Path = "keys" };
        }
    }

    internal static async Task PostAsync(ApiCall call)
    {
        using BodyMembers body = await BodyMembers.ReadAsync(call, "key", "next", "at", "signatures");
        Ed25519PublicKey key = Key(body, body.Required("key", KeyLengthMax), "key");
        Ed25519PublicKey next = Key(body, body.Required("next", KeyLengthMax), "next");
        long at = body.Whole("at", 1, StateMax) ?? throw body.Refused("\"at\" is missing.", "at");
        var signatures = new List<RecoverySignature>();
        foreach (string text in body.Texts("signatures", PolicyLimits.RecoveryKeysMax, RecoverySignature.TextLength))
        {
            signatures.Add(RecoverySignature.TryParse(text, out RecoverySignature signature)
                ? signature
                : throw body.Refused("\"signatures\" has an item that is not KEY.SIGNATURE.", "signatures"));
        }

        await call.AnswerAsync(await call.Peer.Recovery.ClaimAsync(key, next, at, signatures, call.Aborted));
    }

    private static Ed25519PublicKey Key(BodyMembers body, string text, string name) =>
        Ed25519PublicKey.TryParse(text, out Ed25519PublicKey key)
            ? key
            : throw body.Refused($"\"{name}\" is not a key: 43 characters of base64url.", name);

    private static void Write(Utf8JsonWriter json, KeyRecovery known, WeftNode node)
    {
        json.WriteStartObject();
        json.WriteString("key", known.Key.ToString());
        json.WriteString("owner", known.Owner?.ToString());
        json.WriteString("next", known.Next?.ToString());
        json.WriteString("network", Base64Url.EncodeToString(node.NetworkId.Span));
        json.WriteNumber("clock", node.Time.GetUtcNow().ToUnixTimeMilliseconds());
        if (known.Set is { } set)
        {
            json.WriteStartObject("set");
            WriteKeys(json, "keys", set.Keys);
            json.WriteNumber("m", set.Needed);
            JsonAnswers.WriteState(json, "at", known.SetState);
            json.WriteString("sig", Base64Url.EncodeToString(set.Signature.Span));
            json.WriteEndObject();
        }
        else
        {
            json.WriteNull("set");
        }

        if (known.Record is { } record)
        {
            json.WriteStartObject("recovered");
            json.WriteString("key", record.Next.ToString());
            JsonAnswers.WriteState(json, "at", known.RecordState);
            WriteKeys(json, "signers", record.Signatures.Select(one => one.Key));
            json.WriteEndObject();
        }
        else
        {
            json.WriteNull("recovered");
        }

        json.WriteEndObject();
    }

    private static void WriteKeys(Utf8JsonWriter json, string name, IEnumerable<Ed25519PublicKey> keys)
    {
        json.WriteStartArray(name);
        foreach (Ed25519PublicKey key in keys)
        {
            json.WriteStringValue(key.ToString());
        }

        json.WriteEndArray();
    }
}
