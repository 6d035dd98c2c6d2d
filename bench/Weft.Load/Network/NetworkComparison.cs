using System.Globalization;
using System.Text;

namespace Weft.Load.Network;

/// <summary>What a node costs and how quick it is among others: one row for each question, with its bar.</summary>
internal static class NetworkComparison
{
    public static readonly string[] Rows = ["gossip", "kad", "local", "memory", "idle"];

    public static async Task<int> RunAsync(string[] words)
    {
        bool isQuick = words.Contains("--quick");
        bool isWeftOnly = words.Contains("--weft");
        string[] only = [.. words.Where(Rows.Contains)];
        Console.WriteLine($"{Machine.Describe()}, load average {Machine.LoadAverage()}");
        foreach (string row in only.Length == 0 ? Rows : only)
        {
            string table = row switch
            {
                "gossip" => await new GossipBurst(isQuick, isWeftOnly).RunAsync(),
                "kad" => await new KadRow(isQuick, isWeftOnly).RunAsync(),
                "local" => await new LocalRow(isQuick).RunAsync(),
                "memory" => await new MemoryRow(isQuick).RunAsync(),
                _ => await new IdleRow(isQuick).RunAsync(),
            };
            Console.WriteLine();
            Console.WriteLine(table);
        }

        return 0;
    }

    /// <summary>One line of a table: what, the figure, the bar, and whether it is met.</summary>
    public static void Line(StringBuilder table, string what, string figure, string bar, bool? isMet) =>
        table.AppendLine(CultureInfo.InvariantCulture, $"| {what} | {figure} | {bar} | {Word(isMet)} |");

    public static string Head(string title) => $"| {title} | figure | bar | |\n| --- | --- | --- | --- |\n";

    private static string Word(bool? isMet) => isMet switch { true => "met", false => "missed", _ => "" };
}
