using System.Diagnostics;
using System.Globalization;
using Weft.Crypto;
using Weft.Libp2p;
using Weft.Libp2p.Connections;
using Weft.Libp2p.Streams;
using Weft.Protocols.Peers;

namespace Weft.Load.Libp2p;

/// <summary>What there is no other peer to compare with: memory of idle connections, and a long wire.</summary>
internal static class Libp2pRows
{
    /// <summary>5,000 connections that do nothing: what each costs at the end that listens.</summary>
    public static async Task<string> MeasureIdleAsync()
    {
        const int count = 5_000;
        await using Libp2pTarget target = await Libp2pTarget.StartWeftAsync(isManaged: false);
        await using Libp2pHost client = await Libp2pTarget.StartHostAsync(isManaged: false, isListening: false);
        Multiaddr address = target.Address.WithoutPeer()!;
        for (int i = 0; i < 500; i++) // What the first ones cost (code, pools) is not theirs.
        {
            (await client.DialAsync(address)).Abort();
        }

        await Task.Delay(2_000);
        long before = await target.CollectAsync();
        long resident = target.Resident;
        await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            for (int i = 0; i < count / 8; i++)
            {
                await client.DialAsync(address);
            }
        }));
        await Task.Delay(13_000); // Identify, its streams and the first pings end.
        long after = await target.CollectAsync();
        return string.Create(
            CultureInfo.InvariantCulture,
            $"idle connection, {client.Connections.Count} open: {(after - before) / 1024.0 / count:0.0} KiB of managed heap, "
            + $"{(target.Resident - resident) / 1024.0 / count:0.0} KiB resident at the listener, once garbage is gone");
    }

    /// <summary>One stream over 40 ms there and back, 100 MB/s; what it reaches once the window has grown.</summary>
    public static async Task<string> MeasureLongWireAsync()
    {
        const double link = 100e6;
        var transport = new DelayedTransport(TimeSpan.FromMilliseconds(20), link);
        await using Libp2pHost listener = await StartAsync(transport, isListening: true);
        await using Libp2pHost dialler = await StartAsync(transport, isListening: false);
        long got = 0;
        listener.Handle("/take/1", async (stream, token) =>
        {
            byte[] into = new byte[65_536];
            while (await stream.ReadAsync(into, token) is > 0 and int read)
            {
                Interlocked.Add(ref got, read);
            }
        });
        PeerConnection connection = await dialler.DialAsync(listener.Addresses[0]);
        await using PeerStream sending = await dialler.OpenStreamAsync(connection, ["/take/1"]);
        using var stop = new CancellationTokenSource();
        Task writing = Task.Run(async () =>
        {
            byte[] bytes = new byte[65_536];
            while (!stop.IsCancellationRequested)
            {
                await sending.WriteAsync(bytes);
            }
        });
        await Task.Delay(3_000); // The window grows.
        long start = Stopwatch.GetTimestamp();
        long from = Interlocked.Read(ref got);
        await Task.Delay(5_000);
        double rate = (Interlocked.Read(ref got) - from) / Stopwatch.GetElapsedTime(start).TotalSeconds;
        await stop.CancelAsync();
        await writing;
        return string.Create(
            CultureInfo.InvariantCulture, $"one stream over 40 ms and 100 MB/s: {rate / 1e6:0.0} MB/s, {100 * rate / link:0} % of the wire");
    }

    private static Task<Libp2pHost> StartAsync(DelayedTransport transport, bool isListening)
    {
        var options = new Libp2pOptions { Crypto = PlatformCrypto.Create() };
        options.Transports.Add(transport);
        if (isListening)
        {
            options.Listen.Add(Multiaddr.Parse("/memory/0"));
        }

        return Libp2pHost.StartAsync(options);
    }
}
