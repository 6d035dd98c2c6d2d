using Weft.Primitives;
using Weft.Protocols.Yamux;

namespace Weft.Tests.Protocols.Yamux;

public sealed class YamuxCoreTests
{
    [Fact]
    public void A_stream_carries_bytes_both_ways_and_ends_half_by_half()
    {
        var pair = new YamuxPair();
        uint stream = pair.Open(pair.Dialler);
        pair.Write(pair.Dialler, stream, "ask"u8);
        pair.Do(pair.Dialler, (core, outbox) => core.CloseWrite(stream, outbox));
        pair.CarryAll();

        Assert.Equal(1u, stream);
        Assert.True(pair.Listener.Saw(YamuxOutputKind.Opened, stream));
        Assert.True(pair.Listener.Saw(YamuxOutputKind.EndOfData, stream));
        Assert.Equal("ask"u8.ToArray(), pair.Listener.Received(stream));

        pair.Write(pair.Listener, stream, "answer"u8); // The other half is still open.
        pair.Do(pair.Listener, (core, outbox) => core.CloseWrite(stream, outbox));
        pair.CarryAll();

        Assert.Equal("answer"u8.ToArray(), pair.Dialler.Received(stream));
        Assert.True(pair.Dialler.Saw(YamuxOutputKind.Finished, stream));
        Assert.Equal(0, pair.Dialler.Core.StreamCount + pair.Listener.Core.StreamCount);
    }

    [Fact]
    public void A_writer_stops_at_the_window_and_goes_on_when_the_reader_has_read()
    {
        var pair = new YamuxPair();
        uint stream = pair.Open(pair.Dialler);
        byte[] block = new byte[65_000];
        int written = 0;
        for (int step = Write(); step > 0; step = Write())
        {
            written += step;
        }

        pair.CarryAll();

        Assert.Equal(YamuxOptions.FirstWindow, written);
        Assert.Equal(0, pair.Dialler.Core.Sendable(stream));

        pair.Read(pair.Listener, stream);
        pair.CarryAll();

        Assert.True(pair.Dialler.Saw(YamuxOutputKind.Writable, stream));
        Assert.Equal(65_000, pair.Dialler.Core.Sendable(stream));

        int Write() => pair.Write(pair.Dialler, stream, block);
    }

    [Fact]
    public void A_window_that_lasts_less_than_two_round_trips_grows_to_its_ceiling()
    {
        var options = new YamuxOptions { WindowMax = 1 << 20 };
        var pair = new YamuxPair(listener: options);
        pair.Do(pair.Listener, (core, outbox) => core.Start(pair.Now, outbox));
        pair.Carry(pair.Listener);
        pair.Now += TimeSpan.FromMilliseconds(40); // The round trip.
        pair.CarryAll();
        uint stream = pair.Open(pair.Dialler);
        byte[] block = new byte[65_000];
        int inOneGo = 0;
        for (int turn = 0; turn < 12; turn++)
        {
            inOneGo = 0;
            for (int step = Write(); step > 0; step = Write())
            {
                inOneGo += step;
            }

            pair.CarryAll();
            pair.Now += TimeSpan.FromMilliseconds(20);
            pair.Read(pair.Listener, stream);
            pair.CarryAll();
        }

        Assert.Equal(TimeSpan.FromMilliseconds(40), pair.Listener.Core.RoundTrip);
        Assert.Equal(options.WindowMax, inOneGo);

        int Write() => pair.Write(pair.Dialler, stream, block);
    }

