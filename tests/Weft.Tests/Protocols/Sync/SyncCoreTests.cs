using Weft.Graph;
using Weft.Primitives;
using Weft.Protocols.Sync;

namespace Weft.Tests.Protocols.Sync;

public sealed class SyncCoreTests
{
    [Fact]
    public void What_differs_is_exchanged_when_two_peers_meet_and_changes_follow()
    {
        var rig = new SyncRig();
        rig.A.Store.Merge(SyncRig.Field("a", "x", 1, 10), 0);
        rig.B.Store.Merge(SyncRig.Field("b", "x", 2, 20), 0);
        rig.A.Store.Merge(SyncRig.Field("both", "x", 1, 10), 0);
        rig.B.Store.Merge(SyncRig.Field("both", "x", 3, 30), 0);

        rig.Connect();
        rig.Run();
        Assert.Equal(rig.A.Store.All, rig.B.Store.All);
        Assert.True(rig.A.Core!.IsCaughtUp && rig.B.Core!.IsCaughtUp);

        rig.Write(rig.A, SyncRig.Field("late", "x", 1, 40));
        rig.Write(rig.B, SyncRig.Field("late", "y", 1, 50));
        rig.Run();
        Assert.Equal(rig.A.Store.All, rig.B.Store.All);
        Assert.Equal(5, rig.A.Store.All.Count());
    }

    [Fact]
    public void A_change_is_never_sent_back_to_who_brought_it()
    {
        var rig = new SyncRig();
        rig.Connect();
        rig.Run();
        rig.Write(rig.A, SyncRig.Field("s", "f", 1, 10));
        rig.Run();
        rig.Wait(TimeSpan.FromSeconds(1));

        Assert.Equal(1, rig.A.Core!.FieldsOut);
        Assert.Equal(0, rig.B.Core!.FieldsOut);
    }

    [Fact]
    public void A_session_goes_on_where_the_last_one_broke_without_comparing()
    {
        var rig = new SyncRig();
        for (int i = 0; i < 300; i++)
        {
            rig.A.Store.Merge(SyncRig.Field($"s/{i}", "f", i, i + 1), 0);
        }

        rig.Connect();
        rig.Run();
        rig.Wait(TimeSpan.FromSeconds(1));
        rig.Break();
        rig.Write(rig.A, SyncRig.Field("while/away", "f", 1, 1_000));
        rig.Write(rig.B, SyncRig.Field("there/too", "f", 1, 1_000));
        rig.Connect();
        rig.Run();

        Assert.Equal(rig.A.Store.All, rig.B.Store.All);
        Assert.Equal(0, rig.A.Core!.Comparisons);
        Assert.True(rig.A.Core.IsCaughtUp && rig.B.Core!.IsCaughtUp);
        Assert.InRange(rig.Bytes, 1, 400);
    }

    [Fact]
    public void Cursors_and_probes_say_how_far_each_side_is()
    {
        var rig = new SyncRig();
        rig.Connect();
        rig.Run();
        rig.Write(rig.A, SyncRig.Field("s", "f", 1, 10));
        rig.Write(rig.A, SyncRig.Field("s", "g", 1, 11));
        rig.Run();
        rig.Drive(rig.B, core => core.Probe(5, default, rig.B.Outbox));
        rig.Run();

        Assert.Equal(2, rig.A.Core!.AckedCursor);
        Assert.Equal(2, rig.B.Core!.ReceivedCursor);
        SyncOutput answer = Assert.Single(rig.B.Seen, output => output.Kind == SyncOutputKind.ProbeEnded);
        Assert.Equal((5, 2), (answer.Ticket, answer.Number));
        rig.Wait(TimeSpan.FromSeconds(1));
        Assert.Equal(rig.B.Store.Sequence, rig.B.Core.AckedCursor);
    }

