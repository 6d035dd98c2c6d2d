using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;
using Weft.Graph;
using Weft.Node.Blobs;
using Weft.Primitives;
using Weft.Protocols.Blobs;
using Weft.Server.Access;
using Weft.Server.Http;

namespace Weft.Server.Api;

/// <summary>The resources /blobs: content by its id.</summary>
internal static class BlobsApi
{
    private const int ListMax = 10_000;
    private const int LinkPage = 256;
    private const int LinksMax = 4_096;

    private static readonly TimeSpan WaitMax = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan FetchWait = TimeSpan.FromSeconds(30);

    internal static async Task ListAsync(ApiCall call)
    {
        BlobId? after = call.Query["after"] is { } text ? Parse(text) : null;
        int max = (int)call.Query.Whole("limit", 1_000, 1, ListMax);
        IReadOnlyList<BlobInfo> blobs = await call.Peer.Node.Blobs.ListAsync(after, max, call.Aborted);
        await using var stream = new JsonStream(call, call.WantsLines);
        foreach (BlobInfo blob in blobs)
        {
            await stream.WriteAsync(json =>
            {
                json.WriteStartObject();
                Write(json, blob);
                json.WriteEndObject();
            });
        }

        await stream.CompleteAsync();
    }

    internal static Task PostAsync(ApiCall call) => AddAsync(call, null);

    internal static Task PutAsync(ApiCall call) => AddAsync(call, Id(call));

    internal static async Task GetAsync(ApiCall call)
    {
        BlobId id = Id(call);
        await CheckReadAsync(call, id);
        BlobStream content = await call.Peer.Node.Blobs.OpenReadAsync(
            id, call.Query.Duration("wait", TimeSpan.Zero, WaitMax), call.Aborted);
        call.AllowSlowReader();
        IHeaderDictionary headers = call.Response.Headers;
        headers.CacheControl = "private, max-age=31536000, immutable";
        headers.ContentDisposition = "attachment"; // It may be a page of anybody's; it never runs as one of ours.
        headers.XContentTypeOptions = "nosniff";
        await TypedResults.Stream(
            content, "application/octet-stream", lastModified: null,
            entityTag: new EntityTagHeaderValue($"\"{id}\""), enableRangeProcessing: true).ExecuteAsync(call.Context);
    }

