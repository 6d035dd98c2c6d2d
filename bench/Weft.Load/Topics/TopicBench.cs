using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Weft.Crypto;
using Weft.Libp2p;
using Weft.Libp2p.Gossip;
using Weft.Libp2p.Topics;
using Weft.Primitives;
using Weft.Protocols.Gossip;
using Weft.Protocols.Peers;
using Weft.Protocols.Topics;
using Weft.Transports;

namespace Weft.Load.Topics;

/// <summary>
/// A latecomer reads 100,000 messages that a relay has kept, and a hundred subscribers of another topic of that relay are
/// told of what is published meanwhile. Relay, latecomer and subscribers are processes of their own.
/// </summary>
internal sealed class TopicBench(bool isQuick)
{
    private const int Subscribers = 100;
    private const int CatchUps = 3;

    private static readonly TimeSpan Every = TimeSpan.FromMilliseconds(25);

    private readonly int _messages = isQuick ? 10_000 : 100_000;
    private readonly string _folder = Path.Combine(Path.GetTempPath(), $"weft-topics-{Guid.NewGuid():N}");
    private readonly Lock _gate = new();
    private readonly List<double> _latencies = [];
    private readonly ICrypto _crypto = PlatformCrypto.Create();
    private readonly Ed25519KeyPair _key = new(PlatformCrypto.Create(), new byte[Ed25519KeyPair.SeedLength]);
    private ulong _sequence = 1;

    public async Task<int> RunAsync()
    {
        using var stop = new CancellationTokenSource();
        using Process relay = Start(
            TopicTargets.RelayMode, Path.Combine(_folder, "relay"), _messages.ToString(CultureInfo.InvariantCulture));
        var hosts = new List<(Libp2pHost Host, GossipService Gossip)>();
        Task[] readers = [];
        try
        {
            string[] served = (await relay.StandardOutput.ReadLineAsync())!.Split(' ');
            Console.WriteLine($"{Machine.Describe()}; the relay was filled in {served[1]} s");
            var address = Multiaddr.Parse(served[0]);
            for (int i = 0; i <= Subscribers; i++)
            {
                hosts.Add(await ConnectAsync(address));
            }

            var publisher = new TopicClient(hosts[^1].Host, hosts[^1].Gossip);
            await publisher.StoreAsync(address.Peer, Sign(0)); // The relay keeps the topic from here on.
            readers = [.. hosts.Take(Subscribers).Select(one => ReadAsync(one.Host, one.Gossip, address.Peer, stop.Token))];
            using Process late = Start(TopicTargets.LateMode, Path.Combine(_folder, "late"), served[0]);
            await late.StandardOutput.ReadLineAsync();
            await PublishAsync(publisher, address.Peer, Task.Delay(2_000)); // Warms.
            await AskAsync(late);

            List<double> quiet = await PublishAsync(publisher, address.Peer, Task.Delay(6_000));
            double idleCpu = await CpuAsync(relay);
            var runs = new List<(int Count, int Gaps, double Seconds, double Cpu)>();
            List<double> busy = await PublishAsync(publisher, address.Peer, Task.Run(async () =>
            {
                for (int run = 0; run < CatchUps; run++)
                {
                    runs.Add(await AskAsync(late));
                }
            }));
            double cpu = await CpuAsync(relay) - idleCpu;
            List<(int Count, int Gaps, double Seconds, double Cpu)> alone = [await AskAsync(late), await AskAsync(late)];
            Report(quiet, busy, runs, alone, cpu / CatchUps);
            late.StandardInput.Close();
            await late.WaitForExitAsync();
            return runs.TrueForAll(run => run.Count == _messages && run.Gaps == 0) ? 0 : 1;
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(readers);
            foreach ((Libp2pHost host, GossipService gossip) in hosts)
            {
                await gossip.DisposeAsync();
                await host.DisposeAsync();
            }

            relay.StandardInput.Close();
            await relay.WaitForExitAsync();
            Directory.Delete(_folder, recursive: true);
        }
    }

    private void Report(
        List<double> quiet, List<double> busy, List<(int Count, int Gaps, double Seconds, double Cpu)> runs,
        List<(int Count, int Gaps, double Seconds, double Cpu)> alone, double relayCpu)
    {
        var table = new StringBuilder();
        table.AppendLine("| what | figure |");
        table.AppendLine("| --- | --- |");
        Row($"catch-up of {_messages} messages, live fan-out beside it", Rates(runs));
        Row("catch-up, nothing beside it", Rates(alone));
        Row("processor time of the latecomer", $"{1e6 * runs.Average(run => run.Cpu) / _messages:0.0} us a message");
        Row("processor time of the relay, fan-out included", $"{1e6 * relayCpu / _messages:0.0} us a message");
        Row($"live to {Subscribers} subscribers, quiet", Latency(quiet));
        Row($"live to {Subscribers} subscribers, during catch-up", Latency(busy));
        Row("p99 during catch-up", $"{At(busy, 0.99) / At(quiet, 0.99):0.00} times that of quiet");
        Console.WriteLine(table);

        void Row(string what, string figure) => table.Append("| ").Append(what).Append(" | ").Append(figure).AppendLine(" |");
    }

