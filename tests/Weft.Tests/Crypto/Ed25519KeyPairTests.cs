using Weft.Crypto;

namespace Weft.Tests.Crypto;

public sealed class Ed25519KeyPairTests
{
    private static readonly ICrypto Provider = new BouncyCastleCrypto();

    [Fact]
    public void What_it_signs_verifies_with_its_public_key()
    {
        // RFC 8032, section 7.1, test 1.
        using var pair = new Ed25519KeyPair(
            Provider, Convert.FromHexString("9D61B19DEFFD5A60BA844AF492EC2CC44449C5697B326919703BAC031CAE7F60"));
        var signature = new byte[64];

        pair.Sign(Provider, [], signature);

        Assert.Equal(
            "D75A980182B10AB7D54BFED3C964073A0EE172F3DAA62325AF021A68F707511A", Convert.ToHexString(pair.PublicKey.Span));
        Assert.StartsWith("E5564300C360AC729086E2CC806E828A", Convert.ToHexString(signature));
        Assert.True(Provider.VerifyEd25519(pair.PublicKey.Span, [], signature));
    }

    [Fact]
    public void Derived_secrets_differ_by_purpose_and_are_the_same_each_time()
    {
        using Ed25519KeyPair pair = new(Provider, new byte[32]);
        var first = new byte[32];
        var again = new byte[32];
        var other = new byte[32];

        pair.DeriveSecret(Provider, "a"u8, first);
        pair.DeriveSecret(Provider, "a"u8, again);
        pair.DeriveSecret(Provider, "b"u8, other);

        Assert.Equal(first, again);
        Assert.NotEqual(first, other);
    }

    [Fact]
    public void After_disposal_nothing_can_be_signed_and_nothing_shows_the_seed()
    {
        byte[] seed = Convert.FromHexString("4CCD089B28FF96DA9DB6C346EC114E0F5B8A319F35ABA624DA8CF6ED4FB8A6FB");
        var pair = new Ed25519KeyPair(Provider, seed);
        Assert.DoesNotContain("4CCD089B", pair.ToString(), StringComparison.OrdinalIgnoreCase);

        pair.Dispose();

        Assert.Throws<ObjectDisposedException>(() => pair.Sign(Provider, [], new byte[64]));
        Assert.Throws<ObjectDisposedException>(() => pair.DeriveSecret(Provider, "a"u8, new byte[32]));
    }
}
