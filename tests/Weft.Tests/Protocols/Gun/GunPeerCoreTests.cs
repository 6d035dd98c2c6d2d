using Weft.Protocols.Gun;

namespace Weft.Tests.Protocols.Gun;

public sealed class GunPeerCoreTests
{
    private const string Ok = "\"ok\":true}";
    private readonly GunCoreRig _rig = new();

    [Fact]
    public void Both_sides_say_who_they_are()
    {
        _rig.Core.OnConnected(1, GunRole.Accepted, "a", _rig.Now, new());
        _rig.Receive(1, """{"dam":"?","pid":"client","#":"h"}""");

        string hello = Assert.Single(_rig.TakeSent(1));
        Assert.StartsWith("{\"@\":\"h\",\"dam\":\"?\",\"pid\":\"" + _rig.Core.Pid, hello, StringComparison.Ordinal);
        Assert.Equal("client", _rig.Core.PidOf(1));
    }

    [Fact]
    public void Verbs_of_others_are_never_obeyed()
    {
        _rig.Connect(1, pid: "c");

        _rig.Receive(1, """
            [{"dam":"mob","mob":1,"peers":{"ws://evil/gun":{}}},{"dam":"opt","opt":{"peers":"ws://evil"}},{"dam":"hi"}]
            """);

        Assert.Empty(_rig.Sent);
        Assert.Empty(_rig.Closed);
    }

    [Fact]
    public void A_connection_to_itself_is_closed()
    {
        _rig.Connect(1);

        _rig.Receive(1, "{\"dam\":\"?\",\"pid\":\"" + _rig.Core.Pid + "\"}");

        Assert.Equal((1, GunCloseReason.Self), Assert.Single(_rig.Closed));
    }

    [Theory]
    [InlineData("0", 1)] // The other's name is smaller: its own dialled connection stays, ours goes.
    [InlineData("zzzzzzzzzz", 2)]
    public void Of_two_connections_between_two_nodes_one_stays(string pid, long closed)
    {
        string hello = """{"dam":"?","pid":"PID","@":"x","weft":{"store":"0000000000000002","relay":true}}"""
            .Replace("PID", pid);
        _rig.Connect(1, GunRole.Dialled);
        _rig.Connect(2);
        _rig.Receive(1, hello);
        _rig.Receive(2, hello);

        Assert.Equal((closed, GunCloseReason.Duplicate), Assert.Single(_rig.Closed));
    }

    [Fact]
    public void A_writer_whose_value_loses_is_told_what_stands()
    {
        _rig.Connect(1, pid: "early");
        _rig.Connect(2, pid: "late");
        _rig.Put(1, "a", "s", "x", "\"new\"", state: 9);
        _rig.TakeSent(1);

        _rig.Put(2, "b", "s", "x", "\"old\"", state: 5);

        string[] sent = _rig.TakeSent(2);
        Assert.Contains(sent, json => json.EndsWith(Ok, StringComparison.Ordinal));
        Assert.Contains(sent, json => json.Contains("\"x\":\"new\"", StringComparison.Ordinal));
        Assert.Empty(_rig.TakeSent(1));
    }

    [Fact]
    public void A_writer_that_repeats_what_stands_is_told_nothing()
    {
        _rig.Connect(1, pid: "early");
        _rig.Connect(2, pid: "late");
        _rig.Put(1, "a", "s", "x", "1", state: 9);

        _rig.Put(2, "b", "s", "x", "1", state: 9);

        Assert.DoesNotContain(_rig.TakeSent(2), json => json.Contains("\"x\":", StringComparison.Ordinal));
    }

    [Fact]
    public void An_acknowledgement_waits_for_the_store()
    {
        _rig.Connect(1);
        _rig.HoldsWrites = true;

        _rig.Put(1, "p", "s", "x", "1");
        Assert.Empty(_rig.Sent);
        _rig.Release();

        Assert.Equal(["{\"@\":\"p\"," + Ok], _rig.TakeSent(1));
    }

    [Fact]
    public void Stale_and_equal_puts_are_acknowledged_too()
    {
        _rig.Connect(1);
        _rig.Put(1, "new", "s", "x", "1", state: 5);
        _rig.Put(1, "stale", "s", "x", "2", state: 4);
        _rig.Put(1, "equal", "s", "x", "1", state: 5);

        Assert.Equal(
            ["{\"@\":\"new\"," + Ok, "{\"@\":\"stale\"," + Ok, "{\"@\":\"equal\"," + Ok],
            _rig.TakeSent(1).Where(json => json.EndsWith(Ok, StringComparison.Ordinal)));
        Assert.Equal("1", _rig.Value("s", "x"));
    }

    [Fact]
    public void A_refused_put_gets_its_reason()
    {
        _rig.Connect(1);
        _rig.Put(1, "bad", "s", "x", "[]");
        _rig.Put(1, "far", "s", "x", "1", state: 1e12);

        string[] sent = _rig.TakeSent(1);
        Assert.StartsWith("{\"@\":\"bad\",\"err\":\"W2004 ", sent[0], StringComparison.Ordinal);
        Assert.StartsWith("{\"@\":\"far\",\"err\":\"W2006 ", sent[1], StringComparison.Ordinal);
        Assert.Equal("absent", _rig.Value("s", "x"));
    }

