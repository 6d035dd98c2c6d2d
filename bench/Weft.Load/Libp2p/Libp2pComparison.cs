using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Weft.Libp2p;
using Weft.Libp2p.Connections;
using Weft.Libp2p.Streams;

namespace Weft.Load.Libp2p;

/// <summary>
/// One Weft client against Weft with native primitives, Weft with managed ones, and js-libp2p: the same work, each target in
/// a process of its own. Rates say what both ends together reach; the processor time of the target alone compares targets.
/// </summary>
/// <param name="isQuick">Less of everything.</param>
/// <param name="isWeftOnly">Native Weft alone.</param>
/// <param name="only">One column: up, down, ping or shakes; null measures all.</param>
/// <param name="repeats">Rounds of 100 MB; 0 takes the usual number.</param>
internal sealed class Libp2pComparison(bool isQuick, bool isWeftOnly, string? only, int repeats)
{
    private readonly int _warmRounds = isQuick ? 2 : 15;
    private readonly int _repeats = repeats > 0 ? repeats : isQuick ? 1 : 9;
    private readonly long _bytes = isQuick ? 20_000_000 : 100_000_000;
    private readonly int _pings = isQuick ? 500 : 5_000;
    private readonly int _handshakes = isQuick ? 200 : 4_000;

    public async Task<int> RunAsync()
    {
        var table = new StringBuilder();
        table.AppendLine(CultureInfo.InvariantCulture, $"{Machine.Describe()}");
        table.AppendLine();
        table.AppendLine("| target | upload, one stream | download, one stream | ping | handshakes, 8 diallers |");
        table.AppendLine("| --- | --- | --- | --- | --- |");
        foreach (Func<Task<Libp2pTarget>> start in new Func<Task<Libp2pTarget>>[]
            {
                () => Libp2pTarget.StartWeftAsync(isManaged: false),
                () => Libp2pTarget.StartWeftAsync(isManaged: true),
                Libp2pTarget.StartJsAsync,
            }.Take(isWeftOnly ? 1 : 3))
        {
            await using Libp2pTarget target = await start();
            await using Libp2pHost client = await Libp2pTarget.StartHostAsync(isManaged: false, isListening: false);
            PeerConnection connection = await client.DialAsync(target.Address);
            string up = Has("up") ? await MeasureBytesAsync(client, connection, target, isUpload: true) : "";
            string down = Has("down") ? await MeasureBytesAsync(client, connection, target, isUpload: false) : "";
            string ping = Has("ping") ? await MeasurePingAsync(client, connection, target) : "";
            string shakes = Has("shakes") ? await MeasureHandshakesAsync(client, target) : "";
            table.AppendLine(CultureInfo.InvariantCulture, $"| {target.Name} | {up} | {down} | {ping} | {shakes} |");
        }

        Console.WriteLine(table);
        return 0;
    }

    private bool Has(string column) => only is null || only == column;

    private async Task<string> MeasureBytesAsync(
        Libp2pHost client, PeerConnection connection, Libp2pTarget target, bool isUpload)
    {
        var rates = new List<double>();
        var costs = new List<double>();
        var own = new List<double>();
        byte[] buffer = new byte[65_536];
        for (int round = 1 - _warmRounds; round <= _repeats; round++)
        {
            TimeSpan cpu = target.ProcessorTime;
            TimeSpan here = Environment.CpuUsage.TotalTime;
            long start = Stopwatch.GetTimestamp();
            await using PeerStream stream = await client.OpenStreamAsync(connection, ["/perf/1.0.0"]);
            BinaryPrimitives.WriteInt64BigEndian(buffer, isUpload ? 0 : _bytes);
            await stream.WriteAsync(buffer.AsMemory(0, sizeof(long)));
            for (long left = isUpload ? _bytes : 0; left > 0; left -= buffer.Length)
            {
                await stream.WriteAsync(buffer.AsMemory(0, (int)Math.Min(left, buffer.Length)));
            }

            await stream.CompleteWritesAsync();
            long got = 0;
            for (int read = 1; read > 0; got += read)
            {
                read = await stream.ReadAsync(buffer);
            }

            if (got != (isUpload ? 0 : _bytes))
            {
                throw new InvalidOperationException($"{target.Name} sent {got} bytes.");
            }

            if (round > 0) // Those before warm both up.
            {
                rates.Add(_bytes / 1e6 / Stopwatch.GetElapsedTime(start).TotalSeconds);
                costs.Add((target.ProcessorTime - cpu).TotalMilliseconds / (_bytes / 1e6));
                own.Add((Environment.CpuUsage.TotalTime - here).TotalMilliseconds / (_bytes / 1e6));
            }
        }

        return string.Create(
            CultureInfo.InvariantCulture,
            $"{Figures.Median(rates):0} MB/s ({rates.Min():0} to {rates.Max():0}), target {Figures.Median(costs):0.00} ms/MB, client {Figures.Median(own):0.00}");
    }

    private async Task<string> MeasurePingAsync(Libp2pHost client, PeerConnection connection, Libp2pTarget target)
    {
        await using PeerStream stream = await client.OpenStreamAsync(connection, ["/ipfs/ping/1.0.0"]);
        byte[] ping = new byte[32];
        var times = new List<double>();
        TimeSpan cpu = default;
        for (int i = -200; i < _pings; i++)
        {
            cpu = i == 0 ? target.ProcessorTime : cpu;
            long start = Stopwatch.GetTimestamp();
            await stream.WriteAsync(ping);
            await stream.ReadExactlyAsync(ping);
            if (i >= 0)
            {
                times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            }
        }

        double cost = (target.ProcessorTime - cpu).TotalMicroseconds / _pings;
        times.Sort();
        return string.Create(
            CultureInfo.InvariantCulture,
            $"median {Figures.Median(times):0.000} ms, p99 {times[times.Count * 99 / 100]:0.000} ms, target {cost:0} us each");
    }

    private async Task<string> MeasureHandshakesAsync(Libp2pHost client, Libp2pTarget target)
    {
        int next = -_handshakes / 4; // Those before 0 warm both up.
        TimeSpan cpu = target.ProcessorTime;
        long start = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            for (int i = Interlocked.Increment(ref next); i < _handshakes; i = Interlocked.Increment(ref next))
            {
                if (i == 0)
                {
                    cpu = target.ProcessorTime;
                    start = Stopwatch.GetTimestamp();
                }

                PeerConnection connection = await client.DialAsync(target.Address.WithoutPeer()!);
                connection.Abort();
            }
        }));
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{_handshakes / seconds:0} /s, target {(target.ProcessorTime - cpu).TotalMilliseconds / _handshakes:0.00} ms each");
    }
}
