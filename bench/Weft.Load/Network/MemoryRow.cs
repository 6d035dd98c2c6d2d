using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Weft.Load.Network;

/// <summary>What one more peer in this process costs: the difference between 50 and 100 of them.</summary>
internal sealed class MemoryRow(bool isQuick)
{
    private const double BarBytes = 5e6;

    private readonly int _peers = isQuick ? 20 : 100;

    public async Task<string> RunAsync()
    {
        var table = new StringBuilder(NetworkComparison.Head($"{_peers} peers in one process, each with 4 links and more"));
        string folder = Directory.CreateTempSubdirectory("weft-load-").FullName;
        try
        {
            await using var group = new PeerGroup(WeftStoreKind.Memory, folder);
            (double heapBefore, double residentBefore) = await GrowAsync(group, _peers / 2);
            (double heap, double resident) = await GrowAsync(group, _peers);
            double each = (resident - residentBefore) / (_peers / 2);
            NetworkComparison.Line(
                table, "store in memory, nothing in it",
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{each / 1e6:0.00} MB resident, {(heap - heapBefore) / (_peers / 2) / 1e6:0.00} MB managed each; "
                    + $"{resident / 1e6:0} MB in all, {group.Peers.Average(peer => peer.Network!.Host.Connections.Count):0} "
                    + $"connections each"),
                "at most 5 MB each", each <= BarBytes);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        return table.ToString();
    }

    private static async Task<(double Heap, double Resident)> GrowAsync(PeerGroup group, int count)
    {
        await group.GrowAsync(count);
        await Task.Delay(5_000); // Tables fill, identify and its streams end.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        double heap = GC.GetTotalMemory(forceFullCollection: true);
        using Process self = Process.GetCurrentProcess();
        return (heap, self.WorkingSet64);
    }
}