    [Fact]
    public void All_windows_together_grow_no_further_than_their_ceiling()
    {
        var options = new YamuxOptions { WindowGrowthMax = 100_000 };
        var pair = new YamuxPair(listener: options);
        pair.Do(pair.Listener, (core, outbox) => core.Start(pair.Now, outbox));
        pair.Carry(pair.Listener);
        pair.Now += TimeSpan.FromSeconds(1);
        pair.CarryAll();
        uint[] streams = [pair.Open(pair.Dialler), pair.Open(pair.Dialler)];
        byte[] block = new byte[65_000];
        for (int turn = 0; turn < 6; turn++)
        {
            foreach (uint stream in streams)
            {
                while (pair.Write(pair.Dialler, stream, block) > 0)
                {
                }
            }

            pair.CarryAll();
            foreach (uint stream in streams)
            {
                pair.Read(pair.Listener, stream);
            }

            pair.CarryAll();
        }

        long open = 0;
        foreach (uint stream in streams)
        {
            for (int step = pair.Write(pair.Dialler, stream, block); step > 0;
                step = pair.Write(pair.Dialler, stream, block))
            {
                open += step;
            }
        }

        Assert.Equal((2 * YamuxOptions.FirstWindow) + options.WindowGrowthMax, open);
    }

    [Fact]
    public void More_streams_than_allowed_are_reset_and_the_session_lives()
    {
        var pair = new YamuxPair(listener: new YamuxOptions { InboundStreamsMax = 2 });
        uint[] streams = [pair.Open(pair.Dialler), pair.Open(pair.Dialler), pair.Open(pair.Dialler)];
        pair.Write(pair.Dialler, streams[2], "lost"u8);
        pair.Write(pair.Dialler, streams[1], "kept"u8);
        pair.CarryAll();

        Assert.Equal(2, pair.Listener.Core.InboundCount);
        Assert.True(pair.Dialler.Saw(YamuxOutputKind.Reset, streams[2]));
        Assert.Equal("kept"u8.ToArray(), pair.Listener.Received(streams[1]));
        Assert.Empty(pair.Listener.Received(streams[2]));
        Assert.False(pair.Listener.Core.IsClosed);
    }

    [Fact]
    public void At_most_256_streams_wait_for_acceptance()
    {
        var pair = new YamuxPair();
        for (int i = 0; i < 256; i++)
        {
            Assert.NotEqual(0u, pair.Open(pair.Dialler));
        }

        Assert.Equal(0u, pair.Open(pair.Dialler));
        pair.CarryAll();
        Assert.NotEqual(0u, pair.Open(pair.Dialler)); // Accepted by now.
    }

    [Fact]
    public void A_reset_ends_both_directions_at_once_and_late_bytes_are_thrown_away()
    {
        var pair = new YamuxPair();
        uint stream = pair.Open(pair.Dialler);
        pair.CarryAll();
        pair.Do(pair.Listener, (core, outbox) => core.ResetStream(stream, outbox));
        pair.Write(pair.Dialler, stream, "already on its way"u8);
        pair.CarryAll();

        Assert.True(pair.Dialler.Saw(YamuxOutputKind.Reset, stream));
        Assert.Equal(0, pair.Dialler.Core.Sendable(stream));
        Assert.Empty(pair.Listener.Received(stream));
        Assert.False(pair.Listener.Core.IsClosed);
    }

    [Fact]
    public void Goodbye_lets_open_streams_end_and_takes_no_new_ones()
    {
        var pair = new YamuxPair();
        uint stream = pair.Open(pair.Dialler);
        pair.CarryAll();
        pair.Do(pair.Listener, (core, outbox) => core.GoAway(YamuxGoAway.Normal, outbox));
        pair.CarryAll();

        Assert.True(pair.Dialler.Saw(YamuxOutputKind.RemoteGoAway));
        Assert.Equal(0u, pair.Open(pair.Dialler));

        pair.Write(pair.Dialler, stream, "last words"u8);
        pair.Do(pair.Dialler, (core, outbox) => core.CloseWrite(stream, outbox));
        pair.Do(pair.Listener, (core, outbox) => core.CloseWrite(stream, outbox));
        pair.CarryAll();

        Assert.Equal("last words"u8.ToArray(), pair.Listener.Received(stream));
        Assert.Equal(YamuxCloseReason.RemoteGoAway, pair.Dialler.CloseReason);
    }

