using Weft.Primitives;
using Weft.Protocols;
using Weft.Protocols.Gun;

namespace Weft.Tests.Protocols.Gun;

public sealed class GunLinkTests
{
    private const string WeftHello =
        """{"dam":"?","pid":"other","@":"x","weft":{"store":"0000000000000002","relay":true}}""";

    private readonly GunCoreRig _rig = new();

    [Fact]
    public void A_Weft_relay_gets_everything_from_the_start_and_again_what_it_did_not_acknowledge()
    {
        _rig.Connect(1);
        _rig.Put(1, "p1", "s", "x", "1");
        _rig.Connect(2, GunRole.Dialled);
        _rig.Receive(2, WeftHello);
        string first = _rig.LastId(2);
        Assert.Single(_rig.TakeSent(2));
        _rig.Put(1, "p2", "s", "y", "2");
        Assert.Single(_rig.TakeSent(2));

        _rig.Receive(2, "{\"@\":\"" + first + "\",\"ok\":true}");
        _rig.Close(2);
        _rig.Connect(3, GunRole.Dialled);
        _rig.Receive(3, WeftHello);

        Assert.Equal(["""{"put":{"s":{"_":{"#":"s",">":{"y":1}},"y":2}}}"""], _rig.TakeSent(3));
    }

    [Fact]
    public void A_GUN_relay_gets_what_is_new_and_is_asked_for_what_is_used_here()
    {
        _rig.Connect(1);
        _rig.Put(1, "p1", "old", "x", "1");
        _rig.Connect(2, GunRole.Dialled);
        _rig.Receive(2, """{"dam":"?","pid":"gun","@":"x"}""");
        Assert.Empty(_rig.TakeSent(2));

        _rig.Put(1, "p2", "s", "y", "2");
        _rig.Get(1, "g", "old");

        Assert.Equal(
            ["""{"get":{"#":"s"}}""", """{"put":{"s":{"_":{"#":"s",">":{"y":1}},"y":2}}}""", """{"get":{"#":"old"}}"""],
            _rig.TakeSent(2));

        _rig.Close(2);
        _rig.Connect(3, GunRole.Dialled);
        _rig.Receive(3, """{"dam":"?","pid":"gun","@":"x"}""");
        string[] again = _rig.TakeSent(3);
        Assert.Contains("""{"get":{"#":"s"}}""", again);
        Assert.Contains("""{"get":{"#":"old"}}""", again);
    }

    [Fact]
    public void A_relay_that_never_says_hello_is_taken_as_a_GUN_relay()
    {
        _rig.Connect(2, GunRole.Dialled);
        _rig.Connect(1);
        _rig.Advance(3_000);

        _rig.Put(1, "p", "s", "x", "1");

        Assert.Equal(2, _rig.TakeSent(2).Length); // The get of interest, and the change.
    }

    [Fact]
    public void A_Weft_relay_whose_hello_comes_late_still_gets_everything()
    {
        _rig.Connect(1);
        _rig.Put(1, "p", "s", "x", "1");
        _rig.Connect(2, GunRole.Dialled);
        _rig.Advance(3_000);
        Assert.Empty(_rig.TakeSent(2));

        _rig.Receive(2, WeftHello);

        Assert.Equal(["""{"put":{"s":{"_":{"#":"s",">":{"x":1}},"x":1}}}"""], _rig.TakeSent(2));
    }

    [Fact]
    public void Nothing_goes_back_where_it_came_from()
    {
        _rig.Connect(2, GunRole.Dialled);
        _rig.Receive(2, WeftHello);
        _rig.Sent.Clear();

        _rig.Put(2, "p", "s", "x", "1");

        Assert.Equal(["""{"@":"p","ok":true}"""], _rig.TakeSent(2));
    }

