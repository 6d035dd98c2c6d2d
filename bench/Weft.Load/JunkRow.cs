namespace Weft.Load;

/// <summary>
/// Signed puts of an honest client, alone and beside one peer that sends wrong signatures as fast as it can.
/// </summary>
internal sealed class JunkRow : ILoadRow
{
    private const int Window = 100;

    public string Name => "junk";

    public async Task<RowResult> RunAsync(RowContext context)
    {
        if (!context.Options.RunsWeft)
        {
            return new RowResult("junk signatures", new Dictionary<ServerKind, string>(), "", "", null, "Weft only");
        }

        string folder = context.NewFolder();
        var alone = new List<double>();
        var beside = new List<double>();
        var junk = new List<double>();
        await using (ServerProcess server = await context.StartAsync(ServerKind.Weft, folder))
        {
            for (int repeat = -1; repeat < context.Options.Repeats; repeat++)
            {
                double quiet = await HonestAsync(context, server, $"quiet{repeat}");
                using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.Cancellation);
                Task<double> flood = FloodAsync(context, server, $"flood{repeat}", stop.Token);
                await Task.Delay(TimeSpan.FromSeconds(1), context.Cancellation); // The flood must run before it is measured.
                double flooded = await HonestAsync(context, server, $"busy{repeat}");
                await stop.CancelAsync();
                double refused = await flood;
                RowContext.Say($"junk {repeat}: alone {quiet:0}, beside {flooded:0}, junk refused {refused:0} /s");
                if (repeat >= 0)
                {
                    alone.Add(quiet);
                    beside.Add(flooded);
                    junk.Add(refused);
                }
            }
        }

        RowContext.Remove(folder);
        double share = Figures.Median(beside) / Figures.Median(alone);
        return new RowResult(
            "honest signed puts while one peer sends wrong signatures",
            new Dictionary<ServerKind, string>
            {
                [ServerKind.Weft] = $"{Figures.Rate(Figures.Median(beside))} of {Figures.Rate(Figures.Median(alone))}",
            },
            $"{share * 100:0} %",
            "at least half its speed",
            share >= 0.5,
            $"window {Window}, flood without a window; alone: {Figures.Each(alone)}; beside: {Figures.Each(beside)}; "
            + $"junk refused: {Figures.Each(junk)} /s; the flood's own processor time is on the same cores");
    }

    private static async Task<double> HonestAsync(RowContext context, ServerProcess server, string prefix)
    {
        using var user = new SeaUser();
        await using GunSocket client = await context.ConnectAsync(server);
        int count = context.Options.Scale(40_000);
        long now = RowContext.NowMs;
        byte[][] puts = [.. Enumerable.Range(0, count).Select(i => user.Put(client.NewId(i), prefix, i, now))];
        WindowResult run = await new WindowRun(client, Window).RunAsync(
            count, TimeSpan.FromSeconds(8), (i, _) => puts[i], judge: null, context.Cancellation);
        return run.Wrong > 0 || run.Answered == 0
            ? throw new InvalidOperationException($"{run.Wrong} valid puts were refused, {run.Answered} acknowledged.")
            : run.PerSecond;
    }

    /// <returns>Forged puts refused a second.</returns>
    private static async Task<double> FloodAsync(
        RowContext context, ServerProcess server, string prefix, CancellationToken stop)
    {
        using var user = new SeaUser();
        await using GunSocket client = await context.ConnectAsync(server);
        int count = context.Options.Scale(40_000);
        long now = RowContext.NowMs;
        byte[][] puts =
            [.. Enumerable.Range(0, count).Select(i => user.Put(client.NewId(i), prefix, i, now, isForged: true))];
        long began = System.Diagnostics.Stopwatch.GetTimestamp();
        int refused = 0;
        Task reading = Task.Run(
            async () =>
            {
                try
                {
                    while (await client.ReceiveAsync((in GunMessage m) => refused += m.HasError ? 1 : 0, stop))
                    {
                    }
                }
                catch (Exception e) when (e is OperationCanceledException or System.Net.WebSockets.WebSocketException)
                {
                    // Stopped, or cut off by the server: both end the flood.
                }
            },
            CancellationToken.None);
        try
        {
            for (int i = 0; !stop.IsCancellationRequested && !reading.IsCompleted; i = (i + 1) % count)
            {
                await client.AddAsync(puts[i], stop);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or System.Net.WebSockets.WebSocketException)
        {
            // As above.
        }

        double seconds = System.Diagnostics.Stopwatch.GetElapsedTime(began).TotalSeconds;
        await reading;
        return refused / seconds;
    }
}
