using System.Buffers.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Weft.Crypto;
using Weft.Node;
using Weft.Primitives;
using Weft.Server.Http;

namespace Weft.Server.Api;

/// <summary>The resource /grants: what this node's key has granted to others.</summary>
internal static class GrantsApi
{
    private const int ListMax = 10_000;
    private const int PrefixLengthMax = 1_024;
    private const int FieldLengthMax = 256;
    private const int GrantLengthMax = 4_096;
    private const long LifetimeMaxMs = 3_650L * 86_400_000;

    private static readonly (GrantRights Right, string Name)[] RightNames =
        [(GrantRights.Read, "read"), (GrantRights.Write, "write"), (GrantRights.Admin, "admin")];

    internal static async Task ListAsync(ApiCall call)
    {
        int limit = (int)call.Query.Whole("limit", 1_000, 1, ListMax);
        IReadOnlyList<IssuedGrant> grants = await call.Peer.Node.Grants.ListAsync(limit, call.Aborted);
        await call.AnswerAsync(StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            json.WriteStartArray("items");
            foreach (IssuedGrant issued in grants)
            {
                json.WriteStartObject();
                WriteMembers(json, issued.Grant);
                json.WriteString("revokedAt", JsonAnswers.Time(issued.RevokedAt));
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        });
    }

    internal static async Task PostAsync(ApiCall call)
    {
        using BodyMembers body = await BodyMembers.ReadAsync(
            call, "audience", "rights", "prefixes", "fields", "lifetimeMs", "delegations", "from");
        GrantOffer offer = ReadOffer(body, call.Server.Time.GetUtcNow());
        Grant grant;
        try
        {
            grant = body.Text("from", GrantLengthMax) is { } held
                ? await call.Peer.Node.Grants.DelegateAsync(ReadHeld(body, held, call), offer, call.Aborted)
                : await call.Peer.Node.Grants.IssueAsync(offer, call.Aborted);
        }
        catch (ArgumentException wrong)
        {
            throw new ApiException(WeftError.RequestMalformed, wrong.Message);
        }

        await call.AnswerAsync(StatusCodes.Status201Created, json =>
        {
            json.WriteStartObject();
            WriteMembers(json, grant);
            json.WriteString("grant", grant.ToText());
            json.WriteEndObject();
        });
    }

    internal static async Task DeleteAsync(ApiCall call)
    {
        string id = call.Query["id"]
            ?? throw new ApiException(WeftError.RequestMalformed, "The query lacks \"id\".") { Path = "id" };
        string reason = call.Query["reason"] ?? "";
        if (reason.Length > GrantDirectory.ReasonLengthMax)
        {
            throw new ApiException(
                WeftError.RequestMalformed, $"\"reason\" has at most {GrantDirectory.ReasonLengthMax} characters.");
        }

        GrantDirectory grants = call.Peer.Node.Grants;
        Grant? grant = (await grants.ListAsync(ListMax, call.Aborted))
            .Select(issued => issued.Grant).FirstOrDefault(issued => Id(issued) == id);
        if (grant is null)
        {
            throw new ApiException(
                WeftError.Absent, "This node has issued no grant of that id; GET /api/v1/grants lists them.");
        }

        WriteResult result = await grants.RevokeAsync(grant, reason, call.Aborted);
        ApiCall.ThrowIfRefused(result);
        call.Server.Sessions.EndOf(grant.Id.Span);
        await call.AnswerAsync(result);
    }

    private static GrantOffer ReadOffer(BodyMembers body, DateTimeOffset now)
    {
        if (!Ed25519PublicKey.TryParse(body.Required("audience", 64), out Ed25519PublicKey audience))
        {
            throw body.Refused("\"audience\" is not a key: 43 characters of base64url.", "audience");
        }

        GrantRights rights = GrantRights.None;
        foreach (string name in body.Texts("rights", 8, 16))
        {
            GrantRights right = RightNames.FirstOrDefault(known => known.Name == name).Right;
            rights |= right != GrantRights.None
                ? right
                : throw body.Refused("\"rights\" has something else than read, write and admin.", "rights");
        }

        long lifetime = body.Whole("lifetimeMs", 1_000, LifetimeMaxMs)
            ?? throw body.Refused("\"lifetimeMs\" is missing; no grant is for ever.", "lifetimeMs");
        return new GrantOffer
        {
            Audience = audience,
            Rights = rights,
            Prefixes = body.Texts("prefixes", 8, PrefixLengthMax),
            Fields = body.Texts("fields", 8, FieldLengthMax),
            Expires = now + TimeSpan.FromMilliseconds(lifetime),
            Delegations = (int)(body.Whole("delegations", 0, 3) ?? 0),
        };
    }

    private static Grant ReadHeld(BodyMembers body, string text, ApiCall call) =>
        Grant.TryParse(text, call.Peer.Node.Crypto, out Grant? held)
            ? held
            : throw body.Refused("\"from\" is not the text of a grant (wg1.…).", "from");

    private static string Id(Grant grant) => Base64Url.EncodeToString(grant.Id.Span);

    private static void WriteMembers(Utf8JsonWriter json, Grant grant)
    {
        GrantTerms terms = grant.Terms;
        json.WriteString("id", Id(grant));
        json.WriteString("issuer", grant.Blocks[^1].Issuer.ToString());
        json.WriteString("audience", grant.Audience.ToString());
        WriteTexts(
            json, "rights", RightNames.Where(known => terms.Rights.HasFlag(known.Right)).Select(known => known.Name));
        WriteTexts(json, "prefixes", terms.Prefixes);
        WriteTexts(json, "fields", terms.Fields);
        json.WriteString("notBefore", Time(terms.NotBeforeMs));
        json.WriteString("expiresAt", Time(terms.ExpiresMs));
        json.WriteNumber("delegations", terms.Delegations);
    }

    private static void WriteTexts(Utf8JsonWriter json, string name, IEnumerable<string> texts)
    {
        json.WriteStartArray(name);
        foreach (string text in texts)
        {
            json.WriteStringValue(text);
        }

        json.WriteEndArray();
    }

    // A grant may end later than the calendar of .NET does.
    private static string? Time(long milliseconds) => JsonAnswers.Time(
        DateTimeOffset.FromUnixTimeMilliseconds(Math.Min(milliseconds, 253_402_300_799_999)));
}
