using System.Globalization;
using Weft.Node.Network;

namespace Weft.Server.Api;

/// <summary>Ceilings that the system sets for the process.</summary>
internal static class ProcessLimits
{
    private const string Open = "/proc/self/fd";
    private const string Limits = "/proc/self/limits";

    /// <summary>Descriptors in use and allowed; nothing where the system does not tell.</summary>
    internal static IEnumerable<LimitUse> Read()
    {
        try
        {
            string? line = File.Exists(Limits)
                ? File.ReadLines(Limits).FirstOrDefault(text => text.StartsWith("Max open files", StringComparison.Ordinal))
                : null;
            string[] words = line?.Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? [];
            return words.Length > 3 && long.TryParse(words[3], NumberStyles.None, CultureInfo.InvariantCulture, out long max)
                ? [new LimitUse("system", "descriptors", Directory.EnumerateFileSystemEntries(Open).Count(), max)]
                : [];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
