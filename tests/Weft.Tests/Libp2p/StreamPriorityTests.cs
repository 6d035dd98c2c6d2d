using System.Buffers.Binary;
using System.Diagnostics;
using Weft.Crypto;
using Weft.Libp2p;
using Weft.Libp2p.Connections;
using Weft.Libp2p.Streams;
using Weft.Protocols.Noise;

namespace Weft.Tests.Libp2p;

public sealed class StreamPriorityTests
{
    private static readonly TimeSpan Late = TimeSpan.FromSeconds(30);

    [Fact]
    public void An_earlier_line_goes_first_and_each_line_keeps_its_order()
    {
        var queue = new FrameQueue();
        queue.Append(StreamPriority.Bulk, new byte[100_000]);
        queue.Append(StreamPriority.Interactive, [1, 2]);
        queue.Append(StreamPriority.Control, [3]);
        queue.Append(StreamPriority.Interactive, [4]);
        Assert.Equal(100_004, queue.Bytes);
        var taken = new List<(StreamPriority, int)>();
        while (queue.TryTake(out FrameQueue.Frame frame))
        {
            taken.Add((frame.Priority, frame.Plain));
            queue.OnSent(frame);
            frame.Return();
        }

        Assert.Equal(
            [StreamPriority.Control, StreamPriority.Interactive, StreamPriority.Bulk, StreamPriority.Bulk],
            taken.Select(one => one.Item1));
        Assert.Equal([1, 3], taken.Take(2).Select(one => one.Item2));
        Assert.Equal((100_000, 0, true), (taken[2].Item2 + taken[3].Item2, queue.Bytes, queue.IsEmpty));
    }

    [Fact]
    public void A_frame_of_the_muxer_that_is_broken_off_goes_on_before_anything_else()
    {
        var queue = new FrameQueue();
        queue.Append(StreamPriority.Bulk, new byte[12], following: 70_000);
        queue.Append(StreamPriority.Bulk, new byte[70_000]);
        queue.Append(StreamPriority.Bulk, new byte[12]);
        Assert.True(queue.TryTake(out FrameQueue.Frame first));
        queue.Append(StreamPriority.Control, [1]);
        Assert.True(queue.TryTake(out FrameQueue.Frame second));
        Assert.True(queue.TryTake(out FrameQueue.Frame third));

        Assert.Equal(
            [(StreamPriority.Bulk, true), (StreamPriority.Bulk, false), (StreamPriority.Control, false)],
            new[] { first, second, third }.Select(frame => (frame.Priority, frame.IsBrokenOff)));
        Assert.Equal(70_024, first.Plain + second.Plain);
    }

    [Fact]
    public void Whole_frames_of_the_muxer_leave_room_between_them()
    {
        var queue = new FrameQueue();
        for (int i = 0; i < 3; i++)
        {
            queue.Append(StreamPriority.Bulk, new byte[12], following: 65_000);
            queue.Append(StreamPriority.Bulk, new byte[65_000]);
        }

        Assert.True(queue.TryTake(out FrameQueue.Frame first));
        queue.Append(StreamPriority.Control, [1]);
        Assert.True(queue.TryTake(out FrameQueue.Frame second));
        Assert.True(queue.TryTake(out FrameQueue.Frame third));

        Assert.Equal(
            [(StreamPriority.Bulk, 65_012), (StreamPriority.Control, 1), (StreamPriority.Bulk, 65_012)],
            new[] { first, second, third }.Select(frame => (frame.Priority, frame.Plain)));
        Assert.False(first.IsBrokenOff || third.IsBrokenOff);
    }

