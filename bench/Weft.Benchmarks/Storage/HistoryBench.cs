using System.Diagnostics;
using System.Globalization;
using Weft.Crypto;
using Weft.Graph;
using Weft.Graph.Policy;
using Weft.Node;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Benchmarks.Storage;

/// <summary>What a put costs with and without history: time and garbage of the whole way into a store in memory.</summary>
internal static class HistoryBench
{
    private const int PutsDefault = 100_000;

    private static readonly (string Name, string? Prefix, string Rule)[] Rows =
    [
        ("no rule", null, "none"), ("a rule for another prefix", "other/", "log"), ("last 10", "doc/", "last 10"),
        ("30 days", "doc/", "30 days"), ("signed log", "doc/", "log"),
    ];

    public static async Task<int> RunAsync(string[] arguments)
    {
        int puts = arguments is [var text, ..] ? int.Parse(text, CultureInfo.InvariantCulture) : PutsDefault;
        Console.WriteLine("kept                        us a put   bytes a put");
        foreach ((string name, string? prefix, string rule) in Rows)
        {
            await using WeftNode node = await WeftNode.StartAsync(
                new NodeOptions { Crypto = PlatformCrypto.Create(), SignWrites = false, Durability = Durability.Memory },
                new MemoryStore());
            if (prefix is not null && HistoryRule.TryParse(rule, out HistoryRule kept))
            {
                await node.Retention.SetAsync(prefix, kept);
            }

            int count = rule == "log" && prefix == "doc/" ? puts / 10 : puts;
            await PutAsync(node, count / 5);
            long bytes = GC.GetTotalAllocatedBytes(precise: true);
            long start = Stopwatch.GetTimestamp();
            await PutAsync(node, count);
            double microseconds = Stopwatch.GetElapsedTime(start).TotalMicroseconds / count;
            bytes = GC.GetTotalAllocatedBytes(precise: true) - bytes;
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{name,-26} {microseconds,9:0.00} {(double)bytes / count,13:0}"));
        }

        return 0;
    }

    private static async Task PutAsync(WeftNode node, int puts)
    {
        FieldWrite[] delta = [new("doc/1", "status", "Draft", double.NaN)];
        for (int i = 0; i < puts; i++)
        {
            await node.Graph.WriteAsync(delta, WriteSource.Local, Durability.Memory);
        }
    }
}
