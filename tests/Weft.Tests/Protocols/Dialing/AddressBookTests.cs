using System.Buffers.Binary;
using Weft.Primitives;
using Weft.Protocols.Dialing;
using Weft.Protocols.Peers;

namespace Weft.Tests.Protocols.Dialing;

public sealed class AddressBookTests
{
    private static readonly WeftInstant Start = new(1_000_000);

    [Fact]
    public void A_stranger_who_tells_of_peers_without_end_drives_nobody_out_who_is_known_better()
    {
        var book = new AddressBook(new AddressBookOptions { PeersMax = 1_000, AddressesMax = 2_000 });
        book.Add(Peer(0), [Public(0)], PeerSource.Configured, AddressScope.Public, Start);
        book.OnReached(Peer(1), Public(1), TimeSpan.FromMilliseconds(20), Start);
        book.AddSigned(new(Peer(2), 1, [Public(2)]), AddressScope.Public, Start);
        for (uint i = 3; i < 200_000; i++)
        {
            book.AddSigned(new(Peer(i), 1, [Public(i)]), AddressScope.Public, Start);
        }

        Assert.Equal(1_000, book.Count);
        Assert.Equal(1_000, book.AddressCount);
        Assert.NotEmpty(book.Find(Peer(0), Start));
        Assert.NotEmpty(book.Find(Peer(1), Start));
        Assert.Empty(book.Find(Peer(2), Start)); // Of the strangers' rank itself, and the oldest.
    }

    [Fact]
    public void Hearsay_never_takes_the_place_of_what_is_known_better()
    {
        var book = new AddressBook(new AddressBookOptions { PeersMax = 2 });
        book.Add(Peer(1), [Public(1)], PeerSource.Identify, AddressScope.Public, Start);
        book.Add(Peer(2), [Public(2)], PeerSource.SignedRecord, AddressScope.Public, Start);

        Assert.Equal(0, book.Add(Peer(3), [Public(3)], PeerSource.PeerExchange, AddressScope.Public, Start));
        Assert.Equal(1, book.Add(Peer(4), [Public(4)], PeerSource.Identify, AddressScope.Public, Start));
        Assert.Equal([Peer(2), Peer(4)], book.Peers.OrderBy(peer => peer == Peer(4)));
    }

    [Fact]
    public void One_peer_keeps_its_best_addresses_only()
    {
        var book = new AddressBook(new AddressBookOptions { AddressesPerPeerMax = 4 });
        book.OnReached(Peer(1), Public(99), TimeSpan.FromMilliseconds(5), Start);
        for (uint i = 0; i < 100; i++)
        {
            book.Add(Peer(1), [Public(i)], PeerSource.Identify, AddressScope.Public, Start + TimeSpan.FromSeconds(i));
        }

        IReadOnlyList<BookEntry> entries = book.Find(Peer(1), Start);
        Assert.Equal(4, entries.Count);
        Assert.True(entries[0].HasWorked);
        Assert.Equal(Public(99), entries[0].Address);
        Assert.Equal(4, book.AddressCount);
    }

    [Fact]
    public void One_network_does_not_fill_the_book()
    {
        var book = new AddressBook(new AddressBookOptions { RangeAddressesMax = 10 });
        for (uint i = 0; i < 1_000; i++)
        {
            book.Add(Peer(i), [Multiaddr.Parse($"/ip4/8.8.{i / 250}.{i % 250}/tcp/1")], PeerSource.Dht, AddressScope.Public, Start);
        }

        Assert.Equal(10, book.Count);
        Assert.Equal(1, book.Add(Peer(2_000), [Multiaddr.Parse("/ip4/8.9.1.1/tcp/1")], PeerSource.Dht, AddressScope.Public, Start));
        Assert.Equal(1, book.Add(Peer(2_001), [Multiaddr.Parse("/ip4/8.8.1.1/tcp/1")], PeerSource.Configured, AddressScope.Public, Start));
    }