    internal static async Task DeleteAsync(ApiCall call)
    {
        BlobId id = Id(call);
        long bytes = await call.Peer.Node.Blobs.RemoveAsync(id, call.Aborted);
        if (bytes == 0)
        {
            throw NotHere(id);
        }

        await call.AnswerAsync(StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            json.WriteNumber("bytesFreed", bytes);
            json.WriteEndObject();
        });
    }

    internal static Task PinAsync(ApiCall call) => SetPinAsync(call, isPinned: true);

    internal static Task UnpinAsync(ApiCall call) => SetPinAsync(call, isPinned: false);

    internal static Task FetchAsync(ApiCall call)
    {
        BlobId id = Id(call);
        TimeSpan wait = call.Query.Duration("wait", FetchWait, WaitMax);
        long from = call.Query.Whole("from", 0, 0, BlobLimits.BytesMax);
        long to = call.Query.Whole("to", BlobLimits.BytesMax, from, BlobLimits.BytesMax);
        bool isAll = from == 0 && to == BlobLimits.BytesMax;
        return ProgressAnswer.RunAsync(
            call, StatusCodes.Status200OK,
            progress => call.Peer.Node.Blobs.FetchAsync(id, wait, isAll ? null : (from, to), progress, call.Aborted),
            Write);
    }

    internal static Task VerifyAsync(ApiCall call)
    {
        TimeSpan wait = call.Query.Duration("wait", TimeSpan.Zero, WaitMax);
        return ProgressAnswer.RunAsync(
            call, StatusCodes.Status200OK,
            progress => call.Peer.Node.Blobs.CheckAsync(wait, progress, call.Aborted),
            static (json, check) =>
            {
                json.WriteBoolean("ok", check.DamagedCount == check.Repaired);
                json.WriteNumber("blobs", check.Blobs);
                json.WriteNumber("bytes", check.Bytes);
                json.WriteNumber("damaged", check.DamagedCount);
                json.WriteNumber("repaired", check.Repaired);
                json.WriteNumber("durationMs", (long)check.Duration.TotalMilliseconds);
                json.WriteStartArray("items");
                foreach (BlobId id in check.Damaged)
                {
                    json.WriteStringValue(id.ToString());
                }

                json.WriteEndArray();
            });
    }

    /// <summary>Writes the counts of a node's blobs.</summary>
    internal static void WriteStats(Utf8JsonWriter json, BlobStats stats)
    {
        json.WriteStartObject("blobs");
        json.WriteNumber("count", stats.Count);
        json.WriteNumber("bytes", stats.Bytes);
        json.WriteNumber("bytesMax", stats.BytesMax);
        json.WriteNumber("fetching", stats.Fetching);
        json.WriteNumber("serving", stats.Streams);
        json.WriteNumber("liars", stats.Liars);
        json.WriteEndObject();
    }

    private static async Task AddAsync(ApiCall call, BlobId? expected)
    {
        NodeBlobs blobs = call.Peer.Node.Blobs;
        long bytesMax = (long)blobs.Options.BlobMiB << 20;
        if (call.Request.ContentLength > bytesMax)
        {
            throw new ApiException(
                WeftError.TooLarge,
                $"The body has {call.Request.ContentLength} bytes; a blob has at most {bytesMax} here.");
        }

        if (call.Context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = bytesMax;
        }

        bool isPinned = call.Query["pin"] is null || call.Query.Flag("pin");
        BlobInfo blob = await blobs.AddAsync(call.Request.Body, isPinned, expected, null, call.Aborted);
        call.Response.Headers.ETag = $"\"{blob.Id}\"";
        call.Response.Headers.Location = $"/api/v1/blobs/{blob.Id}";
        await call.AnswerAsync(blob.IsNew ? StatusCodes.Status201Created : StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            Write(json, blob);
            json.WriteBoolean("new", blob.IsNew);
            json.WriteEndObject();
        });
    }

    private static async Task SetPinAsync(ApiCall call, bool isPinned)
    {
        BlobId id = Id(call);
        if (!await call.Peer.Node.Blobs.PinAsync(id, isPinned, call.Aborted)
            || await call.Peer.Node.Blobs.FindAsync(id, call.Aborted) is not { } blob)
        {
            throw NotHere(id);
        }

        await call.AnswerAsync(StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            Write(json, blob);
            json.WriteEndObject();
        });
    }

    /// <summary>A token that is limited to some souls reads the blobs that these link to, and no others.</summary>
    private static async Task CheckReadAsync(ApiCall call, BlobId id)
    {
        if (call.Caller.IsWhole(Scopes.Read))
        {
            return;
        }

        FieldKey? after = null;
        for (int seen = 0; seen < LinksMax;)
        {
            IReadOnlyList<FieldKey> links = await call.Peer.Node.Store.ReadLinksToAsync(
                id.Soul, after, LinkPage, call.Aborted);
            if (links.Any(link => call.Caller.MayTouch(Scopes.Read, link.Soul, link.Field)))
            {
                return;
            }

            if (links.Count < LinkPage)
            {
                break;
            }

            seen += links.Count;
            after = links[^1];
        }

        throw new ApiException(
            WeftError.ScopeMissing,
            $"Nothing that this token may read links to blob {id}; a token without limits reads any blob.");
    }

    private static void Write(Utf8JsonWriter json, BlobInfo blob)
    {
        json.WriteString("id", blob.Id.ToString());
        json.WriteString("link", blob.Id.Soul);
        json.WriteNumber("bytes", blob.Size);
        json.WriteBoolean("whole", blob.IsWhole);
        json.WriteBoolean("damaged", blob.IsDamaged);
        json.WriteBoolean("pinned", blob.IsPinned);
        if (blob.IsLinked is { } isLinked)
        {
            json.WriteBoolean("linked", isLinked);
        }

        json.WriteString("usedAt", JsonAnswers.Time(blob.UsedAt));
    }

    private static BlobId Id(ApiCall call) => Parse(call.Request.RouteValues["id"] as string ?? "");

    private static BlobId Parse(string text) => BlobId.TryParse(text, out BlobId id)
        ? id
        : throw new ApiException(
            WeftError.RequestMalformed, $"\"{LogText.Clean(text)}\" is no id of a blob: that has 64 hexadecimal digits.");

    private static ApiException NotHere(BlobId id) => new(WeftError.BlobUnknown, $"Blob {id} is not here.");
}