    [Fact]
    public void A_put_sent_twice_is_stored_once_and_acknowledged_twice()
    {
        _rig.Connect(1);
        _rig.Put(1, "p", "s", "x", "1");
        _rig.Put(1, "p", "s", "x", "1");

        Assert.Equal(2, _rig.TakeSent(1).Length);
        Assert.Equal(1, _rig.Writes);
    }

    [Fact]
    public void Another_put_with_the_same_id_is_stored()
    {
        _rig.Connect(1);
        _rig.Put(1, "p", "s", "x", "1");
        _rig.Put(1, "p", "s", "x", "2", state: 2);

        Assert.Equal(2, _rig.Writes);
        Assert.Equal("2", _rig.Value("s", "x"));
    }

    [Fact]
    public void Readers_and_writers_hear_of_changes_and_the_author_does_not()
    {
        _rig.Connect(1);
        _rig.Connect(2);
        _rig.Connect(3);
        _rig.Connect(4);
        _rig.Get(1, "g", "s");
        _rig.Put(2, "p0", "s", "y", "0");
        _rig.Receive(3, """{"#":"g3","get":{"#":"s",".":"other"}}""");
        _rig.Sent.Clear();

        _rig.Put(4, "p", "s", "x", "1", state: 7);

        const string Push = "{\"put\":{\"s\":{\"_\":{\"#\":\"s\",\">\":{\"x\":7}},\"x\":1}}}";
        Assert.Equal([Push], _rig.TakeSent(1));
        Assert.Equal([Push], _rig.TakeSent(2));
        Assert.Empty(_rig.TakeSent(3)); // It wants another field.
        Assert.Equal(["{\"@\":\"p\"," + Ok], _rig.TakeSent(4));
    }

    [Fact]
    public void A_busy_reader_gets_the_latest_of_each_field_once()
    {
        _rig.Connect(1);
        _rig.Connect(2);
        _rig.Get(1, "g", "s");
        _rig.Sent.Clear();
        _rig.Block(1);
        for (int i = 1; i <= 9; i++)
        {
            _rig.Put(2, "p" + i, "s", i % 2 == 0 ? "even" : "odd", i.ToString(), state: i);
        }

        Assert.Empty(_rig.TakeSent(1));
        _rig.Unblock(1);

        Assert.Equal(
            ["""{"put":{"s":{"_":{"#":"s",">":{"odd":9,"even":8}},"odd":9,"even":8}}}"""], _rig.TakeSent(1));
    }

    [Fact]
    public void A_reader_that_never_reads_is_closed_at_its_bound()
    {
        var rig = new GunCoreRig(new GunPeerOptions { PendingFieldsMax = 16 });
        rig.Connect(1);
        rig.Connect(2);
        rig.Get(1, "g", "s");
        rig.Block(1);
        for (int i = 0; i < 16; i++)
        {
            rig.Put(2, "p" + i, "s", "f" + i, "1");
        }

        Assert.Empty(rig.Closed);
        rig.Put(2, "q", "s", "f16", "1");

        Assert.Equal((1, GunCloseReason.TooSlow), Assert.Single(rig.Closed));
    }

    [Fact]
    public void Beyond_its_bound_of_subscriptions_a_connection_gets_everything()
    {
        var rig = new GunCoreRig(new GunPeerOptions { SubscriptionsMax = 3 });
        rig.Connect(1);
        rig.Connect(2);
        for (int i = 0; i < 4; i++)
        {
            rig.Get(1, "g" + i, "s" + i);
        }

        rig.Sent.Clear();
        rig.Put(2, "p", "never asked for", "x", "1");

        Assert.Single(rig.TakeSent(1));
        Assert.Equal(1, rig.Core.SubscribedSouls); // The writer's own.
    }

    [Fact]
    public void A_closed_connection_leaves_nothing_behind()
    {
        _rig.Connect(1, pid: "c");
        _rig.Get(1, "g", "s");
        _rig.Close(1);

        Assert.Equal(0, _rig.Core.PeerCount);
        Assert.Equal(0, _rig.Core.SubscribedSouls);
        _rig.Connect(2);
        _rig.Put(2, "p", "s", "x", "1");
        Assert.Empty(_rig.TakeSent(1));
    }

    [Fact]
    public void Frames_that_cannot_be_read_are_told_of_and_too_many_end_the_connection()
    {
        _rig.Connect(1);
        _rig.Receive(1, "{");
        Assert.StartsWith("{\"dam\":\"!\",\"err\":\"W1004 ", Assert.Single(_rig.TakeSent(1)), StringComparison.Ordinal);

        for (int i = 0; i < 99; i++)
        {
            _rig.Receive(1, "{");
        }

        Assert.Equal((1, GunCloseReason.Malformed), Assert.Single(_rig.Closed));
    }
}
