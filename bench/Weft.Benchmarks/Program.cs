// Modes:  (none) [BenchmarkDotNet arguments, for example --filter '*Ham*' --job short]   the benchmarks per class
//         layout [millions of fields…]                                                  the two ways to lay out SQLite
using BenchmarkDotNet.Running;
using Weft.Benchmarks;
using Weft.Benchmarks.Layout;

switch (args)
{
    case ["layout", .. string[] rest]:
        return LayoutBench.Run(rest);
    default:
        BenchmarkSwitcher.FromAssembly(typeof(GraphCoreBenchmarks).Assembly).Run(args);
        return 0;
}
