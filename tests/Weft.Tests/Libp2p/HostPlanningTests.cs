using Weft.Libp2p;
using Weft.Libp2p.Connections;
using Weft.Libp2p.Streams;
using Weft.Libp2p.Transport;
using Weft.Protocols.Dialing;

namespace Weft.Tests.Libp2p;

public sealed class HostPlanningTests
{
    private static readonly TimeSpan Late = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task A_host_dials_peers_of_its_book_until_it_has_enough_and_replaces_one_that_goes()
    {
        var transport = new InMemoryTransport();
        var others = new List<Libp2pHost>();
        for (int i = 0; i < 4; i++)
        {
            others.Add(await HostPair.HostAsync(transport, isListening: true));
        }

        await using Libp2pHost host = await HostPair.HostAsync(transport, isListening: false, options =>
        {
            options.Planner.OutboundTarget = 3;
            options.Planner.Interval = TimeSpan.FromMilliseconds(50);
            options.Region = "eu";
        });
        foreach (Libp2pHost other in others)
        {
            host.Book.Add(other.Id, other.Addresses, PeerSource.Configured);
        }

        await HostPair.UntilAsync(() => host.ChosenCount == 3);
        PeerConnection lost = host.Connections[0];
        Assert.InRange(host.ScoreOf(lost), 0.1, 1);
        await HostPair.UntilAsync(() => others.Any(other => other.Connections is [{ Identity: { } identity }]
            && identity.Protocols.Contains("/weft/region/1.0.0/eu")));
        host.Ban(lost.Remote);
        await HostPair.UntilAsync(() => host.ChosenCount == 3 && host.Connections.All(one => one.Remote != lost.Remote));
        Assert.Equal(2, host.Anchors.Count);
        foreach (Libp2pHost other in others)
        {
            await other.DisposeAsync();
        }
    }

    [Fact]
    public async Task The_worst_connections_are_closed_when_there_are_too_many()
    {
        await using HostPair pair = await HostPair.StartAsync(options =>
        {
            options.Planner.ConnectionsMax = 3;
            options.Planner.ConnectionsLow = 2;
            options.Planner.Grace = TimeSpan.Zero;
            options.Planner.Interval = TimeSpan.FromMilliseconds(50);
        });
        var guests = new List<Libp2pHost>();
        for (int i = 0; i < 4; i++)
        {
            guests.Add(await HostPair.HostAsync(pair.Transport, isListening: false));
            pair.Listener.Protect(guests[0].Id, "test");
            await guests[i].DialAsync(pair.Listener.Addresses[0]);
        }

        await HostPair.UntilAsync(() => pair.Listener.Connections.Count == 2);
        Assert.NotNull(pair.Listener.Find(guests[0].Id));
        foreach (Libp2pHost guest in guests)
        {
            await guest.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_peer_that_is_judged_harmful_is_cut_off()
    {
        await using HostPair pair = await HostPair.StartAsync();
        PeerConnection connection = await pair.DialAsync();
        pair.Dialler.Judge(pair.Listener.Id, -0.5);
        Assert.Equal(ConnectionPhase.Disconnect > connection.Phase, !connection.Closed.IsCompleted);
        pair.Dialler.Judge(pair.Listener.Id, -0.5);

        Assert.Equal(ConnectionEnd.Misbehaved, await connection.Closed.WaitAsync(Late));
    }

    [Fact]
    public async Task Two_who_dial_each_other_at_once_agree_on_one_connection_and_keep_the_streams_of_the_other()
    {
        var transport = new InMemoryTransport();
        static void Quick(Libp2pOptions options) => options.Planner.Interval = TimeSpan.FromMilliseconds(50);
        await using Libp2pHost one = await HostPair.HostAsync(transport, isListening: true, Quick);
        await using Libp2pHost two = await HostPair.HostAsync(transport, isListening: true, Quick);
        PeerConnection byOne = await one.DialAsync(two.Addresses[0].WithoutPeer()!);
        PeerConnection byTwo = await two.DialAsync(one.Addresses[0].WithoutPeer()!);
        await HostPair.UntilAsync(() => one.Connections.Count == 2 && two.Connections.Count == 2);
        bool isOneSmaller = one.Id.CompareTo(two.Id) < 0;
        Assert.Equal(!isOneSmaller, one.Find(two.Id)!.IsInbound);
        Assert.Equal(isOneSmaller, two.Find(one.Id)!.IsInbound);

        PeerConnection loser = isOneSmaller ? byTwo : byOne;
        PeerStream stream = await (isOneSmaller ? two : one).OpenStreamAsync(loser, ["/echo/1.0.0"]);
        byte[] data = [1, 2, 3];
        await stream.WriteAsync(data);
        await stream.ReadExactlyAsync(data).AsTask().WaitAsync(Late);
        Assert.False(loser.Closed.IsCompleted);
        await stream.DisposeAsync();
        Assert.Contains(await loser.Closed.WaitAsync(Late), new[] { ConnectionEnd.Duplicate, ConnectionEnd.Remote });
        await HostPair.UntilAsync(() => one.Connections.Count == 1 && two.Connections.Count == 1);
        Assert.Equal(!isOneSmaller, one.Connections[0].IsInbound);
    }
}
