using System.Diagnostics;
using Xunit.Abstractions;

namespace Weft.Simulation.Tests.Mutants;

/// <summary>
/// Plants one bug at a time into the real sources and runs a scenario: the checkers must see it. Without a bug they
/// must
/// stay silent. A snippet that is not found exactly once fails, so that the list cannot rot.
/// </summary>
public sealed class MutantTests(ITestOutputHelper output)
{
    public static TheoryData<string> Names => [.. MutantList.All.Select(mutant => mutant.Name)];

    [Fact]
    public void Twenty_bugs_stand_in_the_list()
    {
        Assert.True(MutantList.All.Count >= 20, $"There are only {MutantList.All.Count}.");
        Assert.Equal(MutantList.All.Count, MutantList.All.Select(mutant => mutant.Name).Distinct().Count());
    }

    [Fact]
    public void Sound_sources_pass_every_scenario_that_a_bug_is_sought_with()
    {
        SourceTree.Instance.Run(null, run =>
        {
            foreach ((string scenario, int nodes, int seeds) in MutantList.All
                .Select(mutant => (mutant.Scenario, mutant.Nodes, mutant.Seeds)).Distinct())
            {
                for (ulong seed = 1; seed <= (ulong)seeds; seed++)
                {
                    string[] violations = run(scenario, nodes, seed);
                    Assert.True(violations.Length == 0, $"{scenario}, {nodes} nodes, seed {seed}: {violations.FirstOrDefault()}");
                }
            }
        });
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_planted_bug_is_caught(string name)
    {
        Mutant mutant = MutantList.All.Single(one => one.Name == name);
        string? caught = null;
        var watch = Stopwatch.StartNew();
        SourceTree.Instance.Run(mutant, run =>
        {
            for (ulong seed = 1; seed <= (ulong)mutant.Seeds && caught is null; seed++)
            {
                caught = Catch(run, mutant, seed);
            }
        });

        output.WriteLine($"{caught} ({watch.ElapsedMilliseconds} ms)");
        Assert.True(caught is not null, $"Nobody noticed: {mutant.Name} in {mutant.File}.");
    }

    private static string? Catch(Func<string, int, ulong, string[]> run, Mutant mutant, ulong seed)
    {
        try
        {
            string[] violations = run(mutant.Scenario, mutant.Nodes, seed);
            return violations.Length == 0 ? null : $"seed {seed}: {violations[0]}";
        }
        catch (Exception failure)
        {
            return $"seed {seed}: {failure.GetType().Name}: {failure.Message}"; // A core that throws is caught as well.
        }
    }
}
