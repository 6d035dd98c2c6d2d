using System.Globalization;
using Xunit.Abstractions;

namespace Weft.Fuzz;

/// <summary>
/// How tests run a target: 2 s each; 10 minutes with WEFT_NIGHTLY; or as long as WEFT_FUZZ_SECONDS says. The seed comes
/// from WEFT_SEED, and a corpus is kept in the folder WEFT_FUZZ_CORPUS.
/// </summary>
public static class FuzzRun
{
    /// <summary>Fuzzes one target and fails the test with the input that broke it.</summary>
    public static void Check(FuzzTarget target, ITestOutputHelper output)
    {
        string? corpus = Environment.GetEnvironmentVariable("WEFT_FUZZ_CORPUS");
        bool isNightly = Environment.GetEnvironmentVariable("WEFT_NIGHTLY") is not null;
        double seconds = Number("WEFT_FUZZ_SECONDS", isNightly ? 600 : 2);
        var fuzzer = new Fuzzer(target, (ulong)Number("WEFT_SEED", 20_260_101))
        {
            CorpusFolder = corpus is null ? null : Path.Combine(corpus, target.Name),
        };

        FuzzReport report = fuzzer.Run(TimeSpan.FromSeconds(seconds));

        output.WriteLine(report.ToString());
        Assert.True(report.Failure is null, report.Failure);
        Assert.True(report.Runs >= 100, $"Only {report.Runs} runs: the target is too slow to be tested so.");
    }

    private static double Number(string variable, double otherwise) =>
        Environment.GetEnvironmentVariable(variable) is { } text
            ? double.Parse(text, CultureInfo.InvariantCulture)
            : otherwise;
}
