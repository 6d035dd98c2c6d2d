namespace Weft.Load;

/// <summary>SEA-signed puts of one user, a signature each, made before the clock runs.</summary>
internal sealed class SeaRow(string name, int window) : ILoadRow
{
    private const double TimesGun = 5;

    // Long enough for both to have compiled what they run; the same for both.
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(4);

    public string Name => name;

    public async Task<RowResult> RunAsync(RowContext context)
    {
        var figures = new Dictionary<ServerKind, string>();
        var rates = new Dictionary<ServerKind, double>();
        var settings = new List<string>();
        foreach (ServerKind kind in context.Kinds.Where(kind => kind != ServerKind.GunMemory))
        {
            string folder = context.NewFolder();
            List<WindowResult> runs = await MeasureAsync(context, kind, folder);
            RowContext.Remove(folder);
            rates[kind] = Figures.Median(runs.Select(run => run.PerSecond));
            double late = Figures.Median(runs.Select(run => run.Percentile(0.99)));
            figures[kind] = $"{Figures.Rate(rates[kind])}, p99 {Figures.Milliseconds(late)}";
            double cost = Figures.Median(runs.Select(run => run.ServerMicrosecondsEach));
            settings.Add($"{kind}: {Figures.Each(runs.Select(run => run.PerSecond))}, processor {cost:0.#} us a put");
        }

        bool hasWeft = rates.TryGetValue(ServerKind.Weft, out double weft);
        bool hasGun = rates.TryGetValue(ServerKind.GunDisk, out double gun);
        return new RowResult(
            $"SEA-signed puts, 1 client, window {window}",
            figures,
            hasWeft && hasGun ? Figures.Times(weft / gun) : "",
            "at least 5 times GUN",
            hasWeft && hasGun ? weft >= TimesGun * gun : null,
            "1 field and 1 signature a put, signed beforehand; " + string.Join("; ", settings));
    }

    private async Task<List<WindowResult>> MeasureAsync(RowContext context, ServerKind kind, string folder)
    {
        await using ServerProcess server = await context.StartAsync(kind, folder);
        using var user = new SeaUser();
        var runs = new List<WindowResult>();
        for (int repeat = -1; repeat < context.Options.Repeats; repeat++)
        {
            bool isWarmUp = repeat < 0;
            int count = context.Options.Scale(kind == ServerKind.Weft ? 100_000 : 20_000) / (isWarmUp ? 2 : 1);
            await using GunSocket client = await context.ConnectAsync(server);
            string prefix = $"{Name}{repeat}";
            long now = RowContext.NowMs;
            byte[][] puts = [.. Enumerable.Range(0, count).Select(i => user.Put(client.NewId(i), prefix, i, now))];
            TimeSpan before = server.ProcessorTime;
            WindowResult run = await new WindowRun(client, window).RunAsync(
                count, isWarmUp ? WarmUp : TimeSpan.FromSeconds(20), (i, _) => puts[i], judge: null,
                context.Cancellation);
            run = run with { ServerTime = server.ProcessorTime - before };
            RowContext.Say(
                $"{Name} {kind} {(isWarmUp ? "warm-up" : $"repeat {repeat}")}: {Figures.Rate(run.PerSecond)}, " +
                $"{run.Answered} acknowledged, {run.Wrong} refused");
            if (run.Wrong > 0 || run.Answered == 0)
            {
                throw new InvalidOperationException(
                    $"{kind} acknowledged {run.Answered} and refused {run.Wrong} valid puts: {server.LastLines()}");
            }

            if (!isWarmUp)
            {
                runs.Add(run);
            }
        }

        return runs;
    }
}