    [Fact]
    public void Only_wanted_prefixes_travel()
    {
        var rig = new SyncRig();
        foreach (string soul in (string[])["room/1", "room/2", "secret/1"])
        {
            rig.A.Store.Merge(SyncRig.Field(soul, "f", 1, 10), 0);
        }

        rig.B.Store.Merge(SyncRig.Field("other", "f", 1, 10), 0);
        rig.Connect(aWants: [], bWants: ["room/"]);
        rig.Run();
        rig.Write(rig.A, SyncRig.Field("room/3", "f", 1, 10));
        rig.Write(rig.A, SyncRig.Field("secret/2", "f", 1, 10));
        rig.Run();

        Assert.Equal(["other", "room/1", "room/2", "room/3"], rig.B.Store.All.Select(one => one.Soul));
        Assert.DoesNotContain(rig.A.Store.All, one => one.Soul == "other");
    }

    [Fact]
    public void A_question_is_answered_with_what_is_there_and_merged_before_it_ends()
    {
        var rig = new SyncRig();
        rig.Connect(aWants: [], bWants: []);
        rig.Run();
        for (int i = 0; i < 1_500; i++)
        {
            rig.B.Store.Merge(SyncRig.Field("node", $"f{i:0000}", i, 10), 0);
        }

        long first = 0;
        long second = 0;
        rig.Drive(rig.A, core => first = core.Ask("node", null, rig.A.Outbox));
        rig.Drive(rig.A, core => second = core.Ask("nobody", "f", rig.A.Outbox));
        rig.Run();

        Assert.Equal(1_500, rig.A.Store.All.Count());
        Assert.Equal(
            [first, second],
            rig.A.Seen.Where(output => output.Kind == SyncOutputKind.AskEnded).Select(output => output.Ticket).Order());
        Assert.Equal(0, rig.A.Core!.AsksWaiting);
    }

    [Fact]
    public void Questions_have_a_ceiling_on_both_sides()
    {
        var rig = new SyncRig(new SyncOptions { AsksMax = 2 });
        rig.Connect(aWants: [], bWants: []);
        rig.Run();
        long third = -1;
        rig.Drive(rig.A, core =>
        {
            core.Ask("a", null, rig.A.Outbox);
            core.Ask("b", null, rig.A.Outbox);
            third = core.Ask("c", null, rig.A.Outbox);
        });

        Assert.Equal(0, third);
        Assert.Equal(2, rig.A.Core!.AsksWaiting);
    }

    [Fact]
    public void Refused_fields_are_reported_and_counted_and_the_others_arrive()
    {
        var rig = new SyncRig
        {
            Refuse = (end, write) => write.Soul == "owned" ? WeftError.NotOwner : WeftError.None,
        };
        rig.Connect();
        rig.Run();
        rig.Write(rig.A, SyncRig.Field("owned", "f", 1, 10));
        rig.Write(rig.A, SyncRig.Field("free", "f", 1, 10));
        rig.Run();

        Assert.Equal(1, rig.B.Core!.RefusedHere);
        Assert.Equal(1, rig.A.Core!.RefusedThere);
        Assert.Equal("free", Assert.Single(rig.B.Store.All).Soul);
        Assert.Equal(2, rig.A.Core.AckedCursor);
    }

    [Fact]
    public void What_can_be_taken_later_ends_the_session_and_comes_again_with_the_next()
    {
        bool isFull = true;
        var rig = new SyncRig { Refuse = (_, _) => isFull ? WeftError.VerifyQueueFull : WeftError.None };
        rig.Connect();
        rig.Run();
        rig.Write(rig.A, SyncRig.Field("s", "f", 1, 10));
        rig.Run();
        Assert.True(rig.A.Core!.IsClosed && rig.B.Core!.IsClosed);
        Assert.Empty(rig.B.Store.All);

        isFull = false;
        rig.Break();
        rig.Connect();
        rig.Run();
        Assert.Single(rig.B.Store.All);
    }

