namespace Weft.Load;

/// <summary>Acknowledged puts of two-field nodes by one client, with a fixed number in flight.</summary>
internal sealed class PutRow(string name, int window) : ILoadRow
{
    private const int PutsMax = 400_000; // Never reached by time, but a table has a size.

    public string Name => name;

    public async Task<RowResult> RunAsync(RowContext context)
    {
        var figures = new Dictionary<ServerKind, string>();
        var rates = new Dictionary<ServerKind, double>();
        var settings = new List<string>();
        foreach (ServerKind kind in context.Kinds)
        {
            string folder = context.NewFolder();
            List<WindowResult> runs = await MeasureAsync(context, kind, folder);
            RowContext.Remove(folder);
            double rate = Figures.Median(runs.Select(run => run.PerSecond));
            if (runs.All(run => run.Answered == 0))
            {
                figures[kind] = "never acknowledged";
                continue;
            }

            rates[kind] = rate;
            double middle = Figures.Median(runs.Select(run => run.Percentile(0.5)));
            double late = Figures.Median(runs.Select(run => run.Percentile(0.99)));
            figures[kind] =
                $"{Figures.Rate(rate)}, p50 {Figures.Milliseconds(middle)}, p99 {Figures.Milliseconds(late)}";
            settings.Add(
                $"{kind}: {Figures.Each(runs.Select(run => run.PerSecond))}, processor {CostOf(runs)} us a put");
        }

        bool hasWeft = rates.TryGetValue(ServerKind.Weft, out double weft);
        bool hasGun = rates.TryGetValue(ServerKind.GunDisk, out double gun);
        bool? isMet = !hasWeft ? null : window == 1 ? weft >= 1_000 : hasGun ? weft >= 50 * gun : null;
        return new RowResult(
            window == 1 ? "acknowledged puts, 1 client, 1 in flight" : $"acknowledged puts, 1 client, window {window}",
            figures,
            hasWeft && hasGun ? Figures.Times(weft / gun) : "",
            window == 1 ? "1,000 /s" : "at least 50 times GUN",
            isMet,
            $"2 fields, about 200 bytes a message, {Seconds(context)} s a repeat; " + string.Join("; ", settings));
    }

    private static string CostOf(List<WindowResult> runs) =>
        Figures.Each([Figures.Median(runs.Select(run => run.ServerMicrosecondsEach))]);

    private static int Seconds(RowContext context) => context.Options.IsQuick ? 3 : 8;

    private async Task<List<WindowResult>> MeasureAsync(RowContext context, ServerKind kind, string folder)
    {
        await using ServerProcess server = await context.StartAsync(kind, folder);
        var runs = new List<WindowResult>();
        int repeats = kind == ServerKind.GunMemory ? 1 : context.Options.Repeats;
        for (int repeat = -1; repeat < repeats; repeat++)
        {
            bool isWarmUp = repeat < 0;
            int seconds = isWarmUp || kind == ServerKind.GunMemory ? 2 : Seconds(context);
            await using GunSocket client = await context.ConnectAsync(server);
            TimeSpan before = server.ProcessorTime;
            WindowResult run = await new WindowRun(client, window).RunAsync(
                PutsMax,
                TimeSpan.FromSeconds(seconds),
                (i, id) => LoadData.SmallPut(id, LoadData.Soul($"put{window}-{repeat}", i), i, RowContext.NowMs),
                judge: null,
                context.Cancellation);
            run = run with { ServerTime = server.ProcessorTime - before };
            RowContext.Say(
                $"{Name} {kind} {(isWarmUp ? "warm-up" : $"repeat {repeat}")}: {Figures.Rate(run.PerSecond)}, " +
                $"{run.Answered} acknowledged, {run.Wrong} refused, p99 {Figures.Milliseconds(run.Percentile(0.99))}");
            if (run.Wrong > 0)
            {
                throw new InvalidOperationException($"{kind} refused {run.Wrong} valid puts: {server.LastLines()}");
            }

            if (!isWarmUp)
            {
                runs.Add(run);
            }
        }

        return runs;
    }
}
