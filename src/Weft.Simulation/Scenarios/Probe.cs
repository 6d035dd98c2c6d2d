namespace Weft.Simulation.Scenarios;

/// <summary>The smallest way in: a scenario by name, and what its checkers found as text.</summary>
public static class Probe
{
    /// <summary>Plays a scenario.</summary>
    /// <returns>One line per violation; empty when all is well.</returns>
    /// <exception cref="ArgumentException">There is no such scenario.</exception>
    public static string[] Run(string scenario, int nodes, ulong seed)
    {
        Scenario found = Scenario.Find(scenario)
            ?? throw new ArgumentException($"There is no scenario '{scenario}'.", nameof(scenario));
        return [.. found.Run(nodes, seed).Violations.Select(violation => violation.ToString())];
    }
}
