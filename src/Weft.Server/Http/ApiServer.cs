using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;
using Weft.Node;
using Weft.Primitives;
using Weft.Server.Access;
using Weft.Server.Metrics;

namespace Weft.Server.Http;

/// <summary>
/// What every request passes: host, origin, token, ceilings, method, content type. Behind it stand the handlers; what
/// they throw becomes a problem document here.
/// </summary>
internal sealed class ApiServer : IDisposable
{
    private readonly Func<WeftPeer?> _peer;
    private readonly HostGuard _hosts;
    private readonly IdempotencyCache _repeats;
    private readonly CancellationTokenSource _stopping = new();
    private readonly TaskCompletionSource _stopRequested = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private volatile MetricsPage? _metrics;
    private int _requests;
    private int _proofs;
    private int _watches;
    private long _watchNumber;

    internal ApiServer(
        Func<WeftPeer?> peer, ServerOptions options, ApiToken token, TimeProvider time, ILogger logger)
    {
        _peer = peer;
        Options = options;
        Token = token;
        Sessions = new SessionTable(options.SessionsMax, time);
        Challenges = new Challenges(options.SessionsMax, time);
        Tokens = new TokenTable(token, Sessions, options.TokensFile(), options.TokensMax, time);
        Time = time;
        Logger = logger;
        StartedAt = time.GetUtcNow();
        _hosts = new HostGuard(options);
        _repeats = new IdempotencyCache(options.IdempotencyKeysMax, time);
    }

    internal ServerOptions Options { get; }

    internal ApiToken Token { get; }

    /// <summary>Every token that is taken.</summary>
    internal TokenTable Tokens { get; }

    /// <summary>Short tokens of keys that proved themselves.</summary>
    internal SessionTable Sessions { get; }

    /// <summary>The nonces they prove themselves with.</summary>
    internal Challenges Challenges { get; }

    internal TimeProvider Time { get; }

    internal ILogger Logger { get; }

    internal DateTimeOffset StartedAt { get; }

    /// <summary>The peer, or null before it has started.</summary>
    internal WeftPeer? PeerOrNull => _peer();

    /// <summary>Ends when the server stops: watches say goodbye then.</summary>
    internal CancellationToken Stopping => _stopping.Token;

    /// <summary>Completes when a client asked the node to stop.</summary>
    internal Task StopRequested => _stopRequested.Task;

    /// <summary>Watches served now.</summary>
    internal int Watches => Volatile.Read(ref _watches);

    /// <summary>API requests served now.</summary>
    internal int Requests => Volatile.Read(ref _requests);

    /// <inheritdoc/>
    public void Dispose()
    {
        _metrics?.Dispose();
        _stopping.Dispose();
    }

    internal void RequestStop() => _stopRequested.TrySetResult();

    internal void BeginStop() => _stopping.Cancel();

    internal long NextWatch() => Interlocked.Increment(ref _watchNumber);

    /// <summary>
    /// Maps routes that share a pattern as one endpoint, so that a wrong method gets a problem document, too.
    /// </summary>
    internal void Map(IEndpointRouteBuilder endpoints, IEnumerable<ApiRoute> routes)
    {
        foreach (IGrouping<string, ApiRoute> resource in routes.GroupBy(route => route.Pattern))
        {
            ApiRoute[] methods = [.. resource];
            endpoints.Map(resource.Key, context => ServeAsync(context, methods));
        }
    }

    /// <summary>The metrics page of the peer; it listens from the first call on.</summary>
    internal MetricsPage MetricsOf(WeftPeer peer)
    {
        if (_metrics is null)
        {
            lock (_gate)
            {
                // The node is fixed here: whoever publishes an instrument anywhere in the process runs this filter.
                WeftNode node = peer.Node;
                _metrics ??= new MetricsPage(
                    meter => meter.Name == NodeTelemetry.Name && ReferenceEquals(
                        meter.Scope, node), Options.MetricSeriesMax);
            }
        }

        return _metrics;
    }

    /// <summary>Puts the check of the host name before a handler that does the rest itself.</summary>
    internal RequestDelegate CheckHost(RequestDelegate next) => async context =>
    {
        try
        {
            _hosts.CheckHost(context);
        }
        catch (ApiException refused)
        {
            await FailAsync(context, refused);
            return;
        }

        await next(context);
    };

