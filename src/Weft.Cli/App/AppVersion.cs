using System.Reflection;

namespace Weft.Cli.App;

/// <summary>The version of this program.</summary>
internal static class AppVersion
{
    /// <summary>For example "0.1.0".</summary>
    public static string Short { get; } = typeof(AppVersion).Assembly.GetName().Version?.ToString(3) ?? "0.0.0";

    /// <summary>With the commit, when the build knew it.</summary>
    public static string Full { get; } =
        typeof(AppVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion
        ?? Short;
}
