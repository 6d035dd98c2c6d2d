using Weft.Crypto;
using Weft.Primitives;

namespace Weft.Tests.Crypto;

public sealed class Ed25519PublicKeyTests
{
    [Fact]
    public void Text_comes_back_as_the_same_key()
    {
        var random = new WeftRandom(seed: 1);
        Span<byte> bytes = stackalloc byte[32];
        for (int i = 0; i < 1_000; i++)
        {
            random.Fill(bytes);
            var key = new Ed25519PublicKey(bytes);

            Assert.True(Ed25519PublicKey.TryParse(key.ToString(), out Ed25519PublicKey back));
            Assert.Equal(key, back);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!")]
    [InlineData("äAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA ")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("++++++++++++++++++++++++++++++++++++++++++8")]
    public void Text_in_any_other_form_is_no_key(string text) =>
        Assert.False(Ed25519PublicKey.TryParse(text, out _));

    [Fact]
    public void Peer_id_carries_the_key()
    {
        byte[] bytes = new byte[32];
        new WeftRandom(2).Fill(bytes);
        var key = new Ed25519PublicKey(bytes);
        PeerId peer = key.ToPeerId();

        Assert.StartsWith("12D3Koo", peer.ToString(), StringComparison.Ordinal);
        Assert.True(Ed25519PublicKey.TryFrom(peer, out Ed25519PublicKey read));
        Assert.Equal(key, read);
        Assert.False(Ed25519PublicKey.TryFrom(default, out _));
    }
}
