using System.Globalization;
using System.Text;
using Weft.Simulation;

namespace Weft.Load.Scale;

/// <summary>What a step of the table reached.</summary>
/// <param name="Peers">How many peers.</param>
/// <param name="Kind">Real, in-process or simulated.</param>
/// <param name="PerSecond">Operations a second.</param>
/// <param name="Latency">In words.</param>
/// <param name="Bytes">Memory of all peers together.</param>
/// <param name="Notes">What an operation was, and what the figures do not say.</param>
internal sealed record ScaleStep(
    int Peers, string Kind, string PerSecond, string Latency, string Bytes, string Notes);

/// <summary>
/// 1, 10, 100 and 1,000 peers beside what the field claims; every row says how it was come by, because two cores are not a
/// thousand machines.
/// </summary>
internal static class ScaleTable
{
    private static readonly (int Peers, string Claim)[] Claims =
    [
        (1, "1,000 /s, 1 ms, 50 MB"), (10, "8,000 /s, 5 ms, 200 MB"), (100, "50,000 /s, 15 ms, 1 GB"),
        (1_000, "200,000 /s, 50 ms, 5 GB"),
    ];

    public static async Task<int> RunAsync(bool isQuick)
    {
        Console.WriteLine($"{Machine.Describe()}, load average {Machine.LoadAverage()}");
        Console.WriteLine();
        ScaleStep one = await RealStep.RunAsync(isQuick);
        Say(one);
        ScaleStep ten = await ReplicaStep.RunAsync(isQuick);
        Say(ten);
        (ScaleStep hundred, double cpuMicroseconds) = await ShareStep.RunAsync(isQuick);
        Say(hundred);
        (ScaleStep thousand, SimReport storage) = SimulatedSteps.Run(isQuick, cpuMicroseconds);
        var table = new StringBuilder(
            "| peers | kind | operations | latency | memory | the field's claim |\n| --- | --- | --- | --- | --- | --- |\n");
        ScaleStep[] steps = [one, ten, hundred, thousand];
        foreach ((ScaleStep step, (_, string claim)) in steps.Zip(Claims))
        {
            table.AppendLine(
                CultureInfo.InvariantCulture,
                $"| {step.Peers} | {step.Kind} | {step.PerSecond} | {step.Latency} | {step.Bytes} | {claim} |");
        }

        table.AppendLine();
        foreach (ScaleStep step in steps)
        {
            table.AppendLine(CultureInfo.InvariantCulture, $"{step.Peers}: {step.Notes}");
        }

        table.Append('\n').Append(SimulatedSteps.Describe(storage));
        Console.WriteLine(table);
        return storage.IsOk ? 0 : 1;
    }

    private static void Say(ScaleStep step) =>
        Console.Error.WriteLine($"  {DateTime.UtcNow:HH:mm:ss}  {step.Peers}: {step.PerSecond}, {step.Latency}, {step.Bytes}");
}