    [Fact]
    public void Of_a_refused_message_the_good_changes_still_arrive()
    {
        _rig.Connect(1);
        _rig.Receive(1, """{"#":"p","put":{"s":{"_":{"#":"s",">":{"a":1,"b":1,"c":1}},"a":1,"b":2,"c":3}}}""");
        _rig.Connect(2, GunRole.Dialled);
        _rig.Receive(2, WeftHello);
        string id = _rig.LastId(2);
        _rig.Sent.Clear();

        _rig.Receive(2, "{\"@\":\"" + id + "\",\"err\":\"W2004 no\"}");
        string[] ids = [.. _rig.Sent.Where(item => item.Peer == 2)
            .Select(item => System.Text.Json.JsonDocument.Parse(item.Json).RootElement.GetProperty("#").GetString()!)];
        Assert.Equal(3, ids.Length);
        _rig.Receive(2, "{\"@\":\"" + ids[1] + "\",\"err\":\"W2004 no\"}");
        _rig.Receive(2, "{\"@\":\"" + ids[2] + "\",\"ok\":true}");
        Assert.Equal(0, _rig.Core.StateOf(2).Cursor);
        _rig.Receive(2, "{\"@\":\"" + ids[0] + "\",\"ok\":true}");

        Assert.Equal(_rig.Sequence, _rig.Core.StateOf(2).Cursor);
    }

    [Fact]
    public void A_relay_that_cannot_store_now_is_tried_again_later_from_the_same_place()
    {
        _rig.Connect(1);
        _rig.Put(1, "p", "s", "x", "1");
        _rig.Connect(2, GunRole.Dialled);
        _rig.Receive(2, WeftHello);

        _rig.Receive(2, "{\"@\":\"" + _rig.LastId(2) + "\",\"err\":\"W3307 The disk is full\"}");

        Assert.Equal((2, GunCloseReason.PeerRefused), Assert.Single(_rig.Closed));
        Assert.Equal(0, _rig.Core.StateOf(2).Cursor);
    }

    [Fact]
    public void Two_relays_settle_and_fall_silent()
    {
        var left = new GunCoreRig(seed: 1, storeId: "000000000000000a");
        var right = new GunCoreRig(seed: 2, storeId: "000000000000000b");
        left.Core.OnConnected(10, GunRole.Dialled, "ws://right/gun", left.Now, new());
        right.Core.OnConnected(20, GunRole.Accepted, "left", right.Now, new());
        left.Receive(10, """{"dam":"?","pid":"PID","weft":{"store":"000000000000000b","relay":true}}"""
            .Replace("PID", right.Core.Pid));
        left.Connect(1);
        right.Connect(2);
        right.Receive(20, """{"dam":"?","pid":"PID","weft":{"store":"000000000000000a","relay":true}}"""
            .Replace("PID", left.Core.Pid));
        for (int i = 0; i < 50; i++)
        {
            left.Put(1, "l" + i, "s", "f" + (i % 7), i.ToString(), state: i);
            right.Put(2, "r" + i, "s", "f" + (i % 7), (100 - i).ToString(), state: i);
        }

        int messages = 0;
        for (bool moved = true; moved && messages < 5_000;)
        {
            moved = Carry(left, 10, right, 20, ref messages) | Carry(right, 20, left, 10, ref messages);
        }

        // Each put and its acknowledgement cross once, and nothing is sent on and on.
        Assert.InRange(messages, 100, 500);
        for (int field = 0; field < 7; field++)
        {
            Assert.Equal(left.Value("s", "f" + field), right.Value("s", "f" + field));
        }
    }

    [Fact]
    public void The_wait_between_dials_doubles_up_to_its_ceiling()
    {
        var backoff = new LinkBackoff(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(8), new WeftRandom(3));
        for (int i = 0; i < 40; i++)
        {
            double whole = Math.Min(8, Math.Pow(2, i));
            Assert.InRange(backoff.Next().TotalSeconds, whole / 2, whole);
        }

        backoff.Reset();
        Assert.InRange(backoff.Next().TotalSeconds, 0.5, 1);
    }

    [Fact]
    public void A_bucket_lets_a_burst_through_and_then_slows_down()
    {
        var bucket = new TokenBucket(perSecond: 10, burst: 5);
        var now = new WeftInstant(0);

        Assert.Equal(TimeSpan.Zero, bucket.Take(5, now));
        Assert.Equal(TimeSpan.FromMilliseconds(100), bucket.Take(1, now));
        Assert.Equal(TimeSpan.Zero, bucket.Take(1, now + TimeSpan.FromMilliseconds(200)));
    }

    private static bool Carry(GunCoreRig from, long fromPeer, GunCoreRig to, long toPeer, ref int messages)
    {
        string[] sent = [.. from.Sent.Where(item => item.Peer == fromPeer).Select(item => item.Json)];
        from.Sent.RemoveAll(item => item.Peer == fromPeer);
        foreach (string json in sent)
        {
            messages++;
            to.Receive(toPeer, json);
        }

        return sent.Length > 0;
    }
}
