using System.Globalization;

namespace Weft;

/// <summary>How many descriptors the system gives to this process.</summary>
internal static class OpenFiles
{
    private const string Limits = "/proc/self/limits";
    private const int Reserve = 320; // The runtime and its files have some 200, the store and clients of HTTP the rest.
    private const int ShareMin = 16;

    /// <summary>
    /// What libp2p connections may have of it: a third of what the node itself does not need, so that files and clients of
    /// HTTP do not wait for strangers. Null where the system does not tell.
    /// </summary>
    internal static int? NetworkShare()
    {
        try
        {
            string? line = File.Exists(Limits)
                ? File.ReadLines(Limits).FirstOrDefault(text => text.StartsWith("Max open files", StringComparison.Ordinal))
                : null;
            string[] words = line?.Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? [];
            return words.Length > 3 && long.TryParse(words[3], NumberStyles.None, CultureInfo.InvariantCulture, out long max)
                ? (int)Math.Clamp((max - Reserve) / 3, ShareMin, int.MaxValue)
                : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
