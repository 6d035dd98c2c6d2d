using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Weft.Log;
using Weft.Node.History;
using Weft.Node.Logs;
using Weft.Primitives;
using Weft.Server.Http;

namespace Weft.Server.Api;

/// <summary>The resources /log: one signed log, named by the parameter "log": its name or its key.</summary>
internal static class LogApi
{
    private const int ReadMax = 10_000;

    private static readonly TimeSpan WaitMax = TimeSpan.FromMinutes(10);

    /// <summary>The log of the request.</summary>
    internal static async Task<SignedLog> FindAsync(ApiCall call)
    {
        string name = call.Query["log"]
            ?? throw new ApiException(WeftError.RequestMalformed, "The query lacks \"log\".") { Path = "log" };
        return await call.Peer.Logs.FindAsync(name, call.Aborted)
            ?? throw new ApiException(WeftError.LogUnknown, $"No log \"{LogText.Clean(name)}\" is kept here.");
    }

    internal static async Task GetAsync(ApiCall call)
    {
        SignedLog log = await FindAsync(call);
        LogInfo info = await log.InfoAsync(call.Aborted);
        await call.AnswerAsync(StatusCodes.Status200OK, json => LogJson.Write(json, info));
    }

    internal static async Task ReadAsync(ApiCall call)
    {
        SignedLog log = await FindAsync(call);
        long from = Index(call, "from", 0);
        long to = Index(call, "to", call.WantsLines ? long.MaxValue : from + ReadMax);
        call.AllowSlowReader();
        await using var stream = new JsonStream(call, call.WantsLines);
        await foreach (LogEntry entry in log.ReadAsync(from, to, call.Aborted))
        {
            await stream.WriteAsync(json => LogJson.Write(json, entry));
        }

        await stream.CompleteAsync();
    }

    internal static async Task FollowAsync(ApiCall call)
    {
        SignedLog log = await FindAsync(call);
        long from = Index(call, "from", 0);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(
            call.Aborted, call.Server.Stopping, call.Caller.Revoked);
        call.AllowSlowReader();
        call.Context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        await using var stream = new JsonStream(call, lines: true);
        await stream.BeginAsync();
        try
        {
            await foreach (LogEntry entry in log.FollowAsync(from, ending.Token))
            {
                await stream.WriteAsync(json => LogJson.Write(json, entry));
                await stream.FlushAsync();
            }
        }
        catch (OperationCanceledException) when (!call.Aborted.IsCancellationRequested)
        {
            // The server stops, or the token was revoked: the stream ends.
        }

        await stream.CompleteAsync();
    }

    internal static async Task BlockAsync(ApiCall call)
    {
        SignedLog log = await FindAsync(call);
        long index = Index(call, "index", 0);
        LogRead read = await log.GetAsync(index, call.Query.Duration("wait", TimeSpan.Zero, WaitMax), call.Aborted);
        switch (read.Status)
        {
            case LogReadStatus.OutOfRange:
                throw new ApiException(WeftError.LogOutOfRange, $"The log has no block {index}.");
            case LogReadStatus.NotHere:
                throw new ApiException(
                    WeftError.Absent, $"Block {index} is not here, and none of {read.PeersAsked} peers gave it.");
        }

        call.Response.Headers.ETag = $"\"{index}\"";
        await BytesAsync(call, read.Block);
    }

    internal static async Task ProofAsync(ApiCall call)
    {
        SignedLog log = await FindAsync(call);
        await BytesAsync(call, await log.ProveAsync(Index(call, "index", 0), call.Aborted));
    }

    internal static async Task DownloadAsync(ApiCall call)
    {
        SignedLog log = await FindAsync(call);
        long from = Index(call, "from", 0);
        long to = Index(call, "to", (await log.InfoAsync(call.Aborted)).Length);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(call.Aborted);
        deadline.CancelAfter(call.Query.Duration("wait", TimeSpan.FromSeconds(30), WaitMax));
        try
        {
            await log.DownloadAsync(from, Math.Max(from, to), deadline.Token);
        }
        catch (OperationCanceledException) when (!call.Aborted.IsCancellationRequested)
        {
            throw new ApiException(
                WeftError.DeadlinePassed, $"Blocks {from} to {to} were not all here in time; what came stays.");
        }

        LogInfo info = await log.InfoAsync(call.Aborted);
        await call.AnswerAsync(StatusCodes.Status200OK, json => LogJson.Write(json, info));
    }

