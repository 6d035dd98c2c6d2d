using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Weft.Load;

/// <summary>One writer and twenty subscribers of one node, as separate connections.</summary>
internal sealed class FanOut : IAsyncDisposable
{
    public const int SubscriberCount = 20;

    private readonly GunSocket[] _subscribers = new GunSocket[SubscriberCount];
    private readonly bool[][] _has = new bool[SubscriberCount][];
    private readonly List<double>[] _latenciesMs = new List<double>[SubscriberCount];
    private readonly long[] _sentAt;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _isComplete = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _areLive = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task[] _reading = [];
    private int _liveCount;
    private int _delivered;
    private long _lastAt;

    private FanOut(int fields) => _sentAt = new long[fields];

    public int Delivered => _delivered;

    public int Expected => SubscriberCount * _sentAt.Length;

    /// <summary>When the last delivery came, as a timestamp.</summary>
    public long LastAt => _lastAt;

    /// <summary>Every delivery's time from the planned send to its arrival, sorted.</summary>
    public double[] LatenciesMs => [.. _latenciesMs.SelectMany(list => list).Order()];

    /// <summary>Writes the node's first field, then subscribes; done when all twenty have that field.</summary>
    public static async Task<FanOut> StartAsync(RowContext context, ServerProcess server, string soul, int fields)
    {
        var fanOut = new FanOut(fields);
        await using (GunSocket first = await context.ConnectAsync(server))
        {
            await first.SendAsync(Field(first.NewId(0), soul, "first"), context.Cancellation);
            for (int i = 0; i < SubscriberCount; i++)
            {
                fanOut._has[i] = new bool[fields];
                fanOut._latenciesMs[i] = new List<double>(fields);
                fanOut._subscribers[i] = await context.ConnectAsync(server);
            }

            fanOut._reading = [.. Enumerable.Range(0, SubscriberCount).Select(fanOut.ReadAsync)];
            for (int attempt = 0; attempt < 100 && !fanOut._areLive.Task.IsCompleted; attempt++)
            {
                await fanOut.AskAsync(soul, attempt, context.Cancellation);
                await Task.WhenAny(fanOut._areLive.Task, Task.Delay(300, context.Cancellation));
            }
        }

        return fanOut._areLive.Task.IsCompleted
            ? fanOut
            : throw new InvalidOperationException($"{fanOut._liveCount} of {SubscriberCount} subscribers are live.");
    }

    /// <summary>The put of one field.</summary>
    public static byte[] Field(string id, string soul, string field) => Encoding.UTF8.GetBytes(
        $$$"""{"#":"{{{id}}}","put":{"{{{soul}}}":{"_":{"#":"{{{soul}}}",">":{"{{{field}}}":{{{RowContext.NowMs}}} """ +
        $$$$"""}},"{{{{field}}}}":"value of {{{{field}}}}"}}}""");

    public static string FieldName(int number) => $"f{number.ToString("00000", CultureInfo.InvariantCulture)}";

    /// <summary>Notes that a field is (or was meant to be) sent at this time.</summary>
    public void NoteSent(int field, long timestamp) => Volatile.Write(ref _sentAt[field], timestamp);

    /// <summary>Waits until every subscriber has every field, or the time is over.</summary>
    public Task WaitAsync(TimeSpan limit, CancellationToken cancellationToken) =>
        Task.WhenAny(_isComplete.Task, Task.Delay(limit, cancellationToken));

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        foreach (GunSocket subscriber in _subscribers)
        {
            await subscriber.DisposeAsync();
        }

