using System.Collections.Concurrent;
using System.Diagnostics;

namespace Weft.Interop.Tests;

/// <summary>Finds node, and installs the packages of each folder of scripts once per run.</summary>
internal static class NodeTools
{
    private static readonly Lazy<string?> MissingTool = new(Look);
    private static readonly ConcurrentDictionary<string, Lazy<Task>> Installed = new();

    /// <summary>Why tests against gun.js, js-libp2p and hypercore cannot run here; null when they can.</summary>
    public static string? Missing => MissingTool.Value;

    /// <summary>The folder with the scripts and, once <see cref="ReadyAsync"/> has completed, node_modules.</summary>
    public static string Folder { get; } = Path.Combine(AppContext.BaseDirectory, "js");

    /// <summary>The same for js-libp2p.</summary>
    public static string Libp2pFolder { get; } = Path.Combine(AppContext.BaseDirectory, "Libp2p", "js");

    /// <summary>The same for js-libp2p with gossipsub.</summary>
    public static string GossipFolder { get; } = Path.Combine(AppContext.BaseDirectory, "Gossip", "js");

    /// <summary>The same for js-libp2p with kad-dht.</summary>
    public static string KadFolder { get; } = Path.Combine(AppContext.BaseDirectory, "Kad", "js");

    /// <summary>The same for hypercore.</summary>
    public static string HypercoreFolder { get; } = Path.Combine(AppContext.BaseDirectory, "Hypercore", "js");

    /// <summary>Completes when the packages of a folder are there.</summary>
    public static Task ReadyAsync(string folder) =>
        Installed.GetOrAdd(folder, one => new Lazy<Task>(() => InstallAsync(one))).Value;

    private static string? Look()
    {
        string[] folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator);
        string[] names = OperatingSystem.IsWindows() ? ["node.exe", "npm.cmd"] : ["node", "npm"];
        foreach (string name in names)
        {
            if (!folders.Any(folder => folder.Length > 0 && File.Exists(Path.Combine(folder, name))))
            {
                return $"{name} is not on the PATH; install Node 20 to test against others";
            }
        }

        return null;
    }

    private static async Task InstallAsync(string folder)
    {
        string npm = OperatingSystem.IsWindows() ? "npm.cmd" : "npm";
        using Process process = Process.Start(new ProcessStartInfo(npm, ["ci", "--ignore-scripts"])
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"npm ci ended with {process.ExitCode}: {await output}{await errors}");
        }
    }
}
