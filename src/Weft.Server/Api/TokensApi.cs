using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Weft.Graph;
using Weft.Primitives;
using Weft.Server.Access;
using Weft.Server.Http;

namespace Weft.Server.Api;

/// <summary>The resource /tokens: further tokens. A token's text leaves the node once, when it is made.</summary>
internal static class TokensApi
{
    private const long LifetimeMaxMs = 3_650L * 86_400_000;

    internal static Task ListAsync(ApiCall call) => call.AnswerAsync(StatusCodes.Status200OK, json =>
    {
        DateTimeOffset now = call.Server.Time.GetUtcNow();
        json.WriteStartObject();
        json.WriteStartArray("items");
        foreach (TokenRecord token in call.Server.Tokens.List())
        {
            json.WriteStartObject();
            WriteMembers(json, token);
            json.WriteBoolean("expired", token.ExpiresAt <= now);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    });

    internal static async Task PostAsync(ApiCall call)
    {
        using BodyMembers body = await BodyMembers.ReadAsync(call, "name", "scopes", "prefix", "lifetimeMs");
        string name = body.Required("name", TokenRecord.NameLengthMax);
        if (string.IsNullOrWhiteSpace(name) || LogText.Clean(name) != name)
        {
            throw body.Refused("\"name\" is empty or has characters that no terminal shows.", "name");
        }

        Scopes scopes = ReadScopes(body);
        string prefix = body.Text("prefix", FieldRules.SoulBytesMax) ?? "";
        if (prefix.Length > 0 && FieldRules.CheckSoul(prefix) != WeftError.None)
        {
            throw body.Refused("\"prefix\" can start no soul.", "prefix");
        }

        if (prefix.Length > 0 && (scopes & ~(Scopes.Read | Scopes.Write)) != 0)
        {
            throw body.Refused(
                "A prefix limits read and write; admin and metrics are about the whole node. Make two tokens.",
                "prefix");
        }

        TimeSpan? lifetime = body.Whole("lifetimeMs", 1_000, LifetimeMaxMs) is { } milliseconds
            ? TimeSpan.FromMilliseconds(milliseconds)
            : null;
        (TokenRecord record, string token) = call.Server.Tokens.Issue(name, scopes, prefix, lifetime);
        ServerLog.TokenIssued(call.Server.Logger, record.Id, call.Caller.Id);
        await call.AnswerAsync(StatusCodes.Status201Created, json =>
        {
            json.WriteStartObject();
            WriteMembers(json, record);
            json.WriteString("token", token);
            json.WriteEndObject();
        });
    }

    internal static Task DeleteAsync(ApiCall call)
    {
        string id = call.Query["id"]
            ?? throw new ApiException(WeftError.RequestMalformed, "The query lacks \"id\".") { Path = "id" };
        if (!call.Server.Tokens.Revoke(id))
        {
            throw new ApiException(
                WeftError.Absent, "There is no such token; GET /api/v1/tokens lists them. The first one is a file.");
        }

        ServerLog.TokenRevoked(call.Server.Logger, LogText.Clean(id), call.Caller.Id);
        call.Response.StatusCode = StatusCodes.Status204NoContent;
        return Task.CompletedTask;
    }

    /// <summary>What may be told of a token, the same for answers and for the file.</summary>
    internal static void WriteMembers(Utf8JsonWriter json, TokenRecord token)
    {
        json.WriteString("id", token.Id);
        json.WriteString("name", token.Name);
        json.WriteStartArray("scopes");
        foreach (string scope in ScopeNames.Of(token.Scopes))
        {
            json.WriteStringValue(scope);
        }

        json.WriteEndArray();
        json.WriteString("prefix", token.Prefix);
        json.WriteString("createdAt", JsonAnswers.Time(token.CreatedAt));
        json.WriteString("expiresAt", JsonAnswers.Time(token.ExpiresAt));
    }

    private static Scopes ReadScopes(BodyMembers body)
    {
        Scopes scopes = Scopes.None;
        foreach (string name in body.Texts("scopes", 16, 64))
        {
            Scopes scope = ScopeNames.Find(name);
            scopes |= scope != Scopes.None
                ? scope
                : throw body.Refused(
                    $"\"{LogText.Clean(name)}\" is no scope; allowed: {string.Join(", ", ScopeNames.Of(Scopes.All))}.",
                    "scopes");
        }

        return scopes != Scopes.None
            ? scopes
            : throw body.Refused("\"scopes\" names no scope.", "scopes");
    }
}