    [Fact]
    public void Frames_that_fit_one_buffer_are_sealed_and_sent_together()
    {
        var crypto = new BouncyCastleCrypto();
        using var seal = new NoiseCipher(crypto, new byte[32]);
        using var open = new NoiseCipher(crypto, new byte[32]);
        var queue = new FrameQueue(2 * FrameQueue.FrameMax);
        byte[] data = [.. Enumerable.Range(0, 65_536).Select(i => (byte)(i * 7))];
        queue.Append(StreamPriority.Interactive, data.AsSpan(0, 12), following: 64_988, expected: data.Length);
        queue.Append(StreamPriority.Interactive, data.AsSpan(12, 64_988));
        Assert.Equal(500, queue.Fit(StreamPriority.Interactive, 500, 12)); // There is room for it,
        Assert.Equal(5_000, queue.Fit(StreamPriority.Interactive, 5_000, 12)); // and too little for a part of this.
        queue.Append(StreamPriority.Interactive, data.AsSpan(65_000, 12), following: 524);
        queue.Append(StreamPriority.Interactive, data.AsSpan(65_012));
        Assert.True(queue.TryTake(out FrameQueue.Frame both));
        Assert.Equal((65_536, false), (both.Plain, both.IsBrokenOff));
        byte[] sent = both.Seal(seal).ToArray();
        both.Return();
        var plain = new List<byte>();
        for (int at = 0; at < sent.Length;)
        {
            int length = BinaryPrimitives.ReadUInt16BigEndian(sent.AsSpan(at));
            byte[] part = new byte[length - NoiseCipher.TagLength];
            Assert.True(open.TryOpen(sent.AsSpan(at + 2, length), [], part));
            plain.AddRange(part);
            at += 2 + length;
        }

        Assert.Equal(data, plain);
        Assert.True(queue.IsEmpty);
    }

    [Fact]
    public void Bytes_that_another_protection_seals_lie_side_by_side()
    {
        var queue = new FrameQueue(2 * FrameQueue.FrameMax, isFramed: false);
        byte[] data = [.. Enumerable.Range(0, 200_000).Select(i => (byte)(i * 11))];
        for (int at = 0; at < data.Length; at += 25_000)
        {
            queue.Append(StreamPriority.Interactive, data.AsSpan(at, 25_000));
        }

        var sent = new List<byte>();
        int most = 0;
        while (queue.TryTake(out FrameQueue.Frame frame))
        {
            most = Math.Max(most, frame.Plain);
            sent.AddRange(frame.Seal(null).Span);
            queue.OnSent(frame);
            frame.Return();
        }

        Assert.Equal(data, sent);
        Assert.InRange(most, 50_000, 2 * FrameQueue.FrameMax);
        Assert.Equal(0, queue.Bytes);
    }

    [Fact]
    public async Task A_question_overtakes_a_large_transfer()
    {
        await using HostPair pair = await HostPair.StartAsync(
            dialler: options => options.Limits.ConnectionBytesPerSecond = 1_000_000);
        byte[] data = [.. Enumerable.Range(0, 64_000_000).Select(i => (byte)(i * 31))];
        long arrived = 0;
        bool isTrue = true;
        var isEnded = new TaskCompletionSource();
        pair.Listener.Handle("/bulk/1", async (stream, token) =>
        {
            byte[] part = new byte[65_536];
            try
            {
                while (await stream.ReadAsync(part, token) is var read and > 0)
                {
                    isTrue &= part.AsSpan(0, read).SequenceEqual(data.AsSpan((int)arrived, read));
                    Interlocked.Add(ref arrived, read);
                }
            }
            finally
            {
                isEnded.SetResult();
            }
        });
        PeerConnection connection = await pair.DialAsync();
        await using PeerStream bulk = await pair.Dialler.OpenStreamAsync(
            connection, ["/bulk/1"], new StreamRules { Priority = StreamPriority.Bulk });
        Assert.Equal(StreamPriority.Bulk, bulk.Priority);
        Task writing = bulk.WriteAsync(data).AsTask();
        await HostPair.UntilAsync(() => Interlocked.Read(ref arrived) > 0);
        Assert.True(await pair.Dialler.PingAsync(pair.Listener.Id).WaitAsync(Late) > TimeSpan.Zero);

        Assert.False(isEnded.Task.IsCompleted); // A minute of bytes was before it in time, none in line.
        Assert.False(writing.IsCompleted);
        bulk.Abort();
        await Assert.ThrowsAnyAsync<IOException>(() => writing.WaitAsync(Late));
        await isEnded.Task.WaitAsync(Late);
        Assert.True(isTrue);
    }

    [Fact]
    public async Task A_connection_sends_no_quicker_than_it_may()
    {
        await using HostPair pair = await HostPair.StartAsync(
            dialler: options => options.Limits.ConnectionBytesPerSecond = 1_000_000);
        await using PeerStream stream = await pair.OpenAsync("/echo/1.0.0");
        long start = Stopwatch.GetTimestamp();
        Task writing = stream.WriteAsync(new byte[2_000_000]).AsTask();
        byte[] back = new byte[2_000_000];
        await stream.ReadExactlyAsync(back).AsTask().WaitAsync(Late);
        await writing;

        Assert.True(Stopwatch.GetElapsedTime(start) > TimeSpan.FromMilliseconds(800), "2 MB at 1 MB/s with a burst of 1 MB");
    }
}
