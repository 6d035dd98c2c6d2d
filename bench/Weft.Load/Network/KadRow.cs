using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Weft.Crypto;
using Weft.Libp2p;
using Weft.Libp2p.Kad;
using Weft.Load.Libp2p;
using Weft.Protocols.Kad;
using Weft.Protocols.Kad.Rules;
using Weft.Protocols.Peers;
using Weft.Transports;

namespace Weft.Load.Network;

/// <summary>
/// Twenty peers of a DHT in one process, over loopback TCP, all connected: one record put after the other, and each got by
/// another peer. Weft, and js-libp2p with @libp2p/kad-dht.
/// </summary>
internal sealed class KadRow(bool isQuick, bool isWeftOnly)
{
    private const int Peers = 20;
    private const double BarMs = 20;

    private readonly int _weftRecords = isQuick ? 50 : 400;
    private readonly int _jsRecords = isQuick ? 5 : 20;

    public async Task<string> RunAsync()
    {
        var table = new StringBuilder($"| {Peers} peers in one process | put | get |\n| --- | --- | --- |\n");
        (double[] puts, double[] gets) = await WeftAsync();
        table.AppendLine($"| weft, {_weftRecords} records | {Say(puts)} | {Say(gets)} |");
        if (!isWeftOnly)
        {
            (double[] jsPuts, double[] jsGets) = await JsAsync();
            table.AppendLine($"| js-libp2p, {_jsRecords} records | {Say(jsPuts)} | {Say(jsGets)} |");
        }

        bool isMet = Figures.Median(puts) <= BarMs && Figures.Median(gets) <= BarMs;
        table.AppendLine(CultureInfo.InvariantCulture, $"| bar, medians: {(isMet ? "met" : "missed")} | {BarMs} ms | {BarMs} ms |");
        return table.ToString();
    }

    private static string Say(double[] times)
    {
        Array.Sort(times);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"median {times[times.Length / 2]:0.00} ms, p99 {times[times.Length * 99 / 100]:0.00} ms");
    }

    private async Task<(double[] Puts, double[] Gets)> WeftAsync()
    {
        var hosts = new List<Libp2pHost>();
        var peers = new List<KadService>();
        try
        {
            for (int i = 0; i < Peers; i++)
            {
                await AddAsync(hosts, peers);
            }

            foreach (KadService peer in peers)
            {
                while ((await peer.ReadHealthAsync()).Routes < Peers - 1)
                {
                    await Task.Delay(10);
                }
            }

            await MeasureAsync(peers, "warm", _weftRecords);
            return await MeasureAsync(peers, "cold", _weftRecords);
        }
        finally
        {
            foreach (KadService peer in peers)
            {
                await peer.DisposeAsync();
            }

            foreach (Libp2pHost host in hosts)
            {
                await host.DisposeAsync();
            }
        }
    }

    private static async Task AddAsync(List<Libp2pHost> hosts, List<KadService> peers)
    {
        var options = new Libp2pOptions { Crypto = PlatformCrypto.Create() };
        options.Transports.Add(new TcpTransport());
        options.Listen.Add(Multiaddr.Parse("/ip4/127.0.0.1/tcp/0"));
        options.UseTestProfile();
        Libp2pHost host = await Libp2pHost.StartAsync(options);
        var rules = new RecordRules();
        rules.Add("open", new OpenRule());
        var kad = new KadServiceOptions { Rules = rules };
        (kad.Kad.Mode, kad.Kad.KeepsLoopback) = (KadMode.Server, true);
        var peer = new KadService(host, kad);
        hosts.Add(host);
        peers.Add(peer);
        await peer.StartAsync();
        foreach (Libp2pHost other in hosts.SkipLast(1))
        {
            await host.DialAsync(other.Addresses[0]);
        }
    }

    private static async Task<(double[] Puts, double[] Gets)> MeasureAsync(
        List<KadService> peers, string name, int records)
    {
        var puts = new double[records];
        var gets = new double[records];
        for (int i = 0; i < records; i++)
        {
            byte[] key = Encoding.ASCII.GetBytes($"/open/{name}-{i}");
            long start = Stopwatch.GetTimestamp();
            KadResult put = await peers[i % Peers].PutAsync(KadRecord.Make(key, key));
            puts[i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            start = Stopwatch.GetTimestamp();
            KadResult got = await peers[(i + 7) % Peers].GetAsync(key, skipsLocal: true);
            gets[i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            if (put.Status != KadStatus.Done || !got.Record.Value.Span.SequenceEqual(key))
            {
                throw new InvalidOperationException($"The put ended {put.Status}, the get {got.Status}.");
            }
        }

        return (puts, gets);
    }

    private async Task<(double[] Puts, double[] Gets)> JsAsync()
    {
        string folder = Path.Combine(AppContext.BaseDirectory, "kad-js");
        await Libp2pTarget.InstallAsync(folder);
        string arguments = JsonSerializer.Serialize(new { count = Peers });
        using Process node = Process.Start(new ProcessStartInfo("node", [Path.Combine(folder, "kad.mjs"), arguments])
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        await AnswerAsync(node); // It is ready.
        string code = $$"""
            for (let i = 0; i < nodes.length; i++) {
              for (let j = 0; j < i; j++) await nodes[i].dial(nodes[j].getMultiaddrs()[0])
            }
            await until(() => nodes.every(one => one.services.dht.routingTable.size >= nodes.length - 1))
            const puts = [], gets = []
            for (let i = -3; i < {{_jsRecords}}; i++) {
              const from = nodes[(i + nodes.length) % nodes.length], to = nodes[(i + 7 + nodes.length) % nodes.length]
              let start = performance.now()
              await put(from, '/open/js-' + i, 'value ' + i)
              if (i >= 0) puts.push(performance.now() - start)
              start = performance.now()
              if (await get(to, '/open/js-' + i) !== 'value ' + i) throw new Error('lost')
              if (i >= 0) gets.push(performance.now() - start)
            }
            return { puts, gets }
            """;
        await node.StandardInput.WriteLineAsync(JsonSerializer.Serialize(new { id = 1, code }));
        await node.StandardInput.FlushAsync();
        using JsonDocument answer = JsonDocument.Parse(await AnswerAsync(node));
        node.StandardInput.Close();
        await node.WaitForExitAsync();
        if (!answer.RootElement.TryGetProperty("value", out JsonElement value))
        {
            throw new InvalidOperationException("js-libp2p: " + answer.RootElement.GetProperty("error").GetString());
        }

        return (Times(value, "puts"), Times(value, "gets"));
    }

    private static double[] Times(JsonElement value, string name) =>
        [.. value.GetProperty(name).EnumerateArray().Select(time => time.GetDouble())];

    private static async Task<string> AnswerAsync(Process node)
    {
        while (await node.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromMinutes(2)) is { } line)
        {
            if (line.StartsWith('@'))
            {
                return line[1..];
            }
        }

        throw new InvalidOperationException("js-libp2p ended before it answered.");
    }
}
