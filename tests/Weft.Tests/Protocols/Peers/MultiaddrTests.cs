using Weft.Primitives;
using Weft.Protocols.Peers;

namespace Weft.Tests.Protocols.Peers;

/// <summary>Examples of the specification; the bytes beside them are those that js-multiaddr 13.0.3 makes of them.</summary>
public sealed class MultiaddrTests
{
    private const string Peer = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA";
    private const string Hashed = "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N";
    private const string HashedHex = "12209dff3b17d74cf4d38a50d8b6383e92d181a10395a5e73a726dcccbd21bf6f0b9";
    private const string CertHash = "uEiDDq4_xNyDorZBH3TlGazyJdOWSwvo4PUo5YHFMrvDE8g";

    [Theory]
    [InlineData("/ip4/127.0.0.1/tcp/4001", "047f000001060fa1")]
    [InlineData("/ip4/192.0.2.0/tcp/4321/p2p/" + Hashed, "04c00002000610e1a50322" + HashedHex)]
    [InlineData("/ip6/2001:db8::1/tcp/80/ws", "2920010db8000000000000000000000001060050dd03")]
    [InlineData("/ip6/::1/udp/4001/quic-v1", "290000000000000000000000000000000191020fa1cd03")]
    [InlineData("/ip6/::/tcp/0", "2900000000000000000000000000000000060000")]
    [InlineData("/ip6/fe80::1:2:0:0/tcp/1", "29fe800000000000000001000200000000060001")]
    [InlineData("/ip6/1:0:0:2::3/tcp/1", "2900010000000000020000000000000003060001")]
    [InlineData("/ip6/1:2:3:4:5:6:7:8/tcp/1", "2900010002000300040005000600070008060001")]
    [InlineData("/dns4/example.com/tcp/443/tls/sni/example.com/ws",
        "360b6578616d706c652e636f6d0601bbc003c1030b6578616d706c652e636f6ddd03")]
    [InlineData("/ip4/1.2.3.4/udp/9/quic-v1/webtransport/certhash/" + CertHash,
        "040102030491020009cd03d103d203221220c3ab8ff13720e8ad9047dd39466b3c8974e592c2fa383d4a3960714caef0c4f2")]
    [InlineData("/ip4/1.2.3.4/tcp/9/p2p/" + Peer + "/p2p-circuit/p2p/" + Hashed,
        "0401020304060009a503260024080112202ffa35a99d3a3cfbb17bb7c1dc5561b18a8dcca4df38dc613ea859c37eb1336ba202a50322"
        + HashedHex)]
    [InlineData("/ip6zone/eth0/ip6/fe80::1/tcp/1", "2a046574683029fe800000000000000000000000000001060001")]
    [InlineData("/ip4/10.0.0.1/tcp/1/wss", "040a000001060001de03")]
    [InlineData("/dns/a.b/tcp/1/http", "3503612e62060001e003")]
    [InlineData("/dnsaddr/bootstrap.libp2p.io/p2p/" + Hashed,
        "3813626f6f7473747261702e6c69627032702e696fa50322" + HashedHex)]
    public void Text_and_bytes_are_two_forms_of_one_address(string text, string hex)
    {
        Assert.True(Multiaddr.TryParse(text, out Multiaddr? parsed));
        Assert.Equal(hex, Convert.ToHexStringLower(parsed.Bytes));
        Assert.True(Multiaddr.TryRead(parsed.Bytes, out Multiaddr? read));
        Assert.Equal(text, read.ToString());
        Assert.Equal(parsed, read);
        Assert.Equal(parsed.GetHashCode(), read.GetHashCode());
    }

    [Theory]
    [InlineData("/ip4/1.2.3.4/tcp/9/ipfs/" + Peer, "/ip4/1.2.3.4/tcp/9/p2p/" + Peer)]
    [InlineData("/p2p/bafzbeie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqxe", "/p2p/" + Hashed)]
    [InlineData("/ip4/1.2.3.4/tcp/9/", "/ip4/1.2.3.4/tcp/9")]
    [InlineData("/ip6/2001:DB8:0:0:0:0:0:1/tcp/1", "/ip6/2001:db8::1/tcp/1")]
    [InlineData("/ip6/::ffff:1.2.3.4/tcp/1", "/ip6/::ffff:102:304/tcp/1")]
    [InlineData("/ip6/1:0:3:0:5:0:7:8/tcp/1", "/ip6/1:0:3:0:5:0:7:8/tcp/1")]
    [InlineData("/ip6/1::/tcp/1", "/ip6/1::/tcp/1")]
    [InlineData("/ip4/1.2.3.4/tcp/0080", "/ip4/1.2.3.4/tcp/80")]
    public void What_is_forgiven_is_written_in_the_one_form(string text, string canonical) =>
        Assert.Equal(canonical, Multiaddr.Parse(text).ToString());