    private static string Rates(List<(int Count, int Gaps, double Seconds, double Cpu)> runs)
    {
        double[] rates = [.. runs.Select(run => run.Count / run.Seconds).Order()];
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{rates[rates.Length / 2]:0} messages/s ({rates[0]:0} to {rates[^1]:0}); {runs.Sum(run => run.Gaps)} gaps");
    }

    private static string Latency(List<double> latencies) => string.Create(
        CultureInfo.InvariantCulture,
        $"p50 {At(latencies, 0.5):0.0} ms, p99 {At(latencies, 0.99):0.0} ms, longest {At(latencies, 1):0.0} ms; "
        + $"{latencies.Count} deliveries");

    private static double At(List<double> sorted, double share) =>
        sorted[Math.Min(sorted.Count - 1, (int)(sorted.Count * share))];

    private static async Task<(int Count, int Gaps, double Seconds, double Cpu)> AskAsync(Process late)
    {
        await late.StandardInput.WriteLineAsync();
        string[] parts = (await late.StandardOutput.ReadLineAsync())!.Split(' ');
        return (
            int.Parse(parts[0], CultureInfo.InvariantCulture), int.Parse(parts[1], CultureInfo.InvariantCulture),
            double.Parse(parts[2], CultureInfo.InvariantCulture), double.Parse(parts[3], CultureInfo.InvariantCulture));
    }

    private static async Task<double> CpuAsync(Process relay)
    {
        await relay.StandardInput.WriteLineAsync();
        return double.Parse((await relay.StandardOutput.ReadLineAsync())!, CultureInfo.InvariantCulture);
    }

    /// <summary>Publishes at a steady pace until the task has ended, and waits until everybody has everything.</summary>
    private async Task<List<double>> PublishAsync(TopicClient client, PeerId relay, Task until)
    {
        lock (_gate)
        {
            _latencies.Clear();
        }

        int sent = 0;
        var stored = new List<Task>();
        using var pace = new PeriodicTimer(Every);
        while (!until.IsCompleted && await pace.WaitForNextTickAsync())
        {
            sent++;
            stored.Add(client.StoreAsync(relay, Sign(Stopwatch.GetTimestamp())));
        }

        await until;
        await Task.WhenAll(stored);
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (true)
        {
            lock (_gate)
            {
                if (_latencies.Count >= sent * Subscribers)
                {
                    return [.. _latencies.Order()];
                }
            }

            await Task.Delay(10, late.Token);
        }
    }

    private async Task ReadAsync(Libp2pHost host, GossipService gossip, PeerId relay, CancellationToken stop)
    {
        try
        {
            var request = new TopicRequest(TopicRequestKind.Subscribe, TopicTargets.Live, IsLive: true);
            await foreach (TopicReplayItem item in new TopicClient(host, gossip).ReplayAsync(relay, request, stop))
            {
                if (item.Message is { } message)
                {
                    long at = BinaryPrimitives.ReadInt64LittleEndian(message.Data.Span);
                    double ms = Stopwatch.GetElapsedTime(at).TotalMilliseconds;
                    lock (_gate)
                    {
                        _latencies.Add(ms);
                    }
                }
            }
        }
        catch (Exception ended) when (stop.IsCancellationRequested && ended is OperationCanceledException or IOException)
        {
            // The run is over.
        }
    }

    private GossipMessage Sign(long at)
    {
        byte[] data = new byte[200];
        BinaryPrimitives.WriteInt64LittleEndian(data, at);
        return GossipSigning.Sign(_key, _crypto, _sequence++, TopicTargets.Live, data);
    }

    private static async Task<(Libp2pHost Host, GossipService Gossip)> ConnectAsync(Multiaddr relay)
    {
        var options = new Libp2pOptions { Crypto = PlatformCrypto.Create() };
        options.Transports.Add(new TcpTransport());
        options.UseTestProfile();
        Libp2pHost host = await Libp2pHost.StartAsync(options);
        var gossip = new GossipService(host);
        await host.DialAsync(relay);
        return (host, gossip);
    }

    private static Process Start(params string[] arguments) => Process.Start(
        new ProcessStartInfo("dotnet", [typeof(TopicBench).Assembly.Location, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
}
