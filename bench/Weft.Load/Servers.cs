using System.Diagnostics;

namespace Weft.Load;

/// <summary>Which server, in which mode.</summary>
internal enum ServerKind
{
    /// <summary>GUN's relay with radisk and AXE: what <c>require('gun')</c> gives.</summary>
    GunDisk = 0,

    /// <summary>GUN's relay that keeps everything in memory.</summary>
    GunMemory,

    /// <summary>Weft with durability disk.</summary>
    Weft,
}

/// <summary>Starts the servers that are compared.</summary>
internal sealed class Servers(LoadOptions options)
{
    /// <summary>The API token that every Weft under load is given.</summary>
    public const string Token = "load-0123456789abcdef0123456789abcdef";

    private static string Root => FindRoot();

    private static string RelayFolder => Path.Combine(Root, "bench", "Weft.Load", "gun-relay");

    private static string BuiltAssembly => Path.Combine(
        Root, "src", "Weft.Cli", "bin", AppContext.BaseDirectory.Contains("Debug") ? "Debug" : "Release",
        "net10.0", "Weft.Cli.dll");

    /// <summary>Installs GUN once, from the lock file.</summary>
    public static async Task InstallGunAsync(CancellationToken cancellationToken)
    {
        if (Directory.Exists(Path.Combine(RelayFolder, "node_modules", "gun")))
        {
            return;
        }

        Console.Error.WriteLine("npm ci ...");
        var start = new ProcessStartInfo("npm", ["ci", "--no-fund", "--no-audit"])
        {
            WorkingDirectory = RelayFolder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process npm = Process.Start(start) ?? throw new InvalidOperationException("npm did not start.");
        Task<string> output = npm.StandardOutput.ReadToEndAsync(cancellationToken);
        string errors = await npm.StandardError.ReadToEndAsync(cancellationToken);
        await npm.WaitForExitAsync(cancellationToken);
        if (npm.ExitCode != 0)
        {
            throw new InvalidOperationException($"npm ci failed: {errors} {await output}");
        }
    }

    /// <summary>Starts one on a folder, new or used before.</summary>
    /// <param name="kind">Which.</param>
    /// <param name="folder">Where it keeps its data.</param>
    /// <param name="arguments">More arguments for Weft.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    public Task<ServerProcess> StartAsync(
        ServerKind kind, string folder, IEnumerable<string> arguments, CancellationToken cancellationToken)
    {
        ProcessStartInfo start = kind == ServerKind.Weft
            ? new ProcessStartInfo(
                "dotnet",
                [
                    options.WeftAssembly ?? BuiltAssembly, "up", "--data", folder, "--http", "127.0.0.1:0", .. arguments,
                    .. options.WeftArguments,
                ])
            : new ProcessStartInfo(
                "node",
                [Path.Combine(RelayFolder, "relay.mjs"), kind == ServerKind.GunMemory ? "memory" : "disk", folder]);
        start.WorkingDirectory = folder; // GUN writes files of its own into the current folder.
        start.Environment["WEFT_TOKEN"] = Token;
        return ServerProcess.StartAsync(kind.ToString(), start, options.IsVerbose, cancellationToken);
    }

    /// <summary>Runs one command of Weft's command line to its end.</summary>
    /// <returns>Its exit code and what it printed.</returns>
    public async Task<(int ExitCode, string Output)> RunWeftAsync(
        IEnumerable<string> arguments, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo("dotnet", [options.WeftAssembly ?? BuiltAssembly, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        start.Environment["WEFT_TOKEN"] = Token;
        using Process weft = Process.Start(start) ?? throw new InvalidOperationException("dotnet did not start.");
        weft.StandardInput.Close();
        Task<string> output = weft.StandardOutput.ReadToEndAsync(cancellationToken);
        Task<string> errors = weft.StandardError.ReadToEndAsync(cancellationToken);
        try
        {
            await weft.WaitForExitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            weft.Kill();
            throw;
        }

        return (weft.ExitCode, await output + await errors);
    }

    private static string FindRoot()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "Weft.slnx")))
            {
                return at.FullName;
            }
        }

        throw new InvalidOperationException("Weft.slnx was not found above the program: run it from a checkout.");
    }
}
