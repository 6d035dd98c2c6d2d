using System.Text.Json;
using Weft.Log.Wire;
using Weft.Primitives;

namespace Weft.Tests.Log;

/// <summary>The multiplexer against npm's protomux, and against what breaks its rules.</summary>
public sealed class MuxCoreTests
{
    private readonly Outbox<MuxOutput> _outbox = new();
    private readonly MuxCore _mux;

    public MuxCoreTests() => _mux = new MuxCore(_outbox);

    [Fact]
    public void Frames_are_written_as_the_reference_writes_them()
    {
        string[] frames = [.. LogVectors.List("protomux", "open").Select(frame => frame.GetString()!)];
        byte[] id = LogVectors.At("tree33").Bytes("discoveryKey");
        byte[] handshake = [1, .. Enumerable.Repeat((byte)6, 32)];

        Assert.Equal(1, _mux.Open("hypercore/alpha", id, handshake));
        Assert.Equal(frames[0], Sent());
        _mux.Send(1, 0, [7]);
        Assert.Equal(frames[1], Sent());
        _mux.Send(1, 1, "\u0002hi"u8);
        Assert.Equal(frames[2], Sent());
        _mux.Send(1, 0, [1]);
        _mux.Send(1, 1, "\u0003two"u8);
        _mux.Send(1, 0, [0xfd, 0x2c, 0x01]);
        Assert.Equal(frames[3], Sent());
        _mux.Close(1);
        Assert.Equal(frames[4], Sent());
    }

    [Fact]
    public void A_batch_over_two_channels_is_written_and_read_as_the_reference_does()
    {
        string[] frames = [.. LogVectors.List("protomux", "batchTwoChannels").Select(frame => frame.GetString()!)];
        _mux.Open("a", [], []);
        Assert.Equal(frames[0], Sent());
        _mux.Open("b", [], []);
        Assert.Equal(frames[1], Sent());
        _mux.Send(1, 0, [1]);
        _mux.Send(2, 0, [2]);
        Assert.Equal(frames[2], Sent());

        var outbox = new Outbox<MuxOutput>();
        var other = new MuxCore(outbox);
        foreach (string frame in frames)
        {
            other.OnFrame(Convert.FromHexString(frame));
        }

        Assert.Equal(
            [MuxOutputKind.Asked, MuxOutputKind.Asked], outbox.Items.ToArray().Select(output => output.Kind));
        outbox.Clear();
        Assert.Equal(1, other.Open("b", [], []));
        Assert.Equal(2, other.Open("a", [], []));
        MuxOutput[] raised = [.. outbox.Items.ToArray().Where(output => output.Kind != MuxOutputKind.Send)];
        Assert.Equal(
            ["Opened 1", "Message 1", "Opened 2", "Message 2"],
            raised.Select(output => $"{output.Kind} {output.Channel}"));
        Assert.Equal([2], raised[1].Bytes.ToArray());
        Assert.Equal([1], raised[3].Bytes.ToArray());
    }

    [Fact]
    public void A_captured_session_is_read_to_its_end()
    {
        var seen = new List<string>();
        foreach (JsonElement step in LogVectors.List("session", "transcript"))
        {
            if (step.TryGetProperty("frame", out JsonElement frame) && step.Text("from") == "writer")
            {
                _mux.OnFrame(Convert.FromHexString(frame.GetString()!));
            }

            foreach (MuxOutput output in _outbox.Items.ToArray())
            {
                if (output.Kind == MuxOutputKind.Asked)
                {
                    Assert.Equal("hypercore/alpha", output.Protocol);
                    _outbox.Clear();
                    _mux.Open(output.Protocol, output.Id.Span, []);
                }

                Assert.NotEqual(MuxOutputKind.Broken, output.Kind);
            }

            seen.AddRange(_outbox.Items.ToArray().Select(output => $"{output.Kind} {output.Type}"));
            _outbox.Clear();
        }

        Assert.Equal("Opened 0", seen[0]);
        Assert.Equal(6, seen.Count(text => text == "Message 3"));
        Assert.Contains("Message 8", seen);
    }

    [Fact]
    public void What_nobody_wants_is_rejected_and_its_number_can_be_used_again()
    {
        _mux.OnFrame(Convert.FromHexString("0001010378797a00"));
        _mux.Reject(1);
        Assert.Equal("000201", Sent());
        _outbox.Clear();

        _mux.OnFrame(Convert.FromHexString("0001010378797a00"));
        Assert.Equal(MuxOutputKind.Asked, _outbox[0].Kind);
    }

    [Theory]
    [InlineData("00", "a message without a type")]
    [InlineData("0001020161", "an open message that cannot be read")] // Number 2 before 1.
    [InlineData("00010101", "an open message that cannot be read")]
    [InlineData("000001ff", "a batch that cannot be read")]
    [InlineData("00000105", "a batch that cannot be read")]
    [InlineData("00000003000001", "a batch inside a batch")]
    [InlineData("0003", "a control message that cannot be read")]
    public void A_frame_that_breaks_the_rules_ends_the_connection(string frame, string reason)
    {
        _mux.OnFrame(Convert.FromHexString(frame));

        MuxOutput only = Assert.Single(_outbox.Items.ToArray());
        Assert.Equal((MuxOutputKind.Broken, reason), (only.Kind, only.Reason));
        _mux.OnFrame(Convert.FromHexString("0001010378797a00"));
        Assert.Equal(1, _outbox.Count);
    }

    [Fact]
    public void Messages_before_the_channel_is_open_are_kept_up_to_a_bound()
    {
        _mux.OnFrame(Convert.FromHexString("0001010378797a00"));
        byte[] frame = [1, 0, .. new byte[1_000]];
        int taken = 0;
        while (!_outbox.Items.ToArray().Any(output => output.Kind == MuxOutputKind.Broken))
        {
            _mux.OnFrame(frame);
            taken++;
        }

        Assert.InRange(taken * 1_000, 30_000, MuxCore.BufferedBytesMax);
    }

    [Fact]
    public void Noise_never_throws()
    {
        var random = new WeftRandom(11);
        for (int round = 0; round < 2_000; round++)
        {
            var outbox = new Outbox<MuxOutput>();
            var mux = new MuxCore(outbox);
            mux.Open("hypercore/alpha", [1], []);
            for (int i = 0; i < 20; i++)
            {
                byte[] frame = new byte[random.Next(24)];
                for (int at = 0; at < frame.Length; at++)
                {
                    frame[at] = (byte)(random.Chance(0.8) ? random.Next(5) : random.Next(256));
                }

                mux.OnFrame(frame);
                foreach (MuxOutput output in outbox.Items.ToArray())
                {
                    if (output.Kind == MuxOutputKind.Asked && random.Chance(0.5))
                    {
                        mux.Reject(output.Channel);
                    }
                }
            }

            Assert.InRange(outbox.Count, 0, 400);
        }
    }

    private string Sent()
    {
        _mux.Flush();
        MuxOutput only = Assert.Single(_outbox.Items.ToArray(), output => output.Kind == MuxOutputKind.Send);
        string hex = LogVectors.Hex(only.Bytes.Span);
        _outbox.Clear();
        return hex;
    }
}
