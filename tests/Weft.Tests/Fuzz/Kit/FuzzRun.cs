using Xunit.Abstractions;

namespace Weft.Fuzz;

/// <summary>How tests run a target: 2 s each, or as long as WEFT_FUZZ_SECONDS says, with a corpus in WEFT_FUZZ_CORPUS.</summary>
public static class FuzzRun
{
    /// <summary>Fuzzes one target and fails the test with the input that broke it.</summary>
    public static void Check(FuzzTarget target, ITestOutputHelper output)
    {
        string? seconds = Environment.GetEnvironmentVariable("WEFT_FUZZ_SECONDS");
        string? corpus = Environment.GetEnvironmentVariable("WEFT_FUZZ_CORPUS");
        string? seed = Environment.GetEnvironmentVariable("WEFT_FUZZ_SEED");
        var fuzzer = new Fuzzer(target, seed is null ? 20_260_101 : ulong.Parse(seed))
        {
            CorpusFolder = corpus is null ? null : Path.Combine(corpus, target.Name),
        };

        FuzzReport report = fuzzer.Run(TimeSpan.FromSeconds(seconds is null ? 2 : double.Parse(seconds)));

        output.WriteLine(report.ToString());
        Assert.True(report.Failure is null, report.Failure);
        Assert.True(report.Runs >= 100, $"Only {report.Runs} runs: the target is too slow to be tested so.");
    }
}
