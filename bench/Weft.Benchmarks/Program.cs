// Modes:  (none) [BenchmarkDotNet arguments, for example --filter '*Ham*' --job short]   the benchmarks per class
//         storage [fields] [MiB of memory] [folder]                                     the engine: acks, import, reads
//         records [count]                                                               the record store and a plain dictionary
//         history [puts]                                                                a put with and without history
//         rest [fields] [repeats] [MiB of memory]                                        what encryption at rest costs
//         crypto [ms for each figure]                                                   the providers of cryptography
//         sea [puts]                                                                    a SEA-signed put, stage by stage
//         layout [millions of fields…]                                                  the two ways to lay out SQLite
using BenchmarkDotNet.Running;
using Weft.Benchmarks;
using Weft.Benchmarks.Crypto;
using Weft.Benchmarks.Layout;
using Weft.Benchmarks.Records;
using Weft.Benchmarks.Sea;
using Weft.Benchmarks.Storage;

switch (args)
{
    case ["crypto", .. string[] rest]:
        return CryptoBench.Run(rest);
    case ["history", .. string[] rest]:
        return await HistoryBench.RunAsync(rest);
    case ["layout", .. string[] rest]:
        return LayoutBench.Run(rest);
    case ["records", .. string[] rest]:
        return RecordBench.Run(rest);
    case ["rest", .. string[] rest]:
        return await RestBench.RunAsync(rest);
    case ["sea", .. string[] rest]:
        return await SeaBench.RunAsync(rest);
    case ["storage", .. string[] rest]:
        return await StorageBench.RunAsync(rest);
    default:
        BenchmarkSwitcher.FromAssembly(typeof(GraphCoreBenchmarks).Assembly).Run(args);
        return 0;
}
