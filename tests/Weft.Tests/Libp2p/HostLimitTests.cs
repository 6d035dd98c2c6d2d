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