    [Theory]
    [InlineData("/ip4/127.0.0.1/tcp/1", AddressScope.Loopback)]
    [InlineData("/ip4/127.9.9.9/tcp/1", AddressScope.Loopback)]
    [InlineData("/ip6/::1/tcp/1", AddressScope.Loopback)]
    [InlineData("/ip6/::ffff:127.0.0.1/tcp/1", AddressScope.Loopback)]
    [InlineData("/ip6/2002:7f00:1::/tcp/1", AddressScope.Loopback)]
    [InlineData("/ip6/64:ff9b::7f00:1/tcp/1", AddressScope.Loopback)]
    [InlineData("/dns4/localhost/tcp/1", AddressScope.Loopback)]
    [InlineData("/dns/LOCALHOST./tcp/1/ws", AddressScope.Loopback)]
    [InlineData("/dns/a.localhost/tcp/1", AddressScope.Loopback)]
    [InlineData("/ip4/169.254.169.254/tcp/80", AddressScope.Link)]
    [InlineData("/ip6/fe80::1/tcp/1", AddressScope.Link)]
    [InlineData("/ip6zone/eth0/ip6/fe80::1/tcp/1", AddressScope.Link)]
    [InlineData("/ip4/10.1.2.3/tcp/1", AddressScope.Private)]
    [InlineData("/ip4/172.31.0.1/tcp/1", AddressScope.Private)]
    [InlineData("/ip4/100.64.0.1/tcp/1", AddressScope.Private)]
    [InlineData("/ip6/fd00::1/tcp/1", AddressScope.Private)]
    [InlineData("/ip4/0.0.0.0/tcp/1", AddressScope.None)]
    [InlineData("/ip4/255.255.255.255/tcp/1", AddressScope.None)]
    [InlineData("/ip4/224.0.0.1/udp/1", AddressScope.None)]
    [InlineData("/ip4/192.0.2.1/tcp/1", AddressScope.None)]
    [InlineData("/ip6/::/tcp/1", AddressScope.None)]
    [InlineData("/ip6/ff02::1/tcp/1", AddressScope.None)]
    [InlineData("/ip4/8.8.8.8/tcp/0", AddressScope.None)]
    [InlineData("/ip4/8.8.8.8", AddressScope.None)]
    [InlineData("/tcp/1", AddressScope.None)]
    [InlineData("/ip4/8.8.8.8/tcp/1", AddressScope.Public)]
    [InlineData("/ip6/2606:4700::1/udp/1/quic-v1", AddressScope.Public)]
    [InlineData("/dnsaddr/bootstrap.libp2p.io", AddressScope.Public)]
    [InlineData("/memory/7", AddressScope.Process)]
    public void Every_spelling_of_an_address_has_one_scope(string address, AddressScope scope) =>
        Assert.Equal(scope, AddressScopes.Of(Multiaddr.Parse(address)));

    [Fact]
    public void A_peer_from_afar_cannot_tell_of_addresses_within()
    {
        var book = new AddressBook(new AddressBookOptions());
        Multiaddr[] told =
        [
            Multiaddr.Parse("/ip4/127.0.0.1/tcp/22"), Multiaddr.Parse("/ip4/10.0.0.1/tcp/22"),
            Multiaddr.Parse("/ip6/::ffff:10.0.0.1/tcp/22"), Multiaddr.Parse("/ip4/0.0.0.0/tcp/22"), Public(1),
        ];

        Assert.Equal(1, book.Add(Peer(1), told, PeerSource.Identify, AddressScope.Public, Start));
        Assert.Equal(3, book.Add(Peer(2), told, PeerSource.Identify, AddressScope.Private, Start));
        Assert.Equal(4, book.Add(Peer(3), told, PeerSource.Configured, AddressScope.Public, Start));
    }

    [Fact]
    public void An_address_that_names_another_peer_is_left_out_and_ones_own_name_is_cut_off()
    {
        var book = new AddressBook(new AddressBookOptions());
        book.Add(Peer(1), [Public(1).WithPeer(Peer(2)), Public(2).WithPeer(Peer(1))], PeerSource.Dht, AddressScope.Public, Start);

        Assert.Equal(Public(2), Assert.Single(book.Find(Peer(1), Start)).Address);
    }

    [Fact]
    public void What_is_told_expires_unless_it_works_or_is_configured()
    {
        var options = new AddressBookOptions();
        var book = new AddressBook(options);
        book.Add(Peer(1), [Public(1)], PeerSource.Dht, AddressScope.Public, Start);
        book.Add(Peer(2), [Public(2)], PeerSource.Configured, AddressScope.Public, Start);
        book.OnReached(Peer(3), Public(3), default, Start);

        WeftInstant later = Start + options.ToldLifetime;
        book.OnTimer(later);
        Assert.Equal([Peer(2), Peer(3)], book.Peers.OrderBy(peer => peer == Peer(3)));
        book.OnTimer(Start + options.ProvedLifetime);
        Assert.Equal([Peer(2)], book.Peers);
        Assert.Equal(1, book.AddressCount);
    }

