using Weft.Protocols.Gun;

namespace Weft.Tests.Protocols.Gun;

public sealed class GunGetTests
{
    private readonly GunCoreRig _rig = new();

    [Fact]
    public void A_get_is_answered_with_the_node_or_the_field()
    {
        _rig.Connect(1);
        _rig.Connect(2);
        _rig.Receive(1, """{"#":"p","put":{"s":{"_":{"#":"s",">":{"x":1,"y":2}},"x":true,"y":"t"}}}""");
        _rig.Get(2, "node", "s");
        _rig.Receive(2, """{"#":"field","get":{"#":"s",".":"y"}}""");

        Assert.Equal(
            ["""{"@":"node","put":{"s":{"_":{"#":"s",">":{"x":1,"y":2}},"x":true,"y":"t"}}}""",
                """{"@":"field","put":{"s":{"_":{"#":"s",">":{"y":2}},"y":"t"}}}"""],
            _rig.TakeSent(2));
    }

    [Fact]
    public void With_nobody_to_ask_not_found_is_said_at_once()
    {
        _rig.Connect(1, pid: "c");

        _rig.Get(1, "g", "nothing");

        Assert.Equal(["""{"get":{"#":"nothing"}}""", """{"@":"g"}"""], _rig.TakeSent(1));
    }

