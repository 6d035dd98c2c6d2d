using BenchmarkDotNet.Attributes;
using Weft.Graph;
using Weft.Node;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Benchmarks;

/// <summary>Reads one field through the public API, found in memory. Budget: 0 bytes allocated.</summary>
[MemoryDiagnoser]
public class LocalReadBenchmarks
{
    private const int Nodes = 1_024;

    private readonly string[] _souls = new string[Nodes];
    private WeftNode? _node;

    [GlobalSetup]
    public async Task SetupAsync()
    {
        _node = await WeftNode.StartAsync(new NodeOptions(), new MemoryStore());
        var random = new WeftRandom(seed: 1);
        for (int i = 0; i < Nodes; i++)
        {
            _souls[i] = $"bench/{random.NextUInt64():x16}";
            await _node.Graph.Get(_souls[i]).PutAsync("name", $"node {i}");
        }
    }

    [GlobalCleanup]
    public ValueTask CleanupAsync() => _node!.DisposeAsync();

    [Benchmark(OperationsPerInvoke = Nodes)]
    public int Hit()
    {
        int bytes = 0; // Returned, so that the reads cannot be optimised away.
        foreach (string soul in _souls)
        {
            ValueTask<ReadResult> read = _node!.Graph.ReadFieldAsync(soul, "name");
            bytes += read.GetAwaiter().GetResult().Value.Json.Length; // Found in memory: it has completed.
        }

        return bytes;
    }
}