    [Theory]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("//")]
    [InlineData("ip4/1.2.3.4")]
    [InlineData("/ip4")]
    [InlineData("/ip4/1.2.3")]
    [InlineData("/ip4/1.2.3.4.5")]
    [InlineData("/ip4/1.2.3.256")]
    [InlineData("/ip4/1.2.3.04")]
    [InlineData("/ip4/1.2.3.4/tcp")]
    [InlineData("/ip4/1.2.3.4/tcp/65536")]
    [InlineData("/ip4/1.2.3.4/tcp/-1")]
    [InlineData("/ip4/1.2.3.4//tcp/1")]
    [InlineData("/ip4/1.2.3.4/tcp/1//")]
    [InlineData("/ip6/1:2:3:4:5:6:7")]
    [InlineData("/ip6/1::2::3")]
    [InlineData("/ip6/:::")]
    [InlineData("/ip6/1:2:3:4:5:6:7:8::")]
    [InlineData("/ip6/1:2:3:4:5:6:7:")]
    [InlineData("/ip6/g::1")]
    [InlineData("/ip6/::1.2.3.4:1")]
    [InlineData("/dns/")]
    [InlineData("/dns/a b/tcp/1")]
    [InlineData("/p2p/Qmabc")]
    [InlineData("/p2p/12D3")]
    [InlineData("/garlic64/x")]
    [InlineData("/ip4/1.2.3.4/unknown/5")]
    public void Other_text_is_refused(string text) => Assert.False(Multiaddr.TryParse(text, out _));

    [Theory]
    [InlineData("")]
    [InlineData("04")]
    [InlineData("047f0000")]
    [InlineData("ff7f")]
    [InlineData("a503")]
    [InlineData("a50300")]
    [InlineData("a5037f00")]
    [InlineData("8400010203")]
    [InlineData("3500")]
    [InlineData("3501 2f")]
    public void Other_bytes_are_refused(string hex) =>
        Assert.False(Multiaddr.TryRead(Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal)), out _));

    [Fact]
    public void Ceilings_hold()
    {
        string twenty = string.Concat(Enumerable.Repeat("/ws", Multiaddr.PartsMax));
        Assert.True(Multiaddr.TryParse(twenty, out _));
        Assert.False(Multiaddr.TryParse(twenty + "/ws", out _));

        string name = "/dns/" + new string('a', 253);
        Assert.True(Multiaddr.TryParse(name, out _));
        Assert.False(Multiaddr.TryParse(name + "a", out _));
        Assert.False(Multiaddr.TryParse(string.Concat(Enumerable.Repeat(name, 5)), out _));
        Assert.False(Multiaddr.TryParse("/" + new string('a', Multiaddr.TextMax), out _));
    }

    [Fact]
    public void Peer_at_the_end_is_read_set_and_taken_off()
    {
        Multiaddr bare = Multiaddr.Parse("/ip4/1.2.3.4/tcp/9");
        Assert.True(PeerId.TryParse(Peer, out PeerId peer));
        Multiaddr full = bare.WithPeer(peer);

        Assert.True(bare.Peer.IsEmpty);
        Assert.Equal(peer, full.Peer);
        Assert.Equal("/ip4/1.2.3.4/tcp/9/p2p/" + Peer, full.ToString());
        Assert.Equal(full, full.WithPeer(peer));
        Assert.Equal(bare, full.WithoutPeer());
        Assert.Null(Multiaddr.Parse("/p2p/" + Peer).WithoutPeer());
        Assert.True(full.IsOf(MultiaddrCode.Ip4, MultiaddrCode.Tcp));
        Assert.False(full.IsOf(MultiaddrCode.Ip4));
        Assert.Equal(9, full.PortOf(MultiaddrCode.Tcp));
        Assert.Equal(-1, full.PortOf(MultiaddrCode.Udp));
        Assert.Equal(bare, Multiaddr.OfTcp([1, 2, 3, 4], 9));
    }

    [Fact]
    public void Any_address_comes_back_from_its_text_and_from_its_bytes()
    {
        var random = new WeftRandom(17);
        for (int round = 0; round < 3_000; round++)
        {
            byte[] ip = new byte[round % 2 == 0 ? 4 : 16];
            random.Fill(ip);
            for (int i = 0; i < ip.Length; i++)
            {
                ip[i] = random.Chance(0.6) ? (byte)0 : ip[i]; // Runs of zeros are where texts of IPv6 go wrong.
            }

            Multiaddr address = Multiaddr.OfTcp(ip, random.Next(65_536));
            Assert.Equal(address, Multiaddr.Parse(address.ToString()));
            Assert.Equal(new System.Net.IPAddress(ip).ToString(), Text(address), ignoreCase: true);
        }

        // .NET writes embedded IPv4 with dots; the multiaddr keeps to hexadecimal groups, so compare as addresses.
        static string Text(Multiaddr address) => System.Net.IPAddress.Parse(address.ToString().Split('/')[2]).ToString();
    }

    [Fact]
    public void No_bytes_ever_throw()
    {
        var random = new WeftRandom(19);
        byte[] seed = [.. Multiaddr.Parse("/ip4/1.2.3.4/tcp/9/p2p/" + Peer + "/p2p-circuit/p2p/" + Hashed).Bytes];
        for (int round = 0; round < 20_000; round++)
        {
            byte[] bytes = round % 2 == 0 ? new byte[random.Next(60)] : [.. seed];
            if (round % 2 == 0)
            {
                random.Fill(bytes);
            }
            else
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            if (Multiaddr.TryRead(bytes, out Multiaddr? address))
            {
                Assert.Equal(address, Multiaddr.Parse(address.ToString()));
                _ = address.Peer;
            }
        }
    }
}
