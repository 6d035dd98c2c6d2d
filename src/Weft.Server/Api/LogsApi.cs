using Microsoft.AspNetCore.Http;
using Weft.Log;
using Weft.Node.Logs;
using Weft.Primitives;
using Weft.Server.Http;

namespace Weft.Server.Api;

/// <summary>
/// The resources /logs: which logs there are, with whom they are replicated, and where they are served.
/// </summary>
internal static class LogsApi
{
    private const int NameMax = 64;
    private const int AddressMax = 300;

    internal static async Task ListAsync(ApiCall call)
    {
        IReadOnlyList<LogInfo> logs = await call.Peer.Logs.ListAsync(call.Aborted);
        await call.AnswerAsync(StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            json.WriteStartArray("items");
            foreach (LogInfo log in logs)
            {
                LogJson.Write(json, log);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        });
    }

    internal static async Task PostAsync(ApiCall call)
    {
        using BodyMembers body = await BodyMembers.ReadAsync(call, "name", "key", "secret", "encrypted", "follow");
        string? name = body.Text("name", NameMax);
        byte[] secret = Bytes(body, "secret");
        SignedLog log;
        if (body.Text("key", 2 * Hash32.Length) is { } text)
        {
            if (!Hash32.TryParse(text, out Hash32 key))
            {
                throw body.Refused("\"key\" is not 64 hexadecimal digits.", "key");
            }

            log = await call.Peer.Logs.AdoptAsync(key, name, secret, call.Aborted);
            await log.SetFollowedAsync(body.Flag("follow"), call.Aborted);
        }
        else
        {
            bool isEncrypted = body.Flag("encrypted") || secret.Length > 0;
            log = await call.Peer.Logs.CreateAsync(body.Required("name", NameMax), isEncrypted, secret, call.Aborted);
        }

        LogInfo info = await log.InfoAsync(call.Aborted);
        await call.AnswerAsync(StatusCodes.Status201Created, json => LogJson.Write(json, info));
    }

    internal static async Task LinksAsync(ApiCall call)
    {
        IReadOnlyList<LogLinkInfo> links = await call.Peer.Logs.LinksAsync(call.Aborted);
        await call.AnswerAsync(StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            json.WriteStartArray("items");
            foreach (LogLinkInfo link in links)
            {
                LogJson.Write(json, link);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        });
    }

    internal static async Task KeepAsync(ApiCall call)
    {
        using BodyMembers body = await BodyMembers.ReadAsync(call, "address");
        string address = body.Required("address", AddressMax);
        bool isNew = call.Peer.Logs.Keep(address);
        await call.AnswerAsync(isNew ? StatusCodes.Status202Accepted : StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            json.WriteString("address", address);
            json.WriteBoolean("new", isNew);
            json.WriteEndObject();
        });
    }

    internal static async Task ReleaseAsync(ApiCall call)
    {
        if (!await call.Peer.Logs.ReleaseAsync(Address(call)))
        {
            throw new ApiException(WeftError.Absent, "Nobody is kept for logs at that address.");
        }

        call.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    internal static Task ServersAsync(ApiCall call) => call.AnswerAsync(StatusCodes.Status200OK, json =>
    {
        json.WriteStartObject();
        json.WriteStartArray("items");
        foreach (string address in call.Peer.LogServers.Addresses)
        {
            json.WriteStartObject();
            json.WriteString("address", address);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    });

    internal static async Task ServeAsync(ApiCall call)
    {
        using BodyMembers body = await BodyMembers.ReadAsync(call, "address");
        string address = call.Peer.LogServers.Listen(body.Required("address", AddressMax));
        await call.AnswerAsync(StatusCodes.Status201Created, json =>
        {
            json.WriteStartObject();
            json.WriteString("address", address);
            json.WriteEndObject();
        });
    }

    internal static async Task StopServingAsync(ApiCall call)
    {
        if (!await call.Peer.LogServers.StopAsync(Address(call)))
        {
            throw new ApiException(WeftError.Absent, "No logs are served at that address.");
        }

        call.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private static string Address(ApiCall call) => call.Query["address"]
        ?? throw new ApiException(WeftError.RequestMalformed, "The query lacks \"address\".") { Path = "address" };

    private static byte[] Bytes(BodyMembers body, string name)
    {
        string? text = body.Text(name, 2 * Hash32.Length);
        return text is null ? []
            : Hash32.TryParse(text, out Hash32 value) ? value.Span.ToArray()
            : throw body.Refused($"\"{name}\" is not 64 hexadecimal digits.", name);
    }
}