    [Fact]
    public void Failures_back_off_and_success_forgives_them()
    {
        var options = new AddressBookOptions();
        var book = new AddressBook(options);
        var random = new WeftRandom(1);
        book.Add(Peer(1), [Public(1), Public(2)], PeerSource.Identify, AddressScope.Public, Start);
        book.OnFailed(Peer(1), Public(1), Start, random);

        Assert.Equal(Public(2), book.Find(Peer(1), Start)[0].Address); // The one that failed comes last.
        TimeSpan first = book.Find(Peer(1), Start)[1].RetryAt - Start;
        Assert.InRange(first.TotalSeconds, 0.75, 1.25);
        book.OnFailed(Peer(1), Public(1), Start, random);
        Assert.InRange((book.Find(Peer(1), Start)[1].RetryAt - Start).TotalSeconds, 1.5, 2.5);
        for (int i = 0; i < 100; i++)
        {
            book.OnUnreachable(Peer(1), Start, random);
        }

        Assert.InRange((book.RetryAt(Peer(1)) - Start).TotalMinutes, 7.5, 12.5);
        book.OnReached(Peer(1), Public(1), TimeSpan.FromMilliseconds(8), Start);
        Assert.Equal(default, book.RetryAt(Peer(1)));
        Assert.Equal((0, TimeSpan.FromMilliseconds(8)), (book.Find(Peer(1), Start)[0].Failures, book.Find(Peer(1), Start)[0].RoundTrip));
    }

    [Fact]
    public void An_address_that_never_worked_is_given_up_in_the_end()
    {
        var options = new AddressBookOptions();
        var book = new AddressBook(options);
        var random = new WeftRandom(1);
        book.Add(Peer(1), [Public(1)], PeerSource.Identify, AddressScope.Public, Start);
        for (int i = 0; i < options.FailuresMax; i++)
        {
            book.OnFailed(Peer(1), Public(1), Start, random);
        }

        Assert.Equal(0, book.Count);
    }

    [Fact]
    public void A_newer_signed_record_replaces_and_an_older_one_is_refused()
    {
        var book = new AddressBook(new AddressBookOptions());
        Assert.True(book.AddSigned(new(Peer(1), 5, [Public(1), Public(2)]), AddressScope.Public, Start));
        Assert.False(book.AddSigned(new(Peer(1), 4, [Public(9)]), AddressScope.Public, Start));
        Assert.False(book.AddSigned(new(Peer(1), 5, [Public(9)]), AddressScope.Public, Start));
        Assert.True(book.AddSigned(new(Peer(1), 6, [Public(3)]), AddressScope.Public, Start));

        Assert.Equal(Public(3), Assert.Single(book.Find(Peer(1), Start)).Address);
    }

    [Fact]
    public void A_draw_is_by_lot_and_leaves_out_who_is_backed_off()
    {
        var book = new AddressBook(new AddressBookOptions());
        var random = new WeftRandom(3);
        for (uint i = 0; i < 100; i++)
        {
            book.Add(Peer(i), [Public(i)], PeerSource.Dht, AddressScope.Public, Start);
        }

        book.OnUnreachable(Peer(7), Start, random);
        IReadOnlyList<PeerId> all = book.Draw(1_000, _ => true, Start, random);
        Assert.Equal(99, all.Distinct().Count());
        Assert.DoesNotContain(Peer(7), all);
        Assert.Equal(5, book.Draw(5, _ => true, Start, random).Count);
        Assert.NotEqual(book.Draw(5, _ => true, Start, random), book.Draw(5, _ => true, Start, random));
        Assert.Empty(book.Draw(5, _ => false, Start, random));
    }

    [Theory]
    [InlineData("192.0.2.0/24", "192.0.2.77", true)]
    [InlineData("192.0.2.0/24", "192.0.3.77", false)]
    [InlineData("2001:db8::/32", "2001:db8:1::1", true)]
    [InlineData("0.0.0.0/0", "8.8.8.8", true)]
    [InlineData("10.0.0.1", "10.0.0.1", true)]
    public void A_range_of_addresses_reads_back_and_knows_its_own(string text, string ip, bool isIn)
    {
        Assert.True(IpRange.TryParse(text, out IpRange range));
        Assert.Equal(text, range.ToString());
        Assert.True(IpRange.TryParse(ip, out IpRange single));
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, single.Start);
        Assert.Equal(isIn, range.Contains(bytes));
    }

    [Theory]
    [InlineData("192.0.2.1/24")]
    [InlineData("192.0.2.0/33")]
    [InlineData("192.0.2.0/")]
    [InlineData("192.0.2")]
    [InlineData("")]
    [InlineData("::1/129")]
    public void What_is_no_range_is_refused(string text) => Assert.False(IpRange.TryParse(text, out _));

    internal static PeerId Peer(uint number)
    {
        Span<byte> key = stackalloc byte[32];
        BinaryPrimitives.WriteUInt32BigEndian(key, number);
        return PeerId.FromEd25519(key);
    }

    /// <summary>A different /16 for each of the first numbers.</summary>
    internal static Multiaddr Public(uint number) =>
        Multiaddr.OfTcp([(byte)(11 + (number % 80)), (byte)(number / 80), (byte)(number / 20_480), 1], 4001);
}