    internal static async Task ClearAsync(ApiCall call)
    {
        SignedLog log = await FindAsync(call);
        long from = Index(call, "from", 0);
        await log.ClearAsync(from, Math.Max(from, Index(call, "to", 0)), call.Aborted);
        LogInfo info = await log.InfoAsync(call.Aborted);
        await call.AnswerAsync(StatusCodes.Status200OK, json => LogJson.Write(json, info));
    }

    internal static async Task TruncateAsync(ApiCall call)
    {
        SignedLog log = await FindAsync(call);
        await log.TruncateAsync(Index(call, "length", -1), call.Aborted);
        LogInfo info = await log.InfoAsync(call.Aborted);
        await call.AnswerAsync(StatusCodes.Status200OK, json => LogJson.Write(json, info));
    }

    internal static async Task RecoverAsync(ApiCall call)
    {
        SignedLog log = await FindAsync(call);
        await log.EndRecoveryAsync(call.Aborted);
        LogInfo info = await log.InfoAsync(call.Aborted);
        await call.AnswerAsync(StatusCodes.Status200OK, json => LogJson.Write(json, info));
    }

    internal static async Task ArchiveAsync(ApiCall call)
    {
        SignedLog log = await FindAsync(call);
        long to = Index(call, "to", (await log.InfoAsync(call.Aborted)).Length);
        await ProgressAnswer.RunAsync(
            call, StatusCodes.Status200OK, progress => log.ArchiveAsync(to, progress, call.Aborted), (json, done) =>
            {
                json.WriteNumber("blocks", done.Blocks);
                json.WriteNumber("bytes", done.Bytes);
                json.WriteNumber("storedBytes", done.StoredBytes);
            });
    }

    internal static async Task VerifyAsync(ApiCall call)
    {
        SignedLog log = await FindAsync(call);
        await ProgressAnswer.RunAsync(
            call, StatusCodes.Status200OK, progress => VerifyAsync(call, log, progress), (json, result) =>
            {
                (LogVerification found, HistoryVerification? history) = result;
                json.WriteString("key", log.Key.ToString());
                json.WriteBoolean("holds", found.Holds && history is not { Faults: > 0 });
                json.WriteBoolean("signed", found.IsHeadSigned);
                json.WriteBoolean("stopped", found.IsStopped);
                json.WriteNumber("length", found.Length);
                json.WriteNumber("good", found.Good);
                json.WriteNumber("bytes", found.Bytes);
                json.WriteNumber("missing", found.Missing);
                json.WriteNumber("bad", found.FaultCount);
                json.WriteStartArray("badBlocks");
                foreach (long index in found.Faults)
                {
                    json.WriteNumberValue(index);
                }

                json.WriteEndArray();
                if (history is not null)
                {
                    json.WriteStartObject("history");
                    json.WriteNumber("versions", history.Versions);
                    json.WriteNumber("nodes", history.Nodes);
                    json.WriteNumber("gaps", history.Gaps);
                    json.WriteNumber("faults", history.Faults);
                    json.WriteString("firstFault", history.FirstFault);
                    json.WriteEndObject();
                }
            });
    }

    private static async Task<(LogVerification Found, HistoryVerification? History)> VerifyAsync(
        ApiCall call, SignedLog log, IProgress<long>? progress)
    {
        LogVerification found = await log.VerifyAsync(progress, call.Aborted);
        return (found, log.HoldsHistory && found.Holds
            ? await call.Peer.Node.Retention.VerifyAsync(log, null, call.Aborted)
            : null);
    }

    private static long Index(ApiCall call, string name, long otherwise)
    {
        long value = call.Query.Whole(name, otherwise, 0, LogLimits.LengthMax);
        return value >= 0
            ? value
            : throw new ApiException(WeftError.RequestMalformed, $"The query lacks \"{name}\".") { Path = name };
    }

    private static async Task BytesAsync(ApiCall call, ReadOnlyMemory<byte> bytes)
    {
        call.Response.ContentType = "application/octet-stream";
        call.Response.ContentLength = bytes.Length;
        call.Response.Headers.CacheControl = "no-store";
        await call.Response.BodyWriter.WriteAsync(bytes, call.Aborted);
    }
}
