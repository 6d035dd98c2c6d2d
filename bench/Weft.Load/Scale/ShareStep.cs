using System.Diagnostics;
using System.Globalization;
using System.Text;
using Weft.Load.Network;
using Weft.Protocols.Kad;

namespace Weft.Load.Scale;

/// <summary>
/// A hundred whole peers in one process, each with a share: records kept by three peers, put by any and got by any.
/// </summary>
internal static class ShareStep
{
    public const int Copies = 3;

    private const int Peers = 100;
    private const int Workers = 16;

    /// <summary>The step, and the processor time of one operation, all peers together, in microseconds.</summary>
    public static async Task<(ScaleStep Step, double CpuMicroseconds)> RunAsync(bool isQuick)
    {
        string folder = Directory.CreateTempSubdirectory("weft-load-").FullName;
        try
        {
            await using var group = new PeerGroup(WeftStoreKind.Memory, folder) { Copies = Copies };
            await group.GrowAsync(Peers);
            await Task.Delay(TimeSpan.FromSeconds(isQuick ? 3 : 10)); // Routing tables fill.
            await RunAsync(group, 0, 400);
            int operations = isQuick ? 400 : 4_000;
            using Process self = Process.GetCurrentProcess();
            TimeSpan cpu = self.TotalProcessorTime;
            long start = Stopwatch.GetTimestamp();
            List<double> times = await RunAsync(group, 1, operations);
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            self.Refresh();
            double each = (self.TotalProcessorTime - cpu).TotalMicroseconds / operations;
            times.Sort();
            double rate = operations / seconds;
            return (new(
                Peers, "in-process",
                $"{Figures.Rate(rate)} on these cores; {Figures.Rate(Peers * 1e6 / each)} derived",
                $"p50 {Figures.Milliseconds(Math.Round(times[times.Count / 2], 1))}, "
                    + $"p99 {Figures.Milliseconds(Math.Round(times[times.Count * 99 / 100], 1))} with {Workers} at once",
                Figures.Megabytes(self.WorkingSet64),
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"records of the DHT, {Copies} copies, half puts and half gets, nobody reads its own copy; {each:0} us of "
                    + $"processor an operation, all peers together; derived is one processor for each peer and no wire.")), each);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<List<double>> RunAsync(PeerGroup group, int run, int operations)
    {
        var times = new List<double>[Workers];
        await Task.WhenAll(Enumerable.Range(0, Workers).Select(worker => Task.Run(async () =>
        {
            var random = new Random(worker);
            var mine = times[worker] = [];
            for (int i = 0; i < operations / Workers / 2; i++)
            {
                byte[] key = Encoding.ASCII.GetBytes($"/open/{run}-{worker}-{i}");
                long start = Stopwatch.GetTimestamp();
                KadResult put = await Pick(group, random).PutAsync(KadRecord.Make(key, key));
                mine.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
                start = Stopwatch.GetTimestamp();
                KadResult got = await Pick(group, random).GetAsync(key, skipsLocal: true);
                mine.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
                if (put.Status != KadStatus.Done || !got.Record.Value.Span.SequenceEqual(key))
                {
                    throw new InvalidOperationException($"The put ended {put.Status}, the get {got.Status}.");
                }
            }
        })));
        return [.. times.SelectMany(list => list)];
    }

    private static Weft.Libp2p.Kad.KadService Pick(PeerGroup group, Random random) =>
        group.Peers[random.Next(Peers)].Network!.Dht!.Service;
}
