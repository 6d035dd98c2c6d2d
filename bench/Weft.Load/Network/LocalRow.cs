using System.Diagnostics;
using System.Globalization;
using System.Text;
using Weft.Graph;
using Weft.Node;

namespace Weft.Load.Network;

/// <summary>
/// A peer in this process with its engine on disk: 1,000 durable writes a second, then 1,000 reads, each begun when it was
/// meant to begin whatever became of those before.
/// </summary>
internal sealed class LocalRow(bool isQuick)
{
    private const int PerSecond = 1_000;
    private const int Souls = 5_000;

    private readonly int _count = PerSecond * (isQuick ? 2 : 10);

    public async Task<string> RunAsync()
    {
        string folder = Directory.CreateTempSubdirectory("weft-load-").FullName;
        var table = new StringBuilder(NetworkComparison.Head("one peer, engine on disk, 1,000 operations a second"));
        try
        {
            double[] flush = Machine.MeasureFlush(folder);
            await using WeftPeer peer = await WeftPeer.StartAsync(new()
            {
                Path = Path.Combine(folder, "data"),
                Durability = Primitives.Durability.Disk,
            });
            await RunAsync(i => WriteAsync(peer, i)); // Warms, and fills.
            Say(table, "durable write", await RunAsync(i => WriteAsync(peer, i)), 5);
            await RunAsync(i => ReadAsync(peer, i));
            Say(table, "read", await RunAsync(i => ReadAsync(peer, i)), 1);
            table.AppendLine(
                CultureInfo.InvariantCulture,
                $"| a flush of 4 KiB | p50 {flush[100]:0.00} ms, p99 {flush[198]:0.00} ms | | |");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        return table.ToString();
    }

    private static void Say(StringBuilder table, string what, double[] times, double barMs)
    {
        Array.Sort(times);
        double late = times[times.Length * 99 / 100];
        NetworkComparison.Line(
            table, what,
            string.Create(
                CultureInfo.InvariantCulture,
                $"p50 {times[times.Length / 2]:0.000} ms, p99 {late:0.000} ms, p99.9 {times[times.Length * 999 / 1000]:0.000} ms"),
            string.Create(CultureInfo.InvariantCulture, $"p99 under {barMs} ms"), late < barMs);
    }

    private static async Task WriteAsync(WeftPeer peer, int number) => await peer.Graph
        .Get($"local/{number % Souls}").PutAsync("value", WeftValue.Text($"value {number} of this run"));

    private static async Task ReadAsync(WeftPeer peer, int number)
    {
        ReadResult read = await peer.Graph.Get($"local/{number * 7 % Souls}").GetAsync("value");
        if (read.Status != ReadStatus.Found)
        {
            throw new InvalidOperationException("A value that was written is not there.");
        }
    }

    /// <summary>Begins one operation each millisecond; its time counts from the moment it was meant to begin.</summary>
    private async Task<double[]> RunAsync(Func<int, Task> operation)
    {
        var times = new double[_count];
        var running = new Task[_count];
        await Task.Factory.StartNew(
            () =>
            {
                long begin = Stopwatch.GetTimestamp();
                for (int i = 0; i < _count; i++)
                {
                    long due = begin + ((long)i * Stopwatch.Frequency / PerSecond);
                    while (Stopwatch.GetTimestamp() < due)
                    {
                        Thread.Yield();
                    }

                    running[i] = TimeAsync(i, due);
                }
            },
            TaskCreationOptions.LongRunning);
        await Task.WhenAll(running);
        return times;

        async Task TimeAsync(int number, long due)
        {
            await operation(number);
            times[number] = Stopwatch.GetElapsedTime(due).TotalMilliseconds;
        }
    }
}
