using System.Text;

namespace Weft.Load;

/// <summary>
/// Gets of whole nodes of five fields in random order, window 100. Of every ten, nine were read before and one is in no
/// cache of Weft: it was restarted, its files were dropped from the page cache, and nine tenths were read once.
/// </summary>
internal sealed class GetRow : ILoadRow
{
    public string Name => "get";

    public async Task<RowResult> RunAsync(RowContext context)
    {
        int nodes = context.Options.Scale(100_000);
        var figures = new Dictionary<ServerKind, string>();
        var rates = new Dictionary<ServerKind, double>();
        var settings = new List<string>();
        double weftLate = double.NaN;
        int weftBad = 0;
        foreach (ServerKind kind in context.Kinds)
        {
            var runs = new List<WindowResult>();
            string folder = context.NewFolder();
            for (int repeat = 0; repeat < (kind == ServerKind.Weft ? context.Options.Repeats : 1); repeat++)
            {
                runs.AddRange(await MeasureAsync(context, kind, folder, nodes, repeat));
            }

            RowContext.Remove(folder);
            rates[kind] = Figures.Median(runs.Select(run => run.PerSecond));
            double late = Figures.Median(runs.Select(run => run.Percentile(0.99)));
            int bad = runs.Sum(run => run.Wrong + nodes - run.Answered);
            (weftLate, weftBad) = kind == ServerKind.Weft ? (late, bad) : (weftLate, weftBad);
            figures[kind] = $"{Figures.Rate(rates[kind])}, p99 {Figures.Milliseconds(late)}" +
                (bad > 0 ? $", {bad} wrong or missing answers" : "");
            string cost = Figures.Each([Figures.Median(runs.Select(run => run.ServerMicrosecondsEach))]);
            settings.Add($"{kind}: {Figures.Each(runs.Select(run => run.PerSecond))}, processor {cost} us a get");
        }

        bool hasGun = rates.TryGetValue(ServerKind.GunMemory, out double gun);
        bool hasWeft = rates.TryGetValue(ServerKind.Weft, out double weft);
        return new RowResult(
            "get whole soul, window 100, random, 10 % in no cache",
            figures,
            hasGun && hasWeft ? Figures.Times(weft / gun) : "",
            "twice GUN's memory-only rate, p99 under 10 ms",
            hasGun && hasWeft ? weft >= 2 * gun && weftLate < 10 && weftBad == 0 : null,
            $"{nodes:#,0} nodes of 5 fields; GUN not restarted (all in its memory); " + string.Join("; ", settings));
    }

    private static async Task<List<WindowResult>> MeasureAsync(
        RowContext context, ServerKind kind, string folder, int nodes, int repeat)
    {
        int seed = context.Options.Seed + repeat;
        int[] order = LoadData.Shuffled(nodes, seed);
        int warm = nodes / 10 * 9;
        ServerProcess server = await context.StartAsync(kind, folder);
        try
        {
            if (repeat == 0)
            {
                WindowResult filled = await context.FillAsync(kind, server, "get", nodes, TimeSpan.FromMinutes(2));
                RowContext.Say($"get {kind}: filled {filled.Answered} in {filled.Elapsed.TotalSeconds:0.0} s");
            }

            if (kind == ServerKind.Weft)
            {
                await server.StopAsync();
                await server.DisposeAsync();
                Machine.ForgetCachedPages(folder);
                server = await context.StartAsync(kind, folder);
                WindowResult warmed = await ReadAsync(context, server, order.AsMemory(0, warm));
                RowContext.Say($"get {kind}: read 9 of 10 once, {Figures.Rate(warmed.PerSecond)}");
            }

            var runs = new List<WindowResult>();
            int passes = kind == ServerKind.Weft ? 1 : context.Options.Repeats;
            for (int pass = 0; pass < passes; pass++)
            {
                int[] mixed = [.. order];
                new Random(seed + 1_000 + pass).Shuffle(mixed); // The cold tenth is spread over the whole run.
                TimeSpan before = server.ProcessorTime;
                WindowResult run = await ReadAsync(context, server, mixed);
                run = run with { ServerTime = server.ProcessorTime - before };
                RowContext.Say(
                    $"get {kind} {repeat}.{pass}: {Figures.Rate(run.PerSecond)}, p50 " +
                    $"{Figures.Milliseconds(run.Percentile(0.5))}, p99 {Figures.Milliseconds(run.Percentile(0.99))}, " +
                    $"max {Figures.Milliseconds(run.Percentile(1))}, {run.Answered} answered, {run.Wrong} wrong");
                runs.Add(run);
            }

            return runs;
        }
        finally
        {
            await server.DisposeAsync();
        }
    }

    private static async Task<WindowResult> ReadAsync(
        RowContext context, ServerProcess server, ReadOnlyMemory<int> order)
    {
        await using GunSocket client = await context.ConnectAsync(server);
        return await new WindowRun(client, window: 100).RunAsync(
            order.Length,
            TimeSpan.FromSeconds(context.Options.IsQuick ? 5 : 30),
            (i, id) => LoadData.Get(id, LoadData.Soul("get", order.Span[i])),
            (int i, in GunMessage answer) => HasMark(in answer, order.Span[i]),
            context.Cancellation);
    }

    private static bool HasMark(in GunMessage answer, int number)
    {
        Span<byte> mark = stackalloc byte[64];
        int length = Encoding.UTF8.GetBytes(LoadData.Mark(number), mark);
        return answer.Put.IndexOf(mark[..length]) >= 0;
    }
}
