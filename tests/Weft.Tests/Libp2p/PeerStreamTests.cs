using Weft.Libp2p;
using Weft.Libp2p.Connections;
using Weft.Libp2p.Streams;
using Weft.Primitives;

namespace Weft.Tests.Libp2p;

public sealed class PeerStreamTests
{
    private static readonly TimeSpan Late = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task What_is_written_comes_back_and_each_way_ends_on_its_own()
    {
        await using HostPair pair = await HostPair.StartAsync();
        await using PeerStream stream = await pair.OpenAsync("/echo/1.0.0");
        byte[] data = new byte[3_000_000];
        new WeftRandom(1).Fill(data);
        Task<byte[]> back = ReadAllAsync(stream);
        await stream.WriteAsync(data);
        await stream.CompleteWritesAsync();
        await stream.CompleteWritesAsync(); // Harmless.

        Assert.Equal(data, await back.WaitAsync(Late));
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await stream.WriteAsync(new byte[1]));
    }

    [Fact]
    public async Task Small_writes_arrive_in_order()
    {
        await using HostPair pair = await HostPair.StartAsync();
        await using PeerStream stream = await pair.OpenAsync("/echo/1.0.0");
        Task<byte[]> back = ReadAllAsync(stream);
        for (int i = 0; i < 20_000; i++)
        {
            await stream.WriteAsync(new[] { (byte)i, (byte)(i >> 8) });
        }

        await stream.CompleteWritesAsync();
        byte[] all = await back.WaitAsync(Late);
        Assert.Equal(40_000, all.Length);
        Assert.All(Enumerable.Range(0, 20_000), i => Assert.Equal(i & 0xFFFF, all[2 * i] | (all[(2 * i) + 1] << 8)));
    }

    [Fact]
    public async Task A_writer_waits_for_a_reader_that_does_not_read()
    {
        var go = new TaskCompletionSource();
        await using HostPair pair = await HostPair.StartAsync();
        pair.Listener.Handle("/slow/1", async (stream, token) =>
        {
            await go.Task;
            await stream.CopyToAsync(Stream.Null, token);
        });
        await using PeerStream stream = await pair.OpenAsync("/slow/1");
        Task writing = stream.WriteAsync(new byte[2_000_000]).AsTask();
        await Task.WhenAny(writing, Task.Delay(200)); // Time in which it could wrongly complete.
        Assert.False(writing.IsCompleted);

        go.SetResult();
        await writing.WaitAsync(Late);
    }

    [Fact]
    public async Task A_read_can_be_cancelled_and_repeated()
    {
        await using HostPair pair = await HostPair.StartAsync();
        await using PeerStream stream = await pair.OpenAsync("/echo/1.0.0");
        byte[] buffer = new byte[10];
        using var cancel = new CancellationTokenSource();
        Task<int> read = stream.ReadAsync(buffer, cancel.Token).AsTask();
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await stream.ReadExactlyAsync(buffer));
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read);

        await stream.WriteAsync(new byte[] { 7 });
        Assert.Equal(1, await stream.ReadAsync(buffer).AsTask().WaitAsync(Late));
        Assert.Equal(7, buffer[0]);
    }

    [Fact]
    public async Task A_write_can_be_cancelled_while_it_waits()
    {
        await using HostPair pair = await HostPair.StartAsync();
        pair.Listener.Handle("/deaf/1", (_, token) => Task.Delay(Timeout.Infinite, token));
        await using PeerStream stream = await pair.OpenAsync("/deaf/1");
        using var cancel = new CancellationTokenSource();
        Task write = stream.WriteAsync(new byte[2_000_000], cancel.Token).AsTask();
        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => write.WaitAsync(Late));
    }

    [Fact]
    public async Task A_reset_is_seen_by_both_ends()
    {
        var seen = new TaskCompletionSource<StreamEnd>();
        await using HostPair pair = await HostPair.StartAsync();
        pair.Listener.Handle("/wait/1", async (stream, token) =>
        {
            try
            {
                await stream.ReadExactlyAsync(new byte[1], token);
            }
            catch (PeerStreamException reset)
            {
                seen.SetResult(reset.End);
                throw;
            }
        });
        await using PeerStream stream = await pair.OpenAsync("/wait/1");
        Task<int> read = stream.ReadAsync(new byte[1]).AsTask();
        stream.Abort();
        stream.Abort(); // Harmless.

        Assert.Equal(StreamEnd.RemoteReset, await seen.Task.WaitAsync(Late));
        Assert.Equal(StreamEnd.LocalReset, (await Assert.ThrowsAsync<PeerStreamException>(() => read)).End);
        await Assert.ThrowsAsync<PeerStreamException>(async () => await stream.WriteAsync(new byte[1]));
    }

    [Fact]
    public async Task A_handler_that_throws_resets_its_stream_and_nothing_else()
    {
        await using HostPair pair = await HostPair.StartAsync();
        pair.Listener.Handle("/throws/1", async (stream, token) =>
        {
            await stream.ReadExactlyAsync(new byte[1], token);
            throw new InvalidOperationException("as asked");
        });
        await using PeerStream stream = await pair.OpenAsync("/throws/1");
        await stream.WriteAsync(new byte[1]);
        await Assert.ThrowsAsync<PeerStreamException>(async () => await stream.ReadExactlyAsync(new byte[1]));

        Assert.True(await pair.Dialler.PingAsync(pair.Listener.Id) > TimeSpan.Zero);
    }

    [Fact]
    public async Task What_came_before_the_connection_was_lost_can_be_read_to_its_end()
    {
        await using HostPair pair = await HostPair.StartAsync();
        pair.Listener.Handle("/say/1", async (stream, token) => await stream.WriteAsync("all of it"u8.ToArray(), token));
        await using PeerStream stream = await pair.OpenAsync("/say/1");
        byte[] first = new byte[1];
        await stream.ReadExactlyAsync(first);
        await HostPair.UntilAsync(() => stream.HasRemoteEnded);
        stream.Connection.Abort();
        await stream.Connection.Closed.WaitAsync(Late);

        Assert.Equal("ll of it"u8.ToArray(), await ReadAllAsync(stream));
    }

    [Fact]
    public async Task A_stream_disposed_here_is_reset_when_the_other_side_never_ends()
    {
        await using HostPair pair = await HostPair.StartAsync(dialler: options => options.DrainTimeout = TimeSpan.FromMilliseconds(50));
        pair.Listener.Handle("/endless/1", async (stream, token) =>
        {
            while (true)
            {
                await stream.WriteAsync(new byte[1_000], token);
            }
        });
        PeerStream stream = await pair.OpenAsync("/endless/1");
        await stream.DisposeAsync();

        await HostPair.UntilAsync(() => pair.Dialler.Use.OutboundStreams == 0 && pair.Listener.Use.InboundStreams == 0);
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await stream.ReadExactlyAsync(new byte[1]));
    }

    [Fact]
    public async Task A_thousand_streams_take_turns_and_leave_nothing_behind()
    {
        await using HostPair pair = await HostPair.StartAsync();
        PeerConnection connection = await pair.DialAsync();
        await Parallel.ForAsync(0, 1_000, new ParallelOptions { MaxDegreeOfParallelism = 100 }, async (i, token) =>
        {
            await using PeerStream stream = await pair.Dialler.OpenStreamAsync(connection, ["/echo/1.0.0"], token);
            await stream.WriteAsync(BitConverter.GetBytes(i), token);
            await stream.CompleteWritesAsync();
            Assert.Equal(BitConverter.GetBytes(i), await ReadAllAsync(stream));
        });

        await HostPair.UntilAsync(() => pair.Dialler.Use.OutboundStreams == 0 && pair.Listener.Use.InboundStreams == 0);
        Assert.Equal(0, connection.StreamCount);
    }

    private static async Task<byte[]> ReadAllAsync(PeerStream stream)
    {
        var all = new MemoryStream();
        await stream.CopyToAsync(all);
        return all.ToArray();
    }
}
