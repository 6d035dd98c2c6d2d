// Modes:  (none) [BenchmarkDotNet arguments, for example --filter '*Ham*' --job short]   the benchmarks per class
using BenchmarkDotNet.Running;
using Weft.Benchmarks;

switch (args)
{
    default:
        BenchmarkSwitcher.FromAssembly(typeof(GraphCoreBenchmarks).Assembly).Run(args);
        return 0;
}
