using System.Globalization;
using Weft.Primitives;

namespace Weft.Simulation;

/// <summary>How far a run is.</summary>
/// <param name="At">Virtual time reached.</param>
/// <param name="End">Virtual time at which it ends, as far as known.</param>
/// <param name="Phase">What is going on.</param>
public readonly record struct SimProgress(WeftInstant At, WeftInstant End, string Phase);

/// <summary>What a run did, and what the checkers found.</summary>
/// <param name="Scenario">The scenario.</param>
/// <param name="Nodes">How many nodes.</param>
/// <param name="Seed">The seed; the same one gives the same run.</param>
/// <param name="Length">How long the story was, where that was a choice; else zero.</param>
/// <param name="World">What the world was like, in one line.</param>
/// <param name="Simulated">Virtual time that passed.</param>
/// <param name="Elapsed">Real time it took.</param>
/// <param name="Counts">What was counted, in a fixed order.</param>
/// <param name="Passed">What held, one line each.</param>
/// <param name="Violations">What did not; at most <see cref="SimWorld.ViolationsMax"/>.</param>
/// <param name="ViolationCount">How many there were.</param>
/// <param name="TraceHash">A hash over everything that happened.</param>
public sealed record SimReport(
    string Scenario,
    int Nodes,
    ulong Seed,
    TimeSpan Length,
    string World,
    TimeSpan Simulated,
    TimeSpan Elapsed,
    IReadOnlyList<(string Name, double Value)> Counts,
    IReadOnlyList<string> Passed,
    IReadOnlyList<SimViolation> Violations,
    long ViolationCount,
    ulong TraceHash)
{
    /// <summary>True when every checker was content.</summary>
    public bool IsOk => ViolationCount == 0;

    /// <summary>The command that runs it again.</summary>
    public string Replay => string.Create(
        CultureInfo.InvariantCulture,
        $"weft sim run {Scenario} --nodes {Nodes} --seed {Seed}{(Length > TimeSpan.Zero ? $" --hours {Length.TotalHours}" : "")}");

    /// <summary>The report for people, line by line.</summary>
    public IEnumerable<string> ToLines()
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        yield return string.Create(culture, $"{Scenario}: {Nodes:N0} nodes, seed {Seed}; {World}");
        yield return string.Create(
            culture,
            $"{Simulated.TotalSeconds:0.0} s simulated in {Elapsed.TotalSeconds:0.0} s, trace {TraceHash:x16}");
        yield return string.Join(
            ", ", Counts.Select(count => string.Create(culture, $"{count.Name} {count.Value:#,0.##}")));
        foreach (string line in Passed)
        {
            yield return $"ok   {line}";
        }

        foreach (SimViolation violation in Violations.Take(10))
        {
            yield return $"FAIL {violation}";
        }

        if (ViolationCount > 10)
        {
            yield return string.Create(culture, $"     and {ViolationCount - Math.Min(10, Violations.Count):N0} more");
        }

        if (!IsOk)
        {
            yield return $"replay: {Replay}";
        }
    }

    /// <inheritdoc/>
    public override string ToString() => string.Join(Environment.NewLine, ToLines());
}
