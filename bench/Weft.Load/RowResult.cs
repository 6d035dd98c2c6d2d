using System.Globalization;

namespace Weft.Load;

/// <summary>One line of the table.</summary>
/// <param name="What">What was measured.</param>
/// <param name="Figures">What each server reached, in words.</param>
/// <param name="Ratio">Weft against GUN, or empty.</param>
/// <param name="Bar">What Weft has to reach.</param>
/// <param name="IsMet">Null when it was not measured.</param>
/// <param name="Settings">Sizes, windows, repeats, and every repeat's figure.</param>
internal sealed record RowResult(
    string What,
    IReadOnlyDictionary<ServerKind, string> Figures,
    string Ratio,
    string Bar,
    bool? IsMet,
    string Settings);

/// <summary>Numbers as the table shows them, and medians.</summary>
internal static class Figures
{
    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length == 0 ? double.NaN
            : sorted.Length % 2 == 1 ? sorted[sorted.Length / 2]
            : (sorted[sorted.Length / 2 - 1] + sorted[sorted.Length / 2]) / 2;
    }

    public static string Rate(double perSecond) =>
        double.IsNaN(perSecond) ? "-"
        : perSecond < 100 ? perSecond.ToString("0.0", CultureInfo.InvariantCulture) + " /s"
        : perSecond.ToString("#,0", CultureInfo.InvariantCulture) + " /s";

    public static string Milliseconds(double ms) => ms.ToString("0.0##", CultureInfo.InvariantCulture) + " ms";

    public static string Megabytes(double bytes) =>
        (bytes / 1e6).ToString("#,0", CultureInfo.InvariantCulture) + " MB";

    public static string Times(double ratio) =>
        double.IsFinite(ratio) ? ratio.ToString(ratio < 10 ? "0.0" : "#,0", CultureInfo.InvariantCulture) + " x" : "";

    public static string Each(IEnumerable<double> values) =>
        string.Join(" ", values.Select(v => v.ToString(v < 100 ? "0.##" : "0", CultureInfo.InvariantCulture)));
}
