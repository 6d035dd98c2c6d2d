using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Weft.Crypto;
using Weft.Libp2p;
using Weft.Libp2p.Gossip;
using Weft.Load.Libp2p;
using Weft.Protocols.Peers;
using Weft.Transports;

namespace Weft.Load.Network;

/// <summary>
/// One peer publishes a burst of signed messages, ten receive it over loopback TCP, and each verifies every signature
/// for
/// itself. Weft with native and with managed primitives, and js-libp2p; all eleven peers of a kind in one process.
/// </summary>
internal sealed class GossipBurst(bool isQuick, bool isWeftOnly)
{
    private const int Subscribers = 10;
    private const int DataBytes = 200;
    private const int Runs = 3;

    private readonly int _messages = isQuick ? 500 : 2_000;

    public async Task<string> RunAsync()
    {
        var table = new StringBuilder();
        table.Append(
            CultureInfo.InvariantCulture, $"| {_messages} messages of {DataBytes} B, 1 to {Subscribers} ");
        table.AppendLine("| messages/s to all ten | processor time a message |");
        table.AppendLine("| --- | --- | --- |");
        double weft = Row(table, "weft", await WeftAsync(PlatformCrypto.Create()));
        if (!isWeftOnly)
        {
            Row(table, "weft, managed", await WeftAsync(new BouncyCastleCrypto()));
            double js = Row(table, "js-libp2p", await JsAsync());
            table.AppendLine(
                CultureInfo.InvariantCulture,
                $"| bar | 2500 | a quarter of js-libp2p's: {js / 4:0} us; weft has {weft / js:0.00} of it |");
        }

        return table.ToString();
    }

    private double Row(StringBuilder table, string name, List<(double Seconds, double CpuMicroseconds)> runs)
    {
        double[] rates = [.. runs.Select(run => _messages / run.Seconds).Order()];
        double[] costs = [.. runs.Select(run => run.CpuMicroseconds).Order()];
        table.AppendLine(
            CultureInfo.InvariantCulture,
            $"| {name} | {rates[Runs / 2]:0} ({rates[0]:0} to {rates[^1]:0}) "
            + $"| {costs[Runs / 2]:0} us ({costs[0]:0} to {costs[^1]:0}) |");
        return costs[Runs / 2];
    }

    private async Task<List<(double Seconds, double CpuMicroseconds)>> WeftAsync(ICrypto crypto)
    {
        var hosts = new List<Libp2pHost>();
        var services = new List<GossipService>();
        var counters = new List<Task>();
        long got = 0;
        try
        {
            for (int i = 0; i <= Subscribers; i++)
            {
                Libp2pHost host = await StartHostAsync(crypto);
                var options = new GossipServiceOptions { SubscriptionMax = 1_000_000 };
                options.Core.Score.ColocationWeight = 0;
                var service = new GossipService(host, options);
                hosts.Add(host);
                services.Add(service);
                await service.StartAsync();
                if (i > 0)
                {
                    counters.Add(CountAsync(service.Subscribe("t")));
                    await host.DialAsync(hosts[0].Addresses[0]);
                }
            }

            await UntilAsync(() => services[0].PeersOf("t") == Subscribers);
            await BurstAsync(_messages); // Warms.
            var runs = new List<(double Seconds, double CpuMicroseconds)>();
            for (int run = 0; run < Runs; run++)
            {
                runs.Add(await BurstAsync(_messages));
            }

            return runs;
        }
        finally
        {
            foreach (GossipService service in services)
            {
                await service.DisposeAsync();
            }

            await Task.WhenAll(counters);
            foreach (Libp2pHost host in hosts)
            {
                await host.DisposeAsync();
            }
        }

        async Task CountAsync(GossipSubscription subscription)
        {
            await foreach (GossipDelivery delivery in subscription.ReadAllAsync())
            {
                if (delivery.Message is null)
                {
                    throw new InvalidOperationException($"{delivery.Missed} messages were lost.");
                }

                Interlocked.Increment(ref got);
            }
        }

        async Task<(double Seconds, double CpuMicroseconds)> BurstAsync(int size)
        {
            long wanted = Interlocked.Read(ref got) + ((long)size * Subscribers);
            byte[] data = new byte[DataBytes];
            TimeSpan cpu = Process.GetCurrentProcess().TotalProcessorTime;
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < size; i++)
            {
                data[0] = (byte)i;
                await services[0].PublishAsync("t", data);
            }

            await UntilAsync(() => Interlocked.Read(ref got) >= wanted);
            TimeSpan used = Process.GetCurrentProcess().TotalProcessorTime - cpu;
            return (Stopwatch.GetElapsedTime(start).TotalSeconds, used.TotalMicroseconds / size);
        }
    }

    private static Task<Libp2pHost> StartHostAsync(ICrypto crypto)
    {
        var options = new Libp2pOptions { Crypto = crypto };
        options.Transports.Add(new TcpTransport());
        options.Listen.Add(Multiaddr.Parse("/ip4/127.0.0.1/tcp/0"));
        options.UseTestProfile();
        return Libp2pHost.StartAsync(options);
    }

    private async Task<List<(double Seconds, double CpuMicroseconds)>> JsAsync()
    {
        string folder = Path.Combine(AppContext.BaseDirectory, "gossip-js");
        await Libp2pTarget.InstallAsync(folder);
        string arguments = JsonSerializer.Serialize(
            new { messages = _messages, subscribers = Subscribers, bytes = DataBytes });
        using Process node = Process.Start(new ProcessStartInfo("node", [Path.Combine(folder, "burst.mjs"), arguments])
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
        })!;
        string said = await node.StandardOutput.ReadToEndAsync();
        await node.WaitForExitAsync();
        string line = said.Split('\n').FirstOrDefault(one => one.StartsWith('@'))
            ?? throw new InvalidOperationException("js-libp2p measured nothing: " + said);
        using JsonDocument runs = JsonDocument.Parse(line[1..]);
        return
        [
            .. runs.RootElement.EnumerateArray().Select(run =>
                (run.GetProperty("seconds").GetDouble(), run.GetProperty("cpuMicroseconds").GetDouble())),
        ];
    }

    private static async Task UntilAsync(Func<bool> test)
    {
        using var late = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        while (!test())
        {
            await Task.Delay(1, late.Token);
        }
    }
}
