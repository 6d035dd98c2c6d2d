using Weft.Libp2p;
using Weft.Libp2p.Connections;
using Weft.Libp2p.Streams;
using Weft.Primitives;

namespace Weft.Tests.Libp2p;

public sealed class HostLimitTests
{
    private static readonly TimeSpan Late = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task A_stream_nobody_reads_is_reset_when_there_is_no_room_for_its_bytes()
    {
        await using HostPair pair = await HostPair.StartAsync(options => options.Limits.PeerMemoryBytesMax = 50_000);
        var hold = new TaskCompletionSource();
        pair.Listener.Handle("/hold/1", (_, token) => hold.Task.WaitAsync(token));
        PeerStream stream = await pair.OpenAsync("/hold/1");
        PeerStreamException reset = await Assert.ThrowsAsync<PeerStreamException>(async () =>
        {
            await stream.WriteAsync(new byte[200_000]);
            await stream.ReadExactlyAsync(new byte[1]).AsTask().WaitAsync(Late);
        });

        Assert.Equal(StreamEnd.RemoteReset, reset.End);
        Assert.True(await pair.Dialler.PingAsync(pair.Listener.Id) > TimeSpan.Zero); // The connection lives on.
        await HostPair.UntilAsync(() => pair.Listener.Use.MemoryBytes == 0);
        hold.SetResult();
    }

    [Fact]
    public async Task Bytes_that_wait_are_counted_and_given_back()
    {
        await using HostPair pair = await HostPair.StartAsync();
        var hold = new TaskCompletionSource();
        pair.Listener.Handle("/hold/1", async (stream, token) =>
        {
            await hold.Task.WaitAsync(token);
            await stream.CopyToAsync(Stream.Null, token);
        });
        PeerStream stream = await pair.OpenAsync("/hold/1");
        await stream.WriteAsync(new byte[100_000]);
        await HostPair.UntilAsync(() => pair.Listener.Use.MemoryBytes == 100_000);
        hold.SetResult();
        await stream.CompleteWritesAsync();
        await stream.CopyToAsync(Stream.Null).WaitAsync(Late);
        await HostPair.UntilAsync(() => pair.Listener.Use.MemoryBytes == 0);

        PeerStream lost = await pair.OpenAsync("/hold/1");
        pair.Listener.Find(pair.Dialler.Id)!.Abort();
        await HostPair.UntilAsync(() => pair.Listener.Use == default && pair.Dialler.Use == default);
        await Assert.ThrowsAsync<PeerStreamException>(() => lost.ReadExactlyAsync(new byte[1]).AsTask());
    }

    [Fact]
    public async Task A_protocol_and_a_peer_within_it_have_only_so_many_streams_and_the_others_go_on()
    {
        await using HostPair pair = await HostPair.StartAsync(options =>
        {
            options.Limits.ProtocolPeerStreamsMax = 2;
            options.Limits.ProtocolStreamsMax = 3;
        });
        pair.Listener.Handle("/hold/1", (stream, token) => stream.CopyToAsync(Stream.Null, token));
        await using Libp2pHost second = await HostPair.HostAsync(pair.Transport, isListening: false);
        var open = new List<PeerStream> { await pair.OpenAsync("/hold/1"), await pair.OpenAsync("/hold/1") };
        PeerStream third = await pair.OpenAsync("/hold/1");
        await Assert.ThrowsAsync<PeerStreamException>(() => third.ReadExactlyAsync(new byte[1]).AsTask().WaitAsync(Late));
        PeerConnection connection = await second.DialAsync(pair.Listener.Addresses[0]);
        open.Add(await second.OpenStreamAsync(connection, ["/hold/1"]));
        PeerStream fourth = await second.OpenStreamAsync(connection, ["/hold/1"]);
        await Assert.ThrowsAsync<PeerStreamException>(() => fourth.ReadExactlyAsync(new byte[1]).AsTask().WaitAsync(Late));

        Assert.Contains(new ProtocolUse("/hold/1", 3, 2), pair.Listener.ProtocolUses);
        Assert.Equal(
            (1, 1),
            (pair.Listener.RefusalsOf(Libp2pCeiling.ProtocolPeerStreams), pair.Listener.RefusalsOf(Libp2pCeiling.ProtocolStreams)));
        Assert.True(await pair.Dialler.PingAsync(pair.Listener.Id) > TimeSpan.Zero);
        open.ForEach(stream => stream.Abort());
        await HostPair.UntilAsync(() => pair.Listener.ProtocolUses.All(one => one.Protocol != "/hold/1"));
    }

    [Fact]
    public async Task A_watcher_that_does_not_read_learns_how_much_it_missed()
    {
        await using HostPair pair = await HostPair.StartAsync();
        IAsyncEnumerable<PeerEvent> feed = pair.Listener.WatchAsync();
        PeerConnection connection = await pair.DialAsync();
        await HostPair.UntilAsync(() => pair.Listener.Find(pair.Dialler.Id)?.Identity is not null);
        PeerConnection there = pair.Listener.Find(pair.Dialler.Id)!;
        for (int i = 0; i < 2_000; i++)
        {
            pair.Listener.Post(new(PeerEventKind.Identified, there.Remote, there, Identity: there.Identity));
        }

        await connection.DisposeAsync();
        await there.Closed.WaitAsync(Late);
        var read = new List<PeerEvent>();
        using var over = new CancellationTokenSource(Late);
        await foreach (PeerEvent happened in feed.WithCancellation(over.Token))
        {
            read.Add(happened);
            if (happened.Kind == PeerEventKind.Disconnected)
            {
                break;
            }
        }

        Assert.Equal(1_024, read.Count);
        Assert.InRange(read[0].Missed, 978, 990); // Connected, identified (or twice), and the first of the 2,000.
        Assert.All(read.Skip(1), one => Assert.Equal(0, one.Missed));
    }

    [Fact]
    public async Task A_banned_peer_is_cut_off_and_neither_let_in_nor_dialled()
    {
        await using HostPair pair = await HostPair.StartAsync();
        PeerConnection connection = await pair.DialAsync();
        await HostPair.UntilAsync(() => pair.Listener.Connections.Count == 1);
        PeerConnection inbound = pair.Listener.Connections[0];
        pair.Listener.Ban(pair.Dialler.Id);

        Assert.Equal(ConnectionEnd.Banned, await inbound.Closed.WaitAsync(Late));
        await connection.Closed.WaitAsync(Late);
        Assert.Equal(pair.Dialler.Id, Assert.Single(pair.Listener.Bans).Peer);
        PeerConnection again = await pair.Dialler.DialAsync(pair.Listener.Addresses[0]);
        await again.Closed.WaitAsync(Late); // The dialler learns it when its connection ends.
        Assert.Empty(pair.Listener.Connections);

        Assert.True(pair.Listener.Unban(pair.Dialler.Id));
        Assert.Empty(pair.Listener.Bans);
        pair.Dialler.Ban(pair.Listener.Id, TimeSpan.FromHours(1));
        Libp2pException banned = await Assert.ThrowsAsync<Libp2pException>(
            () => pair.Dialler.ConnectAsync(pair.Listener.Addresses[0]));
        Assert.Equal(WeftError.PeerBanned, banned.Error);
        Assert.InRange(Assert.Single(pair.Dialler.Bans).Left!.Value.TotalMinutes, 59, 60);
        pair.Dialler.Unban(pair.Listener.Id);
        await pair.Dialler.ConnectAsync(pair.Listener.Addresses[0]);
        Assert.Throws<ArgumentOutOfRangeException>(() => pair.Dialler.Ban(pair.Dialler.Id));
    }
}
