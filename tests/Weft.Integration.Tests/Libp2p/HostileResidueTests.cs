using Weft.Libp2p;
using Weft.Libp2p.Connections;
using Weft.Libp2p.Transport;
using Weft.Protocols.Yamux;

namespace Weft.Integration.Tests.Libp2p;

/// <summary>Tests that measure the whole process, so nothing else may run beside them.</summary>
[CollectionDefinition(nameof(MeasuredAlone), DisableParallelization = true)]
public sealed class MeasuredAlone;

/// <summary>What hostile peers leave behind in the process: no memory, no descriptors.</summary>
[Collection(nameof(MeasuredAlone))]
public sealed class HostileResidueTests
{
    [Fact]
    public async Task Handshakes_in_progress_have_a_ceiling_and_descriptors_come_back()
    {
        await using Libp2pHost host = await RawPeer.StartHostAsync(options =>
        {
            options.HandshakeTimeout = TimeSpan.FromSeconds(1);
            options.Limits.InboundHandshakesMax = 20;
        });
        await RawPeer.ServesAsync(host);
        int before = Descriptors();
        var silent = new List<ITransportConnection>();
        for (int i = 0; i < 100; i++)
        {
            silent.Add(await RawPeer.DialAsync(host));
        }

        Assert.InRange(host.Use.InboundHandshakes, 0, 20);
        bool[] closed = await Task.WhenAll(silent.Select(RawPeer.IsClosedAsync));
        Assert.All(closed, Assert.True);
        foreach (ITransportConnection one in silent)
        {
            await one.DisposeAsync();
        }

        await RawPeer.UntilAsync(() => host.Use == default);
        await RawPeer.ServesAsync(host);
        await RawPeer.UntilAsync(() => Descriptors() <= before + 5);
    }

    [Fact]
    public async Task Silent_peers_that_hold_every_handshake_give_way_to_an_honest_one()
    {
        await using Libp2pHost host = await RawPeer.StartHostAsync(options =>
        {
            options.HandshakeTimeout = TimeSpan.FromMinutes(5); // They would hold out for longer than the test.
            options.Limits.InboundHandshakesMax = 8;
        });
        var silent = new List<ITransportConnection>();
        for (int i = 0; i < 8; i++)
        {
            silent.Add(await RawPeer.DialAsync(host));
        }

        await RawPeer.UntilAsync(() => host.Use.InboundHandshakes == 8);
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (await Record.ExceptionAsync(() => RawPeer.ServesAsync(host)) is not null)
        {
            late.Token.ThrowIfCancellationRequested(); // Refused until the first of them has had its second.
        }

        Assert.InRange(host.Use.InboundHandshakes, 0, 8);
        foreach (ITransportConnection one in silent)
        {
            await one.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_thousand_hostile_connections_leave_no_memory_behind()
    {
        await using Libp2pHost host = await RawPeer.StartHostAsync(
            options => options.Limits.Addresses.IsLoopbackFree = true);
        await RawPeer.ServesAsync(host);
        long before = GC.GetTotalMemory(forceFullCollection: true);
        for (int i = 0; i < 1_000; i++)
        {
            await using RawPeer raw = await RawPeer.ConnectAsync(host);
            await raw.SendAsync(
                RawPeer.Frame(YamuxType.WindowUpdate, YamuxFlags.Syn, 1, 0),
                RawPeer.Frame(YamuxType.Data, YamuxFlags.None, 1, 50_000, 50_000),
                Enumerable.Repeat((byte)1, 12).ToArray()); // No header that anyone knows.
            Assert.Equal(ConnectionEnd.ProtocolError, await raw.EndAsync());
        }

        await RawPeer.UntilAsync(() => host.Use == default);
        long after = GC.GetTotalMemory(forceFullCollection: true);
        Assert.InRange(after - before, long.MinValue, 8 * 1_024 * 1_024);
        await RawPeer.ServesAsync(host);
    }

    private static int Descriptors() =>
        OperatingSystem.IsLinux() ? Directory.GetFiles("/proc/self/fd").Length : 0;
}
