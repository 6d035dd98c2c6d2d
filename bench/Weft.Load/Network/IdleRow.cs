using System.Diagnostics;
using System.Globalization;
using System.Text;
using Weft.Node.Network;

namespace Weft.Load.Network;

/// <summary>Processor time of a node in a process of its own that has fifty peers and nothing to do.</summary>
internal sealed class IdleRow(bool isQuick)
{
    public const string Mode = "idle-node";

    private const int Peers = 50;
    private const double BarPercent = 1;

    private readonly int _seconds = isQuick ? 5 : 20;

    /// <summary>Runs as the node: says where it listens, and serves until its input ends.</summary>
    public static async Task<int> ServeAsync(string folder)
    {
        await using WeftPeer peer = await WeftPeer.StartAsync(new()
        {
            Path = folder,
            Network = new() { Listen = ["/ip4/127.0.0.1/tcp/0"], Profile = NetworkProfile.Test },
        });
        Console.WriteLine(PeerGroup.AddressOf(peer));
        while (await Console.In.ReadLineAsync() is "connections")
        {
            Console.WriteLine(peer.Network!.Host.Connections.Count);
        }

        return 0;
    }

    public async Task<string> RunAsync()
    {
        string folder = Directory.CreateTempSubdirectory("weft-load-").FullName;
        using Process node = Process.Start(new ProcessStartInfo(
            "dotnet", [typeof(IdleRow).Assembly.Location, Mode, Path.Combine(folder, "node")])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        var table = new StringBuilder(NetworkComparison.Head("a node in a process of its own, engine on disk"));
        try
        {
            string address = await node.StandardOutput.ReadLineAsync()
                ?? throw new InvalidOperationException("The node ended before it was ready.");
            await using (var group = new PeerGroup(WeftStoreKind.Memory, folder))
            {
                await group.GrowAsync(Peers, [address]);
                await Task.Delay(TimeSpan.FromSeconds(isQuick ? 3 : 15)); // What happens once is not idling.
                TimeSpan before = node.TotalProcessorTime;
                long start = Stopwatch.GetTimestamp();
                await Task.Delay(TimeSpan.FromSeconds(_seconds));
                node.Refresh();
                double percent = (node.TotalProcessorTime - before) / Stopwatch.GetElapsedTime(start) * 100;
                await node.StandardInput.WriteLineAsync("connections");
                await node.StandardInput.FlushAsync();
                string? connections = await node.StandardOutput.ReadLineAsync();
                NetworkComparison.Line(
                    table, $"{connections} connections, {_seconds} s without anything to do",
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{percent:0.00} % of a processor, {Machine.ReadProcessBytes(node.Id, "VmRSS") / 1e6:0} MB resident"),
                    "at most 1 %", percent <= BarPercent);
            }
        }
        finally
        {
            node.StandardInput.Close();
            await node.WaitForExitAsync();
            Directory.Delete(folder, recursive: true);
        }

        return table.ToString();
    }
}