    [Fact]
    public void A_large_node_comes_in_parts_and_waits_for_a_busy_reader()
    {
        var rig = new GunCoreRig(new GunPeerOptions { ChunkBytes = 40 });
        rig.Connect(1);
        rig.Connect(2);
        for (int i = 0; i < 10; i++)
        {
            rig.Put(1, "p" + i, "s", "f" + i, "\"0123456789\"");
        }

        rig.Block(2);
        int before = rig.Reads;
        rig.Get(2, "g", "s");
        Assert.Empty(rig.TakeSent(2));
        Assert.Equal(before, rig.Reads);
        rig.Unblock(2);

        string[] rest = rig.TakeSent(2);
        Assert.Equal(4, rest.Length);
        Assert.All(rest[..^1], part => Assert.EndsWith(",\"%\":1}", part, StringComparison.Ordinal));
        Assert.EndsWith("}}}", rest[^1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"*":"a"}""", null, "a1")]
    [InlineData("""{"*":"a"}""", 100, "a1,a2")]
    [InlineData("""{"*":"a"}""", 1, "a1")]
    [InlineData("""{">":"a2","<":"b1"}""", 100, "a2,b1")]
    [InlineData("""{"=":"b1"}""", 100, "b1")]
    [InlineData("""{">":"a","-":1}""", null, "c")]
    [InlineData("""{"<":"b","-":1}""", 100, "a1,a2")]
    public void Ranges_bring_the_first_item_or_as_many_as_fit(string lex, int? budget, string fields)
    {
        _rig.Connect(1);
        _rig.Connect(2);
        foreach (string field in new[] { "a1", "a2", "b1", "c" })
        {
            _rig.Put(1, "p" + field, "s", field, "7");
        }

        string tail = budget is null ? "" : $",\"%\":{budget}";
        _rig.Receive(2, """{"#":"g","get":{"#":"s",".":LEXTAIL}}""".Replace("LEX", lex).Replace("TAIL", tail));

        string answer = Assert.Single(_rig.TakeSent(2));
        IEnumerable<string> got = new[] { "a1", "a2", "b1", "c" }
            .Where(field => answer.Contains($"\"{field}\":7", StringComparison.Ordinal));
        Assert.Equal(fields, string.Join(',', got));
    }

    [Fact]
    public void Ranges_over_souls_bring_node_after_node()
    {
        _rig.Connect(1);
        _rig.Connect(2);
        _rig.Put(1, "1", "room/a", "x", "1");
        _rig.Put(1, "2", "room/b", "x", "2");
        _rig.Put(1, "3", "zoo", "x", "3");

        _rig.Receive(2, """{"#":"g","get":{"#":{"*":"room/"},"%":1000}}""");

        string[] sent = _rig.TakeSent(2);
        Assert.Equal(2, sent.Length);
        Assert.Contains("\"room/a\"", sent[0], StringComparison.Ordinal);
        Assert.EndsWith("\"%\":1}", sent[0], StringComparison.Ordinal);
        Assert.Contains("\"room/b\"", sent[1], StringComparison.Ordinal);
    }

    [Fact]
    public void A_client_is_asked_back_once_for_each_soul_it_reads()
    {
        _rig.Connect(1);
        _rig.Get(1, "early", "before");
        _rig.Sent.Clear();
        _rig.Receive(1, """{"dam":"?","pid":"c","@":"x"}""");
        _rig.Get(1, "g1", "s");
        _rig.Get(1, "g2", "s");

        Assert.Equal(
            ["""{"get":{"#":"before"}}""", """{"get":{"#":"s"}}""", """{"@":"g1"}""", """{"@":"g2"}"""],
            _rig.TakeSent(1));

        _rig.Receive(1, """{"#":"a","@":"any","put":{"s":{"_":{"#":"s",">":{"x":5}},"x":"offline"}}}""");
        Assert.Equal("\"offline\"", _rig.Value("s", "x"));
        Assert.Empty(_rig.TakeSent(1)); // An answer is not acknowledged.
    }

    [Fact]
    public void A_miss_is_asked_of_others_and_their_answer_is_handed_on()
    {
        _rig.Connect(1, pid: "a");
        _rig.Connect(2, pid: "b");
        _rig.Get(1, "g", "s");
        Assert.Equal(["""{"get":{"#":"s"}}"""], _rig.TakeSent(2));
        Assert.Equal(["""{"get":{"#":"s"}}"""], _rig.TakeSent(1)); // The ask-back; no answer yet.

        _rig.Receive(2, """{"#":"r","@":"g","put":{"s":{"_":{"#":"s",">":{"x":5}},"x":1}}}""");

        Assert.Contains("""{"@":"g","put":{"s":{"_":{"#":"s",">":{"x":5}},"x":1}}}""", _rig.TakeSent(1));
    }

    [Fact]
    public void Not_found_is_said_when_all_have_answered_or_the_time_is_over()
    {
        _rig.Connect(1);
        _rig.Connect(2, pid: "b");
        _rig.Connect(3, pid: "c");
        _rig.Get(1, "g", "s");
        _rig.Receive(2, """{"#":"r","@":"g"}""");
        Assert.Empty(_rig.TakeSent(1));
        _rig.Receive(3, """{"#":"r","@":"g","put":{"s":{"_":{"#":"s",">":{}}}}}""");
        Assert.Equal(["""{"@":"g"}"""], _rig.TakeSent(1));

        _rig.Get(1, "h", "s");
        Assert.NotEmpty(_rig.Timers);
        _rig.Advance(499);
        Assert.Empty(_rig.TakeSent(1));
        _rig.Advance(1);
        Assert.Equal(["""{"@":"h"}"""], _rig.TakeSent(1));
    }

    [Fact]
    public void A_silent_client_is_still_asked_but_not_waited_for()
    {
        _rig.Connect(1);
        _rig.Connect(2, pid: "silent");
        for (int i = 0; i < 2; i++)
        {
            _rig.Get(1, "g" + i, "s" + i);
            _rig.Advance(500);
        }

        _rig.Sent.Clear();
        _rig.Get(1, "g", "s");

        Assert.Equal(["""{"@":"g"}"""], _rig.TakeSent(1));
        Assert.Single(_rig.TakeSent(2));
    }

    [Fact]
    public void The_sender_is_never_asked_about_its_own_question()
    {
        _rig.Connect(1, pid: "a");
        _rig.Put(1, "p", "s", "x", "1");
        _rig.Sent.Clear();

        _rig.Receive(1, """{"#":"g","get":{"#":"s",".":"y"}}""");

        Assert.Equal(
            ["""{"get":{"#":"s"}}""", """{"@":"g"}"""], _rig.TakeSent(1)); // Only the ask-back for the whole soul.
    }

    [Fact]
    public void A_question_that_comes_round_again_is_answered_from_here()
    {
        _rig.Connect(1);
        _rig.Connect(2, pid: "b");
        _rig.Connect(3, pid: "c");
        _rig.Get(1, "g", "s");
        _rig.Sent.Clear();

        _rig.Get(3, "g", "s");

        Assert.Contains("""{"@":"g"}""", _rig.TakeSent(3));
        Assert.Empty(_rig.TakeSent(2));
    }

    [Fact]
    public void This_node_can_ask_too()
    {
        _rig.Connect(2, pid: "b");
        long answered = _rig.Ask("s");
        string id = _rig.LastId(2);
        _rig.Receive(2, "{\"@\":\"" + id + "\",\"put\":{\"s\":{\"_\":{\"#\":\"s\",\">\":{\"x\":5}},\"x\":1}}}");
        long late = _rig.Ask("t");
        _rig.Advance(200);
        _rig.Close(2);
        long nobody = _rig.Ask("u");

        Assert.Equal([(answered, 1, false), (late, 1, true), (nobody, 0, false)], _rig.Ended);
        Assert.Equal("1", _rig.Value("s", "x"));
    }

    [Fact]
    public void Too_many_gets_at_once_are_refused()
    {
        var rig = new GunCoreRig(new GunPeerOptions { GetsMax = 2 });
        rig.Connect(1);
        rig.Connect(2, pid: "slow to answer");
        for (int i = 0; i < 3; i++)
        {
            rig.Get(1, "g" + i, "s" + i);
        }

        Assert.StartsWith("{\"@\":\"g2\",\"err\":\"W5103 ", Assert.Single(rig.TakeSent(1)), StringComparison.Ordinal);
    }
}
