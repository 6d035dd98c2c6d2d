using System.Diagnostics;
using System.Text.Json;
using Weft.Crypto;
using Weft.Libp2p;
using Weft.Protocols.Peers;
using Weft.Transports;

namespace Weft.Load.Libp2p;

/// <summary>A libp2p peer in a process of its own: this program itself, or js-libp2p under node.</summary>
internal sealed class Libp2pTarget : IAsyncDisposable
{
    public const string Mode = "libp2p-target";

    private readonly Process _process;

    private Libp2pTarget(string name, Process process, Multiaddr address) =>
        (Name, _process, Address) = (name, process, address);

    public string Name { get; }

    public Multiaddr Address { get; }

    public TimeSpan ProcessorTime
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    /// <summary>Runs as the target: says where it listens, and serves until its input ends.</summary>
    public static async Task<int> ServeAsync(bool isManaged)
    {
        await using Libp2pHost host = await StartHostAsync(isManaged, isListening: true);
        Console.WriteLine(host.Addresses[0]);
        while (await Console.In.ReadLineAsync() is "collect")
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true); // Gives free memory back, too.
            Console.WriteLine(GC.GetTotalMemory(forceFullCollection: false));
        }

        return 0;
    }

    public static Task<Libp2pHost> StartHostAsync(bool isManaged, bool isListening)
    {
        var options = new Libp2pOptions
        {
            Crypto = isManaged ? new BouncyCastleCrypto() : PlatformCrypto.Create(),
            ServePerf = true,
            Limits = new()
            {
                InboundConnectionsMax = 20_000,
                OutboundConnectionsMax = 20_000,
                PeerConnectionsMax = 20_000,
                InboundHandshakesMax = 1_000,
            },
        };
        options.UseTestProfile(); // Thousands of connections from one address are what is measured here.
        options.ClosesDuplicates = false;
        options.Planner.ConnectionsMax = 20_000;
        options.Transports.Add(new TcpTransport());
        if (isListening)
        {
            options.Listen.Add(Multiaddr.Parse("/ip4/127.0.0.1/tcp/0"));
        }

        return Libp2pHost.StartAsync(options);
    }

    public static Task<Libp2pTarget> StartWeftAsync(bool isManaged) => StartAsync(
        isManaged ? "weft, managed" : "weft",
        new("dotnet", [typeof(Libp2pTarget).Assembly.Location, Mode, .. isManaged ? new[] { "--managed" } : []]));

    public static async Task<Libp2pTarget> StartJsAsync()
    {
        string folder = Path.Combine(AppContext.BaseDirectory, "libp2p-js");
        await InstallAsync(folder);
        return await StartAsync(
            "js-libp2p",
            new("node", [Path.Combine(folder, "peer.mjs"), """{"listen":["/ip4/127.0.0.1/tcp/0"]}"""])
            {
                WorkingDirectory = folder,
            });
    }

    /// <summary>Installs the packages of a folder of scripts, unless they are there.</summary>
    public static async Task InstallAsync(string folder)
    {
        if (!Directory.Exists(Path.Combine(folder, "node_modules")))
        {
            using Process npm = Process.Start(new ProcessStartInfo("npm", ["ci", "--ignore-scripts", "--silent"])
            {
                WorkingDirectory = folder,
            })!;
            await npm.WaitForExitAsync();
        }
    }

    /// <summary>Has the target collect its garbage, and say how many bytes of managed memory are left.</summary>
    public async Task<long> CollectAsync()
    {
        await _process.StandardInput.WriteLineAsync("collect");
        await _process.StandardInput.FlushAsync();
        return long.Parse((await _process.StandardOutput.ReadLineAsync())!, System.Globalization.CultureInfo.InvariantCulture);
    }

    /// <summary>Resident memory of the process.</summary>
    public long Resident
    {
        get
        {
            _process.Refresh();
            return _process.WorkingSet64;
        }
    }

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private static async Task<Libp2pTarget> StartAsync(string name, ProcessStartInfo start)
    {
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        Process process = Process.Start(start)!;
        string line = await process.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromMinutes(1))
            ?? throw new InvalidOperationException($"{name} ended before it was ready.");
        if (line.StartsWith('@'))
        {
            using var hello = JsonDocument.Parse(line[1..]);
            line = hello.RootElement.GetProperty("value").GetProperty("addresses")[0].GetString()!;
        }

        return new(name, process, Multiaddr.Parse(line));
    }
}