        await Task.WhenAll(_reading);
        _stop.Dispose();
    }

    private async Task AskAsync(string soul, int attempt, CancellationToken cancellationToken)
    {
        foreach (GunSocket subscriber in _subscribers)
        {
            await subscriber.SendAsync(LoadData.Get(subscriber.NewId(attempt), soul), cancellationToken);
        }
    }

    private async Task ReadAsync(int index)
    {
        bool isLive = false;

        void OnMessage(in GunMessage message)
        {
            if (message.Put.IsEmpty)
            {
                return;
            }

            if (!isLive && message.Put.IndexOf("value of first"u8) >= 0)
            {
                isLive = true;
                if (Interlocked.Increment(ref _liveCount) == SubscriberCount)
                {
                    _areLive.TrySetResult();
                }
            }

            Count(index, message.Put);
        }

        try
        {
            while (await _subscribers[index].ReceiveAsync(OnMessage, _stop.Token))
            {
            }
        }
        catch (Exception e) when (_stop.IsCancellationRequested || e is System.Net.WebSockets.WebSocketException)
        {
            // Our own end, or the server's: what is missing shows in the counts.
        }
    }

    private void Count(int index, ReadOnlySpan<byte> put)
    {
        long now = Stopwatch.GetTimestamp();
        ReadOnlySpan<byte> mark = "\"value of f"u8;
        for (int at = put.IndexOf(mark); at >= 0; at = put.IndexOf(mark))
        {
            put = put[(at + mark.Length)..];
            if (!System.Buffers.Text.Utf8Parser.TryParse(put, out int field, out int _)
                || field >= _sentAt.Length || _has[index][field])
            {
                continue; // The first field, or one that came twice.
            }

            _has[index][field] = true;
            _latenciesMs[index].Add(Stopwatch.GetElapsedTime(Volatile.Read(ref _sentAt[field]), now).TotalMilliseconds);
            Volatile.Write(ref _lastAt, now);
            if (Interlocked.Increment(ref _delivered) == Expected)
            {
                _isComplete.TrySetResult();
            }
        }
    }
}

/// <summary>A burst: 2,000 distinct fields as fast as the socket takes them. Short, so repeated more often.</summary>
internal sealed class BurstRow : ILoadRow
{
    private const int Fields = 2_000;

    public string Name => "burst";

    public async Task<RowResult> RunAsync(RowContext context)
    {
        var figures = new Dictionary<ServerKind, string>();
        var rates = new Dictionary<ServerKind, double>();
        var settings = new List<string>();
        int weftLost = 0;
        foreach (ServerKind kind in context.Kinds)
        {
            string folder = context.NewFolder();
            await using ServerProcess server = await context.StartAsync(kind, folder);
            var each = new List<double>();
            int lost = 0;
            for (int repeat = -1; repeat < Math.Max(5, context.Options.Repeats * 2); repeat++)
            {
                (double rate, int missing) = await MeasureAsync(context, server, $"burst-{repeat}");
                RowContext.Say($"burst {kind} {repeat}: {Figures.Rate(rate)}, {missing} lost");
                if (repeat >= 0)
                {
                    each.Add(rate);
                    lost += missing;
                }
            }

            rates[kind] = Figures.Median(each);
            weftLost = kind == ServerKind.Weft ? lost : weftLost;
            figures[kind] = $"{Figures.Rate(rates[kind])}, {lost} lost";
            settings.Add($"{kind}: {Figures.Each(each)}");
        }

        double gun = Math.Max(
            rates.GetValueOrDefault(ServerKind.GunDisk), rates.GetValueOrDefault(ServerKind.GunMemory));
        bool hasBoth = rates.TryGetValue(ServerKind.Weft, out double weft) && gun > 0;
        return new RowResult(
            "1 writer, 20 subscribers, burst of 2,000 distinct fields (deliveries)",
            figures,
            hasBoth ? Figures.Times(weft / gun) : "",
            "not below GUN's best mode; none lost",
            hasBoth ? weft >= gun && weftLost == 0 : null,
            string.Join("; ", settings));
    }

    private static async Task<(double PerSecond, int Missing)> MeasureAsync(
        RowContext context, ServerProcess server, string soul)
    {
        await using FanOut fanOut = await FanOut.StartAsync(context, server, soul, Fields);
        await using GunSocket writer = await context.ConnectAsync(server);
        using var draining = CancellationTokenSource.CreateLinkedTokenSource(context.Cancellation);
        Task drained = DrainAsync(writer, draining.Token);
        long began = Stopwatch.GetTimestamp();
        for (int i = 0; i < Fields; i++)
        {
            fanOut.NoteSent(i, Stopwatch.GetTimestamp());
            await writer.AddAsync(
                FanOut.Field(writer.NewId(i), soul, FanOut.FieldName(i)), context.Cancellation);
        }

        await writer.FlushAsync(context.Cancellation);
        await fanOut.WaitAsync(TimeSpan.FromSeconds(15), context.Cancellation);
        double seconds = Stopwatch.GetElapsedTime(began, fanOut.LastAt).TotalSeconds;
        await draining.CancelAsync();
        await drained;
        return (fanOut.Delivered / seconds, fanOut.Expected - fanOut.Delivered);
    }