    [Fact]
    public void Nothing_is_sent_beyond_the_window_until_it_is_granted()
    {
        var options = new SyncOptions { WindowBytes = 2_000, ChunkBytes = 500, FieldsMax = 10 };
        var rig = new SyncRig(options);
        rig.Connect();
        rig.Run();
        for (int i = 0; i < 500; i++)
        {
            rig.Write(rig.A, SyncRig.Field($"soul/{i:000}", "field", i, 10));
        }

        Assert.InRange(rig.A.Core!.FieldsOut, 1, 150); // One turn of reading may pass the window, no more.
        rig.Run();
        Assert.Equal(500, rig.B.Store.All.Count());
        Assert.Equal(500, rig.A.Core.FieldsOut);
    }

    [Fact]
    public void A_peer_that_sends_without_credit_is_closed_on()
    {
        var options = new SyncOptions { WindowBytes = 64 << 10, MessageBytesMax = 64 << 10 };
        var rig = new SyncRig(options);
        rig.Connect();
        rig.Run();
        var outbox = new Outbox<SyncOutput>();
        var changes = new SyncChanges(-1, [new FieldWrite("s", "f", new string('x', 50_000), 1)]);
        for (int i = 0; i < 4; i++)
        {
            rig.A.Core!.OnMessage(changes, rig.Now, -1, outbox);
        }

        Assert.True(rig.A.Core!.IsClosed);
        Assert.Contains(outbox.Items.ToArray(), output => output is { Kind: SyncOutputKind.Close, Error: WeftError.TooManyRequests });
    }

    [Fact]
    public void Another_network_the_same_store_and_words_out_of_turn_end_the_session()
    {
        foreach (SyncMessage[] words in (SyncMessage[][])
        [
            [new SyncHello("bbbb", new byte[] { 1 }, 0, 100)],
            [new SyncHello("aaaa", new byte[32], 0, 100)],
            [new SyncSubscribe([""], -1)],
            [Hello(), Hello()],
            [Hello(), new SyncSubscribe([""], -1), new SyncSubscribe([""], -1)],
            [Hello(), new SyncSubscribe([""], -1), new SyncAck(99, 0, 0, WeftError.None)],
            [Hello(), new SyncSubscribe([""], -1), new SyncRanges("other", SyncKey.First, [])],
        ])
        {
            var rig = new SyncRig();
            rig.Connect();
            var outbox = new Outbox<SyncOutput>();
            foreach (SyncMessage word in words)
            {
                rig.A.Core!.OnMessage(word, rig.Now, -1, outbox);
            }

            Assert.True(rig.A.Core!.IsClosed, words[^1].ToString());
        }
    }

    [Fact]
    public void A_comparison_that_gets_no_answer_ends_the_session()
    {
        var rig = new SyncRig();
        rig.Connect();
        rig.Run(1); // The hellos; nothing more arrives.
        rig.A.Core!.OnMessage(new SyncSubscribe([""], -1), rig.Now, -1, rig.A.Outbox);
        Assert.False(rig.A.Core.IsClosed);
        rig.A.Core.OnTimer(rig.Now + TimeSpan.FromMinutes(2), rig.A.Outbox);
        rig.A.Core.OnSummary(rig.A.Outbox.Items.ToArray().First(one => one.Kind == SyncOutputKind.Summarize).Ticket, default, rig.Now, rig.A.Outbox);

        Assert.True(rig.A.Core.IsClosed);
    }

    [Fact]
    public void Everything_is_compared_again_now_and_then()
    {
        var rig = new SyncRig();
        rig.Connect();
        rig.Run();
        rig.B.Store.Merge(SyncRig.Field("lost", "f", 1, 10), origin: 7); // As if it had come from there: never pushed.
        rig.Run();
        Assert.Empty(rig.A.Store.All);

        rig.Wait(TimeSpan.FromMinutes(12));
        Assert.Single(rig.A.Store.All);
    }

    private static SyncHello Hello() => new("bbbb", new byte[32], 0, 1_000_000);
}
