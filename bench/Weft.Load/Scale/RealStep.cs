namespace Weft.Load.Scale;

/// <summary>One peer: a real process, a real WebSocket client on loopback, every write on disk before it is acknowledged.</summary>
internal static class RealStep
{
    public static async Task<ScaleStep> RunAsync(bool isQuick)
    {
        if (!LoadOptions.TryParse([], out LoadOptions? options, out string problem))
        {
            throw new InvalidOperationException(problem);
        }

        string folder = Directory.CreateTempSubdirectory("weft-load-").FullName;
        try
        {
            await using ServerProcess server = await new Servers(options)
                .StartAsync(ServerKind.Weft, Path.Combine(folder, "."), [], CancellationToken.None);
            var rates = new List<WindowResult>();
            var singles = new List<WindowResult>();
            for (int run = 0; run < (isQuick ? 2 : 4); run++)
            {
                rates.Add(await PutAsync(server, $"many-{run}", window: 100, isQuick));
                singles.Add(await PutAsync(server, $"one-{run}", window: 1, isQuick));
            }

            double rate = Figures.Median(rates.Skip(1).Select(run => run.PerSecond)); // The first ones warm.
            return new(
                1, "real",
                $"{Figures.Rate(rate)} with 100 in flight, {Figures.Rate(Figures.Median(singles.Skip(1).Select(run => run.PerSecond)))} with 1",
                $"p50 {Figures.Milliseconds(Figures.Median(singles.Skip(1).Select(run => run.Percentile(0.5))))}, "
                    + $"p99 {Figures.Milliseconds(Figures.Median(singles.Skip(1).Select(run => run.Percentile(0.99))))}",
                $"{Figures.Megabytes(server.ReadResident())}, peak {Figures.Megabytes(server.ReadResidentPeak())}",
                "durable puts of two fields over a WebSocket; latency with 1 in flight.");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<WindowResult> PutAsync(ServerProcess server, string name, int window, bool isQuick)
    {
        await using GunSocket client = await GunSocket.ConnectAsync(server.Gun, CancellationToken.None);
        return await new WindowRun(client, window).RunAsync(
            400_000, TimeSpan.FromSeconds(isQuick ? 1 : 3),
            (i, id) => LoadData.SmallPut(id, LoadData.Soul(name, i), i, RowContext.NowMs), null, CancellationToken.None);
    }
}
