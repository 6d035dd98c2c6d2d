using System.Buffers.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Weft.Crypto;
using Weft.Node;
using Weft.Primitives;
using Weft.Server.Access;
using Weft.Server.Http;

namespace Weft.Server.Api;

/// <summary>
/// The resources /auth/challenge and /auth/session: a key proves itself and gets a short token for what its grants
/// allow.
/// </summary>
internal static class AuthApi
{
    /// <summary>The purpose in the signed round, so that a proof for another door is none for this one.</summary>
    internal const string Purpose = "http";

    private const int GrantLengthMax = 4_096;

    internal static Task ChallengeAsync(ApiCall call)
    {
        WeftNode node = call.Peer.Node;
        byte[] nonce = new byte[Challenges.NonceLength];
        call.Server.Challenges.Make(nonce);
        return call.AnswerAsync(StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            json.WriteString("key", node.Identity.PublicKey.ToString());
            json.WriteString("network", Base64Url.EncodeToString(node.NetworkId.Span));
            json.WriteString("nonce", Base64Url.EncodeToString(nonce));
            json.WriteNumber("lifetimeMs", (long)Challenges.Lifetime.TotalMilliseconds);
            json.WriteEndObject();
        });
    }

    internal static async Task SessionAsync(ApiCall call)
    {
        WeftNode node = call.Peer.Node;
        using BodyMembers body = await BodyMembers.ReadAsync(
            call, "key", "nonce", "clientNonce", "signature", "grants");
        if (!Ed25519PublicKey.TryParse(body.Required("key", 64), out Ed25519PublicKey key))
        {
            throw body.Refused("\"key\" is not the text of an Ed25519 key: 43 characters of base64url.", "key");
        }

        byte[] nonce = Bytes(body, "nonce", Challenges.NonceLength);
        byte[] clientNonce = Bytes(body, "clientNonce", KeyProof.NonceLength);
        byte[] signature = Bytes(body, "signature", KeyProof.SignatureLength);
        IReadOnlyList<Grant> grants = Grants(body, node.Crypto);

        // The order matters: what costs little comes first, and a nonce is used up by a right proof only.
        var round = new KeyProof(node.NetworkId, Purpose, node.Identity.PublicKey, key, nonce, clientNonce);
        if (!call.Server.Challenges.IsFresh(nonce))
        {
            throw Refused("The challenge is not one of this node, or it is older than a minute.");
        }

        if (!round.Verify(node.Crypto, signature))
        {
            throw Refused("The signature does not prove the key to this node.");
        }

        if (!call.Server.Challenges.TryUse(nonce))
        {
            throw Refused("The challenge has been answered already; ask for another.");
        }

        SessionRights rights = SessionRights.Of(
            node, key, grants, call.Server.Options.OwnerSessions, call.Server.Time.GetUtcNow());
        (string token, DateTimeOffset end) = call.Server.Sessions.Open(
            key, rights, grants, () => SessionRights.StillHold(node, key, grants, call.Server.Time.GetUtcNow()));
        ServerLog.SessionOpened(call.Server.Logger, key.ToString(), rights.Rights.Count, JsonAnswers.Time(end)!);
        await call.AnswerAsync(StatusCodes.Status201Created, json => Write(json, token, end, rights));
    }

    private static void Write(Utf8JsonWriter json, string token, DateTimeOffset end, SessionRights rights)
    {
        json.WriteStartObject();
        json.WriteString("token", token);
        json.WriteString("expiresAt", JsonAnswers.Time(end));
        json.WriteStartArray("rights");
        foreach (Right right in rights.Rights)
        {
            json.WriteStartObject();
            json.WriteStartArray("scopes");
            foreach (string scope in ScopeNames.Of(right.Scopes))
            {
                json.WriteStringValue(scope);
            }

            json.WriteEndArray();
            json.WriteString("prefix", right.Prefix);
            json.WriteStartArray("fields");
            foreach (string field in right.Fields)
            {
                json.WriteStringValue(field);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static List<Grant> Grants(BodyMembers body, ICrypto crypto)
    {
        var grants = new List<Grant>();
        foreach (string text in body.Texts("grants", SessionRights.GrantsMax, GrantLengthMax))
        {
            grants.Add(Grant.TryParse(text, crypto, out Grant? grant)
                ? grant
                : throw body.Refused("\"grants\" has an item that is not the text of a grant (wg1.…).", "grants"));
        }

        return grants;
    }

    private static byte[] Bytes(BodyMembers body, string name, int length)
    {
        string text = body.Required(name, 128);
        byte[] bytes = new byte[length];
        return Base64Url.IsValid(text) && text.Length == Base64Url.GetEncodedLength(length)
            && Base64Url.TryDecodeFromChars(text, bytes, out int written) && written == length
            && Base64Url.EncodeToString(bytes) == text
            ? bytes
            : throw body.Refused($"\"{name}\" is not {length} bytes as base64url.", name);
    }

    private static ApiException Refused(string detail) => new(WeftError.TokenMissing, detail);
}