    /// <summary>Reads what the writer is sent, so that it never holds the server up.</summary>
    internal static async Task DrainAsync(GunSocket socket, CancellationToken cancellationToken)
    {
        try
        {
            while (await socket.ReceiveAsync((in GunMessage _) => { }, cancellationToken))
            {
            }
        }
        catch (OperationCanceledException)
        {
            // The measurement is over.
        }
    }
}

/// <summary>The same at a fixed pace of 200 fields a second: how late is a delivery?</summary>
internal sealed class PacedRow : ILoadRow
{
    private const int PerSecond = 200;

    public string Name => "paced";

    public async Task<RowResult> RunAsync(RowContext context)
    {
        int fields = context.Options.IsQuick ? 400 : 2_000;
        var figures = new Dictionary<ServerKind, string>();
        var settings = new List<string>();
        double late = double.NaN;
        double gun = double.NaN;
        int weftLost = 0;
        foreach (ServerKind kind in context.Kinds)
        {
            string folder = context.NewFolder();
            await using ServerProcess server = await context.StartAsync(kind, folder);
            var lates = new List<double>();
            var middles = new List<double>();
            int lost = 0;
            for (int repeat = 0; repeat < context.Options.Repeats; repeat++)
            {
                (double[] latencies, int missing) = await MeasureAsync(context, server, $"paced-{repeat}", fields);
                lates.Add(latencies[(int)(latencies.Length * 0.99)]);
                middles.Add(latencies[latencies.Length / 2]);
                lost += missing;
                RowContext.Say($"paced {kind}: p50 {middles[^1]:0.0} p99 {lates[^1]:0.0} ms, {missing} lost");
            }

            double p99 = Figures.Median(lates);
            figures[kind] =
                $"p50 {Figures.Milliseconds(Figures.Median(middles))}, p99 {Figures.Milliseconds(p99)}, {lost} lost";
            settings.Add($"{kind} p99: {Figures.Each(lates)}");
            (late, weftLost) = kind == ServerKind.Weft ? (p99, lost) : (late, weftLost);
            gun = kind == ServerKind.Weft ? gun : double.IsNaN(gun) ? p99 : Math.Min(gun, p99);
        }

        return new RowResult(
            $"1 writer, 20 subscribers, {PerSecond} fields/s",
            figures,
            double.IsFinite(gun) && double.IsFinite(late) ? Figures.Times(late / gun) + " the delay" : "",
            "p99 under 10 ms; none lost",
            double.IsNaN(late) ? null : late < 10 && weftLost == 0,
            $"{fields} fields a repeat, from the planned send time; {string.Join("; ", settings)}");
    }

    private static async Task<(double[] LatenciesMs, int Missing)> MeasureAsync(
        RowContext context, ServerProcess server, string soul, int fields)
    {
        await using FanOut fanOut = await FanOut.StartAsync(context, server, soul, fields);
        await using GunSocket writer = await context.ConnectAsync(server);
        using var draining = CancellationTokenSource.CreateLinkedTokenSource(context.Cancellation);
        Task drained = BurstRow.DrainAsync(writer, draining.Token);
        long began = Stopwatch.GetTimestamp();
        for (int i = 0; i < fields; i++)
        {
            long planned = began + i * Stopwatch.Frequency / PerSecond;
            while (Stopwatch.GetTimestamp() < planned)
            {
                await Task.Delay(1, context.Cancellation);
            }

            fanOut.NoteSent(i, planned);
            await writer.SendAsync(
                FanOut.Field(writer.NewId(i), soul, FanOut.FieldName(i)), context.Cancellation);
        }

        await fanOut.WaitAsync(TimeSpan.FromSeconds(5), context.Cancellation);
        await draining.CancelAsync();
        await drained;
        return (fanOut.LatenciesMs, fanOut.Expected - fanOut.Delivered);
    }
}
