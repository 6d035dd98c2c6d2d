using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Weft.Node;
using Weft.Primitives;
using Weft.Server.Http;

namespace Weft.Server.Api;

/// <summary>The resource /watch: data changes as server-sent events.</summary>
internal static class WatchApi
{
    internal static async Task GetAsync(ApiCall call)
    {
        ChangeFilter filter = Filter(call);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(
            call.Aborted, call.Server.Stopping, call.Caller.Revoked);
        using ITimer? expiry = EndWithToken(call, ending);
        await using ChangeSubscription subscription = await call.Graph.WatchAsync(filter, call.Aborted);
        Begin(call);
        var stream = new WatchStream(call, call.Peer.Node.Store.StoreId);
        await stream.BeginAsync();

        long watch = call.Server.NextWatch();
        long started = call.Server.Time.GetTimestamp();
        string remote = call.Context.Connection.RemoteIpAddress?.ToString() ?? "unknown";
        ServerLog.WatchStarted(call.Server.Logger, watch, remote, LogText.Clean(filter.Soul ?? filter.Prefix + "*"));
        string reason = "the client left";
        try
        {
            await stream.CopyAsync(subscription.ReadAllAsync(ending.Token), ending.Token);
        }
        catch (OperationCanceledException)
        {
            reason = call.Aborted.IsCancellationRequested ? reason
                : call.Server.Stopping.IsCancellationRequested ? "stopping"
                : "the token ended";
        }
        catch (WeftException failure)
        {
            reason = failure.Code;
        }

        if (!call.Aborted.IsCancellationRequested)
        {
            await stream.EndAsync(reason);
        }

        ServerLog.WatchEnded(call.Server.Logger, watch,
            (long)call.Server.Time.GetElapsedTime(started).TotalMilliseconds, stream.Events, reason);
    }

    // A stream that was opened with a token does not outlive it.
    internal static ITimer? EndWithToken(ApiCall call, CancellationTokenSource ending)
    {
        if (call.Caller.ExpiresAt is not { } end)
        {
            return null;
        }

        TimeSpan left = end - call.Server.Time.GetUtcNow();
        TimeSpan most = TimeSpan.FromMilliseconds(uint.MaxValue - 2); // Longer than a timer can wait: about 49 days.
        return call.Server.Time.CreateTimer(
            static state => ((CancellationTokenSource)state!).Cancel(), ending,
            left < TimeSpan.Zero ? TimeSpan.Zero : left > most ? most : left, Timeout.InfiniteTimeSpan);
    }

    private static void Begin(ApiCall call)
    {
        call.Response.ContentType = "text/event-stream";
        call.Response.Headers.CacheControl = "no-store";
        call.Response.Headers["X-Accel-Buffering"] = "no";
        call.Context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        call.AllowSlowReader();
    }

    private static ChangeFilter Filter(ApiCall call)
    {
        string? soul = call.Query["soul"] is null ? null : call.Soul();
        string? prefix = call.Query["prefix"];
        if (soul is null == prefix is null)
        {
            throw new ApiException(
                WeftError.RequestMalformed,
                "A watch is on a soul or on a prefix; give one of the two (prefix= for everything).");
        }

        string? field = call.Query["name"] is null && call.Query["field"] is null ? null : call.Field();
        return new ChangeFilter(soul, prefix ?? "", field, Cursor(call));
    }

    // A cursor that does not fit this store gets a snapshot: resuming there would miss what this store has.
    private static long? Cursor(ApiCall call)
    {
        string? text = call.Query["after"]
            ?? (call.Request.Headers["Last-Event-ID"] is { Count: > 0 } header ? header.ToString() : null);
        if (string.IsNullOrEmpty(text))
        {
            return null;
        }

        Node.Storage.IStore store = call.Peer.Node.Store;
        int dot = text.IndexOf('.', StringComparison.Ordinal);
        return dot > 0 && text.AsSpan(0, dot).SequenceEqual(store.StoreId)
            && long.TryParse(text.AsSpan(dot + 1), NumberStyles.None, CultureInfo.InvariantCulture, out long sequence)
            && sequence <= store.CommittedSequence
            ? sequence
            : null;
    }
}