    [Fact]
    public void A_peer_that_answers_no_ping_is_given_up()
    {
        var pair = new YamuxPair();
        pair.Do(pair.Dialler, (core, outbox) => core.Start(pair.Now, outbox));
        pair.Now += TimeSpan.FromSeconds(14);
        pair.Do(pair.Dialler, (core, outbox) => core.OnTimer(pair.Now, outbox));
        Assert.False(pair.Dialler.Core.IsClosed);

        pair.Now += TimeSpan.FromSeconds(1);
        pair.Do(pair.Dialler, (core, outbox) => core.OnTimer(pair.Now, outbox));
        Assert.Equal(YamuxCloseReason.Silent, pair.Dialler.CloseReason);
    }

    // Hex of frames: version, type, flags, stream, length.
    public static TheoryData<string, string, YamuxCloseReason> Attacks => new()
    {
        // The two frames with which another implementation could be made to stop (CVE-2026-32314, GHSA-4w32-2493-32g7).
        { "data with SYN past the first window", "00 00 0001 00000001 00040001", YamuxCloseReason.WindowExceeded },
        { "a window beyond 4 GiB with SYN", "00 01 0001 00000001 ffffffff", YamuxCloseReason.WindowOverflow },
        {
            "data past the window of an open stream",
            "00 01 0001 00000001 00000000 00 00 0000 00000001 00040001", YamuxCloseReason.WindowExceeded
        },
        {
            "a window beyond 4 GiB",
            "00 01 0001 00000001 00000000 00 01 0000 00000001 ffffffff", YamuxCloseReason.WindowOverflow
        },
        { "a frame that claims 4 GiB", "00 00 0001 00000001 ffffffff", YamuxCloseReason.WindowExceeded },
        { "4 GiB for a stream that is not there", "00 00 0000 00000007 ffffffff", YamuxCloseReason.WindowExceeded },
        { "another version", "01 01 0001 00000001 00000000", YamuxCloseReason.Malformed },
        { "an unknown type", "00 04 0000 00000001 00000000", YamuxCloseReason.Malformed },
        { "an unknown flag", "00 01 0010 00000001 00000000", YamuxCloseReason.Malformed },
        { "a stream number of our side", "00 01 0001 00000002 00000000", YamuxCloseReason.StreamNumber },
        {
            "a stream opened twice",
            "00 01 0001 00000001 00000000 00 01 0001 00000001 00000000", YamuxCloseReason.StreamNumber
        },
        { "stream 0", "00 01 0001 00000000 00000000", YamuxCloseReason.StreamNumber },
    };

    [Theory]
    [MemberData(nameof(Attacks))]
    public void A_peer_that_breaks_the_protocol_is_cut_off(string what, string frames, YamuxCloseReason reason)
    {
        var pair = new YamuxPair();
        pair.Feed(pair.Listener, Convert.FromHexString(frames.Replace(" ", "")));

        Assert.True(pair.Listener.Core.IsClosed, what);
        Assert.Equal(reason, pair.Listener.CloseReason);
        Assert.Contains(pair.Listener.Seen, output => output.Header.Type == YamuxType.GoAway);
    }

    [Theory]
    [InlineData(YamuxType.Ping, YamuxFlags.Syn)]
    [InlineData(YamuxType.WindowUpdate, YamuxFlags.None)]
    [InlineData(YamuxType.WindowUpdate, YamuxFlags.Rst)]
    [InlineData(YamuxType.Data, YamuxFlags.None)]
    public void A_flood_of_frames_without_data_is_cut_off(YamuxType type, YamuxFlags flags)
    {
        var pair = new YamuxPair(listener: new YamuxOptions { ControlFramesPerSecond = 1_000 });
        byte[] frame = new byte[YamuxHeader.Size];
        new YamuxHeader(type, flags, type == YamuxType.Ping ? 0u : 1u, 0).Write(frame);
        for (int i = 0; i < 1_000; i++)
        {
            pair.Feed(pair.Listener, frame);
        }

        Assert.False(pair.Listener.Core.IsClosed);
        pair.Feed(pair.Listener, frame);
        Assert.Equal(YamuxCloseReason.ControlFlood, pair.Listener.CloseReason);
    }

