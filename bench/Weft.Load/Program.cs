using System.Runtime.InteropServices;
using Weft.Load;
using Weft.Load.Libp2p;
using Weft.Load.Logs;
using Weft.Load.Network;
using Weft.Load.Scale;
using Weft.Load.Topics;

if (args is [Libp2pTarget.Mode, ..])
{
    return await Libp2pTarget.ServeAsync(isManaged: args.Contains("--managed"));
}

if (args is ["libp2p", "--rows", ..])
{
    if (!args.Contains("idle"))
    {
        Console.WriteLine(await Libp2pRows.MeasureLongWireAsync());
    }

    if (!args.Contains("wire"))
    {
        Console.WriteLine(await Libp2pRows.MeasureIdleAsync());
    }

    return 0;
}

if (args is ["libp2p", ..])
{
    string? column = Array.Find(args[1..], word => !word.StartsWith('-'));
    _ = int.TryParse(Array.Find(args, word => word.StartsWith("--repeats="))?["--repeats=".Length..], out int repeats);
    return await new Libp2pComparison(args.Contains("--quick"), args.Contains("--weft"), column, repeats).RunAsync();
}

if (args is [IdleRow.Mode, _])
{
    return await IdleRow.ServeAsync(args[1]);
}

if (args is ["network", ..]
    && args[1..].All(word => word is "--quick" or "--weft" || NetworkComparison.Rows.Contains(word)))
{
    return await NetworkComparison.RunAsync(args[1..]);
}

if (args is ["scale", ..] && args[1..].All(word => word is "--quick"))
{
    return await ScaleTable.RunAsync(isQuick: args.Length > 1);
}

if (args is [TopicTargets.RelayMode, _, _])
{
    return await TopicTargets.ServeAsync(args[1], int.Parse(args[2]));
}

if (args is [TopicTargets.LateMode, _, _])
{
    return await TopicTargets.ReadAsync(args[1], args[2]);
}

if (args is ["topics", ..])
{
    return await new TopicBench(args.Contains("--quick")).RunAsync();
}

if (args is [LogTarget.Mode, _, _, _])
{
    return await LogTarget.ServeAsync(args[1], int.Parse(args[2]), int.Parse(args[3]));
}

if (args is ["log", ..])
{
    string? only = Array.Find(args[1..], word => !word.StartsWith('-'));
    return await new LogComparison(args.Contains("--quick"), only).RunAsync();
}

LoadOptions? options = null;
string problem = "The modes are: gun, libp2p, network, scale, log, topics";
if (args is not ["gun", ..] || !LoadOptions.TryParse(args.AsSpan(1), out options, out problem))
{
    Console.Error.WriteLine(problem);
    Console.Error.WriteLine(LoadOptions.Usage);
    return 2;
}

using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, e) =>
{
    e.Cancel = true; // The servers that were started must be ended and their folders removed.
    stop.Cancel();
};

using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal =>
{
    signal.Cancel = true;
    stop.Cancel();
});

try
{
    return await new GunComparison(options).RunAsync(stop.Token);
}
catch (OperationCanceledException)
{
    Console.Error.WriteLine("Stopped.");
    return 130;
}
