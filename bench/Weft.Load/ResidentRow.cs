namespace Weft.Load;

/// <summary>Resident memory 30 s after the last acknowledgement of 100 k nodes of five fields.</summary>
internal sealed class ResidentRow : ILoadRow
{
    private const double BytesMax = 250e6;

    public string Name => "rss";

    public async Task<RowResult> RunAsync(RowContext context)
    {
        int nodes = context.Options.Scale(100_000);
        var figures = new Dictionary<ServerKind, string>();
        var bytes = new Dictionary<ServerKind, double>();
        var settings = new List<string>();
        foreach (ServerKind kind in context.Kinds)
        {
            string folder = context.NewFolder();
            await using (ServerProcess server = await context.StartAsync(kind, folder))
            {
                long before = server.ReadResident();
                WindowResult filled = await context.FillAsync(
                    kind, server, "rss", nodes, TimeSpan.FromSeconds(context.Options.IsQuick ? 20 : 60));
                await Task.Delay(TimeSpan.FromSeconds(context.Options.IsQuick ? 5 : 30), context.Cancellation);
                bytes[kind] = server.ReadResident();
                figures[kind] =
                    $"{Figures.Megabytes(bytes[kind])}, peak {Figures.Megabytes(server.ReadResidentPeak())}" +
                    (filled.Answered < nodes ? $" ({filled.Answered:#,0} of {nodes:#,0} taken)" : "");
                settings.Add(
                    $"{kind}: {Figures.Megabytes(before)} at the start, {filled.Answered:#,0} nodes in " +
                    $"{filled.Elapsed.TotalSeconds:0.0} s");
                RowContext.Say($"rss {kind}: {figures[kind]}; {settings[^1]}");
            }

            RowContext.Remove(folder);
        }

        bool hasWeft = bytes.TryGetValue(ServerKind.Weft, out double weft);
        bool hasGun = bytes.TryGetValue(ServerKind.GunMemory, out double gun);
        return new RowResult(
            "VmRSS 30 s after the last ack of 100 k nodes of 5 fields",
            figures,
            hasWeft && hasGun ? $"{Figures.Times(weft / gun)} GUN's memory mode" : "",
            "under 250 MB",
            hasWeft ? weft < BytesMax : null,
            $"{nodes:#,0} nodes, window 2,000, default settings, no forced collection; {string.Join("; ", settings)}");
    }
}
