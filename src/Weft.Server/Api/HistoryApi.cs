using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Weft.Graph.History;
using Weft.Node.History;
using Weft.Primitives;
using Weft.Server.Http;

namespace Weft.Server.Api;

/// <summary>The resources /history: the past of one node.</summary>
internal static class HistoryApi
{
    private const int PageMax = 1_000;
    private const int ProofsMax = 100;

    internal static async Task GetAsync(ApiCall call)
    {
        string soul = call.Soul();
        string? field = Field(call);
        NodeHistory history = call.Graph.HistoryOf(soul, field);
        int limit = (int)call.Query.Whole("limit", 100, 1, call.Query.Flag("proof") ? ProofsMax : PageMax);
        long? before = call.Query["before"] is null ? null : call.Query.Whole("before", 0, 1, long.MaxValue);
        HistoryInfo info = await history.InfoAsync(call.Aborted);
        var shown = new List<HistoryEntry>();
        long next = before ?? info.Newest + 1;
        while (shown.Count < limit && next > info.First && info.First > 0)
        {
            IReadOnlyList<HistoryEntry> page = await history.ReadPageAsync(
                next, field is null ? limit - shown.Count : PageMax, call.Aborted);
            if (page.Count == 0)
            {
                next = info.First;
            }

            foreach (HistoryEntry entry in page)
            {
                next = entry.Version.Number;
                if (field is null || entry.Version.Changes.Any(change => change.Field == field))
                {
                    shown.Add(entry);
                    if (shown.Count == limit)
                    {
                        break;
                    }
                }
            }
        }

        HistoryProof?[] proofs = await ProveAsync(call, history, shown);
        await call.AnswerAsync(StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            json.WriteString("soul", soul);
            HistoryJson.WriteInfo(json, info);
            json.WriteStartArray("items");
            for (int i = 0; i < shown.Count; i++)
            {
                HistoryJson.Write(json, shown[i], field, proofs.Length > i ? proofs[i] : null);
            }

            json.WriteEndArray();
            if (shown.Count == limit && next > info.First)
            {
                json.WriteNumber("next", next);
            }

            json.WriteEndObject();
        });
    }

    internal static async Task AtAsync(ApiCall call)
    {
        string soul = call.Soul();
        string? field = Field(call);
        NodeHistory history = call.Graph.HistoryOf(soul, field);
        (long? version, DateTimeOffset at) = Moment(call, "at");
        HistoryView view = version is { } number
            ? await history.AtAsync(number, field, call.Aborted)
            : await history.AtAsync(at, field, call.Aborted);
        ThrowUnlessFound(soul, view.Status, view.Version, view.Info);
        await call.AnswerAsync(StatusCodes.Status200OK, json =>
        {
            bool isAlive = view.Fields.Any(known => !known.Value.IsNull);
            json.WriteStartObject();
            json.WriteString("soul", soul);
            json.WriteNumber("version", view.Version);
            if (view.TimeMs > 0)
            {
                json.WriteString("time", JsonAnswers.Time(WallClock.FromState(view.TimeMs)));
            }

            json.WriteString("status", isAlive ? "found" : view.Fields.Count > 0 ? "deleted" : "absent");
            JsonAnswers.WriteFields(json, view.Fields, call.Query.Flag("deleted"));
            json.WriteEndObject();
        });
    }

    internal static async Task DiffAsync(ApiCall call)
    {
        string soul = call.Soul();
        NodeHistory history = call.Graph.HistoryOf(soul, null);
        long from = await NumberAsync(call, history, soul, "from");
        long to = call.Query["to"] is null
            ? (await history.InfoAsync(call.Aborted)).Newest
            : await NumberAsync(call, history, soul, "to");
        HistoryDiff diff = await history.DiffAsync(from, to, call.Aborted);
        ThrowUnlessFound(soul, diff.Status, diff.From, diff.Info);
        await call.AnswerAsync(StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            json.WriteString("soul", soul);
            json.WriteNumber("from", diff.From);
            json.WriteNumber("to", diff.To);
            json.WriteStartArray("items");
            foreach (HistoryFieldDiff field in diff.Fields)
            {
                json.WriteStartObject();
                json.WriteString("field", field.Field);
                JsonAnswers.WriteValue(json, "before", field.Before);
                JsonAnswers.WriteValue(json, "after", field.After);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        });
    }

    internal static async Task FollowAsync(ApiCall call)
    {
        string soul = call.Soul();
        NodeHistory history = call.Graph.HistoryOf(soul, null);
        long after = call.Query.Whole("after", 0, 0, long.MaxValue);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(
            call.Aborted, call.Server.Stopping, call.Caller.Revoked);
        using ITimer? expiry = WatchApi.EndWithToken(call, ending);
        call.AllowSlowReader();
        call.Context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        await using var stream = new JsonStream(call, lines: true);
        await stream.BeginAsync();
        try
        {
            await foreach (HistoryEntry entry in history.FollowAsync(after, ending.Token))
            {
                await stream.WriteAsync(json => HistoryJson.Write(json, entry, null));
                await stream.FlushAsync();
            }
        }
        catch (OperationCanceledException) when (!call.Aborted.IsCancellationRequested)
        {
            // The server stops, or the token ended: so does the stream.
        }

        await stream.CompleteAsync();
    }

    /// <summary>The proofs that were asked for; a proof shows all of a version, so it needs the right to all of it.</summary>
    private static async ValueTask<HistoryProof?[]> ProveAsync(
        ApiCall call, NodeHistory history, List<HistoryEntry> entries)
    {
        if (!call.Query.Flag("proof"))
        {
            return [];
        }

        call.Graph.HistoryOf(history.Soul, null);
        var proofs = new HistoryProof?[entries.Count];
        for (int i = 0; i < proofs.Length; i++)
        {
            proofs[i] = await history.ProveAsync(entries[i].Version.Number, call.Aborted);
        }

        return proofs;
    }

    private static string? Field(ApiCall call) =>
        call.Query["name"] is null && call.Query["field"] is null ? null : call.Field();

    private static async ValueTask<long> NumberAsync(ApiCall call, NodeHistory history, string soul, string name)
    {
        (long? version, DateTimeOffset at) = Moment(call, name);
        if (version is { } number)
        {
            return number;
        }

        (HistoryStatus status, long found, HistoryInfo info) = await history.VersionAtAsync(at, call.Aborted);
        ThrowUnlessFound(soul, status, found, info);
        return found;
    }

    /// <summary>A version's number, or a moment as RFC 3339.</summary>
    private static (long? Version, DateTimeOffset At) Moment(ApiCall call, string name)
    {
        string text = call.Query[name]
            ?? throw new ApiException(WeftError.RequestMalformed, $"The query lacks \"{name}\".") { Path = name };
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long version))
        {
            return (version, default);
        }

        return DateTimeOffset.TryParse(
            text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset at)
            ? (null, at)
            : throw new ApiException(
                WeftError.RequestMalformed,
                $"{name} is \"{LogText.Clean(text)}\"; allowed: a version's number, or a time such as 2026-11-20T18:00:00Z.")
            {
                Path = name,
            };
    }

    private static void ThrowUnlessFound(string soul, HistoryStatus status, long version, HistoryInfo info)
    {
        if (status != HistoryStatus.Found)
        {
            string node = LogText.Clean(soul);
            throw new ApiException(WeftError.Absent, status switch
            {
                HistoryStatus.TooNew => $"\"{node}\" has no version {version} yet; the newest is {info.Newest}.",
                HistoryStatus.TooOld => $"What is kept of \"{node}\" begins with version {info.First}, "
                    + $"{JsonAnswers.Time(WallClock.FromState(info.BeganMs))}; that is before.",
                _ when info.Kept.Keeps => $"Nothing was written to \"{node}\" since its history is kept ({info.Kept}).",
                _ => $"No history of \"{node}\" is kept here; a rule for its prefix turns it on.",
            });
        }
    }
}