    /// <summary>Answers a request for a path that is none of ours.</summary>
    internal Task ServeUnknownAsync(HttpContext context) => ServeAsync(context, []);

    private async Task ServeAsync(HttpContext context, ApiRoute[] methods)
    {
        try
        {
            _hosts.Check(context);
            if (_hosts.AnswersPreflight(context, methods))
            {
                return;
            }

            // Who has no token is not even told what is there.
            ApiRoute? route = FindRoute(context.Request.Method, methods);
            bool needsToken = route is null
                ? context.Request.Path.StartsWithSegments("/api", StringComparison.OrdinalIgnoreCase)
                : NeedsToken(route);
            Caller caller = needsToken ? FindCaller(context) : Caller.Nobody;
            if (route is null)
            {
                throw NoRoute(context, methods);
            }

            if (needsToken)
            {
                caller.Check(route);
            }

            await DispatchAsync(context, route, caller);
        }
        catch (Exception failure)
        {
            await FailAsync(context, failure);
        }
    }

    private static ApiRoute? FindRoute(string method, ApiRoute[] methods)
    {
        string wanted = HttpMethods.IsHead(method) ? HttpMethods.Get : method;
        foreach (ApiRoute route in methods)
        {
            if (route.Method == wanted)
            {
                return route;
            }
        }

        return null;
    }

    private static ApiException NoRoute(HttpContext context, ApiRoute[] methods)
    {
        string method = context.Request.Method;
        if (methods.Length == 0)
        {
            return new ApiException(
                WeftError.RouteUnknown, $"{LogText.Clean(context.Request.Path)} is no resource of this node.");
        }

        string allowed = string.Join(", ", methods.Select(route => route.Method));
        context.Response.Headers.Allow = allowed;
        return new ApiException(
            WeftError.RouteUnknown,
            $"{LogText.Clean(context.Request.Path)} takes {allowed}, not {LogText.Clean(method)}.",
            StatusCodes.Status405MethodNotAllowed);
    }

    private async Task DispatchAsync(HttpContext context, ApiRoute route, Caller caller)
    {
        bool isWatch = route.Traits.HasFlag(RouteTraits.Watch);
        bool isProof = route.Traits.HasFlag(RouteTraits.Proof);
        bool counted = route.IsApi;
        if (isWatch)
        {
            Enter(ref _watches, Options.WatchesMax, "watches");
        }
        else if (isProof)
        {
            Enter(ref _proofs, Options.ProofsMax, "proofs of keys");
        }
        else if (counted)
        {
            Enter(ref _requests, Options.RequestsMax, "requests");
        }

        try
        {
            WeftPeer? peer = PeerOrNull;
            if (peer is null || ((counted || isProof) && (!peer.IsReady || _stopping.IsCancellationRequested)))
            {
                throw new ApiException(
                    WeftError.NodeUnavailable, peer is null ? "The node is starting." : "The node is stopping.");
            }

            MetricsOf(peer); // Begins to listen, so that the page counts from here on.
            var call = new ApiCall(this, context, peer, caller);
            CheckBody(call, route);
            if (route.Traits.HasFlag(RouteTraits.Repeatable)
                && context.Request.Headers["Idempotency-Key"] is { Count: > 0 } keys
                && !call.IsLines)
            {
                await _repeats.RunAsync(call, keys.ToString(), route.Handler);
                return;
            }

            await route.Handler(call);
        }
        finally
        {
            if (isWatch)
            {
                Interlocked.Decrement(ref _watches);
            }
            else if (isProof)
            {
                Interlocked.Decrement(ref _proofs);
            }
            else if (counted)
            {
                Interlocked.Decrement(ref _requests);
            }
        }
    }

    private static void Enter(ref int count, int max, string what)
    {
        if (Interlocked.Increment(ref count) > max)
        {
            Interlocked.Decrement(ref count);
            throw new ApiException(WeftError.TooManyRequests, $"{max} {what} are being served; no more at once.");
        }
    }