    [Fact]
    public void Window_updates_for_what_was_sent_are_no_flood_and_more_of_them_are()
    {
        var pair = new YamuxPair(dialler: new YamuxOptions { ControlFramesPerSecond = 10 });
        uint stream = pair.Open(pair.Dialler);
        byte[] update = new byte[YamuxHeader.Size];
        new YamuxHeader(YamuxType.WindowUpdate, YamuxFlags.None, stream, 16_000).Write(update);
        for (int i = 0; i < 200; i++)
        {
            Assert.Equal(64_000, pair.Write(pair.Dialler, stream, new byte[64_000]));
            for (int piece = 0; piece < 4; piece++)
            {
                pair.Feed(pair.Dialler, update); // As js-libp2p: one for every piece that is read, in no time.
            }
        }

        Assert.False(pair.Dialler.Core.IsClosed);
        new YamuxHeader(YamuxType.WindowUpdate, YamuxFlags.None, stream, 1).Write(update);
        int more = 0;
        while (!pair.Dialler.Core.IsClosed && more < 100_000)
        {
            pair.Feed(pair.Dialler, update);
            more++;
        }

        Assert.Equal(YamuxCloseReason.ControlFlood, pair.Dialler.CloseReason);
        Assert.InRange(more, 10, (200 * 8) + 20);
    }

    [Fact]
    public void Random_traffic_in_random_pieces_arrives_whole_and_in_order()
    {
        for (ulong seed = 1; seed <= 8; seed++)
        {
            var random = new WeftRandom(seed);
            var pair = new YamuxPair();
            var sent = new Dictionary<(bool FromDialler, uint Stream), List<byte>>();
            var streams = new List<uint>();
            for (int step = 0; step < 2_000; step++)
            {
                pair.Now += TimeSpan.FromMilliseconds(random.Next(5));
                bool fromDialler = random.Next(2) == 0;
                YamuxPair.Side side = fromDialler ? pair.Dialler : pair.Listener;
                switch (random.Next(6))
                {
                    case 0 when streams.Count < 50:
                        streams.Add(pair.Open(pair.Dialler));
                        break;
                    case 1 or 2 when streams.Count > 0:
                        uint stream = streams[random.Next(streams.Count)];
                        byte[] bytes = new byte[random.Next(40_000) + 1];
                        random.Fill(bytes);
                        int written = pair.Write(side, stream, bytes);
                        sent.TryAdd((fromDialler, stream), []);
                        sent[(fromDialler, stream)].AddRange(bytes.AsSpan(0, written));
                        break;
                    case 3 when streams.Count > 0:
                        pair.Read(side, streams[random.Next(streams.Count)]);
                        break;
                    default:
                        pair.Carry(side, random.Next(30_000) + 1);
                        break;
                }
            }

            pair.CarryAll();
            Assert.False(pair.Dialler.Core.IsClosed || pair.Listener.Core.IsClosed, $"seed {seed}");
            foreach (((bool fromDialler, uint stream), List<byte> bytes) in sent)
            {
                YamuxPair.Side reader = fromDialler ? pair.Listener : pair.Dialler;
                Assert.Equal(bytes, reader.Received(stream));
            }
        }
    }

    [Fact]
    public void No_bytes_ever_throw()
    {
        var random = new WeftRandom(7);
        for (int round = 0; round < 3_000; round++)
        {
            var pair = new YamuxPair();
            byte[] bytes = new byte[random.Next(200)];
            for (int i = 0; i < bytes.Length; i++)
            {
                // Mostly small numbers, so that many frames are nearly right.
                bytes[i] = random.Next(4) == 0 ? (byte)random.NextUInt64() : (byte)random.Next(4);
            }

            pair.Feed(pair.Listener, bytes);
            Assert.True(pair.Listener.Core.StreamCount <= 256);
        }
    }
}
