using Weft.Primitives;

namespace Weft.Tests.Primitives;

public sealed class PeerIdTests
{
    // From the key of the libp2p specification (peer-ids, test vectors), and a SHA-256 id.
    private const string Ed25519Key = "1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e";
    private const string Hashed = "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N";

    [Fact]
    public void Ed25519_key_is_in_the_text_and_comes_out_again()
    {
        byte[] key = Convert.FromHexString(Ed25519Key);
        var peer = PeerId.FromEd25519(key);

        Assert.Equal(52, peer.ToString().Length);
        Assert.True(PeerId.TryParse(peer.ToString(), out PeerId read));
        Assert.Equal(peer, read);
        Assert.True(read.TryGetEd25519(out ReadOnlySpan<byte> bytes));
        Assert.Equal(key, bytes.ToArray());
    }

    [Fact]
    public void Hashed_id_reads_back_and_carries_no_key()
    {
        Assert.True(PeerId.TryParse(Hashed, out PeerId peer));
        Assert.Equal(Hashed, peer.ToString());
        Assert.Equal(34, peer.Span.Length);
        Assert.False(peer.TryGetEd25519(out _));
    }

    [Fact]
    public void Cid_names_the_same_peer()
    {
        // From the libp2p specification: both texts stand for one peer.
        Assert.True(PeerId.TryParse("bafzbeie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqxe", out PeerId cid));
        Assert.True(PeerId.TryParse("QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N", out PeerId base58));
        Assert.Equal(base58, cid);
    }

    [Theory]
    [InlineData("")]
    [InlineData("1")]
    [InlineData("11")]
    [InlineData("12D3KooW")]
    [InlineData("0OIl")]
    [InlineData("b")]
    [InlineData("bafzb")]
    [InlineData("QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5n\u00FF")]
    public void Other_text_is_refused(string text) => Assert.False(PeerId.TryParse(text, out _));

    [Fact]
    public void Text_beyond_the_ceiling_is_not_looked_at() =>
        Assert.False(PeerId.TryParse(new string('z', PeerId.TextMax + 1), out _));

    [Fact]
    public void Random_bytes_and_texts_never_throw_and_what_parses_reads_back()
    {
        var random = new WeftRandom(7);
        byte[] bytes = new byte[48];
        int read = 0;
        for (int i = 0; i < 20_000; i++)
        {
            Span<byte> some = bytes.AsSpan(0, random.Next(bytes.Length));
            random.Fill(some);
            if (some.Length > 2 && random.Chance(0.5))
            {
                some[0] = (byte)(random.Chance(0.5) ? 0 : 0x12);
                some[1] = (byte)(some.Length - 2);
            }

            if (PeerId.TryRead(some, out PeerId peer))
            {
                read++;
                Assert.True(PeerId.TryParse(peer.ToString(), out PeerId back));
                Assert.Equal(peer, back);
            }

            _ = PeerId.TryParse(Convert.ToBase64String(some), out _);
        }

        Assert.True(read > 1_000, $"Only {read} ids were valid: the test tests little.");
    }
}