    private void CheckBody(ApiCall call, ApiRoute route)
    {
        if (route.Traits.HasFlag(RouteTraits.TakesBytes) && !call.IsBytes)
        {
            throw new ApiException(
                WeftError.RequestMalformed,
                $"Content-Type is \"{LogText.Clean(call.Request.ContentType)}\"; this resource takes "
                + "application/octet-stream.",
                StatusCodes.Status415UnsupportedMediaType);
        }

        if (!route.Traits.HasFlag(RouteTraits.TakesJson))
        {
            return;
        }

        bool takesLines = route.Traits.HasFlag(RouteTraits.TakesLines);
        if (!call.IsJson && !(takesLines && call.IsLines))
        {
            throw new ApiException(
                WeftError.RequestMalformed,
                $"Content-Type is \"{LogText.Clean(call.Request.ContentType)}\"; this resource takes application/json"
                + (takesLines ? " or application/x-ndjson." : "."),
                StatusCodes.Status415UnsupportedMediaType);
        }

        if (!call.IsLines && call.Request.ContentLength > Options.BodyBytesMax)
        {
            throw new ApiException(
                WeftError.TooLarge,
                $"The body has {call.Request.ContentLength} bytes; at most {Options.BodyBytesMax} are taken.");
        }
    }

    private bool NeedsToken(ApiRoute route) =>
        route.IsApi || (route.Scope != Scopes.None && (route.Scope != Scopes.Metrics || Options.MetricsNeedToken));

    private Caller FindCaller(HttpContext context)
    {
        string? header = context.Request.Headers.Authorization;
        const string Scheme = "Bearer ";
        return header is not null && header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
            ? Tokens.Find(header.AsSpan(Scheme.Length).Trim())
            : throw new ApiException(
                WeftError.TokenMissing,
                header is null ? "The request has no Authorization header." : "The Authorization header is no Bearer.");
    }

    private async Task FailAsync(HttpContext context, Exception failure)
    {
        if (context.RequestAborted.IsCancellationRequested)
        {
            return; // Nobody is there to read an answer.
        }

        ApiException problem = Translate(failure);
        Log(context, problem, failure);
        if (context.Response.HasStarted)
        {
            context.Abort(); // Half an answer must not look like a whole one.
            return;
        }

        await Problem.WriteAsync(context, problem);
    }

    private static ApiException Translate(Exception failure) => failure switch
    {
        ApiException problem => problem,
        WeftException known => new ApiException(known.Error, known.Message),
        BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge } =>
            new ApiException(WeftError.TooLarge, "The body is larger than this resource takes."),
        BadHttpRequestException { StatusCode: StatusCodes.Status408RequestTimeout } =>
            new ApiException(
                WeftError.DeadlinePassed, "The body came too slowly.", StatusCodes.Status408RequestTimeout),
        BadHttpRequestException bad => new ApiException(WeftError.RequestMalformed, bad.Message),
        ObjectDisposedException or System.Threading.Channels.ChannelClosedException =>
            new ApiException(WeftError.NodeUnavailable, "The node is stopping."),
        OperationCanceledException => new ApiException(WeftError.NodeUnavailable, "The node is stopping."),
        _ => new ApiException(WeftError.Bug, "The request failed inside the node; the log has it under the trace id."),
    };

    private void Log(HttpContext context, ApiException problem, Exception failure)
    {
        string path = LogText.Clean(context.Request.Path);
        switch (problem.Error)
        {
            case WeftError.TokenMissing or WeftError.ScopeMissing or WeftError.HostRefused or WeftError.OriginRefused:
                ServerLog.AccessRefused(
                    Logger, path, context.Connection.RemoteIpAddress?.ToString() ?? "unknown", problem.Code);
                break;
            case WeftError.Bug or WeftError.DiskFailed or WeftError.FileDamaged or WeftError.StoreStopped:
                ServerLog.Failed(
                    Logger, LogText.Clean(
                        context.Request.Method), path, problem.Code, Problem.TraceId(context), failure);
                break;
            default:
                ServerLog.Refused(
                    Logger, LogText.Clean(context.Request.Method), path, problem.Code, LogText.Clean(problem.Message),
                    Problem.TraceId(context));
                break;
        }
    }
}
