using System.Text;

namespace Weft.Load;

/// <summary>SIGKILL at a seeded moment, a restart, and every acknowledged write is read back.</summary>
internal sealed class KillRow : ILoadRow
{
    private const int Writes = 20_000;

    public string Name => "kill";

    public async Task<RowResult> RunAsync(RowContext context)
    {
        var figures = new Dictionary<ServerKind, string>();
        var settings = new List<string>();
        int weftLost = 0;
        foreach (ServerKind kind in context.Kinds)
        {
            if (kind == ServerKind.GunMemory)
            {
                figures[kind] = "all (nothing is kept)";
                continue;
            }

            int loops = kind == ServerKind.Weft ? context.Options.IsQuick ? 2 : 10 : context.Options.IsQuick ? 1 : 3;
            var each = new List<string>();
            int lost = 0;
            for (int loop = 0; loop < loops; loop++)
            {
                string folder = context.NewFolder();
                (int acknowledged, int missing) = await MeasureAsync(context, kind, folder, loop);
                RowContext.Remove(folder);
                each.Add($"{missing} of {acknowledged}");
                lost += missing;
                RowContext.Say($"kill {kind} {loop}: {each[^1]} lost");
            }

            weftLost = kind == ServerKind.Weft ? lost : weftLost;
            figures[kind] = $"{lost} in {loops} kills";
            settings.Add($"{kind}: {string.Join(", ", each)}");
        }

        return new RowResult(
            "acknowledged writes lost over SIGKILL loops, 20 k writes each",
            figures,
            "",
            "0",
            context.Options.RunsWeft ? weftLost == 0 : null,
            $"window 2,000, killed at a seeded number of acks; {string.Join("; ", settings)}");
    }

    private static async Task<(int Acknowledged, int Missing)> MeasureAsync(
        RowContext context, ServerKind kind, string folder, int loop)
    {
        // The last loop kills after the last ack: GUN loses writes even then.
        int acksMax = new Random(context.Options.Seed + loop).Next(1_000, Writes);
        var acknowledged = new List<int>();
        ServerProcess server = await context.StartAsync(kind, folder);
        try
        {
            await using GunSocket client = await context.ConnectAsync(server);
            var run = new WindowRun(client, window: 2_000);
            Task? killed = null;
            run.StopAfter = count =>
            {
                killed = count >= acksMax ? server.KillAsync() : null; // In the middle: 2,000 more are on their way.
                return killed is not null;
            };
            await run.RunAsync(
                Writes,
                TimeSpan.FromMinutes(1),
                (i, id) => LoadData.SmallPut(id, LoadData.Soul("kill", i), i, RowContext.NowMs),
                judge: null,
                context.Cancellation);
            await (killed ?? server.KillAsync());
            acknowledged.AddRange(Enumerable.Range(0, Writes).Where(run.WasAnswered));
        }
        finally
        {
            await server.DisposeAsync();
        }

        await using ServerProcess again = await context.StartAsync(kind, folder);
        await using GunSocket reader = await context.ConnectAsync(again);
        WindowResult read = await new WindowRun(reader, window: 100).RunAsync(
            acknowledged.Count,
            TimeSpan.FromMinutes(1),
            (i, id) => LoadData.Get(id, LoadData.Soul("kill", acknowledged[i])),
            (int i, in GunMessage answer) =>
                answer.Put.IndexOf(Encoding.UTF8.GetBytes(LoadData.Mark(acknowledged[i]))) >= 0,
            context.Cancellation);
        return (acknowledged.Count, acknowledged.Count - read.Answered + read.Wrong);
    }
}
