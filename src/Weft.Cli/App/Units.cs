using System.Globalization;

namespace Weft.Cli.App;

/// <summary>
/// Durations (<c>250ms 5s 2m 2h 7d</c>), sizes (<c>64KiB 2GB</c>) and rates (<c>5k/s</c>) as people write them.
/// </summary>
internal static class Units
{
    private static readonly (string Unit, double Factor)[] SizeUnits =
    [
        ("KiB", 1024d), ("MiB", 1024d * 1024), ("GiB", 1024d * 1024 * 1024), ("TiB", 1024d * 1024 * 1024 * 1024),
        ("kB", 1e3), ("KB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12), ("k", 1e3), ("M", 1e6), ("B", 1),
    ];

    /// <summary>Reads a duration; a bare number means seconds.</summary>
    public static bool TryDuration(string text, out TimeSpan duration)
    {
        (string number, double milliseconds) = text switch
        {
            _ when text.EndsWith("ms", StringComparison.Ordinal) => (text[..^2], 1d),
            _ when text.EndsWith('s') => (text[..^1], 1e3),
            _ when text.EndsWith('m') => (text[..^1], 60e3),
            _ when text.EndsWith('h') => (text[..^1], 3_600e3),
            _ when text.EndsWith('d') => (text[..^1], 86_400e3),
            _ => (text, 1e3),
        };
        bool good = TryNumber(number, out double count)
            && count * milliseconds < TimeSpan.MaxValue.TotalMilliseconds / 2;
        duration = good ? TimeSpan.FromMilliseconds(count * milliseconds) : default;
        return good;
    }

    /// <summary>Reads a size in bytes.</summary>
    public static bool TrySize(string text, out long bytes)
    {
        foreach ((string unit, double factor) in SizeUnits)
        {
            if (text.EndsWith(unit, StringComparison.Ordinal))
            {
                return TryBytes(text[..^unit.Length], factor, out bytes);
            }
        }

        return TryBytes(text, 1, out bytes);
    }

    /// <summary>Reads a rate per second.</summary>
    public static bool TryRate(string text, out double perSecond)
    {
        string number = text.EndsWith("/s", StringComparison.Ordinal) ? text[..^2] : text;
        double factor = number.EndsWith('k') ? 1e3 : number.EndsWith('M') ? 1e6 : 1;
        bool good = TryNumber(factor == 1 ? number : number[..^1], out double count) && count > 0;
        perSecond = good ? count * factor : 0;
        return good;
    }

    /// <summary>A size for people.</summary>
    public static string Size(double bytes) => bytes switch
    {
        < 1024 => $"{bytes:0} B",
        < 1024 * 1024 => Text(bytes / 1024, "KiB"),
        < 1024d * 1024 * 1024 => Text(bytes / 1024 / 1024, "MiB"),
        _ => Text(bytes / 1024 / 1024 / 1024, "GiB"),
    };

    /// <summary>A duration for people.</summary>
    public static string Duration(TimeSpan span) => span.TotalMilliseconds switch
    {
        < 10 => string.Create(CultureInfo.InvariantCulture, $"{span.TotalMilliseconds:0.0} ms"),
        < 1_000 => string.Create(CultureInfo.InvariantCulture, $"{span.TotalMilliseconds:0} ms"),
        < 60_000 => string.Create(CultureInfo.InvariantCulture, $"{span.TotalSeconds:0.0} s"),
        < 3_600_000 => $"{(int)span.TotalMinutes} min {span.Seconds} s",
        < 86_400_000 => $"{(int)span.TotalHours} h {span.Minutes} min",
        _ => $"{(int)span.TotalDays} d {span.Hours} h",
    };

    /// <summary>A whole number with thousands marks.</summary>
    public static string Count(double number) => number.ToString("N0", CultureInfo.InvariantCulture);

    private static string Text(double number, string unit) =>
        string.Create(CultureInfo.InvariantCulture, $"{number:0.0} {unit}");

    private static bool TryBytes(string number, double factor, out long bytes)
    {
        bool good = TryNumber(number.Trim(), out double count) && count * factor < long.MaxValue;
        bytes = good ? (long)(count * factor) : 0;
        return good;
    }

    private static bool TryNumber(string text, out double number) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out number)
        && double.IsFinite(number);
}
