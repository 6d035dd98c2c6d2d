using System.Globalization;
using System.Runtime.ExceptionServices;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;
using Weft.Primitives;

namespace Weft.Cli.Import;

/// <summary>What an import did so far.</summary>
internal sealed class ImportTotals
{
    public long Nodes { get; set; }
    public long Fields { get; set; }
    public long Applied { get; set; }
    public long Kept { get; set; }
    public long Deferred { get; set; }
    public long Refused { get; set; }
    public string? Durable { get; set; }
    public List<(long Line, string Text)> Errors { get; } = [];
}

/// <summary>Sends batches, several at once, and keeps account of what is stored for certain.</summary>
internal sealed class ImportRun(
    CommandContext context, WeftClient client, int inFlight, bool skipBad, bool sign, string? ack)
{
    private const int TriesMax = 60;

    // How long the other requests may still name the cause when a connection broke and said none.
    private static readonly TimeSpan GraceAfterBreak = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private readonly SortedDictionary<long, LineBatch> _doneAhead = [];
    private long _nextLine = 1;
    private Exception? _failure;

    /// <summary>The sums.</summary>
    public ImportTotals Totals { get; } = new();

    /// <summary>Everything before this byte is stored.</summary>
    public long BytesDone { get; private set; }

    /// <summary>Lines stored without a hole.</summary>
    public long LinesDone { get; private set; }

    /// <summary>Sends everything.</summary>
    /// <param name="batcher">Where the lines come from.</param>
    /// <param name="start">Bytes and lines that were stored before.</param>
    /// <param name="onProgress">Called after each answer, one call at a time.</param>
    /// <param name="cancellationToken">Stops after the requests in flight.</param>
    public async Task RunAsync(
        LineBatcher batcher, (long Bytes, long Lines) start, Action onProgress, CancellationToken cancellationToken)
    {
        (BytesDone, LinesDone) = start;
        _nextLine = start.Lines + 1;
        using var failed = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var noMore = CancellationTokenSource.CreateLinkedTokenSource(failed.Token);
        using var room = new SemaphoreSlim(inFlight);
        var running = new List<Task>();
        try
        {
            while (await batcher.ReadAsync(noMore.Token) is { } batch)
            {
                await room.WaitAsync(noMore.Token);
                running.RemoveAll(task => task.IsCompletedSuccessfully);
                running.Add(SendAndCountAsync(batch, room, failed, noMore, onProgress));
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // A request failed and ended the others; its failure is thrown below.
        }
        finally
        {
            await Task.WhenAll(running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        if (_failure is not null)
        {
            ExceptionDispatchInfo.Throw(_failure);
        }

        await Task.WhenAll(running);
    }

    private async Task SendAndCountAsync(
        LineBatch batch,
        SemaphoreSlim room,
        CancellationTokenSource failed,
        CancellationTokenSource noMore,
        Action onProgress)
    {
        try
        {
            using JsonDocument answer = await SendAsync(batch, failed.Token);
            lock (_gate)
            {
                Count(batch, answer.RootElement);
                onProgress();
            }
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            lock (_gate)
            {
                // The first one is the cause, and the rest follow from it; but what the node said beats silence.
                if (_failure is null || (IsBreak(_failure) && !IsBreak(error)))
                {
                    _failure = error;
                }
            }

            await noMore.CancelAsync();
            if (IsBreak(error))
            {
                failed.CancelAfter(GraceAfterBreak);
            }
            else
            {
                await failed.CancelAsync();
            }

            throw;
        }
        finally
        {
            room.Release();
        }
    }

    private static bool IsBreak(Exception error) => error is CliException { Error: WeftError.NodeUnreachable };

    private async Task<JsonDocument> SendAsync(LineBatch batch, CancellationToken cancellationToken)
    {
        string path = WeftClient.Path(
            "nodes:batch", ("skip", skipBad ? "true" : null), ("sign", sign ? "true" : null), ("ack", ack));
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                return await client.SendAsync(
                    HttpMethod.Post, path, batch.Bytes, cancellationToken, "application/x-ndjson");
            }
            catch (CliException error) when (attempt < TriesMax
                && error.Error is WeftError.TooManyRequests or WeftError.NodeUnavailable or WeftError.DeferredQueueFull)
            {
                // Busy, not broken; sending a line again does no harm.
                var pause = TimeSpan.FromMilliseconds(Math.Min(2_000, 100 * attempt));
                await Task.Delay(pause, context.Host.Time, cancellationToken);
            }
            catch (CliException error) when (attempt == 1 && IsBreak(error))
            {
                // A connection that had been idle may be at its end already; on a second one it counts.
            }
            catch (CliException error) when (error.Problem is not null)
            {
                throw WithFileLine(error, batch);
            }
        }
    }

    private static CliException WithFileLine(CliException error, LineBatch batch)
    {
        using JsonDocument problem = JsonDocument.Parse(error.Problem!);
        return problem.RootElement.Long("line") is > 0 and long line
            ? new CliException(error.Error, $"line {batch.FirstLine + line - 1}: {error.Message}", error)
            {
                Lines = error.Lines,
                Try = ["correct the line and go on with --resume", "repeat with --skip-bad"],
            }
            : error;
    }

    private void Count(LineBatch batch, JsonElement answer)
    {
        Totals.Nodes += answer.Long("lines");
        Totals.Fields += answer.Long("fields");
        Totals.Applied += answer.Long("applied");
        Totals.Kept += answer.Long("kept");
        Totals.Deferred += answer.Long("deferred");
        Totals.Refused += answer.Long("refused");
        Totals.Durable = answer.Text("durable") ?? Totals.Durable;
        foreach (JsonElement error in answer.Items("errors"))
        {
            if (Totals.Errors.Count < 100)
            {
                string number = (batch.FirstLine + error.Long("line") - 1).ToString(CultureInfo.InvariantCulture);
                Totals.Errors.Add((batch.FirstLine, $"line {number}: {error.Text("code")} {error.Text("detail")}"));
            }
        }

        _doneAhead[batch.FirstLine] = batch;
        while (_doneAhead.Remove(_nextLine, out LineBatch? next))
        {
            _nextLine += next.Lines;
            LinesDone = _nextLine - 1;
            BytesDone = next.EndOffset;
        }
    }
}
