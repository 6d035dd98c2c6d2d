using System.Diagnostics;
using Weft.Graph;
using Weft.Load.Network;
using Weft.Node;

namespace Weft.Load.Scale;

/// <summary>Ten whole peers in one process, each with everything: an operation counts once, when all ten show it.</summary>
internal static class ReplicaStep
{
    private const int Peers = 10;

    public static async Task<ScaleStep> RunAsync(bool isQuick)
    {
        string folder = Directory.CreateTempSubdirectory("weft-load-").FullName;
        try
        {
            await using var group = new PeerGroup(WeftStoreKind.Engine, folder);
            await group.GrowAsync(Peers);
            await UntilAllAsync(group, "ready", "yes");
            var rates = new List<double>();
            TimeSpan cpu = default;
            int writes = isQuick ? 2_000 : 10_000;
            for (int run = 0; run < (isQuick ? 2 : 4); run++)
            {
                cpu = Process.GetCurrentProcess().TotalProcessorTime;
                rates.Add(await BurstAsync(group, run, writes));
                cpu = Process.GetCurrentProcess().TotalProcessorTime - cpu;
            }

            var times = new List<double>();
            for (int i = 0; i < (isQuick ? 50 : 300); i++)
            {
                long start = Stopwatch.GetTimestamp();
                await UntilAllAsync(group, $"paced-{i}", "here", group.Peers[i % Peers]);
                times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            }

            times.Sort();
            using Process self = Process.GetCurrentProcess();
            return new(
                Peers, "in-process", Figures.Rate(Figures.Median(rates.Skip(1))),
                $"p50 {Figures.Milliseconds(Math.Round(times[times.Count / 2], 2))}, "
                    + $"p99 {Figures.Milliseconds(Math.Round(times[times.Count * 99 / 100], 2))}",
                Figures.Megabytes(self.WorkingSet64),
                $"durable writes at all ten, each shown by all ten ({Peers} copies; no reads); latency one at a time; "
                    + $"{cpu.TotalMicroseconds / writes:0} us of processor an operation, all peers together.");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<double> BurstAsync(PeerGroup group, int run, int writes)
    {
        long start = Stopwatch.GetTimestamp();
        await Task.WhenAll(group.Peers.Select(async (peer, number) =>
        {
            var flying = new Queue<Task>();
            for (int i = 0; i < writes / Peers; i++)
            {
                flying.Enqueue(peer.Graph.Get($"burst/{run}/{number}/{i}").PutAsync("v", WeftValue.Number(i)).AsTask());
                if (flying.Count == 50)
                {
                    await flying.Dequeue();
                }
            }

            await Task.WhenAll(flying);
        }));
        foreach (WeftPeer peer in group.Peers)
        {
            for (int number = 0; number < Peers; number++)
            {
                for (int i = 0; i < writes / Peers; i++)
                {
                    await UntilAsync(peer, $"burst/{run}/{number}/{i}");
                }
            }
        }

        return writes / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static async Task UntilAllAsync(PeerGroup group, string soul, string value, WeftPeer? writer = null)
    {
        await (writer ?? group.Peers[0]).Graph.Get(soul).PutAsync("v", WeftValue.Text(value));
        foreach (WeftPeer peer in group.Peers)
        {
            await UntilAsync(peer, soul);
        }
    }

    private static async Task UntilAsync(WeftPeer peer, string soul)
    {
        long start = Stopwatch.GetTimestamp();
        while ((await peer.Graph.Get(soul).GetAsync("v", ReadPolicy.Local)).Status != ReadStatus.Found)
        {
            if (Stopwatch.GetElapsedTime(start) > TimeSpan.FromSeconds(60))
            {
                throw new InvalidOperationException($"{soul} did not reach every peer.");
            }

            await Task.Yield();
        }
    }
}
